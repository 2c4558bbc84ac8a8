"""A year of a feed: followers one minute, one day, five weeks and one year behind end on the same content root."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from registry.preferences import NOTHING, Preference
from sync.mirror import Mirror
from sync.publish import publish_once
from tests.sync.serving import PLACES, World, serving
from tests.sync.town import Town, contents, index_of, true_exceptions, truth

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEHIND = {"a year": 365 * DAY, "five weeks": 35 * DAY, "a day": DAY, "a minute": MINUTE}
NUMBERS = 400


def moments() -> Iterator[timedelta]:
    """When something is published, as time before the end: now and then at first, later daily, hourly, every minute."""
    yield from (week * 7 * DAY for week in range(50, 6, -3))
    yield from (day * DAY for day in range(40, 1, -1))
    yield from (hour * HOUR for hour in range(47, 1, -1))
    yield from (minute * MINUTE for minute in range(75, -1, -1))


def test_followers_that_were_away_for_any_time_end_where_all_others_are(small_town: Town, tmp_path: Path) -> None:
    town = small_town
    town.load(NUMBERS)
    publish_once(town)
    end = town.clock.moment + BEHIND["a year"]
    with serving(town) as (url, handler):
        away = {name: World(town, tmp_path / name, url, handler) for name in BEHIND}
        away["a year"].follow()
        step = 0
        for before in moments():
            for name in [name for name, left in BEHIND.items() if left > before and not away[name].state.list.exists()]:
                town.clock.moment = end - BEHIND[name]
                away[name].follow()
            town.clock.moment = end - before
            for _ in range(3):
                wish = NOTHING if step % 5 == 4 else Preference(1 + step % 9, 0xFFFF, step, 0)
                town.decline(step * 7 % NUMBERS, wish)
                step += 1
            if step % 4 == 0:
                town.allow(step % NUMBERS, until=0, masks=0 if step % 8 else 0xFFFF)
            publish_once(town)
        assert town.clock.moment == end
        assert len(index_of(town, "cmcc").files) <= 200
        fetched = {}
        for name, follower in away.items():
            done = follower.follow()
            assert (done.found, done.agrees, done.edition) == (None, True, town.store.editions.newest())
            fetched[name] = done.size
        roots = {(f.mirror().content_root, f.mirror().exceptions_root) for f in away.values()}
        assert len(roots) == 1
        fresh = World(town, tmp_path / "fresh", url, handler)
        fetched["nothing"] = fresh.follow().size
        for follower in (fresh, *away.values()):
            mirror = follower.mirror()
            mirror.verify()
            assert (mirror.content_root, mirror.exceptions_root) in roots
        assert_truth(town, fresh.mirror())
    assert fetched["a minute"] < fetched["a day"] < fetched["five weeks"] <= fetched["a year"] == fetched["nothing"]


def assert_truth(town: Town, mirror: Mirror) -> None:
    """What one of them holds is what the tables say."""
    assert PLACES < NUMBERS
    assert contents(town, mirror, "cmcc", NUMBERS) == truth(town, "cmcc", NUMBERS)
    assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(town, "cmcc", NUMBERS)

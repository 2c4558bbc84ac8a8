"""Publishing, for real but for the network: what carriers come to is what the tables say, however a round ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from registry import editions
from registry.errors import ConflictError, UnavailableError
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.settings import PublishSettings, Settings
from registry.store import Store
from registry.store.engine import SqliteEngine
from sync import feed, freshness, rolling
from sync.compare import compare_base
from sync.mirror import Mirror
from sync.publish import publish_once
from tests.doubles import FakeClock, MemoryShelf
from tests.sync.conftest import CARRIERS, Carrier, Town, build, contents, true_exceptions, truth

LOANS = Preference(1, 1, 1, 0)
NIGHTS = Preference(0, 0, 0, 0b111)


def index_of(town: Town, party: str) -> editions.FeedIndex:
    head = feed.read_head(town.shelf, party, feed.newest_root(town.shelf))
    assert head is not None
    return head.index


def assert_all_follow(town: Town, tmp_path: Path, places: int, parties: tuple[str, ...] = tuple(CARRIERS)) -> None:
    for party in parties:
        mirror = Carrier(town, party, tmp_path / f"follower-{party}").follow()
        assert contents(town, mirror, party, places) == truth(town, party, places)
        assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(town, party, places)
        entry = index_of(town, party).edition(mirror.edition)
        assert (entry.content_root, entry.exceptions_root, entry.entries) == (
            mirror.content_root.hex(), mirror.exceptions_root.hex(), mirror.entries,
        )


def test_every_carrier_comes_to_what_the_tables_say(any_town: Town, tmp_path: Path) -> None:
    town = any_town
    for place in range(40):
        town.decline(place, LOANS if place % 7 == 0 else EVERYTHING)
    town.allow(3)
    assert publish_once(town) == {"editions": 1, "feeds": 5, "rows": 82, "renewed": 0}
    assert_all_follow(town, tmp_path, 40)
    town.clock.advance(60)
    town.decline(1, NOTHING)
    town.decline(2, NIGHTS)
    town.port(3, "cbn" if town.carrier(3) != "cbn" else "cmcc")
    town.allow(4, "globex", kind=2)
    counts = publish_once(town)
    assert counts["editions"] == 1
    assert_all_follow(town, tmp_path, 40)


def test_an_empty_registry_has_feeds_that_can_be_followed(town: Town, tmp_path: Path) -> None:
    assert publish_once(town)["feeds"] == 5
    assert_all_follow(town, tmp_path, 5)
    assert publish_once(town) == {"editions": 0, "feeds": 0, "rows": 0, "renewed": 0}


def test_a_feed_that_nothing_changed_for_stays_where_it_is(town: Town, tmp_path: Path) -> None:
    town.load(50)
    publish_once(town)
    town.clock.advance(60)
    place = next(place for place in range(50) if town.carrier(place) == "cmcc")
    town.decline(place, LOANS)
    publish_once(town)
    assert {party: index_of(town, party).newest for party in CARRIERS} == {
        "cmcc": 2, "ctcc": 1, "cucc": 1, "cbn": 1, "all": 2,
    }
    newest = town.store.feeds.newest()
    assert newest["cmcc"].kind == "delta"
    assert (newest["cmcc"].rows, newest["ctcc"].edition) == (1, 1)
    assert_all_follow(town, tmp_path, 50)


def test_a_carrier_that_joins_later_begins_with_a_full_list(town: Town, tmp_path: Path) -> None:
    with town.store.writing():
        town.store.engine.run("UPDATE party SET state = 'closed' WHERE party = 'ctcc'")
    town.load(50)
    publish_once(town)
    with town.store.writing():
        town.store.engine.run("UPDATE party SET state = 'active' WHERE party = 'ctcc'")
    town.clock.advance(60)
    assert publish_once(town)["feeds"] == 1
    assert_all_follow(town, tmp_path, 50)


def test_months_of_publishing_keep_every_follower_on_the_list(small_town: Town, tmp_path: Path) -> None:
    town = small_town
    town.settings = Settings(publish=PublishSettings(base_changes=40))
    late: dict[int, Carrier] = {}
    for step in range(40):
        for place in range(step, step + 3):
            town.decline(place % 60, Preference(1 + step % 5, step % 3, 0, step % 2))
        town.decline((step * 7) % 60, NOTHING)
        publish_once(town)
        town.clock.advance([60, 60, 1800, 7200, 86_400, 86_400 * 4][step % 6])
        if step % 9 == 0:
            late[step] = Carrier(town, "all", tmp_path / f"late-{step}")
            late[step].follow()
        freshness.tidy(town, keep=lambda: None)
    publish_once(town)
    index = index_of(town, "all")
    assert {file.kind for file in index.files} == {"full", "delta", "rollup"}
    assert sum(file.kind == "full" for file in index.files) == 2
    roots = {carrier.follow().content_root for carrier in late.values()}
    assert roots == {Mirror.open(town.instance / "mirrors" / "all").content_root}
    assert_all_follow(town, tmp_path, 60, ("all", "cmcc"))
    assert len(town.store.editions.bases()) <= rolling.KEPT


def test_a_pointer_is_renewed_before_it_expires(town: Town, tmp_path: Path) -> None:
    publish_once(town)
    town.clock.advance(hours=5)
    assert publish_once(town)["renewed"] == 0
    town.clock.advance(hours=1)
    assert publish_once(town)["renewed"] == 5
    town.clock.advance(hours=23)
    assert_all_follow(town, tmp_path, 1)


class StoppedError(RuntimeError):
    """The power went off."""


class BreakingShelf:
    """A shelf that ends the process at its n-th use; what it did before stays."""

    def __init__(self, inner: MemoryShelf, left: int) -> None:
        self.inner, self.left = inner, left

    def _use(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoppedError

    def put(self, name: str, content: bytes | Path) -> None:
        self._use()
        self.inner.put(name, content)

    def get(self, name: str) -> bytes:
        self._use()
        return self.inner.get(name)

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        self._use()
        return self.inner.open(name)

    def path(self, name: str) -> AbstractContextManager[Path]:
        self._use()
        return self.inner.path(name)

    def size(self, name: str) -> int | None:
        self._use()
        return self.inner.size(name)

    def names(self, prefix: str) -> Iterator[str]:
        self._use()
        return self.inner.names(prefix)

    def delete(self, name: str) -> None:
        self._use()
        self.inner.delete(name)


def rows_of_editions(town: Town) -> dict[int, list[Any]]:
    return {
        edition: [row for page in town.store.editions.changes(after=edition - 1, upto=edition) for row in page]
        for edition in range(1, town.store.editions.newest() + 1)
    }


def test_killed_at_any_use_of_the_shelf_a_round_resumes_the_same_edition(small_town: Town, tmp_path: Path) -> None:
    town, shelf, killed, step, finished = small_town, small_town.shelf, 0, 0, False
    while not finished:
        for place in range(20):
            town.decline((step + place) % 20, Preference(1 + step % 7, place, 0, 0))
        town.allow(step % 20)
        claimed: dict[int, list[Any]] = {}
        town.shelf = BreakingShelf(shelf, step)
        try:
            publish_once(town)
            finished = True
        except StoppedError:
            killed += 1
            claimed = rows_of_editions(town)
        town.shelf = shelf
        publish_once(town)
        assert {edition: rows_of_editions(town)[edition] for edition in claimed} == claimed
        if step % 8 == 0 or finished:
            assert_all_follow(town, tmp_path, 20, ("cmcc", "all"))
        town.clock.advance(61)
        step += 1
    assert killed > 30
    assert not town.store.editions.anything_pending()
    assert town.store.editions.open_edition() is None


def test_killed_between_any_two_writes_of_the_database_a_round_resumes(
    small_town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = small_town
    real, step, finished = town.store.writing, 0, False
    while not finished:
        town.decline(step % 30, Preference(step + 1, 0, 0, 0))
        left = step

        def writing(about: bytes | str | None = None) -> AbstractContextManager[None]:
            nonlocal left
            left -= 1
            if left < 0:
                raise StoppedError
            return real(about)

        monkeypatch.setattr(town.store, "writing", writing)
        try:
            publish_once(town)
            finished = left >= 0
        except StoppedError:
            pass
        monkeypatch.setattr(town.store, "writing", real)
        publish_once(town)
        assert_all_follow(town, tmp_path, 30, ("all",))
        town.clock.advance(61)
        step += 1
    assert step > 3


class FullShelf(MemoryShelf):
    """A shelf that takes nothing for some parties."""

    def __init__(self, *parties: str) -> None:
        super().__init__()
        self.full = {f"feeds/{party}/" for party in parties}

    def put(self, name: str, content: bytes | Path) -> None:
        if any(name.startswith(prefix) for prefix in self.full):
            raise UnavailableError("The disk of the shelf is full.", code="disk_full")
        super().put(name, content)


def test_a_recipient_that_fails_does_not_stop_the_others_and_catches_up(town: Town, tmp_path: Path) -> None:
    town.shelf = FullShelf("cmcc")
    town.load(50)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert caught.value.code == "feeds_failed"
    assert "cmcc: The disk of the shelf is full." in caught.value.detail
    assert_all_follow(town, tmp_path, 50, ("ctcc", "cucc", "cbn", "all"))
    assert town.store.editions.edition(1).state == "published"
    town.shelf.full.clear()
    town.decline(0, LOANS)
    publish_once(town)
    assert_all_follow(town, tmp_path, 50)


def test_an_edition_that_reached_nobody_stays_open(town: Town, tmp_path: Path) -> None:
    town.shelf = FullShelf(*CARRIERS)
    town.load(5)
    with pytest.raises(UnavailableError):
        publish_once(town)
    assert town.store.editions.open_edition().edition == 1
    town.shelf.full.clear()
    publish_once(town)
    assert town.store.editions.open_edition() is None
    assert_all_follow(town, tmp_path, 5)


def test_a_database_older_than_the_shelf_publishes_nothing_and_says_what_to_do(town: Town) -> None:
    town.load(20)
    publish_once(town)
    town.decline(0, LOANS)
    publish_once(town)
    before = dict(town.shelf.files)
    with town.store.writing():
        town.store.engine.run("DELETE FROM edition WHERE edition = 2")
        town.store.engine.run("DELETE FROM edition_change WHERE edition = 2")
    town.decline(1, LOANS)
    with pytest.raises(ConflictError) as caught:
        publish_once(town)
    assert caught.value.code == "database_behind_shelf"
    assert "Restore the newest backup" in caught.value.detail
    assert town.shelf.files == before
    assert town.store.editions.newest() == 1


def test_a_damaged_or_lost_copy_is_brought_back_from_the_shelf(town: Town, tmp_path: Path) -> None:
    town.load(80)
    publish_once(town)
    for damage in ("bucket", "state", "gone"):
        folder = town.instance / "mirrors" / "all"
        bucket = next(path for path in sorted(folder.iterdir()) if len(path.name) == 35)
        if damage == "bucket":
            bucket.write_bytes(b"")
        elif damage == "state":
            (folder / "state.json").write_bytes(b"{")
        else:
            for path in folder.iterdir():
                path.unlink()
        town.clock.advance(61)
        town.decline(5, Preference(len(damage), 0, 0, 0))
        publish_once(town)
        assert_all_follow(town, tmp_path, 80)


def test_a_list_file_that_somebody_deleted_does_not_stop_publishing(town: Town, tmp_path: Path) -> None:
    town.load(30)
    publish_once(town)
    for minute in range(3):
        town.clock.advance(61)
        town.decline(minute, LOANS)
        publish_once(town)
    delta = next(file for file in index_of(town, "all").files if file.kind == "delta")
    town.shelf.delete(f"feeds/all/lists/{delta.parts[0].name}")
    town.clock.advance(3600)
    town.decline(7, LOANS)
    publish_once(town)
    assert any(file.kind == "rollup" for file in index_of(town, "all").files)
    assert_all_follow(town, tmp_path, 30)


def test_a_feed_that_was_altered_by_hand_is_named_and_the_others_go_on(town: Town, tmp_path: Path) -> None:
    town.load(30)
    publish_once(town)
    town.shelf.put("feeds/cmcc/metadata/1.targets.json", b"{}")
    town.decline(0, LOANS)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "The feed of cmcc on the shelf is damaged" in caught.value.detail
    assert_all_follow(town, tmp_path, 30, ("ctcc", "cucc", "cbn", "all"))


def test_a_base_that_differs_from_what_was_published_publishes_no_full_list(town: Town) -> None:
    town.load(30)
    publish_once(town)
    with town.store.writing():
        town.store.engine.run("UPDATE edition_change SET calls = 7 WHERE number = :number", number=town.number(3))
        town.store.editions.drop_bases(before=99)
    town.clock.advance(days=8)
    town.decline(0, LOANS)
    with pytest.raises(UnavailableError) as caught:
        publish_once(town)
    assert "differs from its deltas" in caught.value.detail
    assert index_of(town, "all").newest == 1


def test_a_new_key_epoch_is_followed_with_a_full_list(town: Town, tmp_path: Path) -> None:
    town.load(30)
    publish_once(town)
    carrier = Carrier(town, "all", tmp_path / "old")
    carrier.follow()
    town.keys = KeyRing(masters={1: bytes(range(32)), 2: bytes(range(32, 64))})
    town.clock.advance(60)
    town.decline(0, LOANS)
    publish_once(town)
    assert index_of(town, "all").epoch == 2
    mirror = carrier.follow()
    assert mirror.state.epoch == 2
    assert contents(town, mirror, "all", 30) == truth(town, "all", 30)


def test_the_other_algorithm_is_published_and_followed(town: Town) -> None:
    town.settings = Settings(publish=PublishSettings(algorithm="sm4-cmac-64"))
    town.load(30)
    publish_once(town)
    assert index_of(town, "all").algorithm == "sm4-cmac-64"
    assert Mirror.open(town.instance / "mirrors" / "all").entries == 30


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decline"), st.integers(0, 11), st.integers(0, 3)),
        st.tuples(st.just("port"), st.integers(0, 11), st.sampled_from(["cmcc", "ctcc", "cbn"])),
        st.tuples(st.just("allow"), st.integers(0, 11), st.integers(0, 1)),
        st.tuples(st.just("publish"), st.sampled_from([61, 3700, 90_000, 700_000]), st.none()),
        st.tuples(st.just("follow"), st.sampled_from(["all", "cmcc"]), st.none()),
    ),
    max_size=40,
)


@example([("decline", 0, 1), ("publish", 61, None), ("decline", 0, 0), ("publish", 700_000, None)])
@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_full_and_deltas_come_to_the_next_full_for_any_history(
    plan: NumberPlan, keys: KeyRing, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    store = Store(SqliteEngine(folder / "registry.db", synchronous="OFF"))
    store.migrate(at=0)
    town = build(store, FakeClock(), keys, plan, folder / "instance", parties=("cmcc", "all"))
    followers = {party: Carrier(town, party, folder / party) for party in ("all", "cmcc")}
    preferences = (NOTHING, EVERYTHING, LOANS, NIGHTS)
    publish_once(town)
    for what, which, how in (*steps, ("publish", 61, None)):
        if what == "decline":
            town.decline(which, preferences[how])
        elif what == "port":
            town.port(which, how)
        elif what == "allow":
            town.allow(which, masks=how and 0xFFFF)
        elif what == "publish":
            town.clock.advance(which)
            publish_once(town)
        else:
            followers[which].follow()
    town.clock.advance(1)
    for party, follower in followers.items():
        mirror = follower.follow()
        assert contents(town, mirror, party, 12) == truth(town, party, 12)
        assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(town, party, 12)
        fresh = Carrier(town, party, folder / f"fresh-{party}").follow()
        assert (fresh.content_root, fresh.exceptions_root) == (mirror.content_root, mirror.exceptions_root)
    store.close()


def test_a_renewed_pointer_still_counts_a_day_later(town: Town) -> None:
    publish_once(town)
    town.clock.advance(timedelta(hours=7).total_seconds())
    publish_once(town)
    head = feed.read_head(town.shelf, "all", feed.newest_root(town.shelf))
    assert head.timestamp.expires - town.clock.now() == timedelta(hours=24)


def test_base_and_tables_say_the_same_and_a_difference_is_an_alarm(any_town: Town) -> None:
    town = any_town
    town.settings = Settings(publish=PublishSettings(rows_per_part=60))
    town.load(200)
    publish_once(town)
    for place in range(0, 200, 7):
        town.decline(place, NOTHING if place % 2 else LOANS)
    publish_once(town)
    town.decline(5, LOANS)
    town.decline(500, LOANS)
    active = sum(place % 7 != 0 or place % 2 == 0 for place in range(200)) - 1
    assert compare_base(town, keep=lambda: None) == active
    with town.store.writing():
        town.store.engine.run("UPDATE registration SET calls = 9 WHERE number = :number", number=town.number(8))
        town.store.engine.run("DELETE FROM registration WHERE number = :number", number=town.number(9))
    with pytest.raises(ConflictError) as caught:
        compare_base(town, keep=lambda: None)
    assert caught.value.code == "base_differs"
    assert "2 numbers" in caught.value.detail

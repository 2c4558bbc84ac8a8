"""What to publish when: full, delta, roll-ups, and which files stay; pure, so tried over months in a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import editions
from registry.settings import PublishSettings
from sync.plan import Plan, Span, needed_times, plan_feed

START = datetime(2026, 5, 1, tzinfo=UTC)
DEFAULTS = PublishSettings()


class Feed:
    """A feed that follows its plans; the sizes of its files are made up."""

    def __init__(self) -> None:
        self.index: editions.FeedIndex | None = None
        self.times: dict[int, datetime] = {}

    def publish(self, at: datetime, *, changed: bool = True, epoch: int = 1) -> Plan | None:
        to = len(self.times) + 1
        self.times[to] = at
        times = {edition: self.times[edition] for edition in (*needed_times(self.index), to)}
        plan = plan_feed(
            self.index, to=to, changed=changed, times=times, epoch=epoch, algorithm="aes-cmac-64", settings=DEFAULTS
        )
        if plan is None:
            return None
        files = list(plan.keep)
        if plan.delta:
            files.append(self.file("delta", plan.delta, 1000, epoch))
        files += [self.file("rollup", span, 900 * (span.to - span.from_), epoch) for span in plan.rollups]
        if plan.full:
            files.append(self.file("full", Span(0, plan.to), 50_000_000, epoch))
        self.index = editions.FeedIndex(
            recipient="cmcc", algorithm="aes-cmac-64", epoch=epoch, newest=plan.to, files=tuple(files)
        )
        return plan

    @staticmethod
    def file(kind: str, span: Span, size: int, epoch: int) -> editions.FeedFile:
        return editions.FeedFile(kind, span.from_, span.to, epoch, (editions.FeedPart(1, size, f"{span.to:064x}"),))

    def kinds(self) -> dict[str, int]:
        kinds = [file.kind for file in self.index.files]
        return {kind: kinds.count(kind) for kind in ("full", "rollup", "delta")}


def test_a_new_feed_gets_a_full_list_even_when_nothing_changed() -> None:
    assert Feed().publish(START, changed=False) == Plan(1, full=True, delta=None, rollups=(), keep=())


def test_nothing_that_changed_is_nothing_to_publish() -> None:
    feed = Feed()
    feed.publish(START)
    assert feed.publish(START + timedelta(days=30), changed=False) is None


def test_a_change_is_a_delta_from_what_the_feed_has() -> None:
    feed = Feed()
    feed.publish(START)
    feed.publish(START + timedelta(minutes=1), changed=False)
    plan = feed.publish(START + timedelta(minutes=2))
    assert (plan.full, plan.delta, plan.rollups) == (False, Span(1, 3), ())
    assert [file.kind for file in plan.keep] == ["full"]


def test_a_new_key_epoch_begins_with_a_full_list() -> None:
    feed = Feed()
    feed.publish(START)
    plan = feed.publish(START + timedelta(minutes=1), epoch=2)
    assert (plan.full, plan.delta, plan.keep) == (True, None, ())


def test_roll_ups_come_hourly_and_daily_and_a_full_list_weekly_of_which_two_stay() -> None:
    feed = Feed()
    fulls, hourly, daily = [], 0, 0
    for minute in range(0, 22 * 24 * 60, 10):
        plan = feed.publish(START + timedelta(minutes=minute))
        fulls += [minute] if plan.full else []
        lengths = [feed.times[span.to] - feed.times[span.from_] for span in plan.rollups]
        hourly += sum(length == timedelta(hours=1) for length in lengths)
        daily += sum(length == timedelta(days=1) for length in lengths)
    assert fulls == [0, 7 * 1440, 14 * 1440, 21 * 1440]
    assert (hourly, daily) == (22 * 24 - 1, 21)
    assert feed.kinds()["full"] == 2


def test_a_busy_feed_lists_about_two_hundred_files() -> None:
    feed = Feed()
    for minute in range(3 * 24 * 60):
        feed.publish(START + timedelta(minutes=minute))
    for day in range(3, 50):
        feed.publish(START + timedelta(days=day))
    for minute in range(50 * 24 * 60, 53 * 24 * 60):
        feed.publish(START + timedelta(minutes=minute))
    kinds = feed.kinds()
    assert kinds["full"] == 2
    assert kinds["delta"] <= 121
    assert sum(kinds.values()) <= 210


@given(st.lists(st.tuples(st.sampled_from([1, 7, 50, 90, 1500, 4000, 60_000]), st.integers(1, 40)), max_size=12))
@settings(max_examples=60, deadline=None)
def test_from_nothing_and_from_every_edition_that_is_kept_there_is_a_way(pace: list[tuple[int, int]]) -> None:
    feed, at = Feed(), START
    feed.publish(at)
    for minutes, times in pace:
        for _ in range(times):
            before = feed.index.newest
            at += timedelta(minutes=minutes)
            plan = feed.publish(at)
            assert editions.cheapest_path(feed.index, before)
            assert plan.delta.to == feed.index.newest
    assert editions.cheapest_path(feed.index, None)
    for have in {file.to for file in feed.index.files}:
        path = editions.cheapest_path(feed.index, have)
        assert have == feed.index.newest or path[-1].to == feed.index.newest
        # whoever is not further behind than the roll-ups reach never fetches a full list again
        recent = at - feed.times[have] <= timedelta(days=DEFAULTS.daily_days)
        assert not recent or all(file.kind != "full" for file in path)


@pytest.mark.parametrize("back", [timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_was_set_back_makes_nothing_go_early(back: timedelta) -> None:
    feed = Feed()
    for minute in range(200):
        feed.publish(START + timedelta(minutes=minute))
    before = set(feed.index.files)
    plan = feed.publish(START + timedelta(minutes=200) - back)
    assert set(plan.keep) == before
    assert not plan.full
    assert editions.cheapest_path(feed.index, 200)


JUMPS = st.sampled_from([-60_000, -4000, -1500, -90, 1, 50, 90, 1500, 4000, 60_000])


@given(st.lists(st.tuples(JUMPS, st.integers(1, 30)), max_size=14))
@settings(max_examples=60, deadline=None)
def test_a_clock_that_jumps_back_and_forward_leaves_a_way_from_a_full_list_on(jumps: list[tuple[int, int]]) -> None:
    feed, at = Feed(), START
    feed.publish(at)
    for jump, times in jumps:
        at += timedelta(minutes=jump)
        for _ in range(times):
            at += timedelta(minutes=7)
            feed.publish(at)
            assert editions.cheapest_path(feed.index, None)
    for have in {file.to for file in feed.index.files}:
        assert have == feed.index.newest or editions.cheapest_path(feed.index, have)

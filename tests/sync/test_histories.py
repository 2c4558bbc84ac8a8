"""Any history of choices, porting and exceptions: full + deltas == next full, through publisher and follower."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from registry import registrations, serving
from registry.errors import FeedError
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.store import Store
from registry.store.engine import SqliteEngine
from sync.publish import publish_once
from tests.doubles import FakeClock
from tests.sync.town import (
    Carrier,
    build,
    contents,
    true_exceptions,
    truth,
)

LOANS = Preference(1, 1, 1, 0)
NIGHTS = Preference(0, 0, 0, 0b111)


PARTIES = ("all", "cmcc", "ctcc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decline"), st.integers(0, 11), st.integers(0, 3)),
        st.tuples(st.just("port"), st.integers(0, 11), st.sampled_from(["cmcc", "ctcc", "cbn"])),
        st.tuples(st.just("allow"), st.integers(0, 11), st.integers(0, 1)),
        st.tuples(st.just("recycle"), st.integers(0, 11), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([0, 3600, 43_200, 90_000]), st.none()),
        st.tuples(st.just("publish"), st.sampled_from([61, 3700, 90_000, 700_000]), st.none()),
        st.tuples(st.just("follow"), st.sampled_from(PARTIES), st.none()),
    ),
    max_size=40,
)


def moved_about(*between: tuple[str, Any, Any]) -> list[tuple[str, Any, Any]]:
    """A number of each place is registered, published, ported, and then something happens in the overlap."""
    start = [(what, place, how) for place in range(12) for what, how in (("decline", 1), ("allow", 1))]
    moves = [("publish", 61, None), *(("port", place, "ctcc") for place in range(6)), ("publish", 61, None)]
    return [*start, *moves, *between, ("wait", 90_000, None), ("publish", 61, None)]


@example([("decline", 0, 1), ("publish", 61, None), ("decline", 0, 0), ("publish", 700_000, None)])
@example(moved_about(*(("port", place, "cmcc") for place in range(6)), ("publish", 700_000, None)))
@example(moved_about(*(("port", place, "cbn") for place in range(6)), ("wait", 43_200, None), ("decline", 2, 2)))
@example(moved_about(*(("decline", place, 0) for place in range(6)), ("publish", 61, None), ("decline", 1, 1)))
@example(moved_about(*(("recycle", place, None) for place in range(6)), ("publish", 700_000, None), ("decline", 3, 3)))
@given(STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_full_and_deltas_come_to_the_next_full_for_any_history(
    plan: NumberPlan, keys: KeyRing, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("history")
    store = Store(SqliteEngine(folder / "registry.db", synchronous="OFF"))
    store.migrate(at=0)
    town = build(store, FakeClock(), keys, plan, folder / "instance", parties=PARTIES)
    followers = {party: Carrier(town, party, folder / party) for party in PARTIES}
    preferences = (NOTHING, EVERYTHING, LOANS, NIGHTS)
    publish_once(town)
    for what, which, how in (*steps, ("publish", 61, None)):
        if what == "decline":
            town.decline(which, preferences[how])
        elif what == "port":
            town.port(which, how, overlap_hours=24)
        elif what == "allow":
            town.allow(which, masks=how and 0xFFFF)
        elif what == "recycle":
            registrations.recycle(store, town.clock, number=town.number(which))
        elif what == "wait":
            town.clock.advance(which)
            serving.end_overlaps(store, town.clock)
        elif what == "publish":
            town.clock.advance(which)
            publish_once(town)
        else:
            with suppress(FeedError):  # the feed expired while nobody published
                followers[which].follow()
    town.clock.advance(1)
    for party, follower in followers.items():
        mirror = follower.follow()
        assert contents(town, mirror, party, 12) == truth(town, party, 12)
        assert {tuple(row) for row in mirror.exceptions().tolist()} == true_exceptions(town, party, 12)
        fresh = Carrier(town, party, folder / f"fresh-{party}").follow()
        assert (fresh.content_root, fresh.exceptions_root) == (mirror.content_root, mirror.exceptions_root)
    store.close()

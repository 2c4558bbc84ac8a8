"""An old backup of the database under a newer shelf: nothing is counted twice, and there is a way on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry import followers
from registry.errors import ConflictError, FeedError
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.preferences import EVERYTHING, NOTHING, Preference
from registry.receipts import leaves_name
from registry.store import Store
from registry.store.engine import SqliteEngine
from sync import recovery, upkeep
from sync.compare import compare_base
from sync.publish import publish_once
from tests.doubles import FakeClock
from tests.sync.town import Carrier, Town, assert_all_follow, build, contents, index_of, truth

LOANS = Preference(1, 1, 1, 0)
PLACES = 30


@pytest.fixture
def old(clock: FakeClock, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Iterator[Town]:
    """A town whose database is that of edition 3 (with a change that waits), under a shelf that came to edition 6."""
    file, backup = tmp_path / "registry.db", tmp_path / "backup.db"

    def opened() -> Store:
        store = Store(SqliteEngine(file, synchronous="OFF"))
        store.migrate(at=0)
        return store

    town = build(opened(), clock, keys, plan, tmp_path / "instance", parties=("cmcc", "all"))
    for edition in range(1, 7):
        if edition == 4:
            town.decline(0, LOANS)
            town.store.close()
            shutil.copy(file, backup)
            town.store = opened()
        for place in range(edition * 4):
            town.decline(place, Preference(edition, 0, 0, 0))
        town.allow(edition)
        publish_once(town)
        clock.advance(61)
    town.store.close()
    for left in tmp_path.glob("registry.db*"):
        left.unlink()
    shutil.copy(backup, file)
    town.store = opened()
    yield town
    town.store.close()


def resume(town: Town, **how: int) -> recovery.Lost:
    return recovery.resume(town, keep=lambda: None, actor="test", **how)


def test_nothing_is_published_over_a_newer_shelf_and_it_is_said_what_to_do(old: Town) -> None:
    before = dict(old.shelf.files)
    with pytest.raises(ConflictError) as caught:
        publish_once(old)
    assert caught.value.code == "database_behind_shelf"
    assert "decline-sync editions resume" in caught.value.detail
    assert old.shelf.files == before


def test_it_is_shown_what_would_be_lost_and_nothing_is_done(old: Town) -> None:
    before = dict(old.shelf.files)
    lost = recovery.survey(old)
    assert (lost.database, lost.ahead, lost.on_shelf) == (3, 6, 6)
    assert {each.party: (each.known, each.edition) for each in lost.feeds} == {"all": (True, 6), "cmcc": (True, 6)}
    assert {each.party: each.entries for each in lost.feeds}["all"] == 24
    assert old.shelf.files == before
    assert old.store.editions.newest() == 3


def test_followers_ahead_of_the_tables_go_on_and_never_back(old: Town, tmp_path: Path) -> None:
    ahead = Carrier(old, "all", tmp_path / "ahead")
    assert ahead.follow().edition == 6
    resume(old)
    mirror = ahead.follow()
    assert mirror.edition == 7
    assert contents(old, mirror, "all", PLACES) == truth(old, "all", PLACES)
    assert_all_follow(old, tmp_path, PLACES, ("cmcc", "all"))
    state = {state.party: state for state in followers.feed_states(old.store, old.clock)}["all"]
    assert (state.edition, state.entries) == (7, mirror.entries)
    agrees = followers.acknowledge(
        old.store, old.clock, party="all", edition=7, content_root=mirror.content_root.hex(),
        exceptions_root=mirror.exceptions_root.hex(),
    )
    assert agrees
    assert old.store.feeds.waiting_since().keys() == {"cmcc"}
    compare_base(old, keep=lambda: None)


def test_after_it_lists_go_on_with_deltas_again(old: Town, tmp_path: Path) -> None:
    resume(old)
    old.clock.advance(61)
    old.decline(1, NOTHING)
    old.decline(25, EVERYTHING)
    publish_once(old)
    assert [file.kind for file in index_of(old, "all").files] == ["full", "delta"]
    assert index_of(old, "all").newest == 8
    assert_all_follow(old, tmp_path, PLACES, ("cmcc", "all"))
    assert [row.state for row in old.store.editions.latest(limit=3)] == ["published", "published", "resumed"]


def test_every_number_of_an_edition_is_used_once(old: Town) -> None:
    used = {name for name in old.shelf.names("feeds/") if "/targets/" in name}
    said = {name: old.shelf.get(name) for name in used}
    resume(old)
    publish_once(old)
    assert {name: old.shelf.get(name) for name in used if old.shelf.size(name)} == said
    assert index_of(old, "all").newest == 7
    with pytest.raises(ConflictError) as caught:
        resume(old)
    assert caught.value.code == "not_behind"


def test_it_stands_in_the_audit_trail(old: Town) -> None:
    resume(old)
    (entry, *_) = old.store.audit.newest(before=None, most=1)
    assert entry.action == "editions_resumed"
    assert '"next":7' in entry.detail


@pytest.mark.parametrize("step", range(0, 40, 8))
def test_broken_off_anywhere_it_can_be_done_again(old: Town, tmp_path: Path, step: int) -> None:
    from tests.sync.test_resuming import BreakingShelf, StoppedError

    shelf, done = old.shelf, False
    old.shelf = BreakingShelf(shelf, 10 + step)
    try:
        resume(old)
        done = True
    except StoppedError:
        pass
    old.shelf = shelf
    if old.store.editions.newest() == 3:
        resume(old)
    elif not done:
        publish_once(old)
    assert index_of(old, "all").newest == 7
    assert_all_follow(old, tmp_path, PLACES, ("cmcc", "all"))


def test_a_carrier_that_the_old_tables_do_not_know_is_named_and_may_come_back(old: Town, tmp_path: Path) -> None:
    with old.store.writing():
        old.store.engine.run("DELETE FROM party WHERE party = 'all'")
    lost = recovery.survey(old)
    assert {each.party for each in lost.feeds if not each.known} == {"all"}
    resume(old)
    with old.store.writing():
        old.store.engine.run(
            """INSERT INTO party (party, ordinal, kind, name_zh, name_en, state, scope, licensed, created)
               VALUES ('all', 99, 'carrier', 'all', 'all', 'active', 'national', 1, 0)"""
        )
    publish_once(old)
    assert index_of(old, "all").files[0].kind == "full"
    assert_all_follow(old, tmp_path, PLACES, ("cmcc", "all"))


def test_where_the_shelf_is_old_as_well_a_carrier_says_how_far_it_was(old: Town, tmp_path: Path) -> None:
    resume(old)
    kept, file, backup = dict(old.shelf.files), tmp_path / "registry.db", tmp_path / "monday.db"
    old.store.close()
    shutil.copy(file, backup)
    old.store = Store(SqliteEngine(file, synchronous="OFF"))
    for place in range(5):
        old.clock.advance(61)
        old.decline(place, Preference(place + 9, 0, 0, 0))
        publish_once(old)
    carrier = Carrier(old, "all", tmp_path / "carrier")
    assert carrier.follow().edition == 12
    old.store.close()
    shutil.copy(backup, file)  # database and shelf go back to the same day
    old.store, old.shelf.files = Store(SqliteEngine(file, synchronous="OFF")), kept
    with pytest.raises(FeedError) as caught:
        carrier.follow()
    assert caught.value.code == "feed_older"
    resume(old, seen=12)
    mirror = carrier.follow()
    assert mirror.edition == 13
    assert contents(old, mirror, "all", PLACES) == truth(old, "all", PLACES)
    compare_base(old, keep=lambda: None)


def test_files_of_scrubs_that_an_old_backup_does_not_know_stay_until_one_goes_on_from_it(old: Town) -> None:
    names = [f"scrubs/{'n' * 24}/part-1", leaves_name("z" * 24)]
    for name in names:
        old.shelf.put(name, b"of a scrub after the backup")
    assert upkeep.sweep(old) == 0
    assert all(old.shelf.size(name) is not None for name in names)
    resume(old)
    publish_once(old)
    assert upkeep.sweep(old) == 2
    assert not any(old.shelf.size(name) for name in names)

"""Figures and tallies on both engines."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.vitals import Tallies, figures
from tests.doubles import FakeClock


def test_an_empty_registry_has_figures_too(store: Store, clock: FakeClock) -> None:
    found = figures(store, clock)
    assert (found.edition, found.edition_age_s, found.waiting, found.followers) == (0, 0.0, 0, ())
    assert found.intake == {"accepted": 0, "duplicates": 0, "quarantined": 0}
    assert store.vitals.answers()


def test_tallies_of_several_processes_add_up(store: Store, clock: FakeClock) -> None:
    processes = [Tallies(store, clock) for _ in range(4)]

    def count(tallies: Tallies) -> None:
        for _ in range(25):
            tallies.add("sms_sent")
            tallies.write(at_once=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, processes))
    assert figures(store, clock).texts["sms_sent"] == 100


def test_tallies_are_written_once_a_second_at_most(store: Store, clock: FakeClock) -> None:
    tallies = Tallies(store, clock)
    for _ in range(3):
        tallies.add("sms_sent")
        tallies.write()
    assert store.vitals.tallies() == {"sms_sent": 1}
    clock.advance(1)
    tallies.write()
    assert store.vitals.tallies() == {"sms_sent": 3}


def test_what_a_busy_database_did_not_take_is_written_later(tmp_path: Path, clock: FakeClock) -> None:
    store = Store(SqliteEngine(tmp_path / "registry.db", busy_timeout=0.05))
    store.migrate(at=0)
    tallies = Tallies(store, clock)
    tallies.add("sms_sent")
    with closing(sqlite3.connect(tmp_path / "registry.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tallies.write()
        other.execute("ROLLBACK")
    assert store.vitals.tallies() == {}
    clock.advance(1)
    tallies.write()
    assert store.vitals.tallies() == {"sms_sent": 1}
    store.close()

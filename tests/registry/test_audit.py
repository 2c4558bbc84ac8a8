"""The audit trail: entries chained by hash, in the transaction they tell about, and every change found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from registry import audit
from registry.store import Store
from tests.doubles import FakeClock


def write(store: Store, clock: FakeClock, count: int) -> None:
    for i in range(count):
        with store.writing(about="audit test"):
            audit.append(store, clock, actor="system", action="thing_done", subject=f"thing:{i}", detail={"count": i})
        clock.advance(1)


def test_an_unbroken_trail_verifies(store: Store, clock: FakeClock) -> None:
    assert audit.verify(store) == (0, None)
    write(store, clock, 7)
    assert audit.verify(store) == (7, None)
    entry, top = audit.head(store)
    assert entry == 7
    assert len(top) == 64


def test_entries_come_newest_first_and_say_what_was_written(store: Store, clock: FakeClock) -> None:
    began = clock.now()
    write(store, clock, 5)
    with store.writing():
        audit.append(store, clock, actor="member:ab", action="party_added", subject="party:cmcc",
                     detail={"名": "中国移动", "licensed": True, "none": None})
    newest = audit.entries(store, most=2)
    assert [entry.entry for entry in newest] == [6, 5]
    assert newest[0].facts == {"名": "中国移动", "licensed": True, "none": None}
    assert (newest[0].actor, newest[0].action, newest[0].subject) == ("member:ab", "party_added", "party:cmcc")
    assert (newest[0].moment - began).total_seconds() == 5
    assert [entry.entry for entry in audit.entries(store, before=5)] == [4, 3, 2, 1]


@pytest.mark.parametrize("column", ["at", "actor", "action", "subject", "detail", "previous", "hash", "entry"])
def test_a_changed_entry_is_found(store: Store, clock: FakeClock, column: str) -> None:
    write(store, clock, 5)
    with store.writing():
        value = {"at": 5, "previous": bytes(32), "hash": bytes(32), "entry": 99}.get(column, "other")
        store.engine.run(f"UPDATE audit SET {column} = :value WHERE entry = 3", value=value)
    count, bad = audit.verify(store)
    assert count == 5
    assert bad == (4 if column == "entry" else 3)


def test_a_dropped_entry_is_found(store: Store, clock: FakeClock) -> None:
    write(store, clock, 5)
    with store.writing():
        store.engine.run("DELETE FROM audit WHERE entry = 2")
    assert audit.verify(store) == (4, 3)


def test_a_changed_entry_with_a_fitting_hash_is_found_at_the_next(store: Store, clock: FakeClock) -> None:
    write(store, clock, 4)
    second = audit.entries(store)[2]
    forged = audit.digest(second.previous, 2, second.at, "nobody", second.action, second.subject, second.detail)
    with store.writing():
        store.engine.run("UPDATE audit SET actor = 'nobody', hash = :hash WHERE entry = 2", hash=forged)
    assert audit.verify(store) == (4, 3)


def test_an_entry_vanishes_with_the_transaction_that_failed(store: Store, clock: FakeClock) -> None:
    write(store, clock, 2)
    with pytest.raises(ZeroDivisionError), store.writing():
        audit.append(store, clock, actor="system", action="thing_done")
        _ = 1 // 0
    assert audit.verify(store) == (2, None)


def test_nothing_is_appended_outside_a_transaction(store: Store, clock: FakeClock) -> None:
    with pytest.raises(RuntimeError):
        audit.append(store, clock, actor="system", action="thing_done")


def test_many_writers_about_different_things_make_one_chain(store: Store, clock: FakeClock) -> None:
    def work(name: int) -> None:
        for i in range(10):
            with store.writing(about=f"thing {name}"):
                audit.append(store, clock, actor=f"thread:{name}", action="thing_done", subject=str(i))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(6)))
    assert audit.verify(store) == (60, None)

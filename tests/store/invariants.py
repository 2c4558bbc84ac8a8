"""What must hold of registrations after anything that happened to the process or the disk."""

from __future__ import annotations

from registry.registrations import EVENTS, STATES
from registry.store import Store

_SAID = ("version", "state", "calls", "robocalls", "messages", "quiet")


def check(store: Store) -> int:
    """Current == newest history, versions without gaps, everything unpublished pending; how many events there were."""
    history: dict[bytes, list[dict[str, object]]] = {}
    for row in store.engine.rows("SELECT * FROM registration_history ORDER BY number, version"):
        history.setdefault(row["number"], []).append(row)
    current = {row["number"]: row for row in store.engine.rows("SELECT * FROM registration")}
    pending = {row["number"] for row in store.engine.rows("SELECT number FROM pending")}
    ported = [row["number"] for row in store.engine.rows("SELECT number FROM porting")]
    assert history.keys() == current.keys() == pending
    for number, events in history.items():
        assert [event["version"] for event in events] == list(range(1, len(events) + 1))
        assert {name: events[-1][name] for name in _SAID} == {name: current[number][name] for name in _SAID}
        assert all(event["event"] in EVENTS and event["state"] in STATES for event in events)
        assert sum(event["event"] == "ported" for event in events) == ported.count(number)
        if current[number]["state"] != "active":
            assert current[number]["calls"] == current[number]["quiet"] == 0
    return sum(len(events) for events in history.values())

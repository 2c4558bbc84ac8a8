"""What carriers found in their lists: kept once, shown until an officer has seen it, forgotten in the end."""

from __future__ import annotations

import numpy as np
import pytest

from registry import audit, findings
from registry.editions import EXCEPTION, arranged
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.findings import Findings
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock

WEAK = Findings(lost=2, weakened=1, foreign=3, repaired_bytes=999)


def test_a_finding_that_is_said_twice_counts_once(store: Store, clock: FakeClock) -> None:
    for _ in range(2):
        findings.note(store, clock, party="cmcc", edition=5, epoch=1, found=WEAK)
    findings.note(store, clock, party="ctcc", edition=5, epoch=1, found=WEAK)
    clock.advance(60)
    findings.note(store, clock, party="cmcc", edition=6, epoch=1, found=Findings(strengthened=1, anew=True))
    assert [(row.edition, row.found) for row in store.findings.of("cmcc", limit=9)] == [
        (6, Findings(strengthened=1, anew=True)), (5, WEAK),
    ]
    assert len(store.findings.newest(limit=2)) == 2


def test_what_weakens_a_refusal_waits_for_an_officer_and_the_trail_says_who_it_was(
    store: Store, clock: FakeClock
) -> None:
    findings.note(store, clock, party="cmcc", edition=5, epoch=1, found=WEAK)
    findings.note(store, clock, party="ctcc", edition=5, epoch=1, found=Findings(foreign=4, strengthened=1))
    (waiting,) = store.findings.unseen()
    assert (waiting.recipient, waiting.seen, waiting.note) == ("cmcc", None, "")
    clock.advance(60)
    findings.see(store, clock, finding=waiting.finding, note="Their disk failed.", actor="member:1")
    assert store.findings.unseen() == ()
    seen = store.findings.find(waiting.finding)
    assert seen is not None
    assert (seen.seen, seen.seen_by, seen.note) == (to_micros(clock.now()), "member:1", "Their disk failed.")
    entry = audit.entries(store)[0]
    assert (entry.action, entry.subject, entry.facts["lost"]) == ("finding_seen", "party:cmcc", 2)
    with pytest.raises(ConflictError):
        findings.see(store, clock, finding=waiting.finding, note="Again.", actor="member:2")
    with pytest.raises(InvalidInputError):
        findings.see(store, clock, finding=waiting.finding, note="", actor="member:2")
    with pytest.raises(NotFoundError):
        findings.see(store, clock, finding="0" * 32, note="What?", actor="member:2")


def test_findings_are_forgotten_in_the_end_but_not_those_that_nobody_saw(store: Store, clock: FakeClock) -> None:
    findings.note(store, clock, party="cmcc", edition=5, epoch=1, found=WEAK)
    findings.note(store, clock, party="ctcc", edition=5, epoch=1, found=Findings(foreign=4))
    clock.advance(days=1)
    with store.writing():
        assert store.findings.forget(before=to_micros(clock.now())) == 1
    assert [row.recipient for row in store.findings.newest(limit=9)] == ["cmcc"]


def test_exceptions_that_differ_are_counted_by_their_key() -> None:
    right = arranged(np.array([(1, 1, 1, 5, 5, 5, 0), (2, 1, 1, 5, 5, 5, 0), (3, 1, 1, 5, 5, 5, 0)], EXCEPTION))
    had = arranged(np.array([(1, 1, 1, 5, 5, 5, 0), (2, 1, 1, 5, 5, 5, 9), (4, 1, 1, 5, 5, 5, 0)], EXCEPTION))
    assert findings.compare_exceptions(had, right) == Findings(exceptions=3)
    assert findings.compare_exceptions(right, right) == Findings()

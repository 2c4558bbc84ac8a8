"""Verdicts that cite receipts: who was told yes is protected for a while, who was told no knew it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry import citing, consents, parties, receipts, registrations
from registry.consents import Terms, masks_of
from registry.keys import KeyRing
from registry.numbers import Number, parse_one
from registry.preferences import EVERYTHING, Category, Channel
from registry.readers.rows import Row
from registry.receiptforms import Facts, Organisation, Stream
from registry.receiptkeys import ReceiptKeys
from registry.reports import RowResult, take_in, take_one
from registry.scrub import LineAnswer
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf

TEXT = "+86 138 0013 8000"


class Court:
    """A store, a telemarketer that scrubs, one number, and the means to report calls to it."""

    def __init__(
        self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any, shelf: MemoryShelf, work: Path
    ) -> None:
        self.store, self.keys, self.clock, self.shelf, self.work = store, keys, clock, shelf, work
        self.tools = (store, keys, clock, plan, rulebooks)
        self.number: SealedNumber = seal_one(keys.at_rest, parse_one(TEXT, plan))
        self.calls = 0
        parties.add_party(store, clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme")

    def register(self) -> None:
        registrations.register(
            self.store, self.clock, number=self.number, preference=EVERYTHING, source="site", language="zh_CN"
        )

    def scrubbed(
        self, verdict: Any, *, channel: str = "calls", days: float = 7, sandbox: bool = False, ahead: float = 0
    ) -> None:
        """A receipt that acme holds from now on, with this answer for the number, for contacts some days ahead."""
        now = self.clock.now() + timedelta(days=ahead)
        row = np.zeros(1, np.dtype([("sealed", "V16"), ("which", "<u4")]))
        row["sealed"] = np.frombuffer(self.number, "V16")
        receipts.issue(
            self.store, self.clock, self.shelf, self.keys, ReceiptKeys([bytes(32)]), self.work,
            facts=Facts("s", Organisation("acme"), "c", channel, "loan", now, now + timedelta(days=7), 1, "2026",
                        Stream("", 0), Stream("", 0), 1, {verdict: 1}, sandbox=sandbox),
            distinct=[row], kinds=[LineAnswer(verdict, "x", "34", now + timedelta(days=days))],
        )  # fmt: skip

    def fields(self, **changes: Any) -> dict[str, Any]:
        self.calls += 1
        return {
            "id": f"r{self.calls}", "called": TEXT, "caller": "02066668888", "channel": "calls", "category": "loan",
            "telemarketer": "acme", "at": self.clock.now().isoformat(),
        } | changes  # fmt: skip

    def verdict(self, **changes: Any) -> RowResult:
        return take_one(*self.tools, source="cmcc", kind="carrier", fields=self.fields(**changes), shelf=self.shelf)

    def answer(self, **changes: Any) -> tuple[str, str, str]:
        found = self.verdict(**changes)
        return found.verdict, found.reason, found.rule


@pytest.fixture
def court(
    store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any, shelf: MemoryShelf, tmp_path: Path
) -> Court:
    return Court(store, keys, clock, plan, rulebooks, shelf, tmp_path)


def test_who_was_told_yes_is_protected_from_a_refusal_that_came_after(court: Court) -> None:
    court.scrubbed("allowed")
    court.clock.advance(hours=1)
    court.register()
    court.clock.advance(hours=1)
    assert court.answer() == ("allowed", "receipt_allowed", "50")
    assert court.answer(category="education")[1] == "everything_declined"
    assert court.answer(channel="messages", caller="10690001")[0] == "violation"
    assert court.answer(telemarketer="rival")[1] == "everything_declined"
    assert court.answer(telemarketer=None)[1] == "everything_declined"


def test_who_was_told_no_and_called_all_the_same_knew_it(court: Court) -> None:
    court.register()
    court.clock.advance(hours=1)
    court.scrubbed("declined")
    court.clock.advance(hours=1)
    assert court.answer() == ("violation", "receipt_declined", "49(7)")


def test_a_receipt_protects_only_for_as_long_as_its_answer_held(court: Court) -> None:
    court.scrubbed("allowed", days=0.25)
    court.register()
    court.clock.advance(hours=5)
    assert court.answer()[1] == "receipt_allowed"
    court.clock.advance(hours=1, minutes=1)
    assert court.answer()[1] == "everything_declined"


def test_a_receipt_of_later_than_the_call_protects_nobody(court: Court) -> None:
    court.register()
    court.clock.advance(hours=1)
    before = court.clock.now().isoformat()
    court.clock.advance(hours=1)
    court.scrubbed("allowed")
    assert court.answer(at=before)[1] == "everything_declined"


def test_the_newest_receipt_is_the_one_that_counts(court: Court) -> None:
    court.scrubbed("allowed")
    court.register()
    court.clock.advance(hours=1)
    court.scrubbed("declined")
    court.clock.advance(hours=1)
    assert court.answer()[1] == "receipt_declined"


def test_what_no_scrub_answers_for_is_a_violation_with_a_receipt_too(court: Court) -> None:
    court.scrubbed("allowed")
    asked = consents.ask(
        court.store, court.clock, number=court.number, telemarketer="acme",
        terms=Terms(masks_of({Channel.CALLS: [Category.LOAN]}), 1, "week", court.clock.now() + timedelta(days=30)),
    )
    consents.refuse(court.store, court.clock, court.tools[-1], number=court.number, consent=asked)
    court.clock.advance(hours=1)
    assert court.answer() == ("violation", "merchant_refused", "15")
    assert court.answer(caller="hidden")[1] == "caller_hidden"


def test_who_asks_about_contacts_far_ahead_is_protected_for_no_longer(court: Court) -> None:
    court.scrubbed("allowed", ahead=5)
    court.scrubbed("allowed", ahead=20)
    court.register()
    court.clock.advance(days=6)
    assert court.answer()[1] == "receipt_allowed"
    court.clock.advance(days=15)
    assert court.answer()[1] == "everything_declined"


def test_a_telemarketer_with_many_receipts_is_protected_by_each(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(citing, "_AT_ONCE", 2)
    court.scrubbed("allowed")
    number, court.number = court.number, seal_one(court.keys.at_rest, Number(1, 8613911112222))
    for _ in range(5):
        court.scrubbed("declined")
    court.number = number
    court.register()
    court.clock.advance(hours=1)
    assert court.answer()[1] == "receipt_allowed"


def test_a_receipt_of_the_sandbox_protects_nobody(court: Court) -> None:
    court.scrubbed("allowed", sandbox=True)
    court.register()
    court.clock.advance(hours=1)
    assert court.answer()[1] == "everything_declined"


def test_reports_in_bulk_cite_receipts_as_single_ones_do(court: Court) -> None:
    court.scrubbed("allowed")
    court.register()
    court.clock.advance(hours=1)
    rows = [Row(line, b"", court.fields(category=("loan", "education")[line % 2]), typed=False) for line in range(40)]
    for row in rows:
        row.fields["at"] = (court.clock.now() + timedelta(minutes=6 * row.line)).isoformat()
    court.clock.advance(hours=5)
    done = take_in(*court.tools, source="cmcc", kind="carrier", rows=rows, shelf=court.shelf)
    assert done.accepted == 40
    reasons = [row["reason"] for row in court.store.reports.about(court.number, limit=100)]
    assert reasons.count("receipt_allowed") >= 5
    assert "everything_declined" in reasons

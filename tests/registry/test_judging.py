"""Verdicts: each report is judged as things stood at the time of its call, by the rulebook of that day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry import consents, parties, registrations
from registry.errors import InvalidInputError
from registry.keys import KeyRing
from registry.numbers import parse_one
from registry.preferences import EVERYTHING, Category, Channel, make, quiet_of
from registry.readers.rows import Row
from registry.reports import RowResult, purge, stream_in, take_one
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from registry.times import iso
from tests.doubles import FakeClock

TEXT = "+86 138 0013 8000"


class Court:
    """A store, one number, and the means to report calls to it."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> None:
        self.store, self.clock, self.rulebooks = store, clock, rulebooks
        self.tools = (store, keys, clock, plan, rulebooks)
        self.number: SealedNumber = seal_one(keys.at_rest, parse_one(TEXT, plan))
        self.calls = 0

    def fields(self, **changes: Any) -> dict[str, Any]:
        self.calls += 1
        return {
            "id": f"r{self.calls}", "called": TEXT, "caller": "02066668888", "channel": "calls", "category": "loan",
            "at": iso(self.clock.now()),
        } | changes  # fmt: skip

    def verdict(self, **changes: Any) -> RowResult:
        return take_one(*self.tools, source="cmcc", kind="carrier", fields=self.fields(**changes))

    def answer(self, **changes: Any) -> tuple[str, str, str]:
        found = self.verdict(**changes)
        return found.verdict, found.reason, found.rule

    def register(self, preference: Any = EVERYTHING) -> None:
        registrations.register(
            self.store, self.clock, number=self.number, preference=preference, source="site", language="zh_CN"
        )

    def telemarketer(self, party: str, *, licensed: bool = True) -> None:
        parties.add_party(
            self.store, self.clock, actor="member:1", party=party, kind="telemarketer", name_zh=party, name_en=party,
            licensed=licensed,
        )  # fmt: skip


@pytest.fixture
def court(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Court:
    return Court(store, keys, clock, plan, rulebooks)


def test_a_call_to_who_declines_everything_is_a_violation(court: Court) -> None:
    court.register()
    court.clock.advance(hours=1)
    found = court.verdict()
    assert (found.verdict, found.reason, found.rule) == ("violation", "everything_declined", "49(7)")
    assert found.rulebook == "2026"
    row = court.store.reports.known("cmcc", ["r1"])["r1"]
    assert (row["verdict"], row["reason"], row["rule"], row["rulebook"]) == (
        "violation", "everything_declined", "49(7)", "2026",
    )  # fmt: skip


def test_a_call_before_the_registration_or_after_its_end_was_allowed(court: Court) -> None:
    before = iso(court.clock.now() - timedelta(hours=1))
    court.register()
    court.clock.advance(hours=2)
    during = iso(court.clock.now() - timedelta(minutes=30))
    registrations.withdraw(court.store, court.clock, number=court.number, source="site")
    court.clock.advance(hours=1)
    assert court.answer(at=before) == ("allowed", "no_recorded_will", "34")
    assert court.answer(at=during)[0] == "violation"
    assert court.answer()[0] == "allowed"


def test_a_refusal_that_is_a_moment_old_does_not_count_yet(court: Court) -> None:
    court.register()
    court.clock.advance(seconds=30)
    assert court.answer() == ("allowed", "within_grace", "25")
    court.clock.advance(seconds=31)
    assert court.answer()[0] == "violation"


def test_only_what_was_declined_is_a_violation(court: Court) -> None:
    court.register(make({Channel.CALLS: [Category.LOAN]}, quiet_of(hours=(12,))))
    court.clock.advance(minutes=10)
    assert court.answer() == ("violation", "category_declined", "49(7)")
    assert court.answer(category="travel", caller="02066660001")[0] == "allowed"
    assert court.answer(channel="robocalls", caller="02066660002")[0] == "allowed"
    assert court.answer(content="public_interest") == ("allowed", "public_interest", "3")
    court.clock.advance(hours=2)
    assert court.answer(category="travel", caller="02066660003") == ("violation", "quiet_hours", "49(9)")


def test_what_needs_consent_or_disturbs_rest_is_a_violation_without_any_registration(court: Court) -> None:
    assert court.answer(channel="messages", caller="106612345678")[1] == "no_consent"
    night = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    assert court.answer(at=iso(night)) == ("violation", "rest_hours", "63")


def test_the_caller_s_number_counts(court: Court) -> None:
    assert court.answer(caller="hidden") == ("violation", "caller_hidden", "65")
    assert court.answer(caller="12321") == ("allowed", "emergency_number", "43")
    assert court.answer(caller="95013333")[1:] == ("call_centre_marketing", "60")


def test_a_telemarketer_stands_for_a_party_only_by_its_id(court: Court) -> None:
    court.telemarketer("acme")
    court.telemarketer("rogue", licensed=False)
    court.register()
    consents.allow(court.store, court.clock, court.rulebooks, number=court.number, telemarketer="acme")
    court.clock.advance(hours=1)
    assert court.answer(telemarketer="acme") == ("allowed", "personal_allow", "40")
    assert court.answer(telemarketer="Acme Ltd")[0] == "violation"
    assert court.answer(telemarketer="rogue") == ("violation", "sender_unlicensed", "53")
    names = {row["telemarketer"] for row in court.store.engine.rows("SELECT telemarketer FROM report")}
    assert names == {"acme", "Acme Ltd", "rogue"}


def test_the_fourth_call_in_five_minutes_and_the_sixth_in_a_day_are_too_many(court: Court) -> None:
    start = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # 09:00 in Beijing
    court.clock.moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    minutes = (0, 1, 2, 3, 60, 120, 180)
    wanted = ["no_recorded_will"] * 3 + ["too_often", "no_recorded_will", "too_often", "too_often"]
    one_by_one = [court.answer(at=iso(start + timedelta(minutes=m)))[1] for m in minutes]
    assert one_by_one == wanted
    rows = [
        Row(place, b"%d" % place, court.fields(caller="02066660000", at=iso(start + timedelta(minutes=m))))
        for place, m in reversed(list(enumerate(minutes)))
    ]
    *found, _whole = stream_in(*court.tools, source="x", kind="carrier", rows=rows)
    assert [row.reason for row in reversed(found) if isinstance(row, RowResult)] == wanted


def test_two_reports_of_one_moment_are_one_contact(court: Court) -> None:
    court.clock.moment = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    at = iso(datetime(2026, 11, 23, 1, 0, tzinfo=UTC))
    assert {court.answer(at=at)[1] for _ in range(6)} == {"no_recorded_will"}


def test_a_report_is_judged_by_the_rulebook_of_its_day(court: Court) -> None:
    court.register()
    for day, name in (("2016-03-01", "2015"), ("2026-04-30", "2015"), ("2026-05-01", "2026")):
        assert court.verdict(at=f"{day}T10:00:00+08:00").rulebook == name
    assert court.answer(at="2014-03-01T10:00:00+08:00") == ("allowed", "no_rulebook", "")


def test_what_the_calendar_can_not_tell_yet_is_held_back_and_not_guessed(court: Court) -> None:
    court.register(make({Channel.CALLS: [Category.LOAN]}, quiet_of(holidays=True)))
    court.clock.moment = datetime(2039, 3, 1, 4, 0, tzinfo=UTC)
    with pytest.raises(InvalidInputError) as refused:
        court.verdict(category="travel")
    assert refused.value.code == "holidays_unknown"
    rows = [Row(1, b"1", court.fields(category="travel")), Row(2, b"2", court.fields(called="+86 139 0013 8000"))]
    first, second, whole = stream_in(*court.tools, source="cmcc", kind="carrier", rows=rows)
    assert isinstance(first, RowResult)
    assert isinstance(second, RowResult)
    assert (first.result, first.reason, second.result) == ("quarantined", "holidays_unknown", "accepted")
    assert not isinstance(whole, RowResult)
    assert (whole.rows, whole.accepted, whole.quarantined) == (2, 1, 1)


def test_pages_find_the_reports_of_a_number_and_of_a_caller(court: Court) -> None:
    court.register()
    court.clock.advance(hours=1)
    court.verdict()
    court.verdict(called="+86 139 0013 8000")
    take_one(*court.tools, source="people", kind="people", fields=court.fields(id="p1"), reporter=court.number)
    reports = court.store.reports
    assert {row["source_id"] for row in reports.about(court.number, limit=10)} == {"r1", "p1"}
    assert len(reports.about(court.number, limit=1)) == 1
    (caller,) = reports.callers(since=0, limit=5)
    assert (caller["reports"], caller["violations"]) == (3, 2)
    assert reports.caller_count(caller["caller"]) == 3
    assert reports.verdicts(since=0) == {"violation": 2, "allowed": 1}
    days = reports.verdicts_per_day(since=0, until=1 << 60, offset=8 * 3_600_000_000)
    assert [(row["verdict"], row["reports"]) for row in days] == [("allowed", 1), ("violation", 2)]


def test_what_is_older_than_the_rulebook_keeps_is_erased(court: Court) -> None:
    court.verdict()
    rows = [Row(1, b"1", {}), Row(2, b"2", court.fields(id="r9", caller="02066660000"))]
    list(stream_in(*court.tools, source="cmcc", kind="carrier", rows=rows))
    court.clock.advance(days=170)
    court.verdict()
    nothing = {"reports": 0, "handlings": 0, "quarantined": 0, "duplicates": 0, "texts": 0, "campaigns": 0}
    assert purge(court.store, court.clock, court.rulebooks) == nothing
    court.clock.advance(days=15)
    assert purge(court.store, court.clock, court.rulebooks) == nothing | {"reports": 2, "quarantined": 1}
    assert purge(court.store, court.clock, court.rulebooks) == nothing
    assert sum(court.store.reports.verdicts(since=0).values()) == 1

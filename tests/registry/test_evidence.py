"""How long the evidence of a consent is kept, on both engines; and what calendar months are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registry import registrations
from registry.evidence import erase_due, months_before
from registry.rulebook import Rulebooks
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.consenting import LI, LOAN_CALLS, PROOF, TRAVEL_CALLS, Office

GIVEN = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
LAPSED = datetime(2026, 12, 23, 2, 0, tzinfo=UTC)  # 30 days later
ERASED = datetime(2027, 6, 23, 2, 0, tzinfo=UTC)  # six months later


@pytest.fixture
def office(store: Store, clock: FakeClock, rulebooks: Rulebooks) -> Office:
    return Office(store, clock, rulebooks)


def evidence(office: Office, name: str) -> str:
    row = office.store.consents.find(number=LI, consent=name)
    assert row is not None
    return str(row["evidence"])


def erase(office: Office, at: datetime) -> int:
    office.clock.moment = at
    office.lapse()
    return erase_due(office.store, office.clock, office.rulebooks)


def test_evidence_is_kept_for_six_months_after_the_last_contact_that_could_rely_on_it(office: Office) -> None:
    name = office.give(LOAN_CALLS, days=30)
    assert erase(office, LAPSED) == 0
    assert erase(office, ERASED) == 0
    assert PROOF["text"] in evidence(office, name)
    assert erase(office, ERASED + timedelta(microseconds=1)) == 1
    assert evidence(office, name) == "{}"
    assert erase(office, ERASED + timedelta(days=1)) == 0


def test_what_a_consent_allowed_stays_known_without_its_evidence(office: Office) -> None:
    name = office.give(LOAN_CALLS, days=30)
    digest = office.store.consents.find(number=LI, consent=name)["evidence_hash"]  # type: ignore[index]
    stood = office.standing()
    assert erase(office, ERASED + timedelta(days=1)) == 1
    assert office.standing(ago=(office.clock.now() - GIVEN).total_seconds()) == stood
    assert office.store.consents.find(number=LI, consent=name)["evidence_hash"] == digest  # type: ignore[index]


def test_a_consent_that_still_runs_keeps_its_evidence_however_old_it_is(office: Office) -> None:
    name = office.give(LOAN_CALLS, days=1000)
    assert erase(office, GIVEN + timedelta(days=999)) == 0
    assert PROOF["text"] in evidence(office, name)


def test_the_clock_starts_when_a_consent_is_withdrawn_or_its_number_recycled(office: Office) -> None:
    loans = office.give(LOAN_CALLS, days=1000)
    office.clock.advance(days=1)
    office.withdraw(loans)
    office.clock.advance(days=1)
    travel = office.give(TRAVEL_CALLS, days=1000)
    office.clock.advance(days=1)
    registrations.recycle(office.store, office.clock, number=LI)
    assert erase(office, datetime(2027, 5, 24, 2, 0, 1, tzinfo=UTC)) == 1
    assert (evidence(office, loans), evidence(office, travel) == "{}") == ("{}", False)
    assert erase(office, datetime(2027, 5, 26, 2, 0, 1, tzinfo=UTC)) == 1


def test_the_rulebook_of_the_day_on_which_a_consent_ended_says_how_long(office: Office) -> None:
    office.clock.moment = datetime(2026, 3, 1, tzinfo=UTC)
    old = office.give(LOAN_CALLS, days=60)  # ends on the last day of the rulebook of 2015: five months
    new = office.give(TRAVEL_CALLS, days=62)  # ends under that of 2026: six
    assert erase(office, datetime(2026, 9, 30, tzinfo=UTC)) == 0
    assert erase(office, datetime(2026, 9, 30, 0, 0, 1, tzinfo=UTC)) == 1
    assert (evidence(office, old), evidence(office, new) == "{}") == ("{}", False)
    assert erase(office, datetime(2026, 11, 2, tzinfo=UTC)) == 0
    assert erase(office, datetime(2026, 11, 2, 0, 0, 1, tzinfo=UTC)) == 1


def test_any_number_is_erased_in_one_run(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.evidence._CHUNK", 2)
    for _ in range(5):
        office.give(LOAN_CALLS, days=30)
    assert erase(office, ERASED + timedelta(days=1)) == 5


@pytest.mark.parametrize(
    ("moment", "months", "earlier"),
    [
        ((2026, 11, 23), 6, (2026, 5, 23)),
        ((2026, 3, 15), 5, (2025, 10, 15)),
        ((2026, 7, 31), 5, (2026, 2, 28)),
        ((2028, 7, 31), 5, (2028, 2, 29)),
        ((2026, 1, 31), 12, (2025, 1, 31)),
        ((2026, 12, 1), 0, (2026, 12, 1)),
        ((2026, 1, 1), 1, (2025, 12, 1)),
    ],
)
def test_months_are_those_of_the_calendar(
    moment: tuple[int, int, int], months: int, earlier: tuple[int, int, int]
) -> None:
    assert months_before(datetime(*moment, 5, tzinfo=UTC), months) == datetime(*earlier, 5, tzinfo=UTC)

"""Personal allow and deny lists: what counts, until when, and what of them travels, on both engines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry import consents
from registry.consents import EVERYTHING
from registry.errors import ConflictError, InvalidInputError
from registry.rulebook import Rulebooks
from registry.standing import ALLOW, DENY
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.consenting import LI, LOAN_CALLS, TRAVEL_CALLS, Office


@pytest.fixture
def office(store: Store, clock: FakeClock, rulebooks: Rulebooks) -> Office:
    return Office(store, clock, rulebooks)


def test_an_entry_of_the_allow_list_counts_and_travels(office: Office) -> None:
    consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme", masks=LOAN_CALLS)
    assert office.standing().allowed == LOAN_CALLS
    assert office.standing("other").allowed is None
    assert office.exceptions() == {("acme", ALLOW): LOAN_CALLS}
    assert office.pending() == {("acme", ALLOW)}


def test_what_a_person_says_last_of_a_company_counts(office: Office) -> None:
    consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    office.clock.advance(60)
    office.published()
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    assert (office.standing().allowed, office.standing().denied) == (None, EVERYTHING)
    assert (office.standing(ago=1).allowed, office.standing(ago=1).denied) == (EVERYTHING, None)
    assert office.exceptions() == {("acme", DENY): EVERYTHING}
    assert office.pending() == {("acme", ALLOW), ("acme", DENY)}


def test_both_lists_changed_within_one_microsecond_keep_the_last_word(office: Office) -> None:
    for change in (consents.allow, consents.deny, consents.allow):
        change(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    assert office.exceptions() == {("acme", ALLOW): EVERYTHING}
    assert office.standing().denied is None


def test_an_entry_that_is_forgotten_is_taken_back_from_the_carriers(office: Office) -> None:
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    office.published()
    office.clock.advance(60)
    consents.forget(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme")
    assert office.exceptions() == {}
    assert office.pending() == {("acme", DENY)}
    assert office.standing().denied is None


def test_an_entry_for_a_time_ends_by_itself(office: Office) -> None:
    until = office.clock.now() + timedelta(days=1)
    consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme", until=until)
    consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="other")
    office.published()
    office.clock.advance(days=1)
    assert office.standing().allowed is None
    assert office.lapse() == 1
    assert office.exceptions() == {("other", ALLOW): EVERYTHING}
    assert office.pending() == {("acme", ALLOW)}
    assert office.standing(ago=1).allowed == EVERYTHING


def test_an_entry_without_a_future_or_without_content_is_refused(office: Office) -> None:
    for wrong in ({"until": office.clock.now()}, {"masks": (0, 0, 0)}, {"masks": (0, 0, 1 << 16)}):
        with pytest.raises(InvalidInputError):
            consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="acme", **wrong)
    assert office.exceptions() == {}


def test_a_personal_list_has_an_end(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "LIST_MOST", 2)
    for company in ("one", "two"):
        consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer=company)
    with pytest.raises(ConflictError) as refused:
        consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="three")
    assert refused.value.code == "list_full"
    consents.deny(office.store, office.clock, office.rulebooks, number=LI, telemarketer="two", masks=LOAN_CALLS)
    consents.allow(office.store, office.clock, office.rulebooks, number=LI, telemarketer="three")
    assert office.exceptions()["two", DENY] == LOAN_CALLS


def test_an_entry_that_ran_out_before_the_job_came_by_is_not_mistaken_for_its_successor(office: Office) -> None:
    tools = (office.store, office.clock, office.rulebooks)
    consents.allow(*tools, number=LI, telemarketer="acme", until=office.clock.now() + timedelta(days=1))
    office.clock.advance(days=2)
    due = office.store.consents.entries_due(now=2**60)
    consents.deny(*tools, number=LI, telemarketer="acme", masks=LOAN_CALLS)
    assert len(due) == 1
    assert office.lapse() == 0
    assert (office.standing().allowed, office.standing().denied) == (None, LOAN_CALLS)
    assert office.exceptions() == {("acme", DENY): LOAN_CALLS}


def test_a_refusal_and_an_entry_travel_as_one_for_as_long_as_either_holds(office: Office) -> None:
    tools = (office.store, office.clock, office.rulebooks)
    consents.deny(*tools, number=LI, telemarketer="acme", masks=LOAN_CALLS, until=office.clock.now() + timedelta(1))
    request = office.ask(TRAVEL_CALLS)
    office.refuse(request)
    (row,) = office.store.consents.exceptions(LI)
    assert (row["kind"], row["calls"], row["until"]) == (DENY, EVERYTHING[0], 0)
    office.clock.advance(days=1)
    office.lapse()
    assert office.exceptions() == {("acme", DENY): EVERYTHING}

"""What people report: complete or sent back, once, by who proved the number; told about to nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry import audit, parties, peoplesreports
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotFoundError, TooManyError
from registry.handling import Tools, move
from registry.numbers import Number
from registry.peoplesreports import Told, complete, own_report, take, turn
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from tests.doubles import FakeClock

MINE, OTHER = Number(1, 8613800138000), Number(1, 8613900139000)
CALLER = "17100000002"
PERSON, OFFICE = Actor("person", role="person"), Actor("system")


@pytest.fixture
def tools(store: Store, clock: FakeClock, keys: Any, plan: Any, rulebooks: Any) -> Tools:
    return Tools(store, clock, keys, plan, rulebooks, "Asia/Shanghai")


@pytest.fixture
def mine(keys: Any) -> SealedNumber:
    return seal_one(keys.at_rest, MINE)


def told(clock: FakeClock, **more: Any) -> Told:
    said = Told("form", "calls", "human", "loan", clock.now() - timedelta(minutes=5), CALLER, 30, "某某贷款", "beijing",
                "要不要贷款？", consent=True)
    return replace(said, **more)


def test_a_complete_report_is_accepted_with_a_reference_and_all_its_fields(
    tools: Tools, clock: FakeClock, mine: SealedNumber
) -> None:
    taken = take(tools, told=told(clock), reporter=mine, country="CN")
    assert taken.handling.state == "accepted"
    assert not taken.missing
    assert taken.handling.reference.isalpha()
    own = own_report(tools, reference=taken.handling.reference, reporter=mine)
    assert (own.description, own.enterprise, own.province, own.duration) == ("要不要贷款？", "某某贷款", "beijing", 30)
    assert own.handling.province == "beijing"
    assert [step["action"] for step in own.moves] == ["accept"]


@pytest.mark.parametrize(
    ("harassment", "class_"), [("loan", "commercial"), ("threats", "malicious"), ("fraud", "unlawful")]
)
def test_every_class_of_harassment_is_kept(
    tools: Tools, clock: FakeClock, mine: SealedNumber, harassment: str, class_: str
) -> None:
    taken = take(tools, told=told(clock, harassment=harassment), reporter=mine, country="CN")
    assert taken.handling.class_ == class_
    own = own_report(tools, reference=taken.handling.reference, reporter=mine)
    assert own.kind == ("" if harassment == "loan" else harassment)


def test_an_incomplete_report_comes_back_with_what_is_missing_until_it_is_there(
    tools: Tools, clock: FakeClock, mine: SealedNumber
) -> None:
    half = told(clock, channel="messages", mode="", caller="", description="", consent=False, duration=None)
    taken = take(tools, told=half, reporter=mine, country="CN")
    assert taken.handling.state == "returned"
    assert taken.handling.due is None
    assert taken.missing == ("caller", "description", "consent")
    reference = taken.handling.reference
    with pytest.raises(InvalidInputError) as refused:
        complete(tools, reference=reference, reporter=mine, actor=PERSON, country="CN", caller="106900001234")
    assert refused.value.code == "still_missing"
    with pytest.raises(InvalidInputError) as refused:
        complete(tools, reference=reference, reporter=mine, actor=PERSON, country="CN", caller="letters",
                 description="买吧", consent=True)
    assert refused.value.code == "caller_letters"
    done = complete(tools, reference=reference, reporter=mine, actor=PERSON, country="CN", caller="106900001234",
                    description="买吧", consent=True)
    assert done.state == "accepted"
    assert done.due is not None
    own = own_report(tools, reference=reference, reporter=mine)
    assert [step["action"] for step in own.moves] == ["return", "complete", "accept"]
    assert own.description == "买吧"
    assert not own.missing
    with pytest.raises(ConflictError):
        complete(tools, reference=reference, reporter=mine, actor=PERSON, country="CN")


def test_what_rang_once_needs_no_words(tools: Tools, clock: FakeClock, mine: SealedNumber) -> None:
    taken = take(tools, told=told(clock, mode="ring_once", description=""), reporter=mine, country="CN")
    assert not taken.missing


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"at": "ahead"}, "future_time"), ({"caller": "13800138000"}, "own_caller"),
        ({"caller": "+86 138 0013 8000"}, "own_caller"), ({"province": "atlantis"}, "unknown_province"),
        ({"harassment": "nonsense"}, "unknown_category"), ({"caller": "12"}, "caller_too_short"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_its_reason_and_leaves_nothing(
    tools: Tools, store: Store, clock: FakeClock, mine: SealedNumber, more: dict[str, Any], code: str
) -> None:
    if more.get("at"):
        more = {"at": clock.now() + timedelta(hours=1)}
    with pytest.raises(InvalidInputError) as refused:
        take(tools, told=told(clock, **more), reporter=mine, country="CN")
    assert refused.value.code == code
    assert not store.reports.about(mine, limit=9)


def test_the_same_text_twice_a_minute_counts_once(
    tools: Tools, clock: FakeClock, mine: SealedNumber, keys: Any
) -> None:
    take(tools, told=told(clock, id="1"), reporter=mine, country="CN")
    with pytest.raises(ConflictError) as refused:
        take(tools, told=told(clock, id="2", description=" 要不要贷款？\n"), reporter=mine, country="CN")
    assert refused.value.code == "said_already"
    other = seal_one(keys.at_rest, OTHER)
    assert not take(tools, told=told(clock, id="2"), reporter=other, country="CN").again
    clock.advance(minutes=1)
    assert not take(tools, told=told(clock, id="3"), reporter=mine, country="CN").again


def test_the_same_form_sent_again_is_the_same_report(tools: Tools, clock: FakeClock, mine: SealedNumber) -> None:
    said = told(clock)
    first = take(tools, told=said, reporter=mine, country="CN")
    again = take(tools, told=said, reporter=mine, country="CN")
    assert again.again
    assert again.handling.reference == first.handling.reference


def test_a_reference_opens_nothing_to_anybody_else(
    tools: Tools, clock: FakeClock, mine: SealedNumber, keys: Any
) -> None:
    reference = take(tools, told=told(clock), reporter=mine, country="CN").handling.reference
    other = seal_one(keys.at_rest, OTHER)
    for wrong, asked in ((other, reference), (mine, "bcdfghjkmnpq")):
        with pytest.raises(NotFoundError):
            own_report(tools, reference=asked, reporter=wrong)
        with pytest.raises(NotFoundError):
            turn(tools, reference=asked, reporter=wrong, actor=PERSON, action="appeal", note="")


def test_what_desks_and_the_trail_see_holds_nothing_of_who_reported(
    tools: Tools, store: Store, clock: FakeClock, mine: SealedNumber
) -> None:
    found = take(tools, told=told(clock), reporter=mine, country="CN").handling
    parties.add_party(tools.store, tools.clock, party="loans", kind="telemarketer", name_zh="贷", name_en="Loans")
    move(tools, reference=found.reference, action="forward", maker="centre", actor=OFFICE, desk="loans")
    (seen,) = store.handling.queue("loans", states=("forwarded",), after=0, limit=9)
    shown = repr(seen) + repr(store.handling.moves("people", found.source_id)) + repr(audit.entries(store))
    assert repr(bytes(mine)) not in shown
    assert "13800138000" not in shown


def test_a_person_who_is_told_may_come_back_or_appeal(tools: Tools, clock: FakeClock, mine: SealedNumber) -> None:
    reference = take(tools, told=told(clock), reporter=mine, country="CN").handling.reference
    parties.add_party(tools.store, tools.clock, party="loans", kind="telemarketer", name_zh="贷", name_en="Loans")
    for action in ("forward", "find_unfounded", "feed_back", "tell"):
        move(tools, reference=reference, action=action, maker="centre", actor=OFFICE, desk="loans", answer="查无此事")
    own = own_report(tools, reference=reference, reporter=mine)
    assert own.answer == "查无此事"
    again = turn(tools, reference=reference, reporter=mine, actor=PERSON, action="reopen", note="有录音")
    assert again.state == "reopened"
    with pytest.raises(ConflictError):
        turn(tools, reference=reference, reporter=mine, actor=PERSON, action="reopen", note="")


def test_nobody_reports_more_than_fifty_a_day(tools: Tools, clock: FakeClock, mine: SealedNumber) -> None:
    for count in range(50):
        take(tools, told=told(clock, id=str(count), description=str(count)), reporter=mine, country="CN")
    with pytest.raises(TooManyError):
        take(tools, told=told(clock, id="more", description="more"), reporter=mine, country="CN")


def test_what_was_said_goes_with_its_report(tools: Tools, store: Store, clock: FakeClock, mine: SealedNumber) -> None:
    source_id = take(tools, told=told(clock), reporter=mine, country="CN").handling.source_id
    assert peoplesreports.purge(store, tools.clock) == 0
    with store.writing():
        store.reports.purge(before=2**62, most=9)
    assert peoplesreports.purge(store, tools.clock) == 1
    assert store.peoples_reports.one("people", source_id) is None

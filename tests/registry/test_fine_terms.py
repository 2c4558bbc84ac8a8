"""Fines between notice and end: figures that change, hearings in time and too late, payment, what lapses; a merchant's
case goes to its department; who a fine is against answers it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from registry import credit, enterprises, finedefence, fining, parties, webhooks
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError
from registry.fining import Office, Penalty
from registry.keys import KeyRing
from registry.preferences import Category
from registry.rulebook import Rulebooks
from registry.settings import WebhookSettings
from registry.store import Store
from registry.workdays import Calendar
from tests.doubles import FakeClock
from tests.registry.test_fining import ANNA, BEN, enterprise, noticed, office, proposed, refused

__all__ = ["office"]


@pytest.fixture
def acme(office: Office) -> Actor:
    """The account of an enterprise."""
    parties.add_party(office.store, office.clock, party="acme", kind="telemarketer", name_zh="甲公司", name_en="A")
    enterprises.enrol(office.store, office.clock, name="甲公司", party="acme")
    return Actor("member", role="owner", party=office.store.parties.party("acme"))


def whom(office: Office) -> str:
    found = office.store.enterprises.of_party("acme")
    assert found is not None
    return found.enterprise


def decide(office: Office, made: Penalty, sum: int = 10_000) -> Penalty:
    return fining.decide(office, actor=BEN, penalty=made.penalty, sum=sum, reason="so it is")


def of(office: Office, made: Penalty) -> Penalty:
    return fining.of(office.store, made.penalty)


def actions(office: Office, made: Penalty) -> list[str]:
    return [row["action"] for row in office.store.penalties.moves(made.penalty)]


def test_who_lets_the_time_pass_was_heard_and_who_asked_for_a_hearing_gets_one_first(
    office: Office, clock: FakeClock, acme: Actor
) -> None:
    silent, asking = noticed(office, whom(office)), noticed(office, whom(office))
    assert silent.hear_by == office.calendar.due(clock.now(), fining.HEAR_DAYS)
    assert silent.hear_by == clock.now().replace(hour=16, day=30), "five working days, ended at midnight"
    made = finedefence.ask_hearing(office, actor=acme, penalty=asking.penalty)
    clock.advance(hours=1)
    assert finedefence.ask_hearing(office, actor=acme, penalty=asking.penalty) == made, "once is enough"
    finedefence.state(office, actor=acme, penalty=silent.penalty, text="we did not know")
    refused("not_heard", lambda: decide(office, silent))
    clock.advance(days=8)
    assert fining.run_due(office) == {"fines_lapsed": 0, "hearings_over": 2}
    assert fining.run_due(office) == {"fines_lapsed": 0, "hearings_over": 0}
    assert decide(office, silent).state == "decided"
    refused("not_heard", lambda: decide(office, asking))
    refused("too_late", lambda: finedefence.ask_hearing(office, actor=acme, penalty=noticed_late(office).penalty))
    fining.hear(office, actor=ANNA, penalty=asking.penalty, text="it was said", at=clock.now() - timedelta(hours=2))
    assert decide(office, asking).state == "decided"


def noticed_late(office: Office) -> Penalty:
    """A fine whose time to ask for a hearing is over."""
    made = noticed(office, whom(office))
    office.clock.advance(days=9)  # type: ignore[attr-defined]
    return made


def test_figures_that_changed_since_the_notice_need_a_new_one_and_all_is_asked_anew(
    office: Office, clock: FakeClock, acme: Actor
) -> None:
    made = noticed(office, whom(office), at=clock.now() - timedelta(days=1))
    refused("noticed_already", lambda: fining.notice(office, actor=ANNA, penalty=made.penalty))
    fining.hear(office, actor=ANNA, penalty=made.penalty, text="it was said")
    assert not fining.changed_since_notice(office, of(office, made))
    credit.enter(
        office.store, clock, actor=BEN, enterprise=whom(office), kind="violation", text="an earlier one", public=False,
        since=clock.now() - timedelta(days=30),
    )
    assert fining.changed_since_notice(office, of(office, made))
    refused("figures_changed", lambda: decide(office, made))
    again = fining.notice(office, actor=ANNA, penalty=made.penalty)
    assert (again.heard, again.hearing, made.facts.earlier, again.facts.earlier) == (None, "", 0, 1)
    assert again.proposal.proposed > made.proposal.proposed, "a repeated offence"
    refused("not_heard", lambda: decide(office, made, again.sum))
    fining.hear(office, actor=ANNA, penalty=made.penalty, text="it was said again")
    assert decide(office, made, again.sum).sum == again.sum
    assert finedefence.against(office.store, "acme") == (of(office, made),)


def test_no_more_is_decided_than_the_notice_said(office: Office) -> None:
    made = proposed(office, enterprise(office))
    for sum in (1, 30_001):
        refused("bad_sum", lambda sum=sum: fining.notice(office, actor=ANNA, penalty=made.penalty, sum=sum))
    fining.notice(office, actor=ANNA, penalty=made.penalty, sum=12_000)
    fining.hear(office, actor=ANNA, penalty=made.penalty, text="it was said")
    assert isinstance(refused("above_notice", lambda: decide(office, made, 12_100)), ConflictError)
    assert decide(office, made, 11_000).sum == 11_000


def test_a_hearing_comes_after_the_notice_and_never_after_the_decision(office: Office, clock: FakeClock) -> None:
    made = proposed(office, enterprise(office))

    def hear(at: timedelta = timedelta()) -> Penalty:
        return fining.hear(office, actor=ANNA, penalty=made.penalty, text="said", at=clock.now() + at)

    assert isinstance(refused("not_noticed", hear), ConflictError)
    fining.notice(office, actor=ANNA, penalty=made.penalty)
    for wrong in (timedelta(hours=-1), timedelta(hours=1)):
        assert isinstance(refused("bad_hearing", lambda wrong=wrong: hear(wrong)), InvalidInputError)
    hear()
    decide(office, made)
    assert isinstance(refused("no_such_move", hear), ConflictError)


def test_over_a_year_that_the_calendar_lacks_no_notice_goes_out_and_nothing_is_lost(
    office: Office, clock: FakeClock
) -> None:
    clock.advance(days=35)
    made = proposed(office, enterprise(office))
    error = refused("holidays_unknown", lambda: fining.notice(office, actor=ANNA, penalty=made.penalty))
    assert isinstance(error, UnavailableError)
    assert of(office, made) == made


def test_a_fine_is_paid_or_lapses_and_a_proposal_whose_time_is_over_ends_by_itself(
    office: Office, clock: FakeClock
) -> None:
    firm = enterprise(office)
    old = proposed(office, firm, at=clock.now() - timedelta(days=725))
    paid, lost = (decided_of(office, enterprise(office, name)) for name in ("乙公司", "丙公司"))
    assert paid.due == clock.now() + timedelta(days=fining.PAY_DAYS)
    done = fining.pay(office, actor=ANNA, penalty=paid.penalty, note="receipt 7")
    assert (done.state, done.due, done.settled) == ("paid", None, clock.now())
    refused("no_such_move", lambda: fining.pay(office, actor=ANNA, penalty=paid.penalty, note="again"))
    refused("own_proposal", lambda: fining.lapse(office, actor=ANNA, penalty=lost.penalty, reason="dissolved"))
    assert fining.lapse(office, actor=BEN, penalty=lost.penalty, reason="dissolved").state == "lapsed"
    clock.advance(days=6)
    assert fining.run_due(office) == {"fines_lapsed": 1, "hearings_over": 0}
    assert of(office, old).state == "lapsed"
    assert actions(office, old) == ["propose", "lapse"]
    assert office.store.penalties.counts() == {"paid": 1, "lapsed": 2}


def decided_of(office: Office, firm: str) -> Penalty:
    made = noticed(office, firm)
    fining.hear(office, actor=ANNA, penalty=made.penalty, text="said")
    return decide(office, made)


def test_a_proposal_is_withdrawn_and_nothing_is_decided_any_longer(office: Office) -> None:
    made = noticed(office, enterprise(office))
    refused("no_reason", lambda: fining.withdraw(office, actor=ANNA, penalty=made.penalty, reason=" "))
    assert fining.withdraw(office, actor=ANNA, penalty=made.penalty, reason="new facts").state == "withdrawn"
    refused("no_such_move", lambda: decide(office, made))
    refused("no_such_move", lambda: fining.notice(office, actor=ANNA, penalty=made.penalty))


def test_a_merchants_case_goes_to_the_department_of_its_industry_as_a_clue(office: Office, clock: FakeClock) -> None:
    firm = enterprises.enrol(office.store, clock, name="商家", category=Category.EDUCATION).enterprise
    made = proposed(office, firm, role="merchant")
    named = proposed(office, firm, role="merchant", department="samr", reason="food")
    unknown = proposed(office, enterprise(office), role="merchant")
    assert [each.department for each in (made, named, unknown)] == ["moe", "samr", ""]
    refused("no_such_department", lambda: proposed(office, firm, role="merchant", department="moon"))
    about = {"penalty": unknown.penalty, "department": "mct", "reason": "旅行社"}
    refused("no_such_department", lambda: fining.refer(office, actor=ANNA, **about | {"department": "moon"}))
    assert fining.refer(office, actor=ANNA, **about).department == "mct"
    refused("no_such_move", lambda: fining.refer(office, actor=ANNA, **about))
    rows = office.store.engine.rows("SELECT department, source_id FROM clue WHERE kind = 'fine' ORDER BY department")
    assert [(row["department"], row["source_id"]) for row in rows] == [
        ("mct", unknown.penalty), ("moe", made.penalty), ("samr", named.penalty),
    ]  # fmt: skip


def test_who_a_fine_is_against_is_told_sees_it_from_the_notice_on_and_nobody_elses(
    office: Office, clock: FakeClock, acme: Actor, store: Store, keys: KeyRing
) -> None:
    webhooks.add_endpoint(
        store, keys, clock, WebhookSettings(), party="acme", url="https://acme.example/x",
        events=["fine.noticed", "fine.decided"],
    )  # fmt: skip
    made, other = proposed(office, whom(office)), noticed(office, enterprise(office, "乙公司"))
    assert finedefence.against(store, "acme") == ()
    for penalty in (made.penalty, other.penalty, "nothing"):
        with pytest.raises(NotFoundError):
            finedefence.state(office, actor=acme, penalty=penalty, text="x")
    fining.notice(office, actor=ANNA, penalty=made.penalty)
    said = finedefence.state(office, actor=acme, penalty=made.penalty, text="call 13800138000: not us")
    assert "13800138000" not in said.statement
    refused("no_reason", lambda: finedefence.state(office, actor=acme, penalty=made.penalty, text=" "))
    for place in range(1, finedefence.STATEMENTS):
        finedefence.state(office, actor=acme, penalty=made.penalty, text=f"and {place}")
    refused("too_many_statements", lambda: finedefence.state(office, actor=acme, penalty=made.penalty, text="and"))
    fining.hear(office, actor=ANNA, penalty=made.penalty, text="said")
    decide(office, made)
    refused("no_such_move", lambda: finedefence.state(office, actor=acme, penalty=made.penalty, text="late"))
    assert actions(office, made) == ["propose", "notice", *["state"] * finedefence.STATEMENTS, "hear", "decide"]
    told = [json.loads(row["body"]) for row in store.engine.rows("SELECT body FROM webhook_event ORDER BY at, event")]
    assert sorted((each["type"], each["data"]["state"], each["data"]["sum"]) for each in told) == [
        ("fine.decided", "decided", 10_000), ("fine.noticed", "noticed", 10_000),
    ]  # fmt: skip


def test_the_queue_shows_what_is_due_first_and_filters(office: Office, rulebooks: Rulebooks) -> None:
    firm, other = enterprise(office), enterprise(office, "乙公司")
    late, soon = proposed(office, firm), noticed(office, other)
    rows: Any = office.store.penalties.queue
    assert [each.penalty for each in rows(states=fining.OPEN, limit=9)] == [soon.penalty, late.penalty]
    assert [each.penalty for each in rows(states=fining.OPEN, enterprises=[firm], limit=9)] == [late.penalty]
    assert rows(states=fining.OPEN, enterprises=[], limit=9) == ()
    assert soon.hear_by is not None
    by = int(soon.hear_by.timestamp() * 1_000_000)
    assert [each.penalty for each in rows(states=fining.OPEN, due_by=by, limit=9)] == [soon.penalty]
    assert Calendar(office.calendar.holidays, "Asia/Shanghai") == office.calendar

"""Restricted everywhere: who stands on a list or under a measure gets nothing new, and keeps what protects people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry import credit, enterprises, keydelivery, measures, organisations, parties, resellers, restrictions
from registry.access import Actor
from registry.checks import Checker
from registry.errors import ConflictError, NotAllowedError
from registry.keys import KeyRing
from registry.parties import Member
from registry.preferences import Category, Channel
from registry.quotas import Ledger
from registry.resellers import Line
from registry.rulebook import Rulebooks
from registry.scrubjobs import Ask
from registry.settings import Settings
from registry.store import Store
from registry.uscc import company_number
from tests.doubles import FakeClock, MemoryShelf

BANK = company_number("914403001922038216")


def officer(name: str) -> Actor:
    return Actor("member", role="decider", member=Member(name, "regulator", "", name, "decider", "active", True))


ANNA, BEN = officer("anna"), officer("ben")


class Office:
    """A store with a telemarketer that is an enterprise, a reseller, and ways to restrict them."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Rulebooks) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan
        for party, kind in {"cmcc": "carrier", "snail": "carrier", "acme": "telemarketer"}.items():
            parties.add_party(store, clock, party=party, kind=kind, name_zh=party, name_en=party)
        resellers.set_reseller(store, clock, party="snail", host="cmcc", follows="both")
        self.acme = enterprises.enrol(store, clock, name="甲公司", party="acme").enterprise
        self.snail = enterprises.enrol(store, clock, name="蜗牛", party="snail").enterprise
        self.checker = Checker(Ledger(store, clock, MemoryShelf(), keys, Settings()), plan, rulebooks)

    def list(self, enterprise: str, days: int | None = 30) -> None:
        now = self.clock.now()
        credit.enter(self.store, self.clock, actor=BEN, enterprise=enterprise, kind="dishonesty", text="屡次违规",
                     public=True, until=None if days is None else now + timedelta(days=days))  # fmt: skip

    def measure(self, kind: str, days: int | None = None, resource: str = "") -> str:
        made = measures.propose(self.store, self.clock, actor=ANNA, enterprise=self.acme, kind=kind, facts="many",
                                resource=resource).measure  # fmt: skip
        starts = self.clock.now() + timedelta(hours=1)
        measures.decide(self.store, self.clock, actor=BEN, measure=made, starts=starts,
                        ends=None if days is None else starts + timedelta(days=days))  # fmt: skip
        return made

    def uses(self) -> set[str]:
        found = restrictions.of_enterprises(self.store, [self.acme], at=self.clock.now())
        return set().union(*(each.uses for each in found))

    def check(self, on_behalf: str = "") -> Any:
        actor = Actor("key", party=self.store.parties.party("acme"), key="k", scopes=frozenset({"check"}))
        ask = Ask(Channel.CALLS, Category.LOAN, on_behalf=on_behalf)
        return self.checker.check(actor=actor, ask=ask, numbers=["13800138000"])


@pytest.fixture
def office(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Office:
    return Office(store, keys, clock, plan, rulebooks)


@pytest.mark.parametrize(("kind", "uses"), [
    ("warn", set()), ("limit_new_resources", {"resources"}), ("suspend_service", {"resources", "scrubs"}),
    ("revoke", {"resources", "scrubs", "accounts", "feeds"}),
])  # fmt: skip
def test_a_measure_restricts_in_its_uses_from_its_start_to_its_end(office: Office, kind: str, uses: set[str]) -> None:
    made = office.measure(kind, days=3)
    assert office.uses() == set()
    office.clock.advance(hours=1)
    assert office.uses() == uses  # though the clockwork has not been there yet
    measures.run_due(office.store, office.clock)
    owner = Actor("key", party=office.store.parties.party("acme"), key="k")
    measures.appeal(office.store, office.clock, actor=owner, measure=made, text="not us")
    assert office.uses() == uses
    office.clock.advance(days=3)
    assert office.uses() == set()


def test_a_measure_that_is_appealed_against_before_it_begins_restricts_nobody_yet(office: Office) -> None:
    made = office.measure("revoke")
    owner = Actor("key", party=office.store.parties.party("acme"), key="k")
    measures.appeal(office.store, office.clock, actor=owner, measure=made, text="not us")
    office.clock.advance(hours=2)
    assert office.uses() == set()
    measures.decide_appeal(office.store, office.clock, actor=officer("cleo"), measure=made, granted=False, note="no")
    assert "accounts" in office.uses()


def test_a_granted_appeal_frees_at_once_and_one_port_restricts_nobody(office: Office) -> None:
    made = office.measure("revoke")
    office.measure("limit_new_resources", resource="r_1")
    office.clock.advance(hours=2)
    measures.run_due(office.store, office.clock)
    assert restrictions.everybody(office.store, at=office.clock.now())[0].source == made
    then = office.clock.now()
    office.clock.advance(minutes=1)
    measures.lift(office.store, office.clock, actor=officer("cleo"), measure=made, note="wrong")
    assert office.uses() == set()
    assert restrictions.of_enterprises(office.store, [office.acme], at=then)  # what was stays known


def test_who_is_restricted_has_no_number_checked_and_is_charged_nothing(office: Office) -> None:
    assert office.check().answers
    office.list(office.acme, days=2)
    with pytest.raises(NotAllowedError) as raised:
        office.check()
    assert raised.value.code == "restricted"
    office.clock.advance(days=2)
    assert office.check().answers


def test_whoever_acts_for_a_restricted_company_is_bound_as_it_is(office: Office) -> None:
    store, clock = office.store, office.clock
    bank = organisations.add_principal(store, clock, party="acme", name="某银行", company=BANK).principal
    assert office.check(bank).answers
    office.list(enterprises.enrol(store, clock, name="某银行", company=BANK).enterprise)
    with pytest.raises(NotAllowedError):
        office.check(bank)
    assert office.check().answers


def test_a_restricted_name_gets_no_account_by_hand_and_no_national_list(office: Office) -> None:
    office.list(enterprises.enrol(office.store, office.clock, name="乙公司").enterprise)
    about: dict[str, Any] = {"name_zh": "乙有限公司", "name_en": "Yi"}
    for kind, scope in (("telemarketer", "home"), ("carrier", "national")):
        with pytest.raises(ConflictError) as raised:
            parties.add_party(office.store, office.clock, party="yi", kind=kind, scope=scope, **about)
        assert raised.value.code == "restricted"
    assert parties.add_party(office.store, office.clock, party="yi", kind="carrier", **about).scope == "home"


def test_a_restricted_carrier_keeps_its_list_and_its_blocks_and_gets_no_new_ones(office: Office) -> None:
    def give(*prefixes: str) -> list[Line]:
        return resellers.add_blocks(office.store, office.clock, office.plan, reseller="snail",
                                    prefixes=list(enumerate(prefixes, 1)))  # fmt: skip

    assert not give("165000")[0].reason
    office.list(office.snail)
    assert [line.reason for line in give("165000", "165001")] == ["", "restricted"]
    assert [block.prefix for block in resellers.blocks_of(office.store, "snail")] == ["165000"]
    public = keydelivery.public_of(bytes(range(32)))
    with office.store.writing():
        office.store.feeds.put_key(party="snail", public_key=public, at=0)
    assert keydelivery.deliver(office.store, office.clock, office.keys, Settings().keys, party="snail")

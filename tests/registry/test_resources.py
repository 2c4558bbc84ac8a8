"""Tests of number resources: who answers for a caller at any moment, what is a gap, what was sublet or changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry import enterprises, resources
from registry.companynames import skeleton
from registry.errors import ConflictError, InvalidInputError
from registry.keys import KeyRing
from registry.numbers import parse_caller
from registry.preferences import Category
from registry.resources import Chain, Resource, chain_at, chains_at
from registry.sealing import seal_one
from registry.store import Store
from registry.times import to_micros
from registry.uscc import CompanyNumber
from tests.doubles import FakeClock
from tests.registry.gatheringup import Pile

START = datetime(2026, 1, 1, tzinfo=UTC)


class Register:
    """A store with a ledger, and short ways to fill and ask it."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan

    def enter(self, digits: str, *, days: tuple[int, int | None] = (0, None), **more: str) -> Resource:
        caller = parse_caller(digits, self.plan)
        number = seal_one(self.keys.at_rest, caller) if caller.kind == 1 else None
        values = {"carrier": "", "provider": "", "content": "", "purpose": "", "licence": "", "signature": ""} | more
        until = None if days[1] is None else START + timedelta(days=days[1])
        entry = Resource(
            resource=resources.new_id(), kind="port" if number is None else "plain",
            prefix="" if number else digits, number=number, since=START + timedelta(days=days[0]), until=until,
            ledger="test", added=START, **values,
        )
        with self.store.writing():
            self.store.enterprises.put_resources([entry])
        return entry

    def chain(self, digits: str, day: int = 1) -> Chain:
        return chain_at(
            self.store, self.keys, self.plan, parse_caller(digits, self.plan), START + timedelta(days=day)
        )


@pytest.fixture
def register(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Register:
    return Register(store, keys, clock, plan)


def test_an_extension_is_answered_for_by_the_longest_digits_and_what_they_leave_open_by_those_above(
    register: Register,
) -> None:
    register.enter("10690001", carrier="cmcc", provider="e_sender", purpose="marketing", signature="某公司")
    nearest = register.enter("1069000123", content="e_shop", purpose="notices")
    found = register.chain("106900012388")
    assert (found.carrier, found.provider, found.content) == ("cmcc", "e_sender", "e_shop")
    assert (found.resource, found.purpose, found.signature) == (nearest.resource, "notices", "某公司")
    assert (found.gaps, found.sublet, found.answerable) == ((), False, "e_sender")
    above = register.chain("1069000199")
    assert (above.provider, above.content, above.gaps) == ("e_sender", "", ("content",))


def test_a_past_chain_stays_known_when_a_resource_goes_to_somebody_else(register: Register) -> None:
    register.enter("95501", days=(0, 30), carrier="ctcc", provider="e_before")
    register.enter("95501", days=(30, None), carrier="cucc", provider="e_after")
    assert [register.chain("95501", day).provider for day in (1, 29, 30, 400)] == [
        "e_before", "e_before", "e_after", "e_after",
    ]  # fmt: skip
    assert register.chain("95501", -1) == Chain()


def test_a_plain_number_is_served_by_whom_it_was_ported_to_and_else_by_its_range(register: Register) -> None:
    caller = parse_caller("13800138000", register.plan)
    assert register.chain("13800138000").carrier == register.plan.carrier_of(caller) != ""
    assert register.chain("13800138000").gaps == ("provider", "content")
    with register.store.writing():
        register.store.registrations.put_porting(
            number=seal_one(register.keys.at_rest, caller),
            at=resources.to_micros(START + timedelta(days=10)), carrier="cbn",
        )
    register.enter("13800138000", provider="e_room")
    assert (register.chain("13800138000", 5).carrier, register.chain("13800138000", 15).carrier) == (
        register.plan.carrier_of(caller), "cbn",
    )  # fmt: skip
    assert register.chain("13800138000").provider == "e_room"


def test_many_callers_are_answered_as_each_alone(register: Register) -> None:
    register.enter("10690001", carrier="cmcc", provider="e_sender")
    register.enter("95501", days=(0, 3), provider="e_before")
    register.enter("13800138000", provider="e_room")
    asked = [
        (parse_caller(text, register.plan), START + timedelta(days=day))
        for text in ("1069000123", "95501", "13800138000", "13900139000", "10086", "4008001234")
        for day in (-1, 1, 5)
    ]
    tools = register.store, register.keys, register.plan
    assert chains_at(*tools, asked) == [chain_at(*tools, caller, at) for caller, at in asked]


def test_a_sublet_and_a_change_of_purpose_are_seen(register: Register) -> None:
    register.enter("10690001", provider="e_sender", purpose="notices", days=(0, 10))
    register.enter("10690001", provider="e_sender", purpose="marketing", days=(10, None))
    register.enter("106900015", provider="e_other")
    assert register.chain("1069000155").sublet
    assert not register.chain("1069000166").sublet
    entries = register.store.enterprises.of_enterprise("e_sender")
    assert [(a.purpose, b.purpose) for a, b in resources.purpose_changes(entries)] == [("notices", "marketing")]


def test_no_plain_number_stands_in_clear_in_the_register(register: Register) -> None:
    register.enter("13800138000", provider="e_room")
    row = register.store.engine.row("SELECT * FROM resource")
    assert row is not None
    assert not any("13800138000" in str(value) for value in row.values())


def test_digits_of_a_port_are_checked(register: Register) -> None:
    assert resources.prefix_of(" 1069-0001 23") == "1069000123"
    for wrong in ("", "12", "abc", "1" * 21, "１０６"):
        with pytest.raises(InvalidInputError):
            resources.prefix_of(wrong)


def test_an_enterprise_stands_once_by_number_or_by_name(store: Store, clock: FakeClock) -> None:
    code = CompanyNumber("CN", "91350211M000100Y43")
    first = enterprises.enrol(store, clock, name="某某科技有限公司")
    again = enterprises.enrol(store, clock, name="某某科技", company=code, category=Category.LOAN)
    assert (again.enterprise, again.company, again.category) == (first.enterprise, code, Category.LOAN)
    assert enterprises.enrol(store, clock, name="另一个名字", company=code).enterprise == first.enterprise
    other = enterprises.enrol(store, clock, name="某某科技有限公司", company=CompanyNumber("SG", "2020X"))
    assert other.enterprise != first.enterprise
    assert enterprises.enterprise_of(store, first.enterprise) == again


def test_an_enterprise_has_one_account_at_most(store: Store, clock: FakeClock) -> None:
    enterprises.enrol(store, clock, name="某某科技", party="acme")
    with pytest.raises(ConflictError):
        enterprises.enrol(store, clock, name="某某科技", party="rival")


def test_enterprises_are_found_by_part_of_a_name_and_reports_against_them_are_counted(
    store: Store, keys: KeyRing, clock: FakeClock, plan: Any
) -> None:
    pile = Pile(store, keys, clock, plan)
    code = CompanyNumber("CN", "91350211M000100Y43")
    sender, other = pile.enterprise("某某科技有限公司"), pile.enterprise("某某科技园区")
    enterprises.enrol(store, clock, name="某某科技有限公司", company=code)
    found = store.enterprises.named("", skeleton=skeleton("某科技公司"), limit=9)
    assert [each.enterprise for each in found] == [sender, other]
    assert [each.company for each in store.enterprises.named(code.number, skeleton="", limit=9)] == [code]
    assert store.enterprises.named("%", skeleton=skeleton("%"), limit=9) == ()
    pile.fall(3, enterprise=sender)
    since, until = (to_micros(clock.now() + timedelta(hours=hours)) for hours in (-1, 1))
    assert store.enterprises.reports_against(sender, since=since, until=until) == 3
    with store.writing():
        store.engine.run("UPDATE handling SET held = 'bombing' WHERE source_id = 'r1'")
        store.engine.run("UPDATE handling SET provider = '', content = :it WHERE source_id = 'r2'", it=other)
    counts = [store.enterprises.reports_against(each, since=since, until=until) for each in (sender, other)]
    assert counts == [1, 1]
    assert store.enterprises.reports_against(sender, since=until, until=until) == 0

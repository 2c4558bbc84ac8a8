"""Who answers for a number: the chain with its gaps at a moment, what stood there, and the plan else."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest

from registry import answerers, ledgers, parties
from registry.answerers import Answer
from registry.errors import InvalidInputError
from registry.keys import KeyRing
from registry.ledger_rows import FIELDS
from registry.readers import read
from registry.store import Store
from tests.doubles import FakeClock

LIST = """kind,prefix,number,provider,content,purpose,from
port,10690001,,甲公司,,notices,2026-01-01
port,106900015,,,丁公司,,2026-01-01
code,95501,,,,support,2026-01-01
plain,,13800138000,甲公司,丙商场,support,2026-02-01
"""


class Desk:
    """An officer's question over one ledger."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan
        parties.add_party(store, clock, party="cmcc", kind="carrier", name_zh="移动", name_en="CMCC")
        ledgers.take_in(
            store, keys, clock, plan, actor="test", carrier="cmcc", day=clock.now(),
            rows=read(io.BytesIO(LIST.encode()), format="csv", columns=FIELDS),
        )

    def ask(self, text: str, days: float = 0.5) -> Answer:
        caller = answerers.asked(text, self.plan, country="CN")
        at = self.clock.now() + timedelta(days=days)
        return answerers.answer(self.store, self.keys, self.plan, caller, at=at)


@pytest.fixture
def desk(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Desk:
    return Desk(store, keys, clock, plan)


def test_a_chain_with_gaps_says_which_links_nobody_is_known_of(desk: Desk) -> None:
    assert desk.ask("95501").chain.gaps == ("provider", "content")
    extension = desk.ask("1069000151234")  # what it leaves open is taken from above
    assert (extension.chain.gaps, [each.prefix for each in extension.covering]) == ((), ["106900015", "10690001"])
    assert desk.ask("106900019").chain.gaps == ("content",)
    assert desk.ask("95501", days=-3000).chain.gaps == ("carrier", "provider", "content")
    gaps = desk.store.enterprises.with_gaps(at=1 << 60, carrier="cmcc", limit=9)
    assert {each.prefix for each in gaps} == {"10690001", "106900015", "95501"}
    assert desk.store.enterprises.with_gaps(at=1 << 60, carrier="cucc", limit=9) == ()


def test_a_number_in_no_ledger_is_answered_from_the_plan_and_a_known_one_is_masked(desk: Desk) -> None:
    landline = desk.ask("020-87654321")
    assert (landline.sort, landline.province, landline.history) == ("landline", "guangdong", ())
    assert (landline.planned, landline.chain.carrier) == (landline.chain.carrier, landline.planned)
    assert desk.ask("13911112222").sort == "mobile"
    known = desk.ask("13800138000")
    assert (known.shown, known.chain.gaps, len(known.history)) == ("138****8000", (), 1)


def test_the_first_digits_of_a_port_show_what_stands_beneath_them(desk: Desk) -> None:
    found = desk.ask("1069")
    assert [each.prefix for each in found.beneath] == ["10690001", "106900015"]
    assert (found.sort, found.shown) == ("port", "1069")
    assert [each.prefix for each in desk.ask("10690001").beneath] == ["106900015"]
    assert desk.ask("1070").beneath == ()


@pytest.mark.parametrize("text", ["", "12", "hello", "1.38e10", "1" * 21])
def test_what_is_no_number_and_no_prefix_is_refused_without_saying_it_again(desk: Desk, text: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        desk.ask(text)
    assert not text or text not in str(raised.value)

"""Reports and cases that become clues: rows of handling as taking in leaves them, and an office that packs them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from registry import enterprises
from registry.cases import Case
from registry.cluemaking import Office
from registry.handling import Handling
from registry.keys import KeyRing
from registry.numbers import parse_caller
from registry.preferences import Category
from registry.quarters import Quarter
from registry.receiptkeys import ReceiptKeys
from registry.sealing import seal_one
from registry.store import Store
from registry.uscc import company_number
from tests.doubles import FakeClock
from tests.registry.gatheringup import member

ZONE, Q = "Asia/Shanghai", Quarter(2026, 3)
FIRST, AFTER = Q.bounds(ZONE)
IN_Q = FIRST + timedelta(days=40)
SIGNING = ReceiptKeys([bytes(range(32))])
COMPANY = "91110000802100433B"


class Desk:
    """A store into which reports fall, and the office that makes clues of them."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan
        self.office = Office(store, clock, keys, SIGNING, ZONE)
        self.ann, self.bea = member("investigator", "ann", clock), member("decider", "bea", clock)
        self.count = 0

    def fall(self, n: int = 1, *, at: datetime = IN_Q, caller: str = "13800138000", **values: Any) -> list[Handling]:
        """Reports of people that were received at a moment; upheld loans unless said otherwise."""
        made = []
        number = seal_one(self.keys.at_rest, parse_caller(caller, self.plan))
        for _ in range(n):
            self.count += 1
            letters = "".join("bcdfghjkmn"[int(digit)] for digit in f"{self.count:012}")
            base = Handling(
                "people", f"r{self.count}", letters, "accepted", "", at, at, "commercial", "call", 0,
                int(Category.LOAN), "human", number, 1, "beijing", "cmcc", "", "", "", "2026", "violation",
                "everything_declined", None, at,
            )  # fmt: skip
            made.append(replace(base, **values))
        with self.store.writing():
            self.store.handling.add(made)
        return made

    def crime(self, n: int = 1, **values: Any) -> list[Handling]:
        """Reports of fraud that came ten minutes ago."""
        values = {"at": self.clock.now() - timedelta(minutes=10), "class_": "unlawful", "verdict": "allowed"} | values
        return self.fall(n, **values)

    def enterprise(self, name: str = "某贷款有限公司", **values: Any) -> str:
        return enterprises.enrol(
            self.store, self.clock, name=name, company=company_number(COMPANY), **values
        ).enterprise

    def case(self, name: str = "bcdfghjkmnpq", *, state: str = "open", at: datetime = IN_Q, **values: Any) -> Case:
        """A case of three reports about loans."""
        made = replace(
            Case(name, self.enterprise(), state, "campaign", int(Category.LOAN), "call", at, at, None, reports=3,
                 numbers=2, first=at, last=at), **values,
        )  # fmt: skip
        with self.store.writing():
            self.store.cases.put(made)
        return made

    def change(self, found: Handling, action: str, **values: Any) -> None:
        """Change a report now, by a move."""
        from registry.times import to_micros

        now = to_micros(self.clock.now())
        with self.store.writing():
            self.store.handling.change(found.source, found.source_id, updated=now, **values)
            self.store.handling.note(found, at=now, actor="x", action=action, state="", note="")

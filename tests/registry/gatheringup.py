"""Reports that gather, without the way they came: rows of report and handling, as taking in leaves them."""

from __future__ import annotations

from typing import Any

from registry import enterprises
from registry.access import Actor
from registry.gathering import Gatherer
from registry.handling import Handling
from registry.keys import FIRST_EPOCH, KeyRing
from registry.numbers import parse_caller
from registry.parties import Member, Party
from registry.sealing import seal_one, seal_text
from registry.settings import CaseSettings
from registry.store import Store
from registry.times import to_micros
from registry.workdays import Calendar
from tests.doubles import FakeClock

SETTINGS = CaseSettings(reports=10, numbers=4, bombing_reporters=6, near_percent=90)
TEXT = "低息贷款当天放款，无需抵押，加微信咨询，退订回T"


class Pile:
    """A store into which reports fall, and the gatherer over it."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> None:
        self.store, self.keys, self.clock, self.plan = store, keys, clock, plan
        self.calendar = Calendar(plan.holidays, "Asia/Shanghai")
        self.gatherer = Gatherer(store, clock, keys, SETTINGS, self.calendar)
        self.count = 0

    def enterprise(self, name: str) -> str:
        return enterprises.enrol(self.store, self.clock, name=name).enterprise

    def fall(
        self, n: int, *, enterprise: str = "", caller: str = "13800138000", text: str = "", source: str = "cmcc",
        person: str = "", verdict: str = "violation", resource: str = "",
    ) -> list[Handling]:  # fmt: skip
        now, made, rows = self.clock.now(), [], []
        number = seal_one(self.keys.at_rest, parse_caller(caller, self.plan))
        called = seal_one(self.keys.at_rest, parse_caller("13700137000", self.plan))
        key = self.keys.derive("at-rest", "report", FIRST_EPOCH)
        for _ in range(n):
            self.count += 1
            name = f"r{self.count}"
            letters = "".join("bcdfghjkmn"[int(digit)] for digit in f"{self.count:012}")
            made.append(Handling(
                source, name, letters, "accepted", "", now, now, "commercial", "message", 2, 0, "", number, 1, "",
                "cmcc", enterprise, "", resource, "2026", verdict, "everything_declined", None, now,
            ))  # fmt: skip
            rows.append({
                "source": source, "source_id": name, "batch": "b", "line": self.count,
                "reporter": (person or f"p{self.count}").encode().ljust(16, b"-") if source == "people" else None,
                "called": called, "caller": number, "channel": 2, "category": 0, "content": 0,
                "at": to_micros(now), "duration": None, "mode": None, "telemarketer": None,
                "description": seal_text(key, text) if text else None, "received": to_micros(now),
                "verdict": verdict, "reason": "everything_declined", "rule": "49(6)", "rulebook": "2026",
            })  # fmt: skip
        with self.store.writing():
            self.store.reports.add(rows)
            self.store.handling.add(made)
        return made

    def gather(self, *, later: int = 3700) -> dict[str, int]:
        """Gather once the reports have settled."""
        self.clock.advance(later)
        from registry.gathering import gather

        return gather(self.gatherer)

    def cases(self) -> list[tuple[str, str, int]]:
        return [(case.enterprise, case.why, case.reports) for case in self.store.cases.queue(
            states=("open",), sort="opened", descending=False, limit=100, after=0)]  # fmt: skip


def member(role: str, name: str, clock: FakeClock) -> Actor:
    """Somebody of the regulator's office who has proved the second factor."""
    office = Party("regulator", 0, "regulator", "局", "Office", "active", "home", True, clock.now())
    return Actor("member", role=role, member=Member(name, "regulator", f"{name}@x.example", name, role, "active", True),
                 party=office, strong=True)  # fmt: skip

"""Who takes part in the scripted quarter: carriers, people, enterprises and what they call from, who evades; its clock.

Rules of this room: all that is drawn follows from one seed; numbers are valid under the plan and belong to nobody we
know; names of enterprises are made up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from registry import enterprises, parties, registrations
from registry.numbering import draw_numbers
from registry.numbers import Number
from registry.preferences import EVERYTHING, Category
from registry.resources import Resource
from registry.sealing import SealedNumber, seal_many, seal_one
from registry.times import to_micros

if TYPE_CHECKING:
    import numpy.typing as npt

    from registry.assembly import Registry

CARRIERS = (
    ("cmcc", "中国移动", "China Mobile"),
    ("ctcc", "中国电信", "China Telecom"),
    ("cucc", "中国联通", "China Unicom"),
)
CUSTOMERS = 10  # registered numbers for each person who reports
STRANGERS = 2000  # callers that nobody answers for
JUST_UNDER, SPREAD, INNOCENT, OLD_HOLDER = "只差一点公司", "处处分散公司", "无辜百货公司", "旧号使用公司"
UNTOLD = "号码易主公司"  # whose number has another holder, and nobody tells the registry
NUMBERS = {JUST_UNDER: 10, SPREAD: 40, INNOCENT: 1, OLD_HOLDER: 1, UNTOLD: 1}
_PORT, _HOTLINE = 106_910_000_000, 4_000_000_000
_ACCOUNTS = 20  # of the enterprises that have an account, and so a desk of their own


@dataclass(frozen=True)
class Size:
    """How much is drawn."""

    reports: int
    people: int
    organisations: int


@dataclass(frozen=True)
class World:
    """Who takes part. `called`: by carrier, digits of its customers; `people`: digits of those who report themselves;
    `callers`: as text, by enterprise (id); `named`: enterprises (id) that the script knows, by name."""

    called: dict[str, npt.NDArray[np.uint64]]
    people: npt.NDArray[np.uint64]
    callers: dict[str, list[str]]
    strangers: list[str]
    named: dict[str, str]
    desks: tuple[str, ...]


@dataclass
class DemoClock:
    """A clock that the script moves."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment


@dataclass
class SilentGateway:
    """Takes text messages and sends none; counts them."""

    name: str = "silent"
    taken: int = 0

    def send(self, number: Number, text: str) -> None:  # noqa: ARG002 - nobody is written to
        """Take one message."""
        self.taken += 1


@dataclass
class Shown:
    """What the quarter came to. `checks`: what must hold, and whether it does; `took`: seconds by part."""

    checks: dict[str, bool] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, part: str, began: float) -> None:
        """Note how long a part took."""
        self.took[part] = self.took.get(part, 0.0) + time.monotonic() - began


def build(registry: Registry, size: Size, seed: int, begins: datetime) -> World:
    """Enter parties, registrations, enterprises and resources, in force from a moment on."""
    store, clock = registry.store, registry.clock
    for party, name_zh, name_en in CARRIERS:
        parties.add_party(store, clock, party=party, kind="carrier", name_zh=name_zh, name_en=name_en)
    accounts = []
    for place in range(min(_ACCOUNTS, size.organisations)):
        name = f"desk{place:02}"
        parties.add_party(
            store, clock, party=name, kind="telemarketer", name_zh=f"企业{place}", name_en=f"Company {place}"
        )
        accounts.append(name)
    own = 2 * sum(NUMBERS.values())  # other carriers' numbers are passed over
    customers = size.people * CUSTOMERS
    drawn = draw_numbers(registry.plan, customers + STRANGERS + own + size.organisations, seed, landlines=0.0)
    customer_digits, rest = drawn[:customers], drawn[customers:].tolist()
    _register(registry, customer_digits, begins)
    served = registry.plan.carriers_of(customer_digits)
    known = {party for party, _zh, _en in CARRIERS}
    plain = [digits for digits in rest[STRANGERS:] if registry.plan.carrier_of(Number(1, digits)) in known]
    callers, named = _enterprises(registry, size, accounts, plain, begins)
    return World(
        {party: customer_digits[served == registry.plan.carriers.index(party)] for party, _zh, _en in CARRIERS},
        customer_digits[: size.people], callers, [f"+{digits}" for digits in rest[:STRANGERS]], named,
        (*(party for party, _zh, _en in CARRIERS), *accounts),
    )


def _register(registry: Registry, digits: npt.NDArray[np.uint64], begins: datetime) -> None:
    """All customers decline everything, since long before the quarter."""
    calls, robocalls, messages = (
        np.full(len(digits), mask) for mask in (EVERYTHING.calls, EVERYTHING.robocalls, EVERYTHING.messages)
    )
    registrations.load_many(
        registry.store, registry.clock, sealed=seal_many(registry.keys.at_rest, digits), calls=calls,
        robocalls=robocalls, messages=messages, quiet=np.zeros(len(digits), np.int64), source="demo",
        at=np.full(len(digits), to_micros(begins)),
    )


def _enterprises(
    registry: Registry, size: Size, accounts: list[str], plain: list[int], begins: datetime
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Enterprises and what they call from: ports, hotlines and plain numbers in turn; the script's from plain ones."""
    callers: dict[str, list[str]] = {}
    named: dict[str, str] = {}
    made, numbers = list[Resource](), iter(plain)
    for place in range(size.organisations):
        enterprise = enterprises.enrol(
            registry.store, registry.clock, name=f"示例第{place}号有限公司", category=Category(place % 16),
            party=accounts[place] if place < len(accounts) else "",
        ).enterprise
        kind = ("port", "service", "plain")[place // 3 % 3]
        digits = {"port": _PORT + place * 10, "service": _HOTLINE + 100_000 + place}.get(kind) or next(numbers)
        made.append(_resource(registry, len(made), kind, digits, CARRIERS[place % 3][0], enterprise, begins))
        callers[enterprise] = [f"+{digits}"] if kind == "plain" else [str(digits)]
    for name, count in NUMBERS.items():
        enterprise = enterprises.enrol(registry.store, registry.clock, name=name, category=Category.LOAN).enterprise
        named[name] = enterprise
        held = [next(numbers) for _ in range(count)]
        made += [
            _resource(registry, len(made) + nth, "plain", digits, "", enterprise, begins)
            for nth, digits in enumerate(held)
        ]
        callers[enterprise] = [f"+{digits}" for digits in held]
    with registry.store.writing(about="enterprises"):
        registry.store.enterprises.put_resources(made)
    return callers, named


def _resource(
    registry: Registry, place: int, kind: str, digits: int, carrier: str, enterprise: str, begins: datetime
) -> Resource:
    number: SealedNumber | None = None
    if kind == "plain":
        number = seal_one(registry.keys.at_rest, Number(1, digits))
        carrier = registry.plan.carrier_of(Number(1, digits))
    return Resource(
        f"r_{place:016x}", kind, "" if number else str(digits), number, carrier, enterprise, "", "marketing", "", "",
        begins, None, "demo", registry.clock.now(),
    )  # fmt: skip

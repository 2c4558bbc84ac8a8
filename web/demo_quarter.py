"""`decline-call demo quarter`: a quarter of reports, desks that answer, cases that open, and a recount, in minutes.

Rules of this room: everything that is drawn follows from one seed; reports come through the real intake, desks make
real moves, cases gather by the clockwork's own job; only the clock is ours. What is shown is checked, and a check that
fails ends the command with 1.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from registry import deadlines, gathering, handling, numberevents, opendata, reports
from registry.access import Actor
from registry.assembly import Registry, assemble, prepare
from registry.errors import ConflictError
from registry.numbers import Number
from registry.preferences import Category
from registry.quarters import quarter_named
from registry.readers.rows import Row
from registry.sealing import seal_one
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.times import iso
from web import demo_bulletin, demo_recount
from web.demo_world import CARRIERS, INNOCENT, JUST_UNDER, OLD_HOLDER, SPREAD, Size, World, build

if TYPE_CHECKING:
    from registry.handling import Handling

QUARTER = "2026-Q3"
DAYS = 92
BOMBERS, BOMBED_ON = 60, 45
MARKED_ON, RECYCLED_ON, LATE_ON = 20, 40, 43
JUST_UNDER_EACH, SPREAD_EACH = 19, 4  # reports of each number
OLD_EACH, MARKING, LATE_EACH = 8, 8, 25  # of the old holder's number: carriers', people's, and those that come too late
ANSWERED = 50  # one report in so many is answered by its desk
_TEXT = "{}号示例公司推广：本季优惠，满{}减{}，详询门店，拒收请回复R"
_BOMB = "无辜百货公司骗人，大家都来举报，转发给更多的人，让它关门"
_CHANNELS = ("calls", "robocalls", "messages")


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


class Quarter:
    """The script over one instance."""

    def __init__(self, registry: Registry, size: Size, seed: int) -> None:
        self.clock = DemoClock(quarter_named(QUARTER).bounds(registry.settings.numbers.zone)[0])
        self.begins, self.zone = self.clock.moment, registry.settings.numbers.zone
        self.registry, self.size = replace(registry, clock=self.clock), size
        self.random = np.random.default_rng(seed)
        self.shown, self.texts = Shown(), SilentGateway()
        began = time.monotonic()
        self.world: World = build(self.registry, size, seed, self.begins - timedelta(days=60))
        self.shown.add("world", began)
        self._weights = 1 / np.arange(1, size.organisations + 1) ** 1.2
        self._weights /= self._weights.sum()
        self._ids = list(self.world.callers)[: size.organisations]
        self._scripted = self._draw_scripted()
        self._by_script = BOMBERS + MARKING + LATE_EACH + sum(map(len, self._scripted.values()))

    def play(self) -> Shown:
        """Play all days, then let everything settle, and look at what came of it."""
        for day in range(DAYS):
            self._day(day)
        self._at(DAYS, 12)
        self._gather()
        self._check()
        return self.shown

    def bulletin(self) -> str:
        """The quarter's figures at the usual cut-off, as canonical text."""
        began, quarter = time.monotonic(), quarter_named(QUARTER)
        self.clock.moment = max(self.clock.moment, demo_bulletin.ready(quarter, self.zone))
        text = demo_bulletin.figures(self.registry, quarter)
        self.shown.add("bulletin", began)
        return text

    def answer_later(self) -> None:
        """Desks answer once more, days after the cut-off."""
        self.clock.moment += timedelta(days=3)
        self._answer(DAYS)

    # what comes in

    def _draw_scripted(self) -> dict[int, list[str]]:
        """Callers of the script's enterprises by day: one number after the other, or a few of many each week."""
        world, found = self.world, dict[int, list[str]]()
        under, spread = world.callers[world.named[JUST_UNDER]], world.callers[world.named[SPREAD]]
        for place, caller in enumerate(under):
            for nth in range(JUST_UNDER_EACH):
                found.setdefault(min(place * 9 + nth % 9, DAYS - 1), []).append(caller)
        for place in range(len(spread) * SPREAD_EACH):
            found.setdefault(place * (DAYS - 2) // (len(spread) * SPREAD_EACH), []).append(spread[place % len(spread)])
        for nth in range(OLD_EACH):
            found.setdefault(nth * 3, []).append(world.callers[world.named[OLD_HOLDER]][0])
        return found

    def _day(self, day: int) -> None:
        began = time.monotonic()
        self._at(day, 11)
        usual = self.size.reports - self.size.people - self._by_script
        count = usual * (day + 1) // DAYS - usual * day // DAYS
        scripted = [self._row(caller, "calls", Category.LOAN) for caller in self._scripted.get(day, ())]
        rows = self._usual(count) + scripted
        self.random.shuffle(rows)
        for place, (party, _zh, _en) in enumerate(CARRIERS):
            self._send(party, rows[place :: len(CARRIERS)])
        self.shown.add("carriers' reports", began)
        began = time.monotonic()
        self._at(day, 15)
        self._people(day)
        self.shown.add("people's reports", began)
        if day == RECYCLED_ON:
            self._recycle()
        if day in (MARKED_ON + 1, RECYCLED_ON, LATE_ON):
            self._mark(day)
        if day % 7 == 4:
            self._answer(day)
            self._pass_time()
        self._at(day, 22)
        self._gather()

    def _usual(self, count: int) -> list[dict[str, Any]]:
        world = self.world
        picks = self.random.choice(len(self._ids), count, p=self._weights).tolist()
        kinds = self.random.choice(3, count, p=(0.45, 0.2, 0.35)).tolist()
        strange = (self.random.random(count) < 0.15).tolist()
        draws = self.random.integers(0, 1 << 30, count).tolist()
        rows = []
        for pick, kind, unknown, draw in zip(picks, kinds, strange, draws):
            caller = world.strangers[draw % len(world.strangers)] if unknown else world.callers[self._ids[pick]][0]
            if not unknown and caller.startswith("106"):
                kind, caller = 2, f"{caller}{draw % 50:02}"
            row = self._row(caller, _CHANNELS[kind], Category(pick % 16), draw)
            if kind == 2 and draw % 3 == 0:
                row["description"] = _TEXT.format(pick, 100 + pick, draw % 90)
            row["neighbour"] = draw % 5 == 0
            rows.append(row)
        return rows

    def _row(self, caller: str, channel: str, category: Category, draw: int | None = None) -> dict[str, Any]:
        """One contact of the last hours; whom it reached is settled when it is sent."""
        drawn = int(self.random.integers(0, 1 << 30)) if draw is None else draw
        self.shown.counts["reports"] = self.shown.counts.get("reports", 0) + 1
        row = {
            "id": f"q{self.shown.counts['reports']}", "caller": caller, "channel": channel,
            "category": category.slug, "content": "commercial", "place": drawn,
            "at": iso(self.clock.moment - timedelta(seconds=60 + drawn % 7200)),
        }  # fmt: skip
        if channel != "messages":
            row |= {"duration": drawn % 90, "mode": "recorded" if channel == "robocalls" else "human"}
        return row

    def _send(self, party: str, rows: list[dict[str, Any]]) -> None:
        own, registry = self.world.called[party], self.registry
        for row in rows:
            digits = int(own[row.pop("place") % len(own)])
            row["called"] = f"+{digits ^ row.pop('neighbour', False)}"  # a neighbour's number has declined nothing
        taken = reports.take_in(
            registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=party,
            kind="carrier", rows=[Row(line, b"", row) for line, row in enumerate(rows, 1)],
            shelf=registry.shelf, zone=registry.settings.numbers.zone,
        )  # fmt: skip
        for name in ("accepted", "quarantined", "duplicates"):
            self.shown.counts[name] = self.shown.counts.get(name, 0) + getattr(taken, name)

    def _people(self, day: int) -> None:
        people, world = self.world.people, self.world
        first, last = len(people) * day // DAYS, len(people) * (day + 1) // DAYS
        for digits, row in zip(people[first:last].tolist(), self._usual(last - first)):
            self._person(digits, row)
        if day == BOMBED_ON:
            caller = world.callers[world.named[INNOCENT]][0]
            for digits in people[:BOMBERS].tolist():
                self.clock.moment += timedelta(seconds=45)
                self._person(digits, self._row(caller, "messages", Category.RETAIL) | {"description": _BOMB})
        caller = world.callers[world.named[OLD_HOLDER]][0]
        if day == MARKED_ON:
            for digits in people[:MARKING].tolist():
                self._person(digits, self._row(caller, "calls", Category.LOAN))
        if day == LATE_ON:  # about calls of before the number had another holder
            before = iso(self.clock.moment - timedelta(days=10))
            for digits in people[:LATE_EACH].tolist():
                self._person(digits, self._row(caller, "calls", Category.LOAN) | {"at": before})

    def _person(self, digits: int, row: dict[str, Any]) -> None:
        registry, fields = self.registry, {**row, "called": f"+{digits}"}
        for name in ("place", "neighbour"):
            fields.pop(name, None)
        reports.take_one(
            registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source="people",
            kind="people", fields=fields, reporter=seal_one(registry.keys.at_rest, Number(1, digits)),
            shelf=registry.shelf, zone=registry.settings.numbers.zone,
        )  # fmt: skip
        self.shown.counts["accepted"] = self.shown.counts.get("accepted", 0) + 1

    def _recycle(self) -> None:
        """The old holder's number gets another one: its carrier says so."""
        registry, caller = self.registry, self.world.callers[self.world.named[OLD_HOLDER]][0]
        carrier = registry.plan.carrier_of(Number(1, int(caller[1:])))
        numberevents.take_one(
            registry.store, registry.keys, registry.clock, registry.plan, source=carrier,
            fields={"id": "recycled-1", "number": caller, "kind": "recycled", "at": iso(self.clock.moment)},
        )  # fmt: skip
        done = numberevents.carry_out_due(
            registry.store, registry.clock, registry.keys, registry.plan, registry.settings
        )
        self.shown.checks["the recycled number's event was carried out"] = done["done"] == 1

    def _mark(self, day: int) -> None:
        """Count open data, and look whether the old holder's number stands as marked."""
        began, registry = time.monotonic(), self.registry
        opendata.count(registry.store, registry.clock)
        number = Number(1, int(self.world.callers[self.world.named[OLD_HOLDER]][0][1:]))
        mark = opendata.mark_of(registry.store, registry.keys, seal_one(registry.keys.at_rest, number),
                                zone=registry.settings.numbers.zone)  # fmt: skip
        name, stands = {
            RECYCLED_ON: ("its mark is cleared when the number has another holder", False),
            LATE_ON: ("late reports about the old holder do not mark the new one", False),
        }.get(day, ("a number that people report is marked", True))
        self.shown.checks[name] = (mark is not None) == stands
        self.shown.add("open data", began)

    # what becomes of it

    def _at(self, day: int, hour: int) -> None:
        self.clock.moment = self.begins + timedelta(days=day, hours=hour)

    def _tools(self) -> handling.Tools:
        registry = self.registry
        return handling.Tools(registry.store, registry.clock, registry.keys, registry.plan, registry.rulebooks,
                              registry.settings.numbers.zone)  # fmt: skip

    def _answer(self, day: int) -> None:
        """All desks answer the most urgent reports of their queues; later in the quarter many come too late."""
        began, self.clock.moment = time.monotonic(), self.clock.moment + timedelta(hours=2)
        tools = self._tools()
        each = max(1, self.size.reports * 7 // DAYS // ANSWERED // len(self.world.desks))
        for desk in self.world.desks:
            with self.registry.store.reading():
                queue = self.registry.store.handling.queue(desk, states=("forwarded",), after=0, limit=each)
            for found in queue:
                self._settle(tools, desk, found, day)
        self.shown.add("desks", began)

    def _settle(self, tools: handling.Tools, desk: str, found: Handling, day: int) -> None:
        late = found.due is not None and found.due < self.clock.moment
        name = "answered late" if late else "answered in time"
        self.shown.counts[name] = self.shown.counts.get(name, 0) + 1
        wrong = (day + len(desk) + found.category) % 5 == 0
        actor = Actor("member", role="owner")
        for action in ("find_unfounded", "feed_back") if wrong else ("find_violation", "measure", "feed_back"):
            handling.move(tools, reference=found.reference, action=action, maker="desk", actor=actor, desk=desk,
                          answer="已处理。" if action == "feed_back" else "")  # fmt: skip

    def _pass_time(self) -> None:
        """What time does: deadlines that ran out are counted, people are told, what is over is closed."""
        began = time.monotonic()
        done = deadlines.run(self._tools(), self.texts, language="zh_CN", keep=lambda: None)
        for name, count in done.items():
            self.shown.counts[name] = self.shown.counts.get(name, 0) + count
        self.shown.add("deadlines", began)

    def _gather(self) -> None:
        began = time.monotonic()
        for name, count in gathering.gather(self.registry.gatherer).items():
            self.shown.counts[name] = self.shown.counts.get(name, 0) + count
        self.shown.add("gathering", began)

    # what is shown

    def _check(self) -> None:
        store, named, checks = self.registry.store, self.world.named, self.shown.checks
        with store.reading():
            cases = {name: [case.why for case in store.cases.of_enterprise(found)] for name, found in named.items()}
            held = _count(store, "handling WHERE held = 'bombing'")
            late = _count(store, "case_report WHERE enterprise = :old AND source = 'people'", old=named[OLD_HOLDER])
        counts = self.shown.counts
        checks["every report was taken in"] = counts["accepted"] == counts["reports"] == self.size.reports
        checks["who stays just under the threshold ends as a case"] = "just_under" in cases[JUST_UNDER]
        checks["who spreads over many numbers ends as a case"] = "spread" in cases[SPREAD]
        checks["the bombed company has no case"] = cases[INNOCENT] == []
        checks["the wave against it is held and not counted"] = held == BOMBERS
        checks["reports from before the number was recycled make no case"] = cases[OLD_HOLDER] == []
        checks["late reports about it count nothing"] = late <= MARKING
        checks["desks answered, some late"] = counts["answered in time"] > 0 < counts.get("answered late", 0)
        checks["deadlines that ran out are counted"] = counts["overdue"] > 0
        checks["people are told, and what is over is closed"] = counts["told"] > 0 < counts["closed"]


def _count(store: Store, what: str, **values: str) -> int:
    row = store.engine.row(f"SELECT COUNT(*) AS n FROM {what}", **values)  # noqa: S608 - texts of this file
    return int(row["n"]) if row else 0


def play(instance: Path, size: Size, seed: int) -> Shown:
    """Play the quarter in a new instance folder, write its tables and recount them.

    Raises ConflictError instance_in_use for a folder that holds a registry already, UnavailableError no_duckdb.
    """
    demo_recount.must_have_duckdb()
    if (instance / "keys").exists():
        raise ConflictError("The quarter plays in a folder of its own, and this one is in use.", code="instance_in_use")
    prepare(instance)
    with closing(_assembled(instance)) as registry:
        script = Quarter(registry, size, seed)
        shown = script.play()
        text, began = script.bulletin(), time.monotonic()
        folder = instance / "quarter"
        demo_recount.export(registry.store, folder)
        differ = demo_recount.differences(demo_recount.said(registry.store), demo_recount.recount(folder))
        shown.checks |= demo_bulletin.checks(text, folder, quarter_named(QUARTER).bounds(script.zone))
        shown.add("recount", began)
        script.answer_later()
        shown.checks["what changes after the cut-off changes no byte of it"] = script.bulletin() == text
    for part, cells in differ.items():
        shown.checks[f"totals by {part} equal the recount by DuckDB"] = cells == 0
    return shown


def _assembled(instance: Path) -> Registry:
    """The instance, whose database does not wait for the disk: what a crash costs can be played anew."""
    registry = assemble(instance)
    url = registry.settings.store.url
    if not url.startswith("sqlite:"):
        return registry
    registry.close()
    return replace(registry, store=Store(SqliteEngine(instance / url.removeprefix("sqlite:"), synchronous="OFF")))


@click.command("quarter")
@click.option("--reports", "reports_", type=click.IntRange(3_000), default=100_000, show_default=True, help="How many.")
@click.option("--people", type=click.IntRange(BOMBERS), default=3_000, show_default=True, help="Who report themselves.")
@click.option(
    "--organisations", type=click.IntRange(30), default=400, show_default=True, help="Enterprises with resources."
)
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of everything that is drawn.")
@click.pass_obj
def quarter_command(instance: Path, reports_: int, people: int, organisations: int, seed: int) -> None:
    """A scripted quarter in a new instance folder: reports, desks, cases, evaders, and a recount of all figures."""
    began = time.monotonic()
    shown = play(instance, Size(reports_, people, organisations), seed)
    for name, holds in shown.checks.items():
        click.echo(f"{'yes' if holds else 'NO ':3}  {name}")
    click.echo(", ".join(f"{name} {count:,}" for name, count in shown.counts.items()))
    click.echo(", ".join(f"{name} {seconds:.1f} s" for name, seconds in shown.took.items()))
    click.echo(f"Played in {time.monotonic() - began:.0f} s; tables in {instance / 'quarter'}.")
    if not all(shown.checks.values()):
        raise click.exceptions.Exit(1)

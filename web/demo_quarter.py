"""`decline-call demo quarter`: a quarter of reports, desks that answer, cases, measures, a bulletin and its recount.

Rules of this room: everything that is drawn follows from one seed; carriers and people report through the real intake
(`demo_people`), desks make real moves, cases gather by the clockwork's own job, officers decide (`demo_office`); only
the clock is ours. What is shown is checked, and a check that fails ends the command with 1.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from registry import bulletins, deadlines, gathering, handling, numberevents, opendata, reports
from registry.access import Actor
from registry.assembly import Registry, assemble, prepare
from registry.errors import ConflictError
from registry.numbers import Number
from registry.preferences import Category
from registry.quarters import quarter_named
from registry.readers.rows import Row
from registry.sealing import SealedNumber, seal_one
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.times import iso
from web import demo_bulletin, demo_recount
from web.demo_office import Office
from web.demo_people import People, tools_of
from web.demo_world import (
    CARRIERS,
    INNOCENT,
    JUST_UNDER,
    OLD_HOLDER,
    SPREAD,
    UNTOLD,
    DemoClock,
    Shown,
    SilentGateway,
    Size,
    World,
    build,
)

if TYPE_CHECKING:
    from registry.handling import Handling

QUARTER = "2026-Q3"
DAYS = 92
BOMBERS, BOMBED_ON = 60, 45
MARKED_ON, RECYCLED_ON, LATE_ON, CLEARED_ON = 20, 40, 43, 48
JUST_UNDER_EACH, SPREAD_EACH = 19, 4  # reports of each number
OLD_EACH, MARKING, LATE_EACH = 8, 8, 25  # of the old holder's number: carriers', people's, and those that come too late
ANSWERED = 50  # one report in so many is answered by its desk
_TEXT = "{}号示例公司推广：本季优惠，满{}减{}，详询门店，拒收请回复R"
_BOMB = "无辜百货公司骗人，大家都来举报，转发给更多的人，让它关门"
_CHANNELS = ("calls", "robocalls", "messages")


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
        self._by_script = BOMBERS + 2 * MARKING + LATE_EACH + sum(map(len, self._scripted.values()))
        self.office = Office(self.registry, self.shown.checks, self.shown.counts)
        self.people = People(self.registry, self.shown.counts)

    def play(self) -> Shown:
        """Play all days, then let everything settle, and look at what came of it."""
        for day in range(DAYS):
            self._day(day)
        self._at(DAYS, 12)
        self._gather()
        began = time.monotonic()
        self.office.fine(self.world.named[JUST_UNDER])
        self.clock.moment += timedelta(days=3)
        self.office.week()
        self.office.look()
        self.shown.add("officers", began)
        self._check()
        return self.shown

    def publish(self) -> bulletins.Bulletin:
        """The quarter's bulletin at the usual cut-off: drafted, reviewed, published."""
        began, quarter = time.monotonic(), quarter_named(QUARTER)
        self.clock.moment = max(self.clock.moment, demo_bulletin.ready(quarter, self.zone))
        made = self.office.publish(quarter)
        self.shown.add("bulletin", began)
        return made

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
        if day == CLEARED_ON:
            began = time.monotonic()
            self.office.clear_mark(self._sealed(UNTOLD))
            self.shown.add("open data", began)
        if day % 7 == 4:
            self._answer(day)
            self._pass_time()
        self._at(day, 22)
        self._gather()
        if day % 7 == 5:
            began = time.monotonic()
            self.office.week()
            self.shown.add("officers", began)

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
            for each in (caller, world.callers[world.named[UNTOLD]][0]):
                for digits in people[:MARKING].tolist():
                    self._person(digits, self._row(each, "calls", Category.LOAN))
                self.clock.moment += timedelta(minutes=5)
        if day == LATE_ON:  # about calls of before the number had another holder
            before = iso(self.clock.moment - timedelta(days=10))
            for digits in people[:LATE_EACH].tolist():
                self._person(digits, self._row(caller, "calls", Category.LOAN) | {"at": before})

    def _person(self, digits: int, row: dict[str, Any]) -> None:
        self.people.say(digits, row)
        self.shown.counts["accepted"] = self.shown.counts.get("accepted", 0) + 1

    def _sealed(self, name: str) -> SealedNumber:
        """The first number of an enterprise of the script."""
        digits = int(self.world.callers[self.world.named[name]][0][1:])
        return seal_one(self.registry.keys.at_rest, Number(1, digits))

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
        zone = registry.settings.numbers.zone
        mark = opendata.mark_of(registry.store, registry.keys, self._sealed(OLD_HOLDER), zone=zone)
        name, stands = {
            RECYCLED_ON: ("its mark is cleared when the number has another holder", False),
            LATE_ON: ("late reports about the old holder do not mark the new one", False),
        }.get(day, ("a number that people report is marked", True))
        self.shown.checks[name] = (mark is not None) == stands
        self.shown.add("open data", began)

    # what becomes of it

    def _at(self, day: int, hour: int) -> None:
        self.clock.moment = self.begins + timedelta(days=day, hours=hour)

    def _answer(self, day: int) -> None:
        """All desks answer the most urgent reports of their queues; later in the quarter many come too late."""
        began, self.clock.moment = time.monotonic(), self.clock.moment + timedelta(hours=2)
        tools = tools_of(self.registry)
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
        done = deadlines.run(tools_of(self.registry), self.texts, language="zh_CN", keep=lambda: None)
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
        checks["a number that was wrongly marked makes no case"] = cases[UNTOLD] == []
        checks["the wave against it is held and not counted"] = held == BOMBERS
        checks["reports from before the number was recycled make no case"] = cases[OLD_HOLDER] == []
        checks["late reports about it count nothing"] = late <= MARKING
        sent, files = counts["pictures and recordings"], _count(store, "evidence_file WHERE whole = 1")
        checks["people's pictures and recordings are kept, each with its report"] = files == sent > 0
        checks["what lacks something comes back, and goes its way once completed"] = (
            counts["completed"] == counts["came back"] > 0
        )
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
        bulletin, began = script.publish(), time.monotonic()
        folder = instance / "quarter"
        demo_recount.export(registry, folder)
        differ = demo_recount.differences(demo_recount.said(registry.store), demo_recount.recount(folder))
        shown.checks |= demo_bulletin.checks(bulletin.figures, folder, quarter_named(QUARTER).bounds(script.zone))
        shown.add("recount", began)
        script.answer_later()
        shown.checks["what changes after the cut-off changes no byte of it"] = (
            demo_bulletin.figures(script.registry, quarter_named(QUARTER)) == bulletin.figures
        )
        published = bulletins.published_of(registry.store, QUARTER)
        shown.checks["what is published is what was drafted, to the byte"] = published.is_whole
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
    """A scripted quarter in a new instance folder: carriers and people report, desks answer, officers decide on cases,
    measures, a fine and a wrong mark, a bulletin is published, and DuckDB counts all figures again."""
    began = time.monotonic()
    shown = play(instance, Size(reports_, people, organisations), seed)
    for name, holds in shown.checks.items():
        click.echo(f"{'yes' if holds else 'NO ':3}  {name}")
    click.echo(", ".join(f"{name} {count:,}" for name, count in shown.counts.items()))
    click.echo(", ".join(f"{name} {seconds:.1f} s" for name, seconds in shown.took.items()))
    click.echo(f"Played in {time.monotonic() - began:.0f} s; tables in {instance / 'quarter'}.")
    if not all(shown.checks.values()):
        raise click.exceptions.Exit(1)

"""The officers' figures: what came in by day, state, industry, province, carrier, how long it took, what is in force.

Rules of this room: the period stands in the address; everything is read from counts by day and says when it was
counted; bars stand in the table of what they show; each table has its CSV, whose slugs no language changes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, render_template, request, url_for
from flask_babel import format_decimal, gettext, lazy_gettext

from registry import deskfigures
from registry.access import may
from registry.csvcells import harmless
from registry.deskfigures import AGES, LATEST, Figures, Period
from registry.errors import InvalidInputError, NotFoundError
from registry.times import local
from web import figures as names
from web import guard
from web.bulletinwords import carrier_names, cell_name
from web.casewords import STATES as CASE_STATES
from web.charts import Chart, Series, over_days
from web.current import registry_of
from web.finewords import STATES as FINE_STATES
from web.measurewords import MEASURES
from web.officers import room
from web.parties import actor
from web.peakdesk import CLASSES
from web.people import Page
from web.queues import HANDLING

blueprint = room("officefigures", __name__)

TITLES: Mapping[str, Any] = {
    "state": lazy_gettext("Where they stand"), "category": lazy_gettext("By industry"),
    "class": lazy_gettext("By class"), "province": lazy_gettext("Whom they reached"),
    "carrier": lazy_gettext("By carrier"), "enterprise": lazy_gettext("Enterprises most reported"),
}  # fmt: skip
STEPS: Mapping[str, Any] = {
    "accept": lazy_gettext("Accept what was completed"), "forward": lazy_gettext("Pass on"),
    "handle": lazy_gettext("Answer (desk)"), "tell_user": lazy_gettext("Tell the person"),
}  # fmt: skip
_QUEUE = "centre.queue"  # the reports behind a figure
_FILTERS: Mapping[str, str] = {  # what of it narrows to a name of a part
    "state": "state", "category": "category", "class": "class_", "province": "province", "carrier": "carrier",
}  # fmt: skip


@dataclass(frozen=True)
class Bar:
    """One name of a part: its link ("" none), its reports, those upheld out of those judged, its share in per cent."""

    name: str
    link: str
    reports: int
    upheld: int
    judged: int
    share: float


@dataclass(frozen=True)
class Desk:
    """One desk: its name, what narrows the queue to it, what is open there and overdue; `sees`: whether its reports may
    be listed."""

    name: str
    picked: Mapping[str, Any]
    open: int
    overdue: int
    sees: bool

    def link(self, **more: Any) -> str:
        """Where its reports are listed, "" where they are not."""
        return url_for(_QUEUE, **self.picked, **more) if self.sees else ""


@dataclass(frozen=True)
class Choice:
    """A period that can be chosen."""

    value: str
    text: str


def _today() -> date:
    registry = registry_of()
    return local(registry.clock.now(), registry.settings.numbers.zone).date()


def _period() -> Period:
    """The period that the address names; the last days for one that is none."""
    try:
        return deskfigures.period_named(request.args.get("period", LATEST)[:12], _today())
    except InvalidInputError:
        return deskfigures.period_named(LATEST, _today())


def _figures(period: Period) -> Figures:
    registry = registry_of()
    limits = registry.rulebooks.at(registry.clock.now()).deadlines
    return deskfigures.figures(
        registry.store, registry.clock, period, limits=limits, zone=registry.settings.numbers.zone
    )


@blueprint.get("/officer/figures")
@guard.member("see_overview")
def overview() -> Page:
    """All figures of a period, as charts with their tables."""
    found = _figures(_period())
    upheld, judged = found.upheld
    return render_template(
        "officer/figures.html", found=found, upheld=upheld, judged=judged, ages=_ages(), days=_days_chart(found),
        parts=[(part, title, _bars(part, found)) for part, title in TITLES.items()], step_words=STEPS,
        measure_words=MEASURES, fine_states=FINE_STATES, case_states=CASE_STATES, desks=_desks(found), choices=[
            Choice(name, gettext("The last 30 days") if name == LATEST else name)
            for name in deskfigures.offered(_today())
        ],
    )  # fmt: skip


def _ages() -> list[str]:
    """What the groups of ages are called."""
    starts = (0, *AGES)
    return [
        *(gettext("%(first)s to %(last)s days", first=first, last=end - 1) for first, end in zip(starts, AGES)),
        gettext("%(first)s days and more", first=AGES[-1]),
    ]


def _days_chart(found: Figures) -> Chart:
    counts = [tuple(each[i] for each in found.per_day) for i in range(3)]
    most = max(range(len(counts[0])), key=lambda place: counts[0][place])
    sentence = gettext(
        "%(reports)s reports in %(days)s days; the most on one day: %(most)s, on %(day)s.",
        reports=format_decimal(found.reports), days=format_decimal(len(counts[0])),
        most=format_decimal(counts[0][most]), day=found.period.days[most].isoformat(),
    ) if found.reports else gettext("No report has come in during these days.")  # fmt: skip
    return over_days(
        "days", gettext("Reports a day"), sentence, found.period.days,
        (Series(gettext("Reports"), "var(--accent)", counts[0]), Series(gettext("Upheld"), "var(--stop)", counts[1])),
        more=(Series(gettext("Unfounded"), "", counts[2]),),
    )  # fmt: skip


def _bars(part: str, found: Figures) -> list[Bar]:
    """The names of a part with their share of all reports, the most reported first."""
    rows = found.parts[part]
    called = _names(part, rows)
    return [
        Bar(called(row["name"]), _link(part, row["name"]), row["reports"], row["upheld"],
             row["upheld"] + row["unfounded"], round(100 * row["reports"] / found.reports, 1))
        for row in rows
    ]  # fmt: skip


def _link(part: str, name: str) -> str:
    """Where the reports of a name are listed, or an enterprise stands, for whoever may see them; "" for none."""
    if part == "enterprise" and may(actor(), "see_cases"):
        return url_for("enterprises.one", enterprise=name)
    if part not in _FILTERS or name == "unknown" or not may(actor(), "see_reports"):
        return ""
    picked: dict[str, Any] = {"state": "all", _FILTERS[part]: name}
    return url_for(_QUEUE, **picked)


def _names(part: str, rows: Sequence[Mapping[str, Any]]) -> Callable[[str], str]:
    """What the names of a part are called on a page."""
    store = registry_of().store
    if part == "enterprise":
        known = store.enterprises.these(row["name"] for row in rows)
        return lambda name: known[name].name if name in known else name
    if part == "state":
        return lambda name: str(HANDLING[name][1]) if name in HANDLING else name
    if part == "class":
        return lambda name: str(CLASSES.get(name, name))
    carriers = carrier_names(store) if part == "carrier" else {}
    return lambda name: cell_name(part, name, carriers)


def _desks(found: Figures) -> list[Desk]:
    """What lies where, what is overdue first."""
    called, sees = names.names(registry_of()), may(actor(), "see_reports")
    return [
        Desk(called.get(row["desk"], row["desk"]) if row["desk"] else gettext("Report centre"),
             {"desk": row["desk"]} if row["desk"] else {"where": "centre"}, row["open"], row["overdue"], sees)
        for row in found.desks
    ]  # fmt: skip


# files

_FILES: Mapping[str, tuple[tuple[str, ...], Callable[[Figures], Sequence[Sequence[object]]]]] = {
    "days": (("day", "reports", "upheld", "unfounded"), lambda found: [
        (day.isoformat(), *counts) for day, counts in zip(found.period.days, found.per_day)]),
    "steps": (("step", "ended", "late", "median_hours", "p95_hours", "deadline_working_days"), lambda found: [
        (each.step, each.ended, each.late, each.median, each.p95, each.deadline) for each in found.steps]),
    "desks": (("desk", "open", "overdue"), lambda found: [
        (row["desk"] or "centre", row["open"], row["overdue"]) for row in found.desks]),
    "cases": (("state", *(f"under_{days}_days" for days in AGES), "older"), lambda found: [
        (state, *counts) for state, counts in found.cases.items()]),
    "measures": (("measure", "in_force"), lambda found: list(found.measures.items())),
    "fines": (("state", "fines"), lambda found: list(found.fines.items())),
}  # fmt: skip


@blueprint.get("/officer/figures/<part>.csv")
@guard.member("see_overview")
def as_csv(part: str) -> Response:
    """One table of a period as CSV."""
    found = _figures(_period())
    if part in TITLES:
        heads: tuple[str, ...] = (part, "name", "reports", "upheld", "unfounded")
        called = _names(part, found.parts[part])
        rows: Sequence[Sequence[object]] = [
            (row["name"], harmless(called(row["name"])), row["reports"], row["upheld"], row["unfounded"])
            for row in found.parts[part]
        ]
    elif part in _FILES:
        heads, make = _FILES[part]
        rows = make(found)
    else:
        raise NotFoundError("There is no such file.", code="not_found")
    out = io.StringIO()
    out.write("\ufeff")
    csv.writer(out).writerows((heads, *rows))
    name = f"{part}-{found.period.name}.csv"
    return Response(out.getvalue(), mimetype="text/csv",
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip

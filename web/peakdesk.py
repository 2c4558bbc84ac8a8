"""Pages of peaks: for officers last years' lines and this year's, providers by surge, warnings; for a party its own.

Rules of this room: what one sees is in the address; a party sees its own figures alone; the calendar of peaks is
changed by command, and a calendar that cannot be used is said on the page and never breaks another one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from werkzeug.wrappers import Response

from registry import peaks, peakwarnings
from registry.errors import ConflictError, SettingsError
from registry.outside.peakfile import peaks_of
from registry.peaks import Expected, Line, Peak, Surge
from registry.peakwarnings import PeakWarning
from registry.preferences import Category
from registry.quarters import SMALLEST
from registry.times import local
from web import guard, officers, peakcharts
from web.charts import Chart
from web.current import registry_of
from web.parties import actor, own_party
from web.parties import room as party_room
from web.people import Page
from web.tables import Asked, asked

office: Blueprint = officers.room("peakdesk", __name__)
party: Blueprint = party_room("ownpeaks", __name__)

_PROVIDERS, _WARNINGS = 20, 500
CLASSES: Mapping[str, Any] = {
    "commercial": lazy_gettext("Commercial"), "malicious": lazy_gettext("Malicious"),
    "unlawful": lazy_gettext("Unlawful"),
}  # fmt: skip
WARNED: Mapping[str, tuple[str, Any]] = {  # state -> colour, words
    "told": ("warn", lazy_gettext("Told, not confirmed")),
    "confirmed": ("ok", lazy_gettext("Confirmed")),
    "no_account": ("stop", lazy_gettext("Could not be warned: no account")),
    "suspended": ("stop", lazy_gettext("Could not be warned: suspended")),
}
WHYS: Mapping[str, Any] = {
    "surge": lazy_gettext("Surge last year"), "resources": lazy_gettext("Numbers for commercial purposes"),
}  # fmt: skip


@dataclass(frozen=True)
class PeakView:
    """One peak on a page."""

    peak: Peak
    name: str
    lines: tuple[Line, ...]
    chart: Chart
    expected: Expected | None

    @property
    def year(self) -> int:
        """The year that is looked at."""
        return self.lines[0].year


@dataclass(frozen=True)
class Warned:
    """What stands of the warnings of a peak's next (or open) window."""

    year: int
    warnings: tuple[PeakWarning, ...]
    may_warn: bool

    def count(self, state: str) -> int:
        """How many stand in a state of WARNED."""
        return sum(warned_state(each) == state for each in self.warnings)


def warned_state(warning: PeakWarning) -> str:
    """The state of a warning in a word of WARNED."""
    return "confirmed" if warning.confirmed else warning.state


def today() -> date:
    """The local day."""
    registry = registry_of()
    return local(registry.clock.now(), registry.settings.numbers.zone).date()


def known() -> tuple[tuple[Peak, ...], str]:
    """The peaks, and why there are none where the instance's calendar of them cannot be used."""
    try:
        return peaks_of(registry_of().instance), ""
    except SettingsError as error:
        return (), error.detail


def view(peak: Peak, part: str, name: str) -> PeakView:
    """The newest year of a peak with those before it, of one name of a part."""
    lines = peaks.lines(registry_of().store, peak, year=peak.newest(today()), today=today(), part=part, name=name)
    expected = peaks.expected(lines[0], lines[1:])
    return PeakView(peak, peakcharts.name_of(peak), lines, peakcharts.lines_of_years(lines, expected), expected)


# officers


@office.get("/officer/peaks")
@guard.member("see_overview")
def overview() -> Page:
    """All peaks: lines, providers by surge, warnings."""
    store, (found, problem) = registry_of().store, known()
    seen = _seen()
    part, name = _part(seen)
    views = [view(peak, part, name) for peak in found]
    surges = {each.peak.peak: _surges(each) for each in views}
    warned = {peak.peak: _warned(peak) for peak in found}
    ids = {row[0].enterprise for rows in surges.values() for row in rows}
    ids |= {each.enterprise for one in warned.values() for each in one.warnings} | {seen["enterprise"]}
    return render_template(
        "officer/peaks.html", views=views, surges=surges, warned=warned, problem=problem, seen=seen, today=today(),
        enterprises=store.enterprises.these(ids), classes=CLASSES, states=peakcharts.STATES,
    )  # fmt: skip


@office.get("/officer/peaks/<peak>.csv")
@guard.member("see_overview")
def as_csv(peak: str) -> Response:
    """The lines of a peak as CSV: how many days from the peak, and the reports of each year."""
    seen = view(peaks.peak_of(known()[0], peak), *_part(_seen()))
    first = -(seen.peak.base + seen.peak.before)
    rows = zip(*(line.counts for line in seen.lines))
    out = io.StringIO()
    out.write("\ufeff")
    csv.writer(out).writerows((
        ("days_from_peak", *(line.year for line in seen.lines)), *((first + i, *row) for i, row in enumerate(rows))
    ))  # fmt: skip
    headers = {"Content-Disposition": f'attachment; filename="{peak}-{seen.year}.csv"'}
    return Response(out.getvalue(), mimetype="text/csv", headers=headers)


def _seen() -> Asked:
    return asked(texts=("enterprise",), category=tuple(each.slug for each in Category), group=tuple(CLASSES))


def _part(seen: Asked) -> tuple[str, str]:
    """Whose reports are looked at: part and name of the counts by day."""
    for part, said in (("enterprise", "enterprise"), ("category", "category"), ("class", "group")):
        if seen[said]:
            return part, seen[said]
    return "all", ""


def _surges(seen: PeakView) -> list[tuple[Surge, Surge | None]]:
    """The enterprises with the greatest surge of the newest year but one, each with what is known of the newest."""
    store = registry_of().store
    before = peaks.surges(
        store, seen.peak, year=seen.year - 1, today=today(), least=SMALLEST, limit=_PROVIDERS
    )
    now = peaks.surges(store, seen.peak, year=seen.year, today=today(), least=1 if before else SMALLEST)
    if not before:
        return [(each, each) for each in now[:_PROVIDERS]]
    by_name = {each.enterprise: each for each in now}
    return [(each, by_name.get(each.enterprise)) for each in before]


def _warned(peak: Peak) -> Warned:
    year = peak.next(today())
    found = registry_of().store.peaks.of(peak.peak, year)
    if not found:  # of the one that is over, until there are some of the next
        earlier = registry_of().store.peaks.of(peak.peak, year - 1)
        year, found = (year - 1, earlier) if earlier else (year, found)
    return Warned(year, found[:_WARNINGS], peakwarnings.may_warn(peak, today()))


@office.post("/officer/peaks/<peak>/warn")
@guard.member("warn_of_peaks")
def warn(peak: str) -> Response:
    """Give the warnings of a peak now."""
    registry, (found, _problem) = registry_of(), known()
    one = peaks.peak_of(found, peak)
    try:
        done = peakwarnings.warn_now(
            registry.store, registry.clock, one, actor=actor(), zone=registry.settings.numbers.zone
        )
    except ConflictError:
        flash(_("This peak is more than 60 days away: too early to warn of it."), "warn")
    else:
        away = done["no_account"] + done["suspended"]
        flash(_("%(told)s were told now; %(away)s could not be told. Who was told before was not told again.",
                told=done["told"], away=away), "ok")  # fmt: skip
    return redirect(url_for("peakdesk.overview"), 303)


# parties


@party.get("/party/peaks")
@guard.member("see_own_party")
def own() -> Page:
    """The own line around each peak, and the warnings that wait."""
    store, mine, (found, _problem) = registry_of().store, own_party(), known()
    enterprise = store.enterprises.of_party(mine.party)
    part, name = ("carrier", mine.party) if mine.kind == "carrier" else ("enterprise", enterprise.enterprise if
                  enterprise else "")  # fmt: skip
    views: Sequence[PeakView] = [view(peak, part, name) for peak in found] if name else []
    names = {peak.peak: peakcharts.name_of(peak) for peak in found}
    return render_template(
        "party/peaks.html", views=views, states=peakcharts.STATES, names=names, warned=store.peaks.of_party(mine.party),
    )  # fmt: skip


@party.post("/party/peaks/<peak>/<int:year>/confirm")
@guard.member("work_desk")
def confirm(peak: str, year: int) -> Response:
    """Say that a warning was read."""
    registry = registry_of()
    if peakwarnings.confirm(registry.store, registry.clock, actor=actor(), peak=peak, year=min(year, 9999)):
        flash(_("Thank you: it is noted that you have read the warning."), "ok")
    return redirect(url_for("ownpeaks.own"), 303)


def notices() -> tuple[tuple[Peak, PeakWarning], ...]:
    """Warnings that the member's party has not confirmed yet, for its overview pages."""
    return peakwarnings.open_of(registry_of().store, known()[0], party=own_party().party, today=today())


def _register(setup: BlueprintSetupState) -> None:
    setup.app.jinja_env.globals.update(
        peak_notices=notices, peak_name=peakcharts.name_of, peak_times=peakcharts.times,
        peak_expectation=peakcharts.expectation, peak_why=lambda why: WHYS[why],
        peak_warned=lambda warning: WARNED[warned_state(warning)],
    )


office.record_once(_register)

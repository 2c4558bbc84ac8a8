"""Officers' pages of enterprises: finding one, and all that is known of it.

Rules of this room: an enterprise is found by its name or registration number, never by a telephone number; what
restricts it stands on top, in words, with what it is restricted in (rule 97).
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from flask import render_template

from registry import credit, enterprises, restrictions
from registry.access import may
from registry.companynames import skeleton
from registry.quarters import Quarter, quarter_of
from registry.times import to_micros
from web import casewords, figures, guard, ledgerwords, measurewords
from web.current import registry_of
from web.ledgers import digits_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.reportwords import PROVINCES
from web.tables import asked

_FOUND, _ROWS, _QUARTERS, _CASES = 50, 50, 8, 20
blueprint = room("enterprises", __name__)


@blueprint.get("/officer/enterprises")
@guard.member("see_cases")
def search() -> Page:
    """Enterprises by name or registration number; who is restricted, where nothing is asked for."""
    registry = registry_of()
    store, now, seen = registry.store, registry.clock.now(), asked(texts=("q",))
    held = restrictions.everybody(store, at=now)
    if seen["q"]:
        found = store.enterprises.named(seen["q"].upper(), skeleton=skeleton(seen["q"]), limit=_FOUND + 1)
    else:
        named = store.enterprises.these(each.enterprise for each in held)
        found = tuple(named[each] for each in dict.fromkeys(each.enterprise for each in held) if each in named)
    return render_template(
        "officer/enterprises.html", seen=seen, found=found[:_FOUND], more=len(found) > _FOUND, words=ledgerwords,
        held={each.enterprise: each for each in reversed(held)}, provinces=PROVINCES,
    )


@blueprint.get("/officer/enterprises/<enterprise>")
@guard.member("see_cases")
def one(enterprise: str) -> Page:
    """One enterprise."""
    registry = registry_of()
    store, now = registry.store, registry.clock.now()
    found = enterprises.enterprise_of(store, enterprise)
    seen = asked(places=("after",))
    after = min(seen.places["after"] or 0, 1_000_000)
    rows = store.enterprises.of_enterprise(enterprise, limit=_ROWS + 1, after=after)
    cases = store.cases.of_enterprise(enterprise)
    quarters = _by_quarter(enterprise, [case.opened for case in cases], now)
    return render_template(
        "officer/enterprise.html", enterprise=found, now=now, seen=seen, words=ledgerwords, casewords=casewords,
        measurewords=measurewords, names=figures.names(registry), provinces=PROVINCES,
        restrictions=restrictions.of_enterprises(store, [enterprise], at=now),
        party=store.parties.party(found.party) if found.party and may(actor(), "manage_parties") else None,
        rows=[(each, digits_of(each.prefix, each.number)) for each in rows[:_ROWS]], after=after,
        older=seen.link(after=after + _ROWS) if len(rows) > _ROWS else None,
        named=store.enterprises.these(side for each in rows for side in (each.provider, each.content)),
        quarters=quarters, most=max(reports for _quarter, reports, _cases in quarters), cases=cases[:_CASES],
        cases_in_all=len(cases), measures=store.measures.of_enterprise(enterprise),
        entries=credit.file_of(store, enterprise, public_only=False),
    )  # fmt: skip


def _by_quarter(enterprise: str, opened: list[datetime], now: datetime) -> list[tuple[Quarter, int, int]]:
    """Reports that came in against an enterprise and cases that were opened, by quarter, the newest first."""
    registry = registry_of()
    zone, newest = registry.settings.numbers.zone, quarter_of(now, registry.settings.numbers.zone)
    cases = Counter(quarter_of(each, zone) for each in opened)
    rows = []
    for quarter in (newest.before(place) for place in range(_QUARTERS)):
        since, until = map(to_micros, quarter.bounds(zone))
        reports = registry.store.enterprises.reports_against(enterprise, since=since, until=until)
        rows.append((quarter, reports, cases[quarter]))
    return rows

"""Pages of a carrier's feed: how it stands, its editions and what catching up costs, its acknowledgements, its days.

Rules of this room: everything is about the member's own party; what is read from the shelf or summed over days is kept
for some seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request
from flask_babel import lazy_gettext

from registry.errors import FeedError
from registry.store.feedhistory import SORTS, FeedDay
from registry.times import to_micros
from web import carriercharts, feedhead, figures, guard
from web.current import registry_of
from web.feedhead import Cost, Head
from web.parties import own_party, room
from web.people import Page
from web.tables import asked

blueprint = room("carriers", __name__)

DAYS = 30
_ROWS = 50
_FINDINGS = 20
_SOON_S = 6 * 3600
_DAY_US = 86_400_000_000
BEHIND = (
    (lazy_gettext("A minute"), timedelta(minutes=1)),
    (lazy_gettext("An hour"), timedelta(hours=1)),
    (lazy_gettext("A day"), timedelta(days=1)),
    (lazy_gettext("A week"), timedelta(days=7)),
    (lazy_gettext("A month"), timedelta(days=30)),
    (lazy_gettext("A year"), timedelta(days=365)),
)


@dataclass(frozen=True)
class CatchUp:
    """One line of what catching up costs: from when, from which edition (0: nothing), at what cost (None: no way)."""

    text: Any
    edition: int
    cost: Cost | None


@blueprint.get("/party")
@guard.member("see_own_party")
def overview() -> Page:
    """The feed: what was published, what was acknowledged, whether it agrees, until when it holds."""
    registry, party = registry_of(), own_party()
    carrier = next((each for each in figures.carriers(registry, sandbox=True) if each.feed.party == party.party), None)
    site = registry.settings.site.public_url.rstrip("/") or request.host_url.rstrip("/")
    head, damaged = _head() if carrier else (None, False)
    left = round((head.expires - registry.clock.now()).total_seconds()) if head else 0
    return render_template(
        "party/overview.html", carrier=carrier, feed_url=f"{site}/api/v1/feeds/{party.party}", head=head,
        damaged=damaged, expiry="ok" if left > _SOON_S else "warn" if left > 0 else "stop",
        findings=registry.store.findings.of(party.party, limit=_FINDINGS),
    )  # fmt: skip


@blueprint.get("/party/editions")
@guard.member("see_own_party")
def editions() -> Page:
    """The editions in the feed with their sizes, and what it costs to catch up from any of them."""
    registry, party = registry_of(), own_party().party
    seen = asked(SORTS, "-edition", kind=("delta", "rollup", "full"), places=("upto", "after", "from"))
    after = seen.places["after"] or 0
    rows = registry.store.feed_history.editions(
        recipient=party, kind=seen["kind"], upto=seen.places["upto"], sort=seen.sort, descending=seen.descending,
        limit=_ROWS + 1, after=min(after, 10_000),
    )  # fmt: skip
    head, damaged = _head()
    return render_template(
        "party/editions.html", rows=rows[:_ROWS], seen=seen, more=after + _ROWS if len(rows) > _ROWS else None,
        head=head, damaged=damaged, costs=list(_costs(head)) if head else [], start=seen.places["from"],
        chosen=_chosen(head, seen.places["from"]),
    )  # fmt: skip


def _head() -> tuple[Head | None, bool]:
    """The head of the own feed, and whether it is damaged."""
    shelf, party = registry_of().shelf, own_party().party
    try:
        return figures.kept(f"feed head {party}", lambda: feedhead.head_of(shelf, party)), False
    except FeedError:
        return None, True


def _costs(head: Head) -> Iterator[CatchUp]:
    """What catching up costs whoever is behind by so much, and whoever starts from nothing."""
    registry, party = registry_of(), own_party().party
    now = registry.clock.now()
    for text, behind in BEHIND:
        edition = registry.store.feed_history.edition_at(recipient=party, at=to_micros(now - behind))
        if edition:
            yield CatchUp(text, edition, feedhead.cost_from(head, edition))
    yield CatchUp(lazy_gettext("From nothing"), 0, feedhead.cost_from(head, 0))


def _chosen(head: Head | None, start: int | None) -> CatchUp | None:
    if head is None or start is None:
        return None
    return CatchUp("", start, feedhead.cost_from(head, start))


@blueprint.get("/party/acknowledgements")
@guard.member("see_own_party")
def acknowledgements() -> Page:
    """What the carrier said it has: each edition, when, how long after publication, whether it agrees."""
    seen = asked(agrees=("yes", "no"), places=("before",))
    rows = registry_of().store.feed_history.said(
        recipient=own_party().party, agrees={"yes": True, "no": False}.get(seen["agrees"]),
        before=seen.places["before"], limit=_ROWS + 1,
    )  # fmt: skip
    older = rows[_ROWS].edition + 1 if len(rows) > _ROWS else None  # an edition in two key epochs is two rows
    return render_template("party/acknowledgements.html", rows=rows[:_ROWS], seen=seen, older=older)


@blueprint.get("/party/changes")
@guard.member("see_own_party")
def changes() -> Page:
    """What changed over the last month, as charts: the list, the bytes, the verdicts."""
    registry, party = registry_of(), own_party().party
    days, since, offset = _month()
    found = figures.kept(f"feed days {party}", lambda: _feed_days(days, since, offset))
    verdicts = figures.kept(
        f"verdicts {party}",
        lambda: carriercharts.verdicts_by_day(registry.store, source=party, days=days, since=since, offset=offset),
    )
    return render_template(
        "party/changes.html",
        list_chart=carriercharts.list_by_day(days, found) if any(each.changes for each in found) else None,
        bytes_chart=carriercharts.bytes_by_day(days, found) if any(each.change_bytes for each in found) else None,
        verdict_chart=carriercharts.verdict_chart(days, verdicts) if any(map(any, verdicts.values())) else None,
    )


def _month() -> tuple[list[date], int, int]:
    """The local days of the charts, the start of the first (Micros), and what local time is ahead by."""
    registry = registry_of()
    zone = ZoneInfo(registry.settings.numbers.zone)
    last = registry.clock.now().astimezone(zone).date()
    days = [last - timedelta(days=DAYS - 1 - place) for place in range(DAYS)]
    midnight = datetime.combine(days[0], time(), zone)
    offset = int((midnight.utcoffset() or timedelta()).total_seconds()) * 1_000_000
    return days, to_micros(midnight), offset


def _feed_days(days: list[date], since: int, offset: int) -> list[FeedDay]:
    """One entry for each day, quiet days included; entries go on from the day before."""
    registry, party = registry_of(), own_party().party
    history = registry.store.feed_history
    until = to_micros(registry.clock.now()) + 1
    found = {each.day: each for each in history.days(recipient=party, since=since, until=until, offset=offset)}
    entries, first = history.entries_before(recipient=party, at=since), (since + offset) // _DAY_US
    filled = []
    for number in range(first, first + len(days)):
        each = found.get(number) or FeedDay(number, 0, 0, 0, 0, entries)
        entries = each.entries
        filled.append(each)
    return filled

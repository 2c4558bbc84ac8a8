"""Warnings before a peak: to who had a surge last time, or holds resources for commercial purposes (rule 82).

Rules of this room:
- An enterprise is warned once for each peak and year, from the peak's `warn` day until its window opens; what decides
  is the row, written in the transaction of the event, so that neither a second clockwork nor a restart warns twice.
- Who has no account, or a suspended one, is kept as one who could not be warned, and warned as soon as that ends.
- A warning stands on the party's pages until a member confirms having read it; who has not is shown to officers.
- An officer may warn earlier or while the window is open; that is the same warning, not a second one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from registry import audit
from registry.errors import ConflictError, NotFoundError
from registry.peaks import Peak, surges
from registry.quarters import SMALLEST
from registry.times import local, to_micros
from registry.webhook_events import PEAK_COMING, emit

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

State = Literal["told", "no_account", "suspended"]
Why = Literal["surge", "resources"]
EARLIEST = 60  # days before a window opens on which an officer may warn
COMMERCIAL = ("marketing", "commercial", "promotion", "advert", "营销", "推广", "商业", "广告", "促销")  # [D]
PORTS = ("1062", "1066")  # for commercial messages by the number plan (RULES §7)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class PeakWarning:
    """One warning. `party`: whose account was told, "" for none; `why`: a surge last time, so many `times` the base (0:
    it was new), or resources; `confirmed`: when `confirmed_by` said that it was read."""

    peak: str
    year: int
    enterprise: str
    party: str
    state: State
    why: Why
    times: float
    at: datetime
    confirmed: datetime | None = None
    confirmed_by: str = ""


def warn_due(store: Store, clock: Clock, peaks: Iterable[Peak], *, zone: str) -> int:
    """Give the warnings whose day has come; how many parties were told."""
    today, told = local(clock.now(), zone).date(), 0
    for peak in peaks:
        year = peak.next(today)
        if peak.warned(year) <= today < peak.first(year):
            told += _warn(store, clock, peak, year, today=today, actor="system")["told"]
    return told


def warn_now(store: Store, clock: Clock, peak: Peak, *, actor: Actor, zone: str) -> Mapping[str, int]:
    """Warn of the next peak, or of the one that runs, at once; how many stand in which state now that did not before.

    Raises ConflictError no_peak_near.
    """
    today = local(clock.now(), zone).date()
    year = peak.next(today)
    if not may_warn(peak, today):
        raise ConflictError("This peak is too far away to warn of it.", code="no_peak_near")
    return _warn(store, clock, peak, year, today=today, actor=actor.name)


def may_warn(peak: Peak, today: date) -> bool:
    """Whether an officer may warn of the next peak by now."""
    return (peak.first(peak.next(today)) - today).days <= EARLIEST


def _warn(store: Store, clock: Clock, peak: Peak, year: int, *, today: date, actor: str) -> Counter[str]:
    done: Counter[str] = Counter()
    wanted = sorted(_to_warn(store, clock, peak, year, today).items())
    for start in range(0, len(wanted), _AT_ONCE):
        done += _warn_some(store, clock, peak, year, dict(wanted[start : start + _AT_ONCE]), actor)
    return done


def _warn_some(
    store: Store, clock: Clock, peak: Peak, year: int, wanted: Mapping[str, tuple[Why, float]], actor: str
) -> Counter[str]:
    """Warn some enterprises, in one transaction: what is new of each."""
    done: Counter[str] = Counter()
    with store.writing(about=f"peak {peak.peak} {year}"):
        known = {each.enterprise: each for each in store.peaks.of(peak.peak, year)}
        accounts = {party.party: party for party in store.parties.all() if not party.sandbox}
        for enterprise, found in store.enterprises.these(wanted).items():
            party = accounts.get(found.party)
            state: State = "no_account" if party is None else "told" if party.state == "active" else "suspended"
            if enterprise in known and known[enterprise].state in ("told", state):
                continue
            why, times = wanted[enterprise]
            made = PeakWarning(
                peak.peak, year, enterprise, party.party if party else "", state, why, times, clock.now()
            )
            store.peaks.put(made)
            done[state] += 1
            if state == "told":
                emit(store, clock, type=PEAK_COMING, party=made.party, data=_data(peak, made))
        if done:
            audit.append(store, clock, actor=actor, action="peak_warned", subject=f"peak:{peak.peak}",
                         detail={"year": year} | dict(sorted(done.items())))  # fmt: skip
    return done


def _data(peak: Peak, made: PeakWarning) -> dict[str, str | int | float]:
    return {"peak": peak.peak, "year": made.year, "first": peak.first(made.year).isoformat(),
            "last": peak.last(made.year).isoformat(), "why": made.why, "times": round(made.times, 2)}  # fmt: skip


def _to_warn(store: Store, clock: Clock, peak: Peak, year: int, today: date) -> dict[str, tuple[Why, float]]:
    """The enterprises that are to be warned, with why and how many times their base they were reported last year."""
    at = to_micros(clock.now())
    wanted: dict[str, tuple[Why, float]] = {
        enterprise: ("resources", 0.0)
        for row in store.peaks.senders(at=at)
        if is_commercial(row["purpose"], row["start"])
        for enterprise in (row["provider"], row["content"]) if enterprise
    }  # fmt: skip
    for each in surges(store, peak, year=year - 1, today=today, least=SMALLEST):
        if each.times is None or each.times >= peak.surge:
            wanted[each.enterprise] = ("surge", each.times or 0.0)
    return wanted


def is_commercial(purpose: str, start: str) -> bool:
    """Whether a resource is for commercial purposes: by what its ledger says, or by the first digits of its port."""
    said = purpose.casefold()
    return start in PORTS or any(word in said for word in COMMERCIAL)


# what parties and officers see


def open_of(store: Store, peaks: Iterable[Peak], *, party: str, today: date) -> tuple[tuple[Peak, PeakWarning], ...]:
    """Warnings of a party that nobody confirmed yet, while their windows are not over; the next one first."""
    by_name = {peak.peak: peak for peak in peaks}
    found = [
        (by_name[each.peak], each) for each in store.peaks.of_party(party)
        if each.confirmed is None and each.peak in by_name and by_name[each.peak].last(each.year) >= today
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda each: each[0].first(each[1].year)))


def confirm(store: Store, clock: Clock, *, actor: Actor, peak: str, year: int) -> bool:
    """Say that a warning was read; False where somebody said so before. Raises NotFoundError no_such_warning."""
    party = actor.party.party if actor.party else ""
    with store.writing(about=f"peak {peak} {year}"):
        mine: Sequence[PeakWarning] = [
            each for each in store.peaks.of_party(party) if (each.peak, each.year) == (peak, year)
        ]
        if not mine or not party:
            raise NotFoundError("There is no such warning.", code="no_such_warning")
        if mine[0].confirmed is not None:
            return False
        store.peaks.confirm(peak, year, party=party, at=to_micros(clock.now()), by=actor.name)
        audit.append(store, clock, actor=actor.name, action="peak_confirmed", subject=f"peak:{peak}",
                     detail={"year": year, "party": party})  # fmt: skip
    return True

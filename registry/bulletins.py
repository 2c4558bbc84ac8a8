"""Quarterly bulletins (rules 102, 103, 105): drafted at a fixed cut-off, reviewed, published, never changed.

Rules of this room:
- The cut-off lies at or after the quarter's end and not in the future; the same cut-off gives the same bytes.
- Figures are frozen as canonical text with its SHA-256 when they are drafted; what changes later changes nothing.
- Who drafted or submitted a bulletin does not publish it. A published one is never changed: a correction is a new
  version with a note that says why.
- Quarters from before this registry are imported as published figures, and must agree with what is known already.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from registry import audit
from registry.bulletinfigures import CHANNELS, canonical, count, digest, figures
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.quarters import Quarter, change, quarter_named, quarter_of
from registry.times import iso, to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.store import Store

State = Literal["draft", "review", "published"]
CUTOFF_DAYS = 10  # after the quarter's end, unless somebody says otherwise [D]
IMPORTED, COMPUTED = "imported", "computed"
_LONGEST, _WITHIN = 500, 0.1


@dataclass(frozen=True, slots=True)
class Bulletin:
    """One version of a quarter's bulletin. `figures`: canonical text; `cutoff`: None for one that was imported."""

    quarter: str
    version: int
    state: str
    origin: str
    cutoff: datetime | None
    figures: str
    sha256: str
    note: str
    drafted_by: str
    drafted: datetime
    submitted_by: str = ""
    submitted: datetime | None = None
    published_by: str = ""
    published: datetime | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The figures as data."""
        found: dict[str, Any] = json.loads(self.figures)
        return found

    @property
    def is_whole(self) -> bool:
        """Whether the figures are those that were frozen."""
        return digest(self.figures) == self.sha256


@dataclass(frozen=True, slots=True)
class Press:
    """What bulletins are made with."""

    store: Store
    clock: Clock
    keys: KeyRing
    plan: NumberPlan
    zone: str


def usual_cutoff(quarter: Quarter, zone: str) -> datetime:
    """The cut-off of a quarter where nobody names one."""
    return quarter.bounds(zone)[1] + timedelta(days=CUTOFF_DAYS)


def compute(press: Press, quarter: Quarter, cutoff: datetime) -> str:
    """The figures of a quarter at a cut-off, as canonical text. Raises InvalidInputError bad_cutoff."""
    first, after = quarter.bounds(press.zone)
    if cutoff < after or cutoff > press.clock.now():
        raise InvalidInputError("The cut-off lies after the quarter and before now.", code="bad_cutoff")
    store = press.store
    with store.reading():
        resellers = frozenset(party.party for party in store.parties.all() if party.host)
        rows = store.bulletins.counted(
            first=to_micros(first), after=to_micros(after), cutoff=to_micros(cutoff)
        )
        counts = count(press.plan, press.keys.at_rest, rows, resellers=resellers)
        ids = {name for each in counts.values() for listed in each.enterprises.values() for name in listed}
        names = {name: found.name for name, found in store.enterprises.these(ids).items()}
        past = _in_a_row(store, quarter)
        made = figures(
            counts, quarter=str(quarter), cutoff=iso(cutoff), before=_totals(store, quarter.before()),
            year_before=_totals(store, quarter.before(4)), names=names, past=past,
        )
    return canonical(made)


def newest_published(store: Store, quarter: Quarter) -> Bulletin | None:
    """The version of a quarter's bulletin that counts, or None."""
    return next((each for each in store.bulletins.of_quarter(str(quarter)) if each.state == "published"), None)


def _totals(store: Store, quarter: Quarter) -> dict[str, int]:
    found = newest_published(store, quarter)
    return {} if found is None else {kind: each["total"] for kind, each in found.data["channels"].items()}


def _in_a_row(store: Store, quarter: Quarter) -> dict[str, int]:
    """For how many quarters in a row, until the one before this, enterprises were named."""
    found = newest_published(store, quarter.before())
    counted: dict[str, int] = {}
    for each in found.data["channels"].values() if found else ():
        for listed in each.get("enterprises", {}).values():
            for row in listed:
                counted[row["enterprise"]] = max(counted.get(row["enterprise"], 0), row["quarters"])
    return counted


# use cases


def draft(
    press: Press, *, actor: Actor, quarter: Quarter, cutoff: datetime | None = None, note: str = ""
) -> Bulletin:
    """Draft a quarter's bulletin, or draft it anew; after one was published a new version, whose note says why.

    Raises InvalidInputError bad_cutoff, correction_unsaid, ConflictError in_review.
    """
    at = cutoff or usual_cutoff(quarter, press.zone)
    text, store = compute(press, quarter, at), press.store
    said = without_numbers(note.strip())[:_LONGEST]
    with store.writing(about=f"bulletin {quarter}"):
        last = next(iter(store.bulletins.of_quarter(str(quarter))), None)
        if last is not None and last.state == "review":
            raise ConflictError("This bulletin is being reviewed.", code="in_review")
        if last is not None and last.state == "published" and not said:
            raise InvalidInputError("A correction says why it is made.", code="correction_unsaid")
        version = 1 if last is None else last.version + (last.state == "published")
        made = Bulletin(
            str(quarter), version, "draft", COMPUTED, at, text, digest(text), said, actor.name, press.clock.now()
        )
        store.bulletins.put(made)
        _trail(store, press.clock, actor, "bulletin_drafted", made)
    return made


def submit(store: Store, clock: Clock, *, actor: Actor, quarter: str, version: int) -> Bulletin:
    """Hand a draft to whoever reviews it. Raises NotFoundError no_such_bulletin, ConflictError no_such_move."""
    return _move(store, clock, actor, quarter, version, "draft", state="review", submitted_by=actor.name,
                 submitted=clock.now())  # fmt: skip


def give_back(store: Store, clock: Clock, *, actor: Actor, quarter: str, version: int) -> Bulletin:
    """Send one in review back to be drafted anew. Raises NotFoundError no_such_bulletin, ConflictError no_such_move."""
    return _move(store, clock, actor, quarter, version, "review", state="draft", submitted_by="", submitted=None)


def publish(store: Store, clock: Clock, *, actor: Actor, quarter: str, version: int) -> Bulletin:
    """Publish one in review. Raises NotAllowedError own_proposal as well: who drafted or submitted it does not."""
    return _move(store, clock, actor, quarter, version, "review", state="published", published_by=actor.name,
                 published=clock.now())  # fmt: skip


_ACTIONS = {"review": "bulletin_submitted", "draft": "bulletin_returned", "published": "bulletin_published"}


def _move(
    store: Store, clock: Clock, actor: Actor, quarter: str, version: int, origin: State, **values: Any
) -> Bulletin:
    with store.writing(about=f"bulletin {quarter}"):
        found = version_of(store, quarter, version)
        if found.state != origin:
            raise ConflictError("A bulletin in this state cannot be moved so.", code="no_such_move")
        if values["state"] == "published":
            if actor.name in (found.drafted_by, found.submitted_by):
                raise NotAllowedError("Another person publishes it.", code="own_proposal")
            if not found.is_whole:
                raise ConflictError("The figures are not those that were drafted.", code="figures_changed")
        moved = replace(found, **values)
        store.bulletins.put(moved)
        _trail(store, clock, actor, _ACTIONS[moved.state], moved)
    return moved


def _trail(store: Store, clock: Clock, actor: Actor, action: str, bulletin: Bulletin) -> None:
    audit.append(store, clock, actor=actor.name, action=action, subject=f"bulletin:{bulletin.quarter}",
                 detail={"version": bulletin.version, "sha256": bulletin.sha256})  # fmt: skip


def version_of(store: Store, quarter: str, version: int) -> Bulletin:
    """One version. Raises NotFoundError no_such_bulletin."""
    found = next((each for each in store.bulletins.of_quarter(quarter) if each.version == version), None)
    if found is None:
        raise NotFoundError("There is no such bulletin.", code="no_such_bulletin")
    return found


def published_of(store: Store, quarter: str, version: int | None = None) -> Bulletin:
    """A published version, the newest unless one is named. Raises NotFoundError no_such_bulletin."""
    for each in store.bulletins.of_quarter(quarter):
        if each.state == "published" and version in (None, each.version):
            return each
    raise NotFoundError("There is no such bulletin.", code="no_such_bulletin")


def published(store: Store) -> tuple[Bulletin, ...]:
    """The version that counts of every published bulletin, the newest quarter first."""
    found: dict[str, Bulletin] = {}
    for each in store.bulletins.all():
        if each.state == "published":
            found.setdefault(each.quarter, each)
    return tuple(found.values())


def draft_due(press: Press, *, actor: Actor) -> int:
    """Draft the bulletin of the quarter that ended last, once its usual cut-off has passed; how many."""
    quarter = quarter_of(press.clock.now(), press.zone).before()
    if usual_cutoff(quarter, press.zone) > press.clock.now() or press.store.bulletins.of_quarter(str(quarter)):
        return 0
    draft(press, actor=actor, quarter=quarter)
    return 1


def import_past(store: Store, clock: Clock, *, actor: Actor, quarters: Iterable[Mapping[str, Any]]) -> int:
    """Take in quarters that were published before; how many. Each: quarter, source, channels with total, and where they
    are known qoq, yoy and parts (lists of name and share).

    Raises InvalidInputError bad_figures (shape, shares that pass 100.1, changes that contradict totals), ConflictError
    already_there.
    """
    listed = sorted(quarters, key=lambda each: str(each.get("quarter", "")))
    with store.writing(about="bulletins"):
        for given in listed:
            quarter = quarter_named(str(given.get("quarter", "")))
            if store.bulletins.of_quarter(str(quarter)):
                raise ConflictError("This quarter has a bulletin already.", code="already_there")
            channels = _past_channels(store, quarter, given.get("channels"))
            text = canonical({"format": "decline-call-bulletin/1", "quarter": str(quarter), "cutoff": None,
                              "channels": channels})  # fmt: skip
            now, name = clock.now(), actor.name
            made = Bulletin(str(quarter), 1, "published", IMPORTED, None, text, digest(text),
                            str(given.get("source", ""))[:_LONGEST], name, now, name, now, name, now)  # fmt: skip
            store.bulletins.put(made)
            _trail(store, clock, actor, "bulletin_imported", made)
    return len(listed)


def _past_channels(store: Store, quarter: Quarter, channels: Any) -> dict[str, Any]:
    if not isinstance(channels, Mapping) or not channels or not set(channels) <= {*CHANNELS, "fraud"}:
        raise _bad(quarter)
    before, year = _totals(store, quarter.before()), _totals(store, quarter.before(4))
    made: dict[str, Any] = {}
    for kind, each in channels.items():
        total, parts = each.get("total"), each.get("parts", {})
        if not isinstance(total, int) or isinstance(total, bool) or total < 0:
            raise _bad(quarter)
        changes = {}
        for name, known in (("qoq", before), ("yoy", year)):
            computed, said = change(total, known.get(kind, 0)), each.get(name)
            if computed is not None and said is not None and abs(computed - said) > _WITHIN + 1e-9:
                raise _bad(quarter)
            changes[name] = computed if said is None else said
        if any(sum(cell["share"] for cell in part) > 100 + _WITHIN + 1e-9 for part in parts.values()):
            raise _bad(quarter)
        cells = {
            name: [{"name": cell["name"], "count": None, "share": cell["share"]} for cell in part]
            for name, part in parts.items()
        }
        made[kind] = {"total": total, **changes, "parts": cells, "segments": [], "enterprises": {}}
    return made


def _bad(quarter: Quarter) -> InvalidInputError:
    return InvalidInputError(f"The figures of {quarter} do not agree with each other.", code="bad_figures")

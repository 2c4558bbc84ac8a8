"""Rows that were not taken: shown to their source, taken again after a fix, or set aside with a reason.

Rules of this room: the row as it came stays as it was, whatever is made of it; only its source (and whoever acts for
it) sees its text; taking it again goes the way of every row, so that nothing is accepted here that isn't there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from registry import audit, numberevents, reports
from registry.decisions import ZONE
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import FIRST_EPOCH
from registry.logs import without_numbers
from registry.readers.rows import LINE_LIMIT, Digested, Unreadable
from registry.report_entries import kept_text, row_name
from registry.sealing import seal_text, unseal_text
from registry.times import from_micros, to_micros
from registry.webhook_events import QUARANTINE_ADDED, emit

if TYPE_CHECKING:
    from datetime import datetime

    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.report_rows import Kind
    from registry.reports import RowResult
    from registry.rulebook import Rulebooks
    from registry.store import Store
    from registry.store.engine import Row as StoredRow

STATES = ("open", "released", "discarded")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A quarantined row as its source sees it: `raw` is its text, `fields` what could be read of it (None: nothing)."""

    name: str
    batch: str
    line: int
    format: str
    reason: str
    detail: str
    at: datetime
    state: str
    resolved: datetime | None
    note: str
    about: str  # reports, number-events
    raw: str
    fields: dict[str, Any] | None


def rows_of(
    store: Store, keys: KeyRing, *, source: str, state: str = "open", limit: int = 100, after: int = 0
) -> tuple[Quarantined, ...]:
    """A source's quarantined rows, oldest first, decrypted; `after` skips so many. For this source's eyes only."""
    key = keys.derive("at-rest", "quarantine", FIRST_EPOCH)
    return tuple(
        _opened(row, key) for row in store.reports.quarantine_rows(source, state=state, limit=limit, after=after)
    )


def row_of(store: Store, keys: KeyRing, *, source: str, name: str) -> Quarantined:
    """One quarantined row of a source, decrypted. Raises NotFoundError no_such_row."""
    row = store.reports.quarantined(source, name)
    if row is None:
        raise NotFoundError("There is no such quarantined row.", code="no_such_row")
    return _opened(row, keys.derive("at-rest", "quarantine", FIRST_EPOCH))


def reasons(store: Store, *, source: str | None = None) -> dict[str, int]:
    """How many rows are open by reason, most first; of one source, or of all (counts alone tell nothing of a row)."""
    return store.reports.quarantine_reasons(source)


def release(
    store: Store, keys: KeyRing, clock: Clock, plan: NumberPlan, rulebooks: Rulebooks, *, source: str, kind: Kind,
    name: str, corrected: dict[str, Any] | None = None, country: str = "CN", actor: str = "",
    shelf: Shelf | None = None, zone: str = ZONE,
) -> RowResult:
    """Take a quarantined row again, with corrected fields or as it is; a duplicate counts as released too.

    `actor` is who does it, for the audit trail; empty: the source itself.
    Raises NotFoundError no_such_row, ConflictError row_resolved, InvalidInputError with the refusal's slug where the
    row still can't be taken (it stays open then), needs_correction where it never had fields.
    """  # fmt: skip
    held = row_of(store, keys, source=source, name=name)
    if held.state != "open":
        raise _resolved()
    fields = held.fields if corrected is None else corrected
    if fields is None:
        raise InvalidInputError("This row can't be read; give its fields.", code="needs_correction")
    # Not one transaction with what follows: after a crash between, the row is open and ends as duplicate when released.
    batch, line = f"release {name}", held.line
    if held.about == numberevents.ABOUT:
        result = numberevents.take_one(
            store, keys, clock, plan, source=source, fields=fields, country=country, batch=batch, line=line
        )
    else:
        result = reports.take_one(
            store, keys, clock, plan, rulebooks, source=source, kind=kind, fields=fields, country=country, batch=batch,
            line=line, shelf=shelf, zone=zone,
        )  # fmt: skip
    _resolve(store, clock, source=source, name=name, actor=actor, state="released", note=result.result)
    return result


def discard(store: Store, clock: Clock, *, source: str, name: str, note: str, actor: str = "") -> None:
    """Set a quarantined row aside for good. Raises InvalidInputError no_reason, NotFoundError, ConflictError."""
    if not note.strip():
        raise InvalidInputError("Say why the row is set aside.", code="no_reason")
    if store.reports.quarantined(source, name) is None:
        raise NotFoundError("There is no such quarantined row.", code="no_such_row")
    kept = without_numbers(note.strip()[:500])
    _resolve(store, clock, source=source, name=name, actor=actor, state="discarded", note=kept)


def hold(
    store: Store, keys: KeyRing, clock: Clock, *, source: str, raw: bytes, format: str, reason: str, detail: str
) -> bool:
    """Quarantine something that is no row (a whole page); False where the same thing is there already."""
    key = keys.derive("at-rest", "quarantine-name", FIRST_EPOCH)
    name = row_name(key, raw)
    kept = Unreadable(0, raw if len(raw) <= LINE_LIMIT else Digested(raw).raw(), reason)
    with store.writing(about=f"reports {source}"):
        if store.reports.known_quarantined(source, [name]):
            return False
        store.reports.add_quarantined(
            [
                {
                    "source": source, "quarantine": name, "batch": "", "line": 0, "format": format,
                    "raw": seal_text(keys.derive("at-rest", "quarantine", FIRST_EPOCH), kept_text(kept)),
                    "reason": reason, "detail": detail, "at": to_micros(clock.now()), "state": "open",
                    "resolved": None, "note": "", "about": "reports",
                }
            ]
        )  # fmt: skip
        emit(store, clock, type=QUARANTINE_ADDED, party=source, data={"batch": "", "rows": 1, "reasons": {reason: 1}})
    return True


def _resolve(store: Store, clock: Clock, *, source: str, name: str, actor: str, state: str, note: str) -> None:
    with store.writing(about=f"reports {source}"):
        if not store.reports.resolve(
            source=source, name=name, state=state, resolved=to_micros(clock.now()), note=note
        ):
            raise _resolved()
        audit.append(
            store, clock, actor=actor or f"party:{source}", action=f"quarantine.{state}", subject=f"party:{source}",
            detail={"row": name},
        )  # fmt: skip


def _resolved() -> ConflictError:
    return ConflictError("This row was released or set aside before.", code="row_resolved")


def _opened(row: StoredRow, key: bytes) -> Quarantined:
    kept = msgspec.json.decode(unseal_text(key, row["raw"]))
    return Quarantined(
        row["quarantine"], row["batch"], row["line"], row["format"], row["reason"], row["detail"],
        from_micros(row["at"]), row["state"], None if row["resolved"] is None else from_micros(row["resolved"]),
        row["note"], row["about"], kept["raw"], kept["fields"],
    )  # fmt: skip

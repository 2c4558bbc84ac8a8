"""SQL about handling as the report centre sees it: the queue of everything, held waves and what was decided of them.

The queue walks two narrow indexes that hold all it filters by (most of it as `facets`): by deadline where one runs,
then from the newest on. They answer any filter and any combination alone, so that the table is read for nothing but the
rows shown. CAST says nothing new of a column, but keeps SQLite from an index that holds only some of what is asked.
"""

from __future__ import annotations

from typing import Any

from registry.centrequeue import HERE, SHORTEST, Place, Wanted
from registry.heldreports import Review, Wave
from registry.store.cases import SHOWN
from registry.store.engine import Engine, Row
from registry.store.facets import FIRST_OVER, mask_of, packed
from registry.times import from_micros, to_micros

_PACKED = ("state", "class", "kind", "channel", "category", "province", "held")
_AGAINST = "CASE WHEN h.provider <> '' THEN h.provider ELSE h.content END"
_WAVE = f"h.held = :held AND h.held <> '' AND h.cluster = :cluster AND {_AGAINST} = :enterprise AND h.state <> 'closed'"
_SEEN = f"""SELECT h.source, h.source_id, h.at, h.caller, {SHOWN} FROM handling AS h
    LEFT JOIN report AS r ON r.source = h.source AND r.source_id = h.source_id"""  # noqa: S608 - fixed names
_LONG = 12  # letters of a reference


class Centre:
    """Rows of handling, all desks; rows of held_review."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def queue(self, wanted: Wanted, *, at: int, after: Place | None, limit: int) -> list[str]:
        """The references of reports beyond a place, those that are due first on top; `at`: Micros."""
        found: list[str] = []
        if after is None or after.dated:
            found = self._half(wanted, True, at=at, after=after, limit=limit)
            after = None
        if len(found) < limit and wanted.late != "overdue":
            found += self._half(wanted, False, at=at, after=after, limit=limit - len(found))
        return found

    def _half(self, wanted: Wanted, dated: bool, *, at: int, after: Place | None, limit: int) -> list[str]:
        where, values = _where(wanted, dated, at)
        column, order, sign = ("due", "", ">") if dated else ("received", " DESC", "<")
        if after is not None:
            where += f" AND ({column}, reference) {sign} (:after_at, :after_reference)"
            values |= {"after_at": to_micros(after.at), "after_reference": after.reference}
        rows = self._engine.rows(
            f"""SELECT reference FROM handling WHERE {where}
            ORDER BY {column}{order}, reference{order} LIMIT :limit""",  # noqa: S608 - fixed texts
            limit=limit, **values,
        )
        return [row["reference"] for row in rows]

    def here(self, *, most: int) -> int:
        """How many reports wait for the centre's move, at most so many."""
        return self._some("desk = '' AND state IN :here", most=most, here=HERE)

    def overdue(self, *, at: int, most: int) -> int:
        """How many deadlines that run have run out by a time (Micros), at most so many."""
        return self._some("due > 0 AND due <= :at", most=most, at=at)

    def held(self, *, most: int) -> int:
        """How many reports are held and wait for somebody to look, at most so many."""
        return self._some("held <> '' AND state <> 'closed'", most=most)

    def _some(self, where: str, *, most: int, **values: Any) -> int:
        row = self._engine.row(
            f"SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM handling WHERE {where} LIMIT :most) AS found",  # noqa: S608
            most=most, **values,
        )
        return int(row["n"]) if row else 0

    def shown(self, reference: str) -> Row | None:
        """A report as pages of the regulator show it, without who reported."""
        return self._engine.row(f"{_SEEN} WHERE h.reference = :reference", reference=reference)

    def alike(self, cluster: str, reference: str) -> Row | None:
        """The newest other report with nearly the same text, as `shown`."""
        return self._engine.row(
            f"""{_SEEN} WHERE h.cluster = :cluster AND h.cluster <> '' AND h.reference <> :reference
            ORDER BY h.received DESC LIMIT 1""",
            cluster=cluster, reference=reference,
        )

    # what is held

    def waves(self, *, limit: int) -> list[Wave]:
        """The waves that wait, the largest first."""
        return self._waves("h.held <> '' AND h.state <> 'closed'", limit=limit)

    def wave(self, held: str, cluster: str, enterprise: str) -> Wave | None:
        """One wave that waits."""
        found = self._waves(_WAVE, limit=1, held=held, cluster=cluster, enterprise=enterprise)
        return found[0] if found else None

    def decide(self, wave: Wave, *, at: int, actor: str, decision: str, state: str, reason: str) -> None:
        """Release the reports of a wave, or bring them to a state; keep that among their moves and the decisions."""
        which = {"held": wave.held, "cluster": wave.cluster, "enterprise": wave.enterprise}
        told = {"at": at, "actor": actor, "reason": reason}
        self._engine.run(
            f"""INSERT INTO handling_move (source, source_id, place, at, actor, action, state, note)
            SELECT h.source, h.source_id, (SELECT COALESCE(MAX(m.place), 0) + 1 FROM handling_move AS m
                WHERE m.source = h.source AND m.source_id = h.source_id), :at, :actor, :decision,
                CASE WHEN :state <> '' THEN :state ELSE h.state END, :reason
            FROM handling AS h WHERE {_WAVE}""",  # noqa: S608 - fixed texts
            decision=decision, state=state, **which, **told,
        )
        sets = "state = :state, closed = :at, due = 0, undated = 0, escalated = 0" if state else "held = ''"
        values = {"state": state} if state else {}
        mask, facets = packed({"state": state, "undated": 0} if state else {"held": ""})
        self._engine.run(
            f"""UPDATE handling AS h SET {sets}, updated = :at, facets = facets & {~mask} | {facets}
            WHERE {_WAVE}""",  # noqa: S608 - fixed texts, numbers
            at=at, **values, **which,
        )
        self._engine.run(
            """INSERT INTO held_review (cluster, enterprise, held, at, action, reports, reporters, actor, reason)
            VALUES (:cluster, :enterprise, :held, :at, :decision, :reports, :reporters, :actor, :reason)""",
            decision=decision, reports=wave.reports, reporters=wave.reporters, **which, **told,
        )

    def reviews(self, *, limit: int) -> list[Review]:
        """The newest decisions about waves."""
        rows = self._engine.rows("SELECT * FROM held_review ORDER BY at DESC, cluster, enterprise, held LIMIT :limit",
                                 limit=limit)  # fmt: skip
        return [Review(**{**row, "at": from_micros(row["at"])}) for row in rows]

    def _waves(self, where: str, *, limit: int, **values: Any) -> list[Wave]:
        rows = self._engine.rows(
            f"""SELECT h.held, h.cluster, {_AGAINST} AS enterprise, COUNT(*) AS reports,
                COUNT(DISTINCT r.reporter) AS reporters, MIN(h.received) AS first, MAX(h.received) AS last,
                MIN(h.reference) AS example
            FROM handling AS h LEFT JOIN report AS r ON r.source = h.source AND r.source_id = h.source_id
            WHERE {where} GROUP BY h.held, h.cluster, {_AGAINST} ORDER BY reports DESC, h.cluster LIMIT :limit""",  # noqa: S608
            limit=limit, **values,
        )
        return [Wave(**{**row, "first": from_micros(row["first"]), "last": from_micros(row["last"])}) for row in rows]


def _where(wanted: Wanted, dated: bool, at: int) -> tuple[str, dict[str, Any]]:
    """The conditions of one half of the queue, and their values."""
    asked = {name: getattr(wanted, "class_" if name == "class" else name) for name in _PACKED}
    parts, values = ["due > 0" if dated else "due = 0"], dict[str, Any]()
    if asked["state"] == "worked":
        parts.append(f"facets & {mask_of('state')} < {FIRST_OVER}")
        del asked["state"]
    if asked["held"] == "held":
        parts.append(f"facets & {mask_of('held')} <> 0")
    if asked["held"] in ("held", "not_held"):
        asked["held"] = None if asked["held"] == "held" else ""
    else:
        asked["held"] = asked["held"] or None
    equal = {name: value for name, value in asked.items() if value is not None and (value != "" or name == "held")}
    equal |= ({"late": 1} if wanted.late == "once" else {}) | ({"undated": 1} if wanted.undated else {})
    mask, facets = packed(equal)
    if mask:
        parts.append(f"facets & {mask} = {facets}")
    for name, party in (("desk", wanted.desk), ("carrier", wanted.carrier)):
        if party:
            parts.append(f"CAST({name} AS TEXT) = :{name}")
            values[name] = party
    if wanted.where:
        parts.append(f"CAST(desk AS TEXT) {'=' if wanted.where == 'centre' else '<>'} ''")
    if wanted.late == "overdue":
        parts.append("due <= :now")
        values["now"] = at
    if len(wanted.reference) >= SHORTEST:
        parts.append("reference BETWEEN :first AND :last")
        values |= {"first": wanted.reference.ljust(_LONG, "a"), "last": wanted.reference.ljust(_LONG, "z")}
    return " AND ".join(parts), values

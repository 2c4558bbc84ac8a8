"""Where reports go when they come in: who answers for the caller, whose desk it is, by when.

Rules of this room:
- People's reports are all handled; of carriers' those that are violations: what was allowed needs nobody. What names no
  called number (FTC) only counts.
- A complete report is accepted as it comes (rule 86) and goes on at once to whom the chain names; where nobody with an
  account answers for the caller, it stays at the centre, accepted.
- What a person left out sends the report back at once, to nobody's desk (rule 86); completed, it begins again.
- Many at once: the chain of a chunk costs a few queries, its rows two statements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.errors import NotFoundError, UnavailableError
from registry.handling import Handling, Tools, deadline_of
from registry.naming import new_ids
from registry.numbers import Number
from registry.resources import Chain, chains_at
from registry.sealing import BLOCK, SealedNumber, unseal_many
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.handlingmoves import Deadline
    from registry.report_rows import Kind

PEOPLE = "people"
_MESSAGES = 2
_MALICIOUS = frozenset({"ring_once", "bombing"})
_SYSTEM = "system"


def begin_inside(tools: Tools, rows: Iterable[Mapping[str, Any]], *, kind: Kind) -> int:
    """Begin the handling of reports that are stored in this transaction (columns of table report); of how many."""
    wanted = [row for row in rows if _is_handled(row, kind)]
    if not wanted:
        return 0
    begun = _all_begun(tools, wanted)
    tools.store.handling.add(begun)
    tools.store.handling.note_many(_moves(begun, to_micros(tools.clock.now())))
    return len(begun)


def begin_again_inside(tools: Tools, row: Mapping[str, Any], found: Handling, *, actor: str) -> None:
    """Inside `writing()`: a report that had been returned is complete now, and goes its way anew."""
    (fresh,) = _all_begun(tools, [row])
    at = to_micros(tools.clock.now())
    tools.store.handling.note(found, at=at, actor=actor, action="complete", state="submitted", note="")
    tools.store.handling.change(
        found.source, found.source_id, state=fresh.state, desk=fresh.desk, caller=fresh.caller,
        caller_kind=fresh.caller_kind, carrier=fresh.carrier, provider=fresh.provider, content=fresh.content,
        resource=fresh.resource, rulebook=fresh.rulebook, verdict=fresh.verdict, reason=fresh.reason,
        due=to_micros(fresh.due) if fresh.due else 0, undated=int(fresh.undated), updated=at,
    )
    for action, state in _steps(fresh):
        tools.store.handling.note(found, at=at, actor=_SYSTEM, action=action, state=state, note="")


def _all_begun(tools: Tools, wanted: Sequence[Mapping[str, Any]]) -> list[Handling]:
    now = tools.clock.now()
    callers = _numbers([row["caller"] for row in wanted], tools.keys.at_rest)
    moments = [from_micros(row["at"]) for row in wanted]
    known = [(caller, at) for caller, at in zip(callers, moments) if caller is not None]
    chains = iter(chains_at(tools.store, tools.keys, tools.plan, known))
    found = [next(chains) if caller is not None else Chain() for caller in callers]
    desks = _desks(tools, found)
    ends, kinds = _Ends(tools, now), {caller: int(tools.plan.caller_kind(caller)) for caller in set(callers)}
    return [
        _begun(row, reference, kinds[caller], chain, desk, now, ends) for row, reference, caller, chain, desk in
        zip(wanted, new_ids(len(wanted), 12), callers, found, desks)
    ]


def _is_handled(row: Mapping[str, Any], kind: Kind) -> bool:
    return kind == PEOPLE or (kind == "carrier" and row["verdict"] == "violation")


def _numbers(sealed: Sequence[bytes | None], at_rest: bytes) -> list[Number | None]:
    there = [number for number in sealed if number]
    raw = np.frombuffer(b"".join(there), np.uint8).reshape(-1, BLOCK)
    digits, kinds = unseal_many(at_rest, raw) if there else (np.empty(0, np.uint64), np.empty(0, np.uint8))
    opened = iter(map(Number, kinds.tolist(), digits.tolist()))
    return [next(opened) if number else None for number in sealed]


def _desks(tools: Tools, chains: Sequence[Chain]) -> list[str]:
    """The party whose desk it is: who sends, where it has an account, else who carries, else the centre ("")."""
    known = tools.store.enterprises.these(chain.answerable for chain in chains)
    parties = {party.party for party in tools.store.parties.all() if party.state == "active" and not party.sandbox}
    found = []
    for chain in chains:
        sender = known[chain.answerable].party if chain.answerable in known else ""
        found.append(next((party for party in (sender, chain.carrier) if party in parties), ""))
    return found


class _Ends:
    """When deadlines that begin now end, by rulebook; 0 where the calendar or the rulebook does not say."""

    def __init__(self, tools: Tools, now: datetime) -> None:
        self._tools, self._now = tools, now
        self._known: dict[tuple[str, str], tuple[datetime | None, bool]] = {}

    def of(self, kind: Deadline, rulebook: str) -> tuple[datetime | None, bool]:
        """When it ends, and whether the calendar could not say."""
        if (kind, rulebook) not in self._known:
            self._known[kind, rulebook] = self._asked(kind, rulebook)
        return self._known[kind, rulebook]

    def _asked(self, kind: Deadline, rulebook: str) -> tuple[datetime | None, bool]:
        tools = self._tools
        try:
            pack = tools.rulebooks.named(rulebook) if rulebook else tools.rulebooks.at(self._now)
            return deadline_of(kind, self._now, pack, tools.plan, zone=tools.zone), False
        except NotFoundError:
            return None, False
        except UnavailableError:
            return None, True


def _begun(
    row: Mapping[str, Any], reference: str, caller_kind: int, chain: Chain, desk: str, now: datetime, ends: _Ends
) -> Handling:
    rulebook, back = row["rulebook"], bool(row.get("missing"))
    desk = "" if back else desk
    due, undated = (None, False) if back else ends.of("handle" if desk else "forward", rulebook)
    return Handling(
        row["source"], row["source_id"], reference,
        "returned" if back else "forwarded" if desk else "accepted", desk, now, from_micros(row["at"]),
        row.get("class") or ("malicious" if row["mode"] in _MALICIOUS else "commercial"),
        "message" if row["channel"] == _MESSAGES else "call", row["channel"] or 0,
        -1 if row["category"] is None else row["category"], row["mode"] or "",
        SealedNumber(row["caller"]) if row["caller"] else None, caller_kind,
        row.get("province") or "", chain.carrier, chain.provider, chain.content, chain.resource, rulebook,
        row["verdict"], row["reason"], due, now, undated=undated,
    )  # fmt: skip


def _moves(begun: Iterable[Handling], at: int) -> Iterable[dict[str, Any]]:
    for each in begun:
        for place, (action, state) in enumerate(_steps(each), 1):
            yield {"source": each.source, "source_id": each.source_id, "place": place, "at": at, "actor": _SYSTEM,
                   "action": action, "state": state, "note": ""}  # fmt: skip


def _steps(begun: Handling) -> list[tuple[str, str]]:
    if begun.state == "returned":
        return [("return", "returned")]
    return [("accept", "accepted")] + ([("forward", "forwarded")] if begun.desk else [])

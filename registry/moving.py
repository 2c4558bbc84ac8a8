"""What number events come to: carried out, known already, noted, or held for an officer (rules 45, 46; RULES §7).

Rules of this room:
- The gaining carrier is the authority on a porting: its word alone moves a number, as long as nothing that is known
  contradicts it. The losing carrier's word moves a number only where it names the taker.
- Only the carrier that serves a number (or its reseller's host) may port it out, deactivate, recycle or reassign it.
- Two carriers that claim one number, words that contradict each other, ranges that cannot be ported, and moments that
  lie before what was done already, are held. When something new is settled about a number, what is held about it is
  looked at again.
- The same fact told of twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from registry.event_rows import DEACTIVATED, ENDINGS, PORTED_IN, PORTED_OUT, PORTINGS

WAITING, DONE, NOTED, MATCHED, HELD, REFUSED = "waiting", "done", "noted", "matched", "held", "refused"
STATES = (WAITING, DONE, NOTED, MATCHED, HELD, REFUSED)
CONFLICTS = {  # why an event is held
    "not_portable": "Numbers of this range cannot change their carrier.",
    "claimed_twice": "Another carrier has taken the number lately and has not given it away.",
    "contradicted": "Another event about the number says something else.",
    "other_giver": "The number did not come from the carrier that is named.",
    "not_serving": "The carrier does not serve this number.",
    "out_of_order": "The event lies before one that was carried out already.",
}
PAIR = timedelta(days=7) // timedelta(microseconds=1)  # two carriers' words about one porting lie at most so far apart
SAME = timedelta(days=1) // timedelta(microseconds=1)  # one fact told of twice: some know the hour, some the day
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Known:
    """What is known of a number: who serves it, who did before the last porting, when that was (Micros, None: never);
    all events about it, oldest first; each carrier's host; how long a number stays after a porting (Micros)."""

    serving: str
    before: str
    ported: int | None
    portable: bool
    events: Sequence[Row]
    hosts: Mapping[str, str]
    in_net: int

    def speaks_for(self, source: str, carrier: str) -> bool:
        """Whether a party may speak for a carrier: itself, or as the host of a reseller."""
        return bool(carrier) and source in (carrier, self.hosts.get(carrier))

    @property
    def ended(self) -> int:
        """When the number last went to another holder, or -1."""
        return max((row["at"] for row in self.events if row["kind"] in ENDINGS and row["state"] == DONE), default=-1)

    @property
    def porting(self) -> str:
        """The event that made the last porting, or ""."""
        done = [row["event"] for row in self.events if row["kind"] in PORTINGS and row["state"] == DONE]
        return str(done[-1]) if done else ""


@dataclass(frozen=True)
class Finding:
    """What an event comes to: `done` (to be carried out now), `matched`, `noted`, `held` with a reason of CONFLICTS;
    `other` is the event that it agrees with or that stands against it."""

    state: str
    reason: str = ""
    other: str = ""


def find(event: Row, known: Known) -> Finding:
    """What an event whose time has come comes to."""
    if event["kind"] == PORTED_IN:
        return _ported_in(event, known)
    if event["kind"] == PORTED_OUT:
        return _ported_out(event, known)
    return _of_own(event, known)


def _ported_in(event: Row, known: Known) -> Finding:
    if not known.portable:
        return Finding(HELD, "not_portable")
    if known.serving == event["taker"]:
        return Finding(MATCHED, other=known.porting)
    words = [row for row in _others(event, known, PORTED_OUT) if known.speaks_for(row["source"], known.serving)]
    near = [row for row in words if abs(row["at"] - event["at"]) <= PAIR]
    against = [row["event"] for row in near if row["taker"] not in ("", event["taker"])]
    if against:
        return Finding(HELD, "contradicted", against[-1])
    if known.ported is not None:
        if event["at"] < known.ported:
            return Finding(HELD, "out_of_order", known.porting)
        if event["at"] - known.ported < known.in_net and not near:
            return Finding(HELD, "claimed_twice", known.porting)
        if event["giver"] not in ("", known.serving, known.hosts.get(known.serving)):
            return Finding(HELD, "other_giver", known.porting)
    return Finding(HELD, "out_of_order") if event["at"] < known.ended else Finding(DONE)


def _ported_out(event: Row, known: Known) -> Finding:
    if not known.speaks_for(event["source"], known.serving):
        return _ported_out_later(event, known)
    if not known.portable:
        return Finding(HELD, "not_portable")
    if event["at"] < max(known.ported or 0, known.ended):
        return Finding(HELD, "out_of_order", known.porting)
    said = [row for row in _others(event, known, PORTED_OUT) if row["source"] == event["source"]]
    said = [row for row in said if row["at"] >= (known.ported or 0) and abs(row["at"] - event["at"]) <= PAIR]
    for row in said:
        if row["taker"] == event["taker"] or not event["taker"]:
            return Finding(MATCHED, other=row["event"])
        if row["taker"]:
            return Finding(HELD, "contradicted", row["event"])
    if not event["taker"]:
        return Finding(NOTED)
    claims = [row for row in known.events if row["kind"] == PORTED_IN and row["state"] in (HELD, WAITING)]
    for row in claims:
        if row["taker"] != event["taker"] and abs(row["at"] - event["at"]) <= PAIR:
            return Finding(HELD, "contradicted", row["event"])
    return Finding(DONE)


def _ported_out_later(event: Row, known: Known) -> Finding:
    """A word of one who does not serve the number: it fits where the taker spoke first."""
    gave = known.ported is not None and known.speaks_for(event["source"], known.before)
    if gave and abs(event["at"] - (known.ported or 0)) <= PAIR:
        fits = event["taker"] in ("", known.serving)
        return Finding(MATCHED, other=known.porting) if fits else Finding(HELD, "contradicted", known.porting)
    return Finding(HELD, "not_serving", known.porting)


def _of_own(event: Row, known: Known) -> Finding:
    """Deactivated, recycled, reassigned: what only the serving carrier can say."""
    kinds = ENDINGS if event["kind"] in ENDINGS else frozenset({DEACTIVATED})
    for row in known.events:
        same = row["kind"] in kinds and row["state"] == DONE and row["event"] != event["event"]
        idle = event["kind"] == DEACTIVATED and row["at"] > known.ended and row["at"] <= event["at"]
        if same and (idle or abs(row["at"] - event["at"]) <= SAME) and row["source"] == event["source"]:
            return Finding(MATCHED, other=row["event"])
    if not known.speaks_for(event["source"], known.serving):
        return Finding(HELD, "not_serving", known.porting)
    if event["at"] < (known.ported or 0):
        return Finding(HELD, "out_of_order", known.porting)
    ending = [row["event"] for row in known.events if row["kind"] in ENDINGS and row["state"] == DONE]
    return Finding(HELD, "out_of_order", ending[-1]) if event["at"] < known.ended else Finding(DONE)


def _others(event: Row, known: Known, kind: str) -> list[Row]:
    """Other events of a kind that count as said: refused and held ones do not."""
    return [
        row for row in known.events
        if row["kind"] == kind and row["state"] not in (REFUSED, HELD) and row["event"] != event["event"]
    ]  # fmt: skip

"""The state table of batches of clues (RULES §4 row CLUE, rule 101): which move leads where, who makes it, by when.

Rules of this room:
- This table is the only place that says what may become of a batch. Whoever reviewed a batch does not send it; crime is
  made as reviewed, because rule 88 leaves nothing to weigh: one person sends it.
- Deadlines are days by the calendar [D]: nobody outside is bound by ours, they say when to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from registry.errors import ConflictError

State = Literal["made", "reviewed", "sent", "received", "answered", "closed", "discarded"]
STATES: tuple[State, ...] = get_args(State)
OPEN: tuple[State, ...] = ("made", "reviewed", "sent", "received", "answered")
UNSENT: tuple[State, ...] = ("made", "reviewed")
WITH_THEM: tuple[State, ...] = ("received", "answered", "closed")  # the department has it
Kind = Literal["quarter", "urgent", "addendum"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WAYS = ("link", "hand")

_DAYS: Mapping[str, int] = {"made": 5, "reviewed": 5, "sent": 10, "received": 30, "answered": 90}  # [D]
_URGENT: Mapping[str, timedelta] = {"reviewed": timedelta(hours=1), "sent": timedelta(days=1),
                                    "received": timedelta(days=10)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """One move: from which states, to which ("": it stays), what one must be allowed to (access.ROLES)."""

    action: str
    origins: tuple[State, ...]
    state: str
    needs: str
    rule: str = "101"


MOVES: tuple[Move, ...] = (
    Move("assign", ("made",), "made", "propose", "96"),
    Move("review", ("made",), "reviewed", "propose"),
    Move("discard", UNSENT, "discarded", "decide", "105"),
    Move("send", ("reviewed",), "sent", "decide", "88, 101"),
    Move("link", ("sent", "received", "answered"), "", "decide"),
    Move("download", ("reviewed", "sent", "received", "answered", "closed"), "", "decide", "108, 115"),
    Move("receive", ("sent",), "received", "work_cases"),
    Move("answer", ("received", "answered"), "", "work_cases"),
)
_BY_ACTION: Mapping[str, Move] = {move.action: move for move in MOVES}


def move_of(action: str, state: str) -> Move:
    """The move that an action is from a state. Raises ConflictError clue_too_early, clue_done_already."""
    move = _BY_ACTION[action]
    if state in move.origins:
        return move
    if STATES.index(state) < STATES.index(move.origins[0]):
        raise ConflictError("Other steps come before this one.", code="clue_too_early", state=state)
    raise ConflictError("This was done before, or it is too late for it.", code="clue_done_already", state=state)


def due_after(state: str, kind: str, now: datetime) -> datetime | None:
    """When the deadline that runs in a state ends; None where none runs."""
    if state not in _DAYS:
        return None
    usual = timedelta(days=_DAYS[state])
    return now + (_URGENT.get(state, usual) if kind == "urgent" else usual)

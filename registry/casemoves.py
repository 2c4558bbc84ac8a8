"""The state table of cases (RULES §4): which move leads from where to where, who may propose it, who decides it.

Rules of this room: this table is the only place that says what may become of a case. Every step of it is proposed by
one person with a reason and decided by another, who never is the one that proposed it; what only sorts the work (to
assign, merge, split) needs no decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from registry.errors import ConflictError

State = Literal["open", "ordered", "warned", "fined", "published", "credit_filed", "closed", "merged"]
STATES: tuple[State, ...] = get_args(State)
WORKED: tuple[State, ...] = ("open", "ordered", "warned", "fined", "published")  # somebody has to do something
LAST: tuple[State, ...] = ("credit_filed", "closed", "merged")


@dataclass(frozen=True, slots=True)
class Move:
    """One move: from which states, to which; `proposer`, `decider`: what one must be allowed to (access.ROLES)."""

    action: str
    origins: tuple[State, ...]
    state: State
    rule: str
    proposer: str = "propose"
    decider: str = "decide"


MOVES: tuple[Move, ...] = (
    Move("order", ("open",), "ordered", "92"),
    Move("warn", ("open", "ordered"), "warned", "92"),
    Move("fine", ("ordered", "warned"), "fined", "95, 99"),
    Move("publish", ("warned", "fined"), "published", "97", decider="publish"),
    Move("file_credit", ("warned", "fined", "published"), "credit_filed", "97, 100"),
    Move("close", WORKED, "closed", "99"),
    Move("reopen", ("closed",), "open", "92"),
)
_BY_ACTION: Mapping[str, Move] = {move.action: move for move in MOVES}


def move_of(action: str, state: str) -> Move:
    """The move that an action is from a state. Raises ConflictError no_such_move."""
    move = _BY_ACTION.get(action)
    if move is None or state not in move.origins:
        raise ConflictError("A case in this state cannot be moved so.", code="no_such_move", state=state)
    return move


def moves_from(state: str) -> tuple[Move, ...]:
    """The moves that may be proposed from a state."""
    return tuple(move for move in MOVES if state in move.origins)


def must_be_worked(state: str) -> None:
    """Raises ConflictError case_over for a case that is over."""
    if state in LAST:
        raise ConflictError("This case is over.", code="case_over", state=state)

"""The state table of reports (RULES §4): which move leads from where to where, who makes it, which deadline it begins.

Rules of this room: this table is the only place that says what may become of a report; a deadline begins with a move,
in working days by the rulebook of the report's date (rule 87), and ends with the next one that begins another or none.
What nobody answers for is the centre's to find out about (rule 81), and to send back while it still lies there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from registry.errors import ConflictError, NotAllowedError

State = Literal[
    "submitted", "returned", "accepted", "forwarded", "violation", "unfounded", "not_ours", "measured", "fed_back",
    "told", "reopened", "appealed", "closed",
]
Maker = Literal["centre", "desk", "person", "system"]  # desk: the provider or carrier in whose queue it lies
Deadline = Literal["", "accept", "forward", "handle", "tell_user", "reply"]  # "": the one that runs goes on

ACCEPT_DAYS = 1  # working days [D]
REPLY_DAYS = 15  # calendar days in which a person may come back (rule 89)
FIRST: State = "submitted"
LAST: tuple[State, ...] = ("closed",)


@dataclass(frozen=True, slots=True)
class Move:
    """One move: from which states, to which, by whom, and the deadline that begins; `ends`: none runs afterwards;
    `here`: states from which the centre makes it too, for the report lies on nobody's desk then."""

    action: str
    origins: tuple[State, ...]
    state: State
    makers: tuple[Maker, ...]
    deadline: Deadline = ""
    ends: bool = False
    rule: str = ""
    here: tuple[State, ...] = ()


_HERE: tuple[State, ...] = ("accepted", "not_ours", "reopened")
_OPEN: tuple[State, ...] = tuple(state for state in get_args(State) if state != "closed")

MOVES: tuple[Move, ...] = (
    Move("accept", ("submitted",), "accepted", ("centre", "system"), "forward", rule="86"),
    Move("return", ("submitted",), "returned", ("centre", "system"), ends=True, rule="86",
         here=("accepted", "not_ours")),
    Move("complete", ("returned",), "submitted", ("person",), "accept", rule="86"),
    Move("forward", ("accepted", "reopened", "not_ours"), "forwarded", ("centre", "system"), "handle", rule="87"),
    Move("find_violation", ("forwarded",), "violation", ("desk", "centre"), rule="87", here=_HERE),
    Move("find_unfounded", ("forwarded",), "unfounded", ("desk", "centre"), rule="87", here=_HERE),
    Move("disown", ("forwarded",), "not_ours", ("desk",), "forward", rule="87"),
    Move("measure", ("violation",), "measured", ("desk", "centre"), rule="92"),
    Move("feed_back", ("measured", "unfounded"), "fed_back", ("desk", "centre"), "tell_user", rule="87"),
    Move("tell", ("fed_back",), "told", ("centre", "system"), "reply", rule="87"),
    Move("reopen", ("told", "appealed"), "reopened", ("person", "centre"), "forward", rule="89"),
    Move("appeal", ("forwarded", "violation", "told"), "appealed", ("person",), ends=True, rule="89"),
    Move("close", ("told", "appealed", "returned", "accepted"), "closed", ("centre", "system", "person"), ends=True),
    Move("dismiss", _OPEN, "closed", ("centre",), ends=True, rule="79"),  # of what is held alone (`heldreports`)
)  # fmt: skip
_BY_ACTION: Mapping[str, Move] = {move.action: move for move in MOVES}


def move_of(action: str, state: str, maker: Maker) -> Move:
    """The move that an action is from a state. Raises ConflictError no_such_move, NotAllowedError not_your_move."""
    move = _BY_ACTION.get(action)
    if move is None or not _leads_from(move, state, maker):
        raise ConflictError("A report in this state cannot be moved so.", code="no_such_move", state=state)
    if maker not in move.makers:
        raise NotAllowedError("This move is somebody else's to make.", code="not_your_move")
    return move


def begun_by(action: str) -> Deadline:
    """The deadline that begins with a move, "" for none."""
    move = _BY_ACTION.get(action)
    return move.deadline if move else ""


def ends_all(action: str) -> bool:
    """Whether no deadline runs after a move."""
    move = _BY_ACTION.get(action)
    return move is not None and move.ends


def moves_from(state: str, maker: Maker) -> tuple[Move, ...]:
    """The moves that somebody may make from a state."""
    return tuple(move for move in MOVES if _leads_from(move, state, maker) and maker in move.makers)


def _leads_from(move: Move, state: str, maker: Maker) -> bool:
    return state in move.origins or (maker == "centre" and state in move.here)

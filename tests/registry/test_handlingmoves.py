"""Tests of the state table of reports: every state is reached and left, and nobody makes another's move."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from registry.errors import ConflictError, NotAllowedError, UnavailableError
from registry.handling import deadline_of
from registry.handlingmoves import FIRST, LAST, MOVES, State, move_of, moves_from


def test_every_state_is_reached_from_the_first_and_leads_to_the_end() -> None:
    reached, ends = {FIRST}, set(LAST)
    for _ in MOVES:
        reached |= {move.state for move in MOVES if reached & set(move.origins)}
        ends |= {origin for move in MOVES if move.state in ends for origin in move.origins}
    assert reached == ends == set(get_args(State))


def test_a_move_that_the_table_does_not_have_is_refused() -> None:
    for action, state in [("tell", "submitted"), ("forward", "closed"), ("nothing", "submitted")]:
        with pytest.raises(ConflictError):
            move_of(action, state, "centre")


def test_nobody_makes_the_move_of_another() -> None:
    for action, state, maker in [("forward", "accepted", "desk"), ("disown", "forwarded", "centre"),
                                 ("appeal", "told", "desk"), ("find_unfounded", "forwarded", "person")]:
        with pytest.raises(NotAllowedError):
            move_of(action, state, maker)  # type: ignore[arg-type]
    assert {move.action for move in moves_from("forwarded", "desk")} == {"find_violation", "find_unfounded", "disown"}


def test_deadlines_come_from_the_rulebook_of_the_report_in_working_days(plan: Any, rulebooks: Any) -> None:
    pack, friday = rulebooks.named("2026"), datetime(2026, 11, 20, 8, tzinfo=UTC)
    ends = {kind: deadline_of(kind, friday, pack, plan, zone="Asia/Shanghai") for kind in
            ("accept", "forward", "handle", "tell_user", "reply", "")}
    assert {kind: end and end.isoformat() for kind, end in ends.items()} == {
        "accept": "2026-11-23T16:00:00+00:00", "forward": "2026-11-25T16:00:00+00:00",
        "handle": "2026-12-11T16:00:00+00:00", "tell_user": "2026-11-25T16:00:00+00:00",
        "reply": "2026-12-05T08:00:00+00:00", "": None,
    }
    with pytest.raises(UnavailableError):
        deadline_of("handle", datetime(2026, 12, 28, tzinfo=UTC), pack, plan, zone="Asia/Shanghai")

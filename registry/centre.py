"""What the report centre does about reports: single moves, answers of its own, many at once (rules 81, 86).

Rules of this room:
- What the centre may make of a report stands in the table of moves; an answer of its own is whole, as a desk's is.
- Whoever acts on what somebody else has moved since they looked is told so, and nothing is changed.
- A person's report is sent back with the fields that are missing and a word about them, which its sender reads.
- Many at once are so many single ones: each is taken or refused by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry import audit
from registry.deskwork import Answer, Result, answer_inside
from registry.errors import InvalidInputError, RegistryError
from registry.handling import Handling, Tools, move, move_inside, must_be_as_seen, of_reference
from registry.handlingmoves import move_of
from registry.peoplesreports import MISSING, SOURCE

if TYPE_CHECKING:
    from datetime import datetime

    from registry.access import Actor
    from registry.store import Store

ACTIONS = ("accept", "return", "forward", "close", "tell", "reopen")  # single moves, as forms
BULK = ("accept", "return", "forward", "close")


def act(
    tools: Tools, *, actor: Actor, reference: str, action: str, note: str = "", desk: str = "",
    missing: Sequence[str] = (), seen: datetime | None = None,
) -> Handling:
    """Make one of ACTIONS. `desk`: to whom it is forwarded; `missing`: fields that a person left out.

    Raises as `handling.move`, and InvalidInputError no_such_action, no_note where a person's report goes back without
    saying which field is missing.
    """
    if action not in ACTIONS:
        raise InvalidInputError("There is no such action.", code="no_such_action")
    if action == "return":
        return _send_back(tools, actor, reference, note, missing, seen)
    return move(
        tools, reference=reference, action=action, maker="centre", actor=actor, note=note,
        desk=party_called(tools.store, desk) if action == "forward" else None, seen=seen,
    )


def party_called(store: Store, text: str) -> str:
    """The id of the party that somebody means, by its id or its name; what means nobody, or several, as it is."""
    wanted = text.strip()
    named = [party.party for party in store.parties.all() if wanted in (party.party, party.name_zh, party.name_en)]
    return named[0] if len(named) == 1 else wanted


def _send_back(
    tools: Tools, actor: Actor, reference: str, note: str, missing: Sequence[str], seen: datetime | None
) -> Handling:
    lacks = tuple(name for name in MISSING if name in missing)
    with tools.store.writing(about=f"report {reference}"):
        found = of_reference(tools.store, reference)
        must_be_as_seen(found, seen)
        made = move_of("return", found.state, "centre")
        if not note.strip() or (found.source == SOURCE and not lacks):
            raise InvalidInputError("Say what is missing in the report.", code="no_note")
        moved = move_inside(tools, found, made, actor=actor.name, note=note, desk="")
        if found.source == SOURCE:
            tools.store.peoples_reports.ask_for(found.source, found.source_id, missing=",".join(lacks))
        audit.append(tools.store, tools.clock, actor=actor.name, action="report_return",
                     subject=f"report:{reference}", detail={"state": moved.state})  # fmt: skip
    return moved


def answer(
    tools: Tools, *, actor: Actor, reference: str, said: Answer, seen: datetime | None = None
) -> Handling:
    """Find, measure and feed back in the centre's own name: what nobody answers for, or a desk does not.

    Raises as `Answer.check`, ConflictError no_such_move, moved_meanwhile, NotAllowedError not_your_move ("not ours").
    """
    said.check()
    with tools.store.writing(about=f"report {reference}"):
        found = of_reference(tools.store, reference)
        must_be_as_seen(found, seen)
        return answer_inside(tools, found, said, maker="centre", actor=actor)


def act_on_many(
    tools: Tools, *, actor: Actor, references: Sequence[str], action: str, note: str = "", desk: str = "",
    missing: Sequence[str] = (),
) -> list[Result]:
    """Do one of BULK to reports one by one; what became of each, in their order."""
    results = []
    for reference in dict.fromkeys(references):
        try:
            if action not in BULK:
                raise InvalidInputError("There is no such action.", code="no_such_action")
            done = act(tools, actor=actor, reference=reference, action=action, note=note, desk=desk, missing=missing)
        except RegistryError as error:
            results.append(Result(reference, error=error.code, detail=error.detail))
        else:
            results.append(Result(reference, state=done.state))
    return results

"""What the report centre's pages call things: moves, why a report is held, deadlines, what stands against a step.

Rules of this room: as in `labels`; a deadline says in words what its colour says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from registry.errors import RegistryError
from registry.handling import Handling
from web import casewords
from web.deskforms import MEASURES
from web.labels import problem_sentence

CLASSES: Mapping[str, Any] = {  # RULES §5
    "commercial": lazy_gettext("Commercial"),
    "malicious": lazy_gettext("Malicious"),
    "unlawful": lazy_gettext("Against the law"),
}
WHERES: Mapping[str, Any] = {"centre": lazy_gettext("At the centre"), "desk": lazy_gettext("On a desk")}
LATES: Mapping[str, Any] = {"overdue": lazy_gettext("Overdue"), "once": lazy_gettext("A deadline was missed")}
HELD: Mapping[str, Any] = {
    "bombing": lazy_gettext("A wave against one company"),
    "same_text": lazy_gettext("One person, twice a minute"),
}
MOVES: Mapping[str, Any] = {
    "accept": lazy_gettext("Accepted"),
    "return": lazy_gettext("Sent back for completion"),
    "complete": lazy_gettext("Completed by its sender"),
    "forward": lazy_gettext("Passed on to a desk"),
    "find_violation": lazy_gettext("Violation found"),
    "find_unfounded": lazy_gettext("No violation found"),
    "disown": lazy_gettext("The desk says: not ours"),
    "measure": lazy_gettext("Measure taken"),
    "feed_back": lazy_gettext("Answered"),
    "tell": lazy_gettext("Person told"),
    "reopen": lazy_gettext("Opened again"),
    "appeal": lazy_gettext("Objected to"),
    "close": lazy_gettext("Closed"),
    "late": lazy_gettext("A deadline ran out"),
    "release": lazy_gettext("Released: it counts"),
    "dismiss": lazy_gettext("Closed as part of a wave: it never counts"),
}
ACTIONS: Mapping[str, Any] = {  # what the centre does, as on buttons
    "accept": lazy_gettext("Accept"),
    "return": lazy_gettext("Send back"),
    "forward": lazy_gettext("Pass on to a desk"),
    "tell": lazy_gettext("Note that the person was told"),
    "reopen": lazy_gettext("Open again"),
    "close": lazy_gettext("Close"),
}
MAKERS: Mapping[str, Any] = {"system": lazy_gettext("The registry"), "person": lazy_gettext("Who reported")}
LINKS: Mapping[str, Any] = {
    "carrier": lazy_gettext("Access (carrier)"),
    "provider": lazy_gettext("Sending (provider)"),
    "content": lazy_gettext("Content (merchant)"),
}
_PROBLEMS: Mapping[str, Any] = {
    "no_such_report": lazy_gettext("There is no such report."),
    "no_such_move": lazy_gettext("In its present state this cannot be done."),
    "moved_meanwhile": lazy_gettext("Somebody else has moved this report meanwhile. Look at it again first."),
    "not_your_move": lazy_gettext("That is for the desk to say."),
    "no_note": lazy_gettext("Say what is missing, and tick which fields."),
    "no_desk": lazy_gettext("Say whose desk it goes to: a provider or carrier with an account."),
    "no_such_action": lazy_gettext("Choose what to do."),
    "bad_finding": lazy_gettext("Please choose what you found."),
    "no_measure": lazy_gettext("Please say which measure was taken."),
    "no_text": lazy_gettext("What the person is told has 2 to 500 characters."),
    "no_reason": lazy_gettext("Please say why."),
    "bad_decision": lazy_gettext("Choose what to do."),
    "no_such_wave": lazy_gettext("There is no such wave, or somebody has decided about it meanwhile."),
}


_NOTES: Mapping[str, Any] = {
    "calendar_missing": lazy_gettext("The calendar lacks the year of the deadline."), **dict(MEASURES),
}  # fmt: skip


def note(move: Mapping[str, Any]) -> str:
    """What was noted with a move, in words."""
    return str(_NOTES.get(move["note"], move["note"]))


def said(error: RegistryError) -> str:
    """What stands against a step, in one sentence."""
    return problem(error.code, problem_sentence(error))


def problem(code: str, detail: str) -> str:
    """As `said`, of an error's code and detail."""
    return str(_PROBLEMS.get(code, detail))


def deadline(found: Handling, now: datetime) -> tuple[str, str]:
    """The colour and the words of a report's deadline."""
    if found.undated:
        return "warn", str(_("Unknown: the calendar lacks the year"))
    return casewords.deadline(found.due, now)

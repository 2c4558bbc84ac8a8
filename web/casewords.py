"""What cases are called on pages: states, moves, why they were opened, deadlines, what stands against a step.

Rules of this room: as in `labels`; a deadline says in words what its colour says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext, ngettext

from registry.errors import RegistryError
from web.labels import problem_sentence

STATES: Mapping[str, tuple[str, Any]] = {  # colour, word
    "open": ("warn", lazy_gettext("Open")),
    "ordered": ("warn", lazy_gettext("Ordered to correct")),
    "warned": ("warn", lazy_gettext("Warned")),
    "fined": ("stop", lazy_gettext("Fined")),
    "published": ("stop", lazy_gettext("Made public")),
    "credit_filed": ("plain", lazy_gettext("In the credit file")),
    "closed": ("plain", lazy_gettext("Closed")),
    "merged": ("plain", lazy_gettext("Merged")),
}
ACTIONS: Mapping[str, Any] = {
    "open": lazy_gettext("Opened"),
    "order": lazy_gettext("Order to correct"),
    "warn": lazy_gettext("Warn"),
    "fine": lazy_gettext("Fine"),
    "publish": lazy_gettext("Make public"),
    "file_credit": lazy_gettext("Enter in the credit file"),
    "close": lazy_gettext("Close"),
    "reopen": lazy_gettext("Open again"),
    "assign": lazy_gettext("Assigned"),
    "merge": lazy_gettext("Merged into another case"),
    "take_in": lazy_gettext("Took another case in"),
    "split": lazy_gettext("Split"),
    "hear": lazy_gettext("The party was heard"),
    "late": lazy_gettext("The deadline ran out"),
}
WHYS: Mapping[str, Any] = {
    "campaign": lazy_gettext("One campaign over the threshold"),
    "spread": lazy_gettext("Spread over many numbers"),
    "just_under": lazy_gettext("Numbers just under the threshold"),
    "officer": lazy_gettext("Opened by an officer"),
    "split": lazy_gettext("Split from another case"),
}
WATCHED = [("evasion", lazy_gettext("Evasion watch: just under, or spread"))]
KINDS: Mapping[str, Any] = {"call": lazy_gettext("Calls"), "message": lazy_gettext("Messages")}
_PROBLEMS: Mapping[str, Any] = {
    "no_reason": lazy_gettext("Please say why."),
    "no_facts": lazy_gettext("Please name the facts."),
    "no_such_move": lazy_gettext("In its present state this cannot be done."),
    "own_proposal": lazy_gettext("Somebody else has to decide what you proposed."),
    "proposed_already": lazy_gettext("Something is proposed already; it has to be decided first."),
    "nothing_proposed": lazy_gettext("Nothing is proposed."),
    "nothing_to_split": lazy_gettext("Choose some of the reports, but not all of them."),
    "same_case": lazy_gettext("A case cannot be merged with itself."),
    "case_over": lazy_gettext("This case is over."),
    "no_such_case": lazy_gettext("There is no such case."),
    "no_such_member": lazy_gettext("There is no such member who works on cases."),
    "no_such_enterprise": lazy_gettext("There is no such enterprise."),
    "not_heard": lazy_gettext("The party has to be heard before a fine (rule 99)."),
    "no_notice": lazy_gettext("A measure starts after the notice of it; choose a later time."),
    "bad_period": lazy_gettext("The end comes after the start."),
    "bad_facts": lazy_gettext("Sums and counts are not negative."),
    "bad_measure": lazy_gettext("There is no such measure."),
    "not_allowed": lazy_gettext("Your account may not do this."),
}


def said(error: RegistryError) -> str:
    """What stands against a step, in one sentence."""
    return str(_PROBLEMS[error.code]) if error.code in _PROBLEMS else problem_sentence(error)


def action(slug: str) -> str:
    """A move of the timeline in words."""
    if slug.startswith("propose_"):
        return str(_("Proposed: %(what)s", what=ACTIONS[slug.removeprefix("propose_")]))
    if slug.startswith("refuse_"):
        return str(_("Turned down: %(what)s", what=ACTIONS[slug.removeprefix("refuse_")]))
    return str(ACTIONS.get(slug, slug))


def deadline(due: datetime | None, now: datetime, *, undated: bool = False) -> tuple[str, str]:
    """The colour and the words of a deadline; `undated`: the calendar could not say it."""
    if undated:
        return "stop", str(_("No deadline: the calendar lacks the year"))
    if due is None:
        return "plain", str(_("No deadline"))
    days = (due - now).days
    if due <= now:
        late = max(1, (now - due).days)
        return "stop", str(ngettext("Overdue by %(num)d day", "Overdue by %(num)d days", late))
    left = str(ngettext("%(num)d day left", "%(num)d days left", max(days, 1)))
    return ("warn" if days < 7 else "ok"), left

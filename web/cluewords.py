"""What batches of clues are called on pages: states, kinds, moves, answers, departments, what stands against a step.

Rules of this room: as in `labels`; a department is called as it calls itself, in the language of the page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from registry.departments import DEPARTMENTS
from registry.preferences import Category
from web.cluelabels import MOVES as MOVES  # noqa: PLC0414 - pages name them by this room
from web.current import language_of
from web.labels import CATEGORIES, problem_sentence
from web.reportwords import HARASSMENT

if TYPE_CHECKING:
    from registry.clues import Batch, Clue
    from registry.errors import RegistryError

STATES: Mapping[str, tuple[str, Any]] = {  # colour, word
    "made": ("warn", lazy_gettext("To be looked at")),
    "reviewed": ("warn", lazy_gettext("To be sent")),
    "sent": ("warn", lazy_gettext("Sent, no receipt yet")),
    "received": ("ok", lazy_gettext("Acknowledged")),
    "answered": ("ok", lazy_gettext("Answered")),
    "closed": ("plain", lazy_gettext("Closed")),
    "discarded": ("plain", lazy_gettext("Discarded")),
}
KINDS: Mapping[str, Any] = {
    "quarter": lazy_gettext("Quarterly"),
    "urgent": lazy_gettext("Crime, at once"),
    "addendum": lazy_gettext("Addendum"),
}
CLUES: Mapping[str, Any] = {
    "report": lazy_gettext("Report"),
    "case": lazy_gettext("Case"),
    "fine": lazy_gettext("Fine of a merchant"),
}
RESULTS: Mapping[str, Any] = {
    "accepted": lazy_gettext("Taken up"),
    "returned": lazy_gettext("Returned"),
    "transferred": lazy_gettext("Passed on to another department"),
    "punished": lazy_gettext("Punished"),
    "warned": lazy_gettext("Warned"),
    "exposed": lazy_gettext("Made public"),
    "unfounded": lazy_gettext("Unfounded"),
    "no_action": lazy_gettext("No action"),
}
WAYS: Mapping[str, Any] = {
    "link": lazy_gettext("The department fetches it with a code"),
    "hand": lazy_gettext("By hand or by post"),
}
_PROBLEMS: Mapping[str, Any] = {
    "no_reason": lazy_gettext("Please say why."),
    "not_allowed": lazy_gettext("Your account may not do this."),
    "no_such_batch": lazy_gettext("There is no such batch of clues."),
    "no_such_case": lazy_gettext("There is no such case."),
    "no_such_department": lazy_gettext("There is no such department."),
    "no_department": lazy_gettext("No department is known for it: first say to which one it goes."),
    "clue_exists": lazy_gettext("The department was told of this already."),
    "clue_too_early": lazy_gettext("Other steps come before this one."),
    "clue_done_already": lazy_gettext("This was done before, or it is too late for it."),
    "own_proposal": lazy_gettext("You looked at it: somebody else sends it."),
    "batch_made": lazy_gettext("This batch was made already."),
    "nothing_waits": lazy_gettext("Nothing waits for this department."),
    "nothing_to_refer": lazy_gettext("Name a case."),
    "no_receiver": lazy_gettext("Please say who received it."),
    "bad_date": lazy_gettext("A receipt is given after it was sent, and not in the future."),
    "bad_way": lazy_gettext("Please choose how it goes."),
    "package_changed": lazy_gettext("The clues are not those that were signed. Call the operators."),
    "fetch_wrong": lazy_gettext("Nothing can be fetched with this code: it is wrong, was used, or its time is over."),
    "not_in_batch": lazy_gettext("There is no such clue in this batch."),
    "bad_result": lazy_gettext("There is no such answer."),
    "same_department": lazy_gettext("It is this department's already: name another one."),
    "answered_already": lazy_gettext("There is feedback on it already."),
    "settled_already": lazy_gettext("What came of it was said before."),
    "not_accepted": lazy_gettext("The department did not take it up."),
    "too_many_answers": lazy_gettext("At most 20,000 answers at once."),
    "csv_header": lazy_gettext("This is not a CSV file with the columns clue, result, department, note."),
    "encoding": lazy_gettext("This is not a CSV file with the columns clue, result, department, note."),
    "no_file": lazy_gettext("Please choose a file."),
    "upload_cut": lazy_gettext("The upload broke off before its end; send it again."),
    "too_large": lazy_gettext("This file is too large."),
}


def said(error: RegistryError) -> str:
    """What stands against a step, in one sentence."""
    return str(_PROBLEMS[error.code]) if error.code in _PROBLEMS else problem_sentence(error)


def department(name: str) -> str:
    """What a department is called; "" is nobody known."""
    found = DEPARTMENTS.get(name)
    if found is None:
        return str(_("No department known"))
    return found.zh if language_of() == "zh_CN" else found.en


def topic(batch: Batch) -> str:
    """What a batch is about, where it was made for nobody in particular; "" otherwise."""
    if batch.topic == "malicious":
        return str(_("Malicious calls"))
    named = {each.slug: each for each in Category}
    return str(CATEGORIES[named[batch.topic]]) if batch.topic in named else ""


def about(clue: Clue) -> str:
    """The industry of a clue, or what kind of crime or harassment it is."""
    slug = clue.facts.get("harassment") or clue.facts.get("category", "")
    named = {each.slug: CATEGORIES[each] for each in Category}
    return str(named.get(slug) or HARASSMENT.get(slug, slug or "–"))


def actor(name: str, names: Mapping[str, str]) -> str:
    """Who made a move: a member by name, a department, the clockwork."""
    if name.startswith("department:"):
        return department(name.removeprefix("department:"))
    return str(_("The clockwork")) if name == "system" else names.get(name, name)


def note(move: Mapping[str, Any]) -> str:
    """The note of a move; that of answers counts them, a word and a number each."""
    text = str(move["note"])
    if move["action"] != "answer":
        return text
    counted = (each.rpartition(" ") for each in text.split(", "))
    return " · ".join(f"{RESULTS.get(word, word)} {count}" for word, _blank, count in counted)

"""What the entries of credit files, and how they are changed, are called on pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from registry.credit import Entry
from registry.errors import RegistryError
from web import casewords, measurewords

KINDS = measurewords.CREDIT
RESTRICTING = [("restricting", lazy_gettext("Both lists that restrict"))]
ACTIONS: Mapping[str, Any] = {
    "enter": lazy_gettext("Entered"),
    "publish": lazy_gettext("Made public"),
    "correct": lazy_gettext("Corrected: another entry stands instead"),
    "end": lazy_gettext("Ended"),
}
_PROBLEMS: Mapping[str, Any] = {
    "bad_entry": lazy_gettext("An entry has a kind, a text, and an end after its beginning."),
    "no_such_entry": lazy_gettext("There is no such entry."),
    "public_already": lazy_gettext("The public sees this entry already."),
    "entry_over": lazy_gettext("This entry counts no more."),
}


def said(error: RegistryError) -> str:
    """What stands against a change, in one sentence."""
    return str(_PROBLEMS[error.code]) if error.code in _PROBLEMS else casewords.said(error)


def standing(entry: Entry, now: datetime) -> tuple[str, str]:
    """The colour and the word of whether an entry counts."""
    if entry.instead:
        return "plain", str(_("Was wrong"))
    if entry.counts_at(now):
        return ("stop" if entry.kind in ("bad_operation", "dishonesty") else "warn"), str(_("In force"))
    return "plain", str(_("Not yet")) if entry.since > now else str(_("Over"))

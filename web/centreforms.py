"""The forms of the report centre: its own answer, and what every single move may say.

Rules of this room: as in `forms`; the last move that a form knew of goes with it, so that nobody acts on what somebody
else has moved meanwhile.
"""

from __future__ import annotations

from datetime import datetime

from flask import request
from flask_babel import lazy_gettext as _
from wtforms import HiddenField, RadioField
from wtforms.validators import InputRequired

from registry.centrequeue import from_letters, to_letters
from registry.handling import Handling
from registry.times import from_micros, to_micros
from web.deskforms import FINDINGS, AnswerForm
from web.forms import choices


class CentreAnswerForm(AnswerForm):
    """What the centre found itself: a desk's answer without "not ours"."""

    finding = RadioField(
        _("What you found"), [InputRequired(_("Please choose what you found."))], choices=choices(*FINDINGS[:2])
    )
    seen = HiddenField()


def seen_of(found: Handling) -> str:
    """What a form says of the last move of a report that it knew."""
    return to_letters(to_micros(found.updated))


def last_seen() -> datetime:
    """The last move that the form knew of; one that says nothing knew of none."""
    return from_micros(from_letters(request.form.get("seen", "")) or 0)

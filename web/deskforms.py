"""The form by which a desk answers reports, and the words of its choices."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from wtforms import RadioField, SelectField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from registry.deskwork import Answer
from web.forms import Form, choices

FINDINGS = (
    ("violation", _("A violation")), ("unfounded", _("No violation")), ("not_ours", _("Not ours: back to the centre")),
)  # fmt: skip
MEASURES = (
    ("warned", _("The sender was warned")), ("stopped", _("The sender's calls or messages were stopped")),
    ("disconnected", _("The number was disconnected")), ("terminated", _("The contract was ended")),
    ("other", _("Something else")),
)  # fmt: skip


class AnswerForm(Form):
    """What a desk found, what it did, and what the person is told."""

    finding = RadioField(
        _("What you found"), [InputRequired(_("Please choose what you found."))], choices=choices(*FINDINGS)
    )
    measure = SelectField(_("Measure taken, if it was a violation"), choices=choices(("", "–"), *MEASURES),
                          default="")
    text = TextAreaField(
        _("What the person is told"), [Optional(), Length(max=500)],
        description=_("Read by whoever reported; name nobody in it"),
    )

    def answer(self) -> Answer:
        """The answer that a valid form says."""
        return Answer(self.finding.data or "", self.measure.data or "", self.text.data or "")

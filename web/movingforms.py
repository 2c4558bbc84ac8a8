"""Forms about numbers that move: a row of an event put right, an officer's decision, resellers and blocks."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _
from wtforms import RadioField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from web.forms import Form, choices
from web.labels import WORDS
from web.refusals import EVENT_FIELDS

_FILL = _("Please fill this in.")
_CHOOSE = _("Please choose one.")


class EventFixForm(Form):
    """A quarantined row of a number event, put right; fields that stay empty are left out of it."""

    id = StringField(EVENT_FIELDS["id"], [InputRequired(_FILL)])
    number = StringField(EVENT_FIELDS["number"], [InputRequired(_FILL)])
    kind = SelectField(EVENT_FIELDS["kind"], choices=choices(*WORDS["happened"].items()))
    at = StringField(
        EVENT_FIELDS["at"], [InputRequired(_FILL)], description=_("For example 2026-05-01T10:00:00+08:00")
    )
    giver = StringField(EVENT_FIELDS["from"], name="from")
    to = StringField(EVENT_FIELDS["to"])

    def fields(self) -> dict[str, Any]:
        """The row that a valid form says."""
        said = {field.name: (field.data or "").strip() for field in self if field.name in EVENT_FIELDS}
        return {name: text for name, text in said.items() if text}

    def show(self, fields: dict[str, Any]) -> None:
        """Fill the form with what could be read of the row."""
        for field in self:
            if field.name in EVENT_FIELDS:
                field.data = "" if fields.get(field.name) is None else str(fields[field.name])


class DecisionForm(Form):
    """What an officer decides about a number event that is held."""

    decision = RadioField(
        _("Decision"), [InputRequired(_CHOOSE)],
        choices=choices(("accept", _("Carry it out")), ("refuse", _("Refuse it"))),
    )
    note = StringField(_("Why"), [InputRequired(_FILL), Length(max=500)])


class ResellerForm(Form):
    """In whose network a carrier resells, and how it follows."""

    host = SelectField(_("Host"), choices=())
    follows = RadioField(
        _("It follows"), [InputRequired(_CHOOSE)],
        choices=choices(
            ("self", _("by its own feed")), ("host", _("through its host's feed")), ("both", _("both ways"))
        ),
        default="self",
    )


class BlockForm(Form):
    """One block of numbers more for a reseller."""

    prefix = StringField(
        _("First digits"), [InputRequired(_FILL), Length(max=8)], description=_("3 to 8 digits, such as 1650012")
    )

"""The forms of people's reports: what happened, what was missing, what to say to an answer.

Rules of this room: as in `forms`; all that RULES §4 asks has a field, and what may stay empty says so.
"""

from __future__ import annotations

import unicodedata

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
)
from wtforms import TextAreaField as Text
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from registry.naming import new_id
from registry.peoplesreports import MALICIOUS, UNLAWFUL
from web.forms import _MINUTES, Form, choices
from web.labels import CATEGORIES
from web.reportwords import HARASSMENT, PROVINCES

WHATS = {  # what people say happened -> channel, mode (rule 10)
    "human": ("calls", "human"),
    "recorded": ("robocalls", "recorded"),
    "message": ("messages", ""),
    "ring_once": ("calls", "ring_once"),
    "bombing": ("calls", "bombing"),
}
_CHOOSE = _("Please choose one.")
_CONSENT = _("You may pass on what I report to whoever answers for the caller. My number stays with you.")
_LONG = Length(max=2000, message=_("At most 2,000 characters."))


def _plain(text: str | None) -> str | None:
    return unicodedata.normalize("NFKC", text).strip() if text else text


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _types() -> list[SelectChoice]:
    """What it was about, in the three classes of RULES §5."""
    commercial = ((each.slug, name) for each, name in CATEGORIES.items())
    groups = (
        (_("Sales calls and advertising"), commercial),
        (_("Malicious"), ((slug, HARASSMENT[slug]) for slug in MALICIOUS)),
        (_("Against the law"), ((slug, HARASSMENT[slug]) for slug in UNLAWFUL)),
    )
    named = [SelectChoice(slug, name, optgroup=group) for group, pairs in groups for slug, name in pairs]
    return [SelectChoice("", "–"), *named]


class ReportForm(Form):
    """A call or text that should not have come (RULES §4)."""

    nonce = HiddenField(default=new_id)  # the same report sent twice counts once
    what = RadioField(
        _("What was it?"),
        [InputRequired(_CHOOSE)],
        choices=choices(
            ("human", _("Somebody called")),
            ("recorded", _("A recorded or artificial voice called")),
            ("message", _("A text message")),
            ("ring_once", _("It rang once and stopped")),
            ("bombing", _("It rang again and again")),
        ),
        default="human",
    )
    caller = StringField(
        _("Number that called or wrote"), [Optional()], filters=[_plain],
        description=_("As your phone shows it, all digits; leave it empty if a caller hid it"),
    )  # fmt: skip
    at = DateTimeLocalField(
        _("When, Beijing time"), [InputRequired(_("Please fill this in."))], format=_MINUTES
    )
    category = SelectField(_("About what?"), [InputRequired(_CHOOSE)], choices=_types())
    description = Text(
        _("What was said or written"), [Optional(), _LONG], filters=[_trimmed],
        description=_("Of a text message the whole text, unchanged"),
    )  # fmt: skip
    enterprise = StringField(
        _("Company that was named (if any)"), [Optional(), Length(max=100, message=_("At most 100 characters."))],
        filters=[_plain],
    )
    province = SelectField(
        _("Where you were (if you like)"), [Optional()], choices=choices(("", "–"), *PROVINCES.items())
    )
    duration = IntegerField(
        _("How long, in seconds (if it was a call)"),
        [Optional(), NumberRange(0, 86_400, message=_("Between 0 and 86,400 seconds."))],
    )
    consent = BooleanField(_CONSENT)


class MissingForm(Form):
    """What a report that came back lacks."""

    caller = StringField(
        _("Number that called or wrote"), [Optional()], filters=[_plain],
        description=_("As your phone shows it, all digits"),
    )  # fmt: skip
    description = Text(
        _("What was said or written"), [Optional(), _LONG], filters=[_trimmed],
        description=_("Of a text message the whole text, unchanged"),
    )  # fmt: skip
    consent = BooleanField(_CONSENT)


class TurnForm(Form):
    """Why somebody comes back to a report."""

    note = Text(
        _("What is not right (if you like)"), [Optional(), Length(max=500, message=_("At most 500 characters."))],
        filters=[_trimmed],
    )

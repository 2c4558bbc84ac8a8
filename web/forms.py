"""The forms of the site: which fields there are, what they are called, and what each must hold before it is passed on.

Rules of this room: a form reads and checks, and does nothing; what it cannot judge (a code, an allowance) comes back
from the use case and is put beside its field by `blame`; nothing is asked for that isn't needed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateTimeLocalField,
    Field,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional, Regexp, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from registry.errors import RegistryError
from registry.preferences import Category, Channel, Description, Preference, make, quiet_of
from web.labels import CATEGORIES, CHANNELS, CONTENTS, WEEKDAYS, WORDS, problem_sentence
from web.refusals import FIELDS

_FILL = _("Please fill this in.")
_CHOOSE = _("Please choose one.")
_ALL = "all"
_NO_HOUR = ""
_MINUTES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


class Ticks(SelectMultipleField):
    """Any of several boxes."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class Form(FlaskForm):
    """A form of this site: blanks around texts are dropped, full-width characters read as plain ones."""

    def blame(self, error: RegistryError, field: str = "") -> None:
        """Put what a use case has against the input beside a field, or on top of the form."""
        text = problem_sentence(error)
        if field:
            chosen = self[field]
            chosen.errors = [*chosen.errors, text]
        else:
            self.form_errors.append(text)


def _plain(text: str | None) -> str | None:
    return unicodedata.normalize("NFKC", text).strip() if text else text


def choices(*pairs: tuple[str, Any]) -> list[SelectChoice]:
    """What may be chosen: values and their names."""
    return [SelectChoice(value, name) for value, name in pairs]


def _required(text: Any = _FILL) -> InputRequired:
    return InputRequired(text)


class NumberForm(Form):
    """Which number is to be proved."""

    number = StringField(_("Your phone number"), [_required()], description=_("For example 138 0013 8000"))


class CodeForm(Form):
    """The code from the text message."""

    code = StringField(
        _("Code"), [_required(), Regexp(r"[\d\s-]+$", message=_("The code has six digits."))], filters=[_plain],
        description=_("Six digits"),
    )  # fmt: skip


def _hours(first: str) -> list[SelectChoice]:
    return choices((_NO_HOUR, first), *((str(hour), f"{hour:02d}:00") for hour in range(24)))


def _column(channel: Channel) -> Ticks:
    industries = ((each.slug, name) for each, name in CATEGORIES.items())
    return Ticks(CHANNELS[channel], choices=choices((_ALL, _("All industries")), *industries))


class ChoiceForm(Form):
    """What a number declines: categories per channel, quiet hours, weekdays, public holidays."""

    calls = _column(Channel.CALLS)
    robocalls = _column(Channel.ROBOCALLS)
    messages = _column(Channel.MESSAGES)
    from1 = SelectField(_("From"), choices=_hours("–"))
    until1 = SelectField(_("until"), choices=_hours("–"))
    from2 = SelectField(_("From"), choices=_hours("–"))
    until2 = SelectField(_("until"), choices=_hours("–"))
    weekdays = Ticks(
        _("Whole days on which you want no commercial contact"),
        choices=choices(*((str(day), name) for day, name in enumerate(WEEKDAYS))),
    )
    holidays = BooleanField(_("Public holidays too"))

    @property
    def channels(self) -> tuple[Field, ...]:
        """The three columns of the matrix."""
        return (self.calls, self.robocalls, self.messages)

    @property
    def industries(self) -> list[tuple[str, Any]]:
        """The rows of the matrix: slug and name."""
        return [(choice.value, choice.label) for choice in self.calls.choices]

    @property
    def spans(self) -> Iterator[tuple[Field, Field]]:
        """The two spans of quiet hours."""
        return iter(((self.from1, self.until1), (self.from2, self.until2)))

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether each span has both ends or none, and the ends differ."""
        good = bool(super().validate(extra_validators))
        for start, end in self.spans:
            if (start.data == _NO_HOUR) != (end.data == _NO_HOUR):
                start.errors = [*start.errors, _("Please give both ends of the quiet hours.")]
                good = False
            elif start.data and start.data == end.data:
                start.errors = [*start.errors, _("Quiet hours must end at another hour than they start.")]
                good = False
        return good

    def preference(self) -> Preference:
        """The preference that a valid form says."""
        declined = {
            channel: Category if _ALL in field.data else [Category[slug.upper()] for slug in field.data]
            for channel, field in zip(Channel, self.channels)
        }
        hours: set[int] = set()
        for start, end in self.spans:
            if start.data:
                hours.update(_span(int(start.data), int(end.data)))
        days = [int(day) for day in self.weekdays.data or ()]
        return make(declined, quiet_of(sorted(hours), days, holidays=bool(self.holidays.data)))

    def show(self, said: Description) -> None:
        """Fill the form with what a number declines already."""
        for field, (_channel, categories) in zip(self.channels, said.channels):
            everything = len(categories) == len(Category)
            field.data = [_ALL] if everything else [category.slug for category in categories]
        for (start, end), (first, last) in zip(self.spans, said.hours):
            start.data, end.data = str(first), str(last % 24)
        self.weekdays.data = [str(day) for day in said.weekdays]
        self.holidays.data = said.holidays


def _span(start: int, end: int) -> Iterable[int]:
    """The hours from a start to an end (exclusive), past midnight where the end comes first."""
    return [hour % 24 for hour in range(start, end if end > start else end + 24)]


class AsOfForm(FlaskForm):
    """A moment of the past; a plain GET form."""

    class Meta:
        """No token: it changes nothing."""

        csrf = False

    at = DateTimeLocalField(
        _("What was declined at this time? (Beijing time)"), [Optional()], format=_MINUTES
    )


class SignInForm(Form):
    """Email and password of a member."""

    email = StringField(_("Email"), [_required()], filters=[_plain])
    password = PasswordField(_("Password"), [_required()])


class SecondFactorForm(Form):
    """The six digits of the authenticator."""

    code = StringField(
        _("Code"), [_required(), Regexp(r"[\d\s-]+$", message=_("The code has six digits."))], filters=[_plain],
        description=_("Six digits from your authenticator app"),
    )  # fmt: skip


class PasswordForm(Form):
    """A member's own password, typed twice."""

    password = PasswordField(
        _("New password"),
        [_required(), Length(10, 72, message=_("Between 10 and 72 characters."))],
        description=_("At least 10 characters; several words are easier to keep than signs"),
    )
    again = PasswordField(_("The same again"), [_required()])

    def validate_again(self, field: Field) -> None:
        """Both passwords must be the same."""
        if field.data != self.password.data:
            raise ValidationError(str(_("The two passwords differ.")))


class KeyForm(Form):
    """An API key to be issued."""

    label = StringField(
        _("What it is for"), [_required(), Length(max=60, message=_("At most 60 characters."))], filters=[_plain],
        description=_("For example: follower in Beijing"),
    )  # fmt: skip
    scopes = Ticks(_("What it may do"), [InputRequired(_CHOOSE)])
    sandbox = BooleanField(_("Only for the sandbox: it is answered about magic numbers, and nothing is charged"))


class PartyForm(Form):
    """A carrier, telemarketer or report centre to be added."""

    party = StringField(
        _("Short name"),
        [_required(), Regexp(r"[a-z][a-z0-9-]{1,30}$", message=_("2 to 31 small letters, digits and dashes."))],
        filters=[_plain],
        description=_("In addresses and files, for example cmcc; it can never change"),
    )
    kind = RadioField(
        _("Kind"),
        [InputRequired(_CHOOSE)],
        choices=choices(
            ("carrier", _("Carrier")), ("telemarketer", _("Telemarketer")), ("centre", _("Report centre"))
        ),
        default="carrier",
    )  # fmt: skip
    name_zh = StringField(_("Name in Chinese"), [_required()], filters=[_plain])
    name_en = StringField(_("Name in English"), [_required()], filters=[_plain])
    scope = RadioField(
        _("What its feed holds"),
        [InputRequired(_CHOOSE)],
        choices=choices(("home", _("The numbers it serves")), ("national", _("All numbers (needs approval)"))),
        default="home",
    )
    sandbox = BooleanField(_("A carrier that tries its side out: its feed holds magic numbers only, nobody's real one"))


class ConfirmForm(Form):
    """A question that is answered by its button."""


class SuspendForm(Form):
    """Why a party is suspended."""

    note = StringField(
        _("Why"), [_required(), Length(1, 500, message=_("Between 1 and 500 characters."))], filters=[_plain],
        description=_("One sentence for the audit trail, without phone numbers"),
    )  # fmt: skip


class MemberForm(Form):
    """A person who is to sign in for a party."""

    name = StringField(_("Name"), [_required()], filters=[_plain])
    email = StringField(
        _("Email"),
        [_required(), Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+$", message=_("This is not an email address."))],
        filters=[_plain],
    )
    role = SelectField(_("Role"), [InputRequired(_CHOOSE)])


def _known(label: Any, words: Iterable[tuple[str, Any]]) -> SelectField:
    """One of the words that a field of a row may hold, or nothing; the use case judges what else comes."""
    return SelectField(label, choices=choices(("", "–"), *words), validate_choice=False)


class FixForm(Form):
    """A quarantined row, put right; fields that stay empty are left out of it."""

    id = StringField(FIELDS["id"], [_required()])
    at = StringField(FIELDS["at"], [_required()], description=_("For example 2026-05-01T10:00:00+08:00"))
    called = StringField(FIELDS["called"], [_required()])
    caller = StringField(FIELDS["caller"], [_required()])
    channel = _known(FIELDS["channel"], ((each.slug, name) for each, name in CHANNELS.items()))
    category = _known(FIELDS["category"], ((each.slug, name) for each, name in CATEGORIES.items()))
    content = _known(FIELDS["content"], CONTENTS.items())
    duration = StringField(FIELDS["duration"], [Optional(), Regexp(r"\d+$", message=_("Whole seconds."))])
    mode = _known(FIELDS["mode"], WORDS["mode"].items())
    telemarketer = StringField(FIELDS["telemarketer"])
    description = TextAreaField(FIELDS["description"])

    def fields(self) -> dict[str, Any]:
        """The row that a valid form says."""
        said = {name: (self[name].data or "").strip() for name in FIELDS}
        row: dict[str, Any] = {name: text for name, text in said.items() if text}
        if "duration" in row:
            row["duration"] = int(row["duration"])
        return row

    def show(self, fields: dict[str, Any]) -> None:
        """Fill the form with what could be read of the row."""
        for name in FIELDS:
            self[name].data = "" if fields.get(name) is None else str(fields[name])


class SeenForm(Form):
    """What came of a finding in a carrier's list."""

    note = StringField(_("What came of it"), [_required(), Length(max=500)], filters=[_plain])


class DiscardForm(Form):
    """Why a quarantined row is set aside."""

    note = StringField(_("Why it is discarded"), [_required(), Length(max=200)], filters=[_plain])

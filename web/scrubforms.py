"""The forms of scrubs and quick checks: what is to be asked, for which kind of contact, when, for whom.

Rules of this room: as in `forms`; what the party asked last is filled in, because campaigns repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, DateTimeLocalField, Field, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional, ValidationError

from registry.errors import RegistryError
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask
from web.current import language_of, registry_of
from web.forms import _CHOOSE, _FILL, _MINUTES, Form, _plain, choices
from web.labels import CATEGORIES, CHANNELS, problem_sentence
from web.scrubproblems import PROBLEMS
from web.scrubwords import scrub_problem

MOST = 10  # numbers of a quick check
_PLACES = {"bad_time": "at", "holidays_unknown": "at", "bad_on_behalf": "on_behalf", "bad_campaign": "campaign",
           "bad_country": "country"}  # fmt: skip
_BREAKS = str.maketrans(",;，；、\t", "\n\n\n\n\n\n")


class ContactForm(Form):
    """Which kind of contact is to be made, for whom, when."""

    channel = RadioField(
        _("How do you contact them?"), [InputRequired(_CHOOSE)],
        choices=choices(*((each.slug, name) for each, name in CHANNELS.items())), default="calls",
    )  # fmt: skip
    category = SelectField(
        _("About what?"), [InputRequired(_CHOOSE)],
        choices=choices(("", "–"), *((each.slug, name) for each, name in CATEGORIES.items())),
    )
    on_behalf = SelectField(_("On whose behalf?"))
    when = RadioField(
        _("When do you begin?"), [InputRequired(_CHOOSE)],
        choices=choices(("now", _("Now")), ("later", _("At a later time"))), default="now",
    )  # fmt: skip
    at = DateTimeLocalField(
        _("Planned beginning, Beijing time"), [Optional()], format=_MINUTES,
        description=_("At most 31 days ahead; quiet hours and rest hours are judged for this time"),
    )

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether all is said, also the later time where it is one."""
        good = bool(super().validate(extra_validators))
        if self.when.data == "later" and self.at.data is None and not self.at.errors:
            self.at.errors = [*self.at.errors, _FILL]
            return False
        return good

    @property
    def moment(self) -> datetime | None:
        """When contacts begin; None: now."""
        if self.when.data != "later" or self.at.data is None:
            return None
        found: datetime = self.at.data.replace(tzinfo=ZoneInfo(registry_of().settings.numbers.zone))
        return found

    def blame(self, error: RegistryError, field: str = "") -> None:
        """Put what stands against a scrub or a check beside its field, or on top of the form."""
        text = scrub_problem(error.code) if error.code in PROBLEMS else problem_sentence(error)
        field = field or _PLACES.get(error.code, "")
        if field:
            self[field].errors = [*self[field].errors, text]
        else:
            self.form_errors.append(text)

    def offer(self, principals: Sequence[tuple[str, str]]) -> None:
        """Say for whom the party may act: id and name, the first is itself."""
        self.on_behalf.choices = choices(*principals)

    def show(self, ask: Ask) -> None:
        """Fill in what was asked last."""
        self.channel.data, self.category.data = ask.channel.slug, ask.category.slug
        if ask.on_behalf in {choice.value for choice in self.on_behalf.choices or ()}:
            self.on_behalf.data = ask.on_behalf

    def ask(self, **more: Any) -> Ask:
        """What a valid form asks."""
        return Ask(
            Channel[(self.channel.data or "").upper()], Category[(self.category.data or "").upper()],
            on_behalf=self.on_behalf.data or "", at=self.moment, **more,
        )


class ListForm(ContactForm):
    """What a call list is to be checked for, and where its numbers are."""

    campaign = StringField(
        _("Campaign"), [Length(max=80, message=_("At most 80 characters."))], filters=[_plain],
        description=_("A name that you will know again, without phone numbers; it may stay empty"),
    )  # fmt: skip
    column = SelectField(_("Column with the numbers"), [InputRequired(_("Say which column holds the numbers."))])
    headed = RadioField(
        _("Is the first line a header?"), [InputRequired(_CHOOSE)],
        choices=choices(("yes", _("Yes, names of columns")), ("no", _("No, it is a line like the others"))),
    )  # fmt: skip
    country = SelectField(
        _("Numbers without a country are from"), description=_("Only for numbers that do not begin with + or 00")
    )
    keep = BooleanField(_("Keep the list until its answers end, so that it can be checked again with one click"))

    def offer_countries(self, own: str) -> None:
        """Fill the list of countries; the registry's own comes first."""
        names = Locale.parse(language_of()).territories
        known = sorted((name, code) for code, name in names.items() if len(code) == 2 and code.isalpha())
        others = ((code, name) for name, code in known if code != own)
        self.country.choices = choices((own, names.get(own, own)), *others)


class QuickForm(ContactForm):
    """A few numbers to be checked at once."""

    numbers = TextAreaField(
        _("Phone numbers"), [InputRequired(_FILL), Length(max=2000, message=_("At most 10 numbers."))],
        description=_("Up to 10, one on each line; 0 and the area code before landlines"),
    )  # fmt: skip

    @property
    def typed(self) -> list[str]:
        """The numbers as they were typed."""
        return [line.strip() for line in (self.numbers.data or "").translate(_BREAKS).splitlines() if line.strip()]

    def validate_numbers(self, _field: Field) -> None:
        """One to ten of them."""
        if not self.typed:
            raise ValidationError(str(_FILL))
        if len(self.typed) > MOST:
            raise ValidationError(str(_("At most 10 numbers. For more, check a list.")))

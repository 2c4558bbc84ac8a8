"""Forms about telemarketers' accounts: applying, looking up how it stands, deciding, principals, tiers.

Rules of this room: as in `forms`; what a company says is read by the core, and what the core has against it is put
beside the field that it is about, all of it at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask_babel import get_locale, gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, DateField, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional

from registry import applications, companynames, organisations
from registry.applications import Wish
from registry.errors import InvalidInputError
from registry.naming import new_id
from registry.numbering import NumberPlan
from registry.organisations import Contact, Organisation
from registry.uscc import HOME, CompanyNumber, company_number
from web.forms import Form, Ticks, choices
from web.labels import CATEGORIES

T = TypeVar("T")
_FILL = _("Please fill this in.")
_CHOOSE = _("Please choose one.")
_FIELDS = {
    "bad_name": "name_zh", "bad_name_en": "name_en", "bad_country": "country", "bad_sectors": "sectors",
    "acts_for_nobody": "itself", "bad_principal": "principals", "too_many_principals": "principals",
    "own_company": "principals", "bad_contact_name": "contact_name", "bad_email": "email",
}  # fmt: skip
_NO_COUNTRIES = frozenset({HOME, "EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
_FORM_WORD = re.compile(r"[0-9a-z]{32}")
_COMMA = re.compile(r"[，、;；\t]")
_ABROAD = re.compile(r"([A-Za-z]{2})[\s:]+(\S.*)")


def _countries() -> list[tuple[str, str]]:
    """Countries by their code, named in the language of the page; China first."""
    locale = get_locale()
    named = sorted((name, code) for code, name in locale.territories.items() if len(code) == 2 and code.isalpha())
    home = next(name for name, code in named if code == HOME)
    return [(HOME, home), *((code, name) for name, code in named if code not in _NO_COUNTRIES)]


class CompanyFields(Form):
    """A company: where it is registered and under which number."""

    country = SelectField(_("Registered in"), [InputRequired(_CHOOSE)], default=HOME)
    registration = StringField(
        _("Registration number"), [InputRequired(_FILL), Length(max=200, message=_("At most 40 characters."))],
        description=_("In China: the unified social credit code, 18 digits and letters"),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country.choices = choices(*_countries())

    def tried(self, work: Callable[[], T], field: str) -> T | None:
        """What comes of some work; None where it is refused, which stands beside its field then."""
        try:
            return work()
        except InvalidInputError as error:
            chosen = _FIELDS[error.code] if _FIELDS.get(error.code, "") in self else field
            self.blame(error, chosen)
            if line := error.facts.get("line"):
                text = self[chosen].errors[-1]
                self[chosen].errors[-1] = str(gettext("Line %(line)s: %(text)s", line=line, text=text))
            return None

    def company(self) -> CompanyNumber | None:
        """The company that the form names, None where it names none."""
        return self.tried(
            lambda: company_number(self.registration.data or "", self.country.data or HOME), "registration"
        )


class DescribeForm(CompanyFields):
    """What stands of a telemarketer beside its names: company, industries, whom to ask."""

    sectors = Ticks(
        _("What do you contact people about?"),
        choices=choices(*((each.slug, name) for each, name in CATEGORIES.items())),
    )
    itself = BooleanField(_("We call for ourselves"), default=True)
    contact_name = StringField(_("Full name"), [InputRequired(_FILL)])
    email = StringField(_("Email"), [InputRequired(_FILL)])
    phone = StringField(
        _("Phone"), [InputRequired(_FILL)],
        description=_("We call back under a number from the public company register"),
    )

    def contact(self, plan: NumberPlan, country: str) -> Contact | None:
        """Whom to ask, None where that is not said."""
        return self.tried(lambda: organisations.contact_of(
            plan, name=self.contact_name.data or "", email=self.email.data or "", phone=self.phone.data or "",
            country=country,
        ), "phone")  # fmt: skip

    def mask(self) -> int | None:
        """The industries as a mask, None where there is none."""
        return self.tried(lambda: organisations.sectors_of(self.sectors.data or ()), "sectors")

    def ask_as_officer(self) -> None:
        """The same questions, asked about somebody else."""
        self.sectors.label.text, self.itself.label.text = _("Industries"), _("Calls for itself")
        self.contact_name.label.text, self.phone.description = _("Whom to ask"), ""

    def show(self, organisation: Organisation, contact: Contact) -> None:
        """Fill the form with what is known."""
        self.country.data, self.registration.data = organisation.company.country, organisation.company.number
        self.sectors.data = [each.slug for each in organisation.categories]
        self.itself.data = organisation.itself
        self.contact_name.data, self.email.data, self.phone.data = contact.name, contact.email, contact.phone


class JoinForm(DescribeForm):
    """A company applies for a telemarketer's account."""

    word = HiddenField(default=lambda: new_id(32))  # the same form sent twice counts once
    name_zh = StringField(
        _("Name in Chinese"), [InputRequired(_FILL), Length(max=120, message=_("At most 120 characters."))],
        description=_("As in the business licence"),
    )  # fmt: skip
    name_en = StringField(
        _("Name in English (if there is one)"), [Optional(), Length(max=120, message=_("At most 120 characters."))]
    )
    principals = TextAreaField(
        _("We call for others (one company a line: registration number, then its name)"), [Optional()],
        description=_("Companies abroad with their country before the number: DE HRB12345, Name GmbH"),
    )  # fmt: skip

    @property
    def once(self) -> str:
        """The form's own random word; a new one where it was tampered with."""
        word = self.word.data or ""
        return word if _FORM_WORD.fullmatch(word) else new_id(32)

    def wish(self, plan: NumberPlan, country: str) -> Wish | None:
        """What the company says of itself; None where something is wrong, which stands beside its field then."""
        said = self.tried(lambda: principals_of(self.principals.data or ""), "principals")
        company, contact = self.company(), self.contact(plan, country)
        nobody = company is None or contact is None or said is None
        wish = self.tried(lambda: applications.wish_of(
            name_zh=self.name_zh.data or "", name_en=self.name_en.data or "",
            company=company or CompanyNumber("", ""), sectors=self.sectors.data or (), itself=bool(self.itself.data),
            principals=said or (), contact=contact or Contact("", "", ""),
        ), "name_zh")  # fmt: skip
        return None if nobody else wish


def principals_of(text: str) -> list[tuple[str, CompanyNumber]]:
    """Names and registration numbers, one company a line. Raises InvalidInputError, which names the `line`."""
    found = []
    for place, line in enumerate(text[:50_000].splitlines(), 1):
        if line.strip():
            try:
                found.append(_principal(line.strip()))
            except InvalidInputError as error:
                raise InvalidInputError(error.detail, code=error.code, line=place) from error
    return found


def _principal(line: str) -> tuple[str, CompanyNumber]:
    number, comma, name = _COMMA.sub(",", line, count=1).partition(",")
    if not comma:
        number, _blank, name = line.partition(" ")
    abroad = _ABROAD.fullmatch(number.strip())
    company = company_number(abroad[2], abroad[1]) if abroad else company_number(number)
    return companynames.company_name(name, code="bad_principal"), company


class LookUpForm(Form):
    """How an application stands."""

    reference = StringField(_("Reference"), [InputRequired(_FILL)], description=_("For example bcdf-ghjk-mnpq"))
    secret = StringField(_("Secret"), [InputRequired(_FILL)], description=_("It was shown once, after you applied"))


class ApproveForm(Form):
    """The account that an application gets."""

    party = StringField(
        _("Short name"), [InputRequired(_FILL)], description=_("Its word in addresses and files, for ever")
    )
    tier = SelectField(_("Licence tier"), [InputRequired(_CHOOSE)])
    email = StringField(_("Email of the owner"), [InputRequired(_FILL)])


class RefuseForm(Form):
    """Why an application is refused."""

    note = StringField(
        _("Why"), [InputRequired(_FILL), Length(1, 500, message=_("Between 1 and 500 characters."))],
        description=_("One sentence that the applicant reads, without phone numbers"),
    )  # fmt: skip


class TierForm(Form):
    """Another licence tier."""

    tier = SelectField(_("Licence tier"), [InputRequired(_CHOOSE)])


class PrincipalForm(CompanyFields):
    """One more company to act for."""

    name = StringField(_("Company"), [InputRequired(_FILL), Length(max=120, message=_("At most 120 characters."))])
    since = DateField(_("From (today, if empty)"), [Optional()])
    until = DateField(_("Until the end of (if it ends)"), [Optional()])

    def period(self, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
        """From when until when: a day begins at midnight, and the last one is meant whole."""
        today = now.astimezone(zone).date()
        start = now if self.since.data in (None, today) else _midnight(self.since.data, zone)
        return start, _midnight(self.until.data + timedelta(days=1), zone) if self.until.data else None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)

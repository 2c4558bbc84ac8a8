"""Forms and words of what leaves the registry and is fetched from elsewhere: webhooks and outboxes.

Rules of this room: as those of `forms.py`; an unknown slug is shown as it is, never hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from wtforms import BooleanField, IntegerField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from registry.outboxes import LEAST_S, MOST_S
from web.forms import Form, Ticks, choices

EVENTS: Mapping[str, Any] = {
    "edition.published": _("A new edition is in the feed"),
    "key.rotated": _("List keys were rotated"),
    "report.judged": _("Reports were judged"),
    "report.overdue": _("Reports passed their deadline"),
    "quarantine.added": _("Rows wait in quarantine"),
    "measure.proposed": _("Notice of a measure"),
    "measure.started": _("A measure is in force"),
    "measure.lifted": _("A measure was lifted or is over"),
    "measure.appeal_decided": _("An appeal against a measure was decided"),
    "fine.noticed": _("Notice of a fine"),
    "fine.decided": _("A fine was decided, or is over"),
    "scrub.done": _("A call list was checked"),
    "scrub.failed": _("A call list could not be checked"),
    "scrub.expiring": _("Answers to a call list end soon"),
    "peak.coming": _("Warning before a peak"),
    "endpoint.test": _("Test event"),
}

FAILURES: Mapping[str, Any] = {
    "no_answer": _("Nobody answers there"),
    "too_slow": _("Answers too slowly"),
    "no_such_host": _("No such host"),
    "private_address": _("Lies in a private network"),
    "bad_address": _("Not an address that we ask"),
    "bad_certificate": _("Its certificate is not trusted"),
    "redirected": _("It redirects elsewhere"),
    "too_big": _("The answer is too large"),
    "cut_short": _("The answer was cut short"),
    "bad_encoding": _("The answer is packed in an unknown way"),
    "bad_page": _("A page cannot be read"),
}

CIRCUITS: Mapping[str, tuple[str, Any]] = {
    "closed": ("ok", _("Asked as usual")),
    "half_open": ("warn", _("To be probed")),
    "open": ("stop", _("Left alone after failures")),
    "none": ("plain", _("Folder only")),
}


def event_name(type: str) -> str:
    """What a type of event is called."""
    return str(EVENTS.get(type, type))


def failure_name(slug: str) -> str:
    """What went wrong, in a few words; an empty text where nothing did."""
    if slug.startswith("http_"):
        return str(gettext("It answers with status %(status)s", status=slug.removeprefix("http_")))
    return str(FAILURES.get(slug, slug))


def circuit_name(slug: str) -> tuple[str, str]:
    """The colour and the word of a circuit."""
    colour, text = CIRCUITS[slug]
    return colour, str(text)


class WebhookForm(Form):
    """An endpoint that is to be told of events."""

    url = StringField(
        _("Address"), [InputRequired(_("Please fill this in.")), Length(max=2000)],
        filters=[lambda text: text.strip() if text else text], description=_("https://…, reachable from outside"),
    )  # fmt: skip
    label = StringField(
        _("What it is for"), [Length(max=60, message=_("At most 60 characters."))],
        filters=[lambda text: text.strip() if text else text],
    )  # fmt: skip
    events = Ticks(
        _("What it is told of"), [InputRequired(_("Please choose one."))],
        choices=choices(*((slug, name) for slug, name in EVENTS.items() if slug != "endpoint.test")),
    )  # fmt: skip
    active = BooleanField(_("Switched on"), default=True)


class OutboxForm(Form):
    """Where a carrier's reports are fetched from."""

    source = SelectField(_("Party"), [InputRequired(_("Please choose one."))])
    address = StringField(
        _("Address"), [InputRequired(_("Please fill this in.")), Length(max=2000)],
        filters=[lambda text: text.strip() if text else text], description=_("https://…, reachable from outside"),
    )  # fmt: skip
    kind = SelectField(
        _("Format of the rows"),
        choices=choices(("carrier", _("As carriers report")), ("ftc", _("As the FTC publishes"))),
    )
    every = IntegerField(
        _("Ask every so many seconds"),
        [InputRequired(_("Please fill this in.")),
         NumberRange(LEAST_S, MOST_S, message=_("Between 10 and 86,400 seconds."))],
        default=60,
    )  # fmt: skip
    token = PasswordField(
        _("Bearer token"), [Optional(), Length(max=4000)],
        description=_("Leave it empty to keep the one there is; it is never shown again"),
    )  # fmt: skip
    without = BooleanField(_("Ask without a token from now on"))

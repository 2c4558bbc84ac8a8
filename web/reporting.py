"""Pages on which people report calls and texts, and read what was judged.

Rules of this room: the number that was called is the one that was proved; callers are shown masked (rule 115); after a
number has gone to another holder, nobody sees the reports of the one before (rule 45).
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from registry import limits, registrations, reports
from registry.errors import InvalidInputError, RegistryError, SignInRequiredError, TooManyError
from registry.sealing import SealedNumber, unseal_one
from registry.store.engine import Row
from registry.times import from_micros, iso, local, to_micros
from web import guard
from web.current import registry_of
from web.forms import WHATS, ReportForm
from web.labels import reason_sentence
from web.people import Page, as_utc, masked, own_number, to_sign_in
from web.refusals import field_of

blueprint = Blueprint("reporting", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)

SOURCE = "people"
_SHOWN = 200
_REPORTS_A_DAY = 50  # of one person; many more than anybody is called
_NONCE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Judged:
    """A report as its page shows it: `caller` masked, `sentence` why, `rule` and `rulebook` by what."""

    caller: str
    at: datetime
    channel: int | None
    category: int | None
    verdict: str
    sentence: str
    rule: str
    rulebook: str
    own: bool


@blueprint.route("/report", methods=["GET", "POST"])
@guard.person
def report() -> Page:
    """Report a call or text to the number that was proved."""
    registry, number = registry_of(), own_number()
    form, status = ReportForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                _spend(number)
                result = reports.take_one(
                    registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=SOURCE,
                    kind="people", fields=_fields(form, number), country=registry.settings.numbers.country,
                    reporter=number, shelf=registry.shelf, zone=registry.settings.numbers.zone,
                )
            except InvalidInputError as error:
                _blame(form, error)
            except TooManyError as error:
                form.blame(error)
                status = 429
            else:
                if result.result == "duplicate":
                    flash(_("We have this report already."), "warn")
                elif result.verdict == "violation":
                    flash(_("Thank you. This was a violation, and it is on record."), "ok")
                else:
                    flash(_("Thank you. Your report is on record."), "ok")
                return redirect(url_for("reporting.mine"), 303)
    elif form.at.data is None:
        now = local(registry.clock.now(), registry.settings.numbers.zone)
        form.at.data = now.replace(second=0, microsecond=0, tzinfo=None)
    return render_template("report.html", form=form, masked=masked(number)), status


def _spend(number: SealedNumber) -> None:
    """Spend one of a number's reports of the day. Raises TooManyError."""
    registry = registry_of()
    subject = limits.subject_of(registry.keys, b"number:" + number)
    limits.spend(
        registry.store, registry.clock, name="report-number-day", subject=subject, most=_REPORTS_A_DAY, per_s=86_400
    )


def _fields(form: ReportForm, number: SealedNumber) -> dict[str, object]:
    """The report as the wire has it (RULES §4)."""
    channel, mode = WHATS[form.what.data]
    at = as_utc(form.at.data)
    now = registry_of().clock.now()
    if at - now <= timedelta(minutes=1):  # the form knows minutes only
        at = min(at, now)
    nonce = form.nonce.data or ""
    said = {
        "id": nonce if _NONCE.fullmatch(nonce) else secrets.token_hex(8),
        "called": unseal_one(registry_of().keys.at_rest, number).e164,
        "caller": form.caller.data or "hidden",
        "channel": channel,
        "mode": mode,
        "category": form.category.data,
        "at": iso(at),
        "duration": form.duration.data,
        "description": form.description.data,
    }
    return {name: value for name, value in said.items() if value not in (None, "")}


def _blame(form: ReportForm, error: RegistryError) -> None:
    """Put a refusal beside the field that its slug names."""
    field = field_of(error.code)
    form.blame(error, field if field in form else "")


@blueprint.get("/my-reports")
@guard.person
def mine() -> Page:
    """What was reported about calls to this number, and what became of it."""
    registry, number = registry_of(), own_number()
    since = registrations.holder_since(registry.store, number)
    with registry.store.reading():
        rows = registry.store.reports.about(number, limit=_SHOWN)
    shown = [_judged(row, number) for row in rows if row["at"] >= to_micros(since)]
    return render_template("my_reports.html", reports=shown, masked=masked(number))


def _judged(row: Row, number: SealedNumber) -> Judged:
    caller = row["caller"]
    return Judged(
        caller=unseal_one(registry_of().keys.at_rest, caller).masked if caller else _("Hidden number"),
        at=from_micros(row["at"]),
        channel=row["channel"],
        category=row["category"],
        verdict=row["verdict"],
        sentence=reason_sentence(row["reason"]),
        rule=row["rule"],
        rulebook=row["rulebook"],
        own=row["reporter"] == number,
    )

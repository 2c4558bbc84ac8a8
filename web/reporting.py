"""Pages on which people report calls and texts, and read what was judged.

Rules of this room: the number that was called is the one that was proved; callers are shown masked (rule 115); after a
number has gone to another holder, nobody sees the reports of the one before (rule 45).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _

from registry import consequences, limits, peoplesreports, registrations
from registry.errors import ConflictError, InvalidInputError, RegistryError, SignInRequiredError, TooManyError
from registry.handling import Handling, Tools
from registry.measures import Measure
from registry.naming import new_id
from registry.sealing import SealedNumber, unseal_one
from registry.store.engine import Row
from registry.times import from_micros, local, to_micros
from web import guard, measurewords
from web.current import registry_of
from web.forms import Form
from web.labels import reason_sentence
from web.people import Page, as_utc, masked, own_number, to_sign_in
from web.refusals import field_of
from web.reportforms import WHATS, ReportForm
from web.reportwords import PROBLEMS, STATES

blueprint = Blueprint("reporting", __name__)
blueprint.register_error_handler(SignInRequiredError, to_sign_in)

_SHOWN = 200
_REPORTS_A_DAY = 50  # of one person; many more than anybody is called
_NONCE = re.compile(r"[0-9a-z]{16}")


@dataclass(frozen=True)
class Judged:
    """A report as its page shows it: `caller` masked, `sentence` why, `rule` and `rulebook` by what.

    `outcome` and what follows: of one's own alone.
    """

    caller: str
    at: datetime
    channel: int | None
    category: int | None
    verdict: str
    sentence: str
    rule: str
    rulebook: str
    outcome: str = ""  # of who was asked; it says more than our own verdict
    reference: str = ""
    stands: tuple[str, str] = ("", "")  # colour and word of where it stands
    measure: Measure | None = None  # the newest that came of it


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
                taken = peoplesreports.take(
                    tools_of(), told=_told(form), reporter=number, country=registry.settings.numbers.country,
                    shelf=registry.shelf,
                )
            except (InvalidInputError, ConflictError) as error:
                blame(form, error)
            except TooManyError as error:
                form.blame(error)
                status = 429
            else:
                _thank(taken)
                return redirect(url_for("reportstates.one", reference=taken.handling.reference), 303)
    elif form.at.data is None:
        now = local(registry.clock.now(), registry.settings.numbers.zone)
        form.at.data = now.replace(second=0, microsecond=0, tzinfo=None)
    return render_template("report.html", form=form, masked=masked(number)), status


def _thank(taken: peoplesreports.Taken) -> None:
    """Say what came of a report that was taken."""
    if taken.again:
        flash(_("We have this report already."), "warn")
        return
    if taken.verdict == "violation":
        flash(_("Thank you. This was a violation, and it is on record."), "ok")
    else:
        flash(_("Thank you. Your report is on record."), "ok")
    if taken.missing:
        flash(_("Something is missing before anybody can be asked: see below."), "warn")


def tools_of() -> Tools:
    """What moving a report needs."""
    registry = registry_of()
    return Tools(
        registry.store, registry.clock, registry.keys, registry.plan, registry.rulebooks,
        registry.settings.numbers.zone,
    )  # fmt: skip


def _spend(number: SealedNumber) -> None:
    """Spend one of a number's reports of the day. Raises TooManyError."""
    registry = registry_of()
    subject = limits.subject_of(registry.keys, b"number:" + number)
    limits.spend(
        registry.store, registry.clock, name="report-number-day", subject=subject, most=_REPORTS_A_DAY, per_s=86_400
    )


def _told(form: ReportForm) -> peoplesreports.Told:
    """The report that a valid form says (RULES §4)."""
    channel, mode = WHATS[form.what.data]
    at, now = as_utc(form.at.data), registry_of().clock.now()
    if at - now <= timedelta(minutes=1):  # the form knows minutes only
        at = min(at, now)
    nonce = form.nonce.data or ""
    return peoplesreports.Told(
        id=nonce if _NONCE.fullmatch(nonce) else new_id(), channel=channel, mode=mode,
        harassment=form.category.data, at=at, caller=form.caller.data or "", duration=form.duration.data,
        enterprise=form.enterprise.data or "", province=form.province.data or "",
        description=form.description.data or "", consent=form.consent.data,
    )  # fmt: skip


def blame(form: Form, error: RegistryError) -> None:
    """Put a refusal beside the field that its slug names."""
    field = "caller" if error.code == "own_caller" else str(error.facts.get("field", "")) or field_of(error.code)
    if error.code in PROBLEMS:
        field = field if field in form else ""
        target = form[field].errors if field else form.form_errors
        text = str(PROBLEMS[error.code])
        if field:
            form[field].errors = [*target, text]
        else:
            form.form_errors.append(text)
    else:
        form.blame(error, field if field in form else "")


@blueprint.get("/my-reports")
@guard.person
def mine() -> Page:
    """What was reported about calls to this number, and what became of it."""
    registry, number = registry_of(), own_number()
    since = registrations.holder_since(registry.store, number)
    with registry.store.reading():
        rows = registry.store.reports.about(number, limit=_SHOWN)
        since_then = [row for row in rows if row["at"] >= to_micros(since)]
        of_own = [_handling(row) if row["reporter"] == number else None for row in since_then]
        measures = consequences.newest_of(registry.store, filter(None, of_own))
    shown = [_judged(row, found, measures) for row, found in zip(since_then, of_own)]
    return render_template("my_reports.html", reports=shown, masked=masked(number), words=measurewords)


def _handling(row: Row) -> Handling | None:
    return registry_of().store.handling.of_report(row["source"], row["source_id"])


def _judged(row: Row, found: Handling | None, measures: Mapping[str, Measure]) -> Judged:
    """A report as it is shown. `found`: what became of it, of an own one alone."""
    caller, reference = row["caller"], found.reference if found else ""
    colour, word = STATES[found.state] if found else ("", "")
    return Judged(
        caller=unseal_one(registry_of().keys.at_rest, caller).masked if caller else _("Hidden number"),
        at=from_micros(row["at"]),
        channel=row["channel"],
        category=row["category"],
        verdict=row["verdict"],
        sentence=reason_sentence(row["reason"]),
        rule=row["rule"],
        rulebook=row["rulebook"],
        outcome=found.outcome if found else "",
        reference=reference,
        stands=(colour, str(word)),
        measure=measures.get(reference),
    )

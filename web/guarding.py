"""Officers' pages of what telemarketers ask for: balances, alarms in plain words, scrubs that wait, and decisions.

Rules of this room: figures and no numbers; every decision asks for its reason and says what it will do; what was
decided stays to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext
from wtforms import RadioField, StringField
from wtforms.validators import InputRequired, Length

from registry import guardalarms, parties, quotas
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.guardalarms import GuardAlarm
from registry.parties import Party
from registry.quotas import Balance
from registry.scrubjobs import ScrubJob
from web import figures, guard, guardwords
from web.current import registry_of
from web.forms import Form, choices
from web.officers import room
from web.parties import actor
from web.people import Page

_DECIDED = 30
_FILL = lazy_gettext("Please say why.")
_CHOOSE = lazy_gettext("Please choose one.")
blueprint = room("guarding", __name__)


class AlarmForm(Form):
    """What an officer decides about an alarm."""

    decision = RadioField(
        lazy_gettext("Decision"), [InputRequired(_CHOOSE)],
        choices=choices(
            ("let_go", lazy_gettext("Let go: it is answered as usual, and the same signals are quiet this month")),
            ("keep_slow", lazy_gettext("Keep slow: it is answered at the pace of the slow lane")),
            ("refuse", lazy_gettext("Refuse: a list is cancelled; checks are answered no more")),
        ),
    )
    note = StringField(lazy_gettext("Why"), [InputRequired(_FILL), Length(max=500)])


class LaneForm(Form):
    """In which lane a party is from now on."""

    lane = RadioField(
        lazy_gettext("Lane"), [InputRequired(_CHOOSE)],
        choices=choices(*((slug, text) for slug, (_colour, text) in guardwords.LANES.items())),
    )
    note = StringField(lazy_gettext("Why"), [InputRequired(_FILL), Length(max=500)])


@dataclass(frozen=True)
class Asker:
    """A telemarketer on the page: what it may still ask, and how many alarms wait."""

    party: Party
    balance: Balance
    alarms: int


@blueprint.get("/officer/scrubs")
@guard.member("settle_alarms")
def overview() -> Page:
    """Alarms that wait, telemarketers with their balances, and what was decided."""
    registry = registry_of()
    waiting = guardalarms.open_alarms(registry.store)
    return render_template(
        "officer/scrubs.html", waiting=waiting, askers=_askers(waiting), words=guardwords,
        decided=guardalarms.settled_alarms(registry.store, limit=_DECIDED), called=figures.names(registry),
        scrub_of=_scrub_of,
    )


@blueprint.route("/officer/scrubs/alarms/<alarm>", methods=["GET", "POST"])
@guard.member("settle_alarms")
def alarm(alarm: str) -> Page:
    """One alarm with its figures in words, and the officer's decision."""
    registry = registry_of()
    found, form, status = _alarm(alarm), AlarmForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                guardalarms.decide(
                    registry.store, registry.clock, alarm=alarm, decision=form.decision.data,
                    note=form.note.data or "", actor=actor().name,
                )
            except InvalidInputError as error:
                form.blame(error, "note")
            except ConflictError:
                flash(_("Somebody has seen to this already."), "warn")
                return redirect(url_for("guarding.overview"), 303)
            else:
                flash(_("Decided. It counts from now on."), "ok")
                return redirect(url_for("guarding.overview"), 303)
    party = parties.get_party(registry.store, found.party)
    return render_template(
        "officer/scrub_alarm.html", alarm=found, party=party, form=form, words=guardwords, scrub=_scrub_of(found),
        balance=_balance(party), name=figures.name_of(party),
    ), status


@blueprint.route("/officer/scrubs/parties/<party>", methods=["GET", "POST"])
@guard.member("settle_alarms")
def lane(party: str) -> Page:
    """The lane of a telemarketer, and what rang about it this month."""
    registry = registry_of()
    found, form, status = parties.get_party(registry.store, party), LaneForm(), 200
    if found.kind != "telemarketer":
        raise NotFoundError("There is no such telemarketer.", code="no_such_party")
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                guardalarms.move(
                    registry.store, registry.clock, party=party, lane=form.lane.data, note=form.note.data or "",
                    actor=actor().name,
                )
            except InvalidInputError as error:
                form.blame(error, "note")
            else:
                flash(_("Decided. It counts from now on."), "ok")
                return redirect(url_for("guarding.overview"), 303)
    else:
        form.lane.data = _balance(found).lane
    epoch = registry.quotas.period().epoch
    rang = [guardalarms.alarm_from(row) for row in registry.store.guard.alarms_of(party, epoch=epoch)]
    return render_template(
        "officer/lane.html", party=found, form=form, balance=_balance(found), rang=rang, words=guardwords,
        name=figures.name_of(found),
    ), status


def _alarm(alarm: str) -> GuardAlarm:
    row = registry_of().store.guard.alarm(alarm)
    if row is None:
        raise NotFoundError("There is no such alarm.", code="no_such_alarm")
    return guardalarms.alarm_from(row)


def _scrub_of(alarm: GuardAlarm) -> ScrubJob | None:
    return registry_of().store.scrub_jobs.job(alarm.scrub) if alarm.scrub else None


def _balance(party: Party) -> Balance:
    registry = registry_of()
    return quotas.balance(registry.store, registry.clock, registry.settings, party)


def _askers(waiting: Sequence[GuardAlarm]) -> list[Asker]:
    """Telemarketers, those that alarms wait about first, then those that asked for most."""
    found = [
        Asker(party, _balance(party), sum(each.party == party.party for each in waiting))
        for party in registry_of().store.parties.all()
        if party.kind == "telemarketer"
    ]
    return sorted(found, key=lambda each: (-each.alarms, each.balance.lane == "usual", -each.balance.epoch.used))

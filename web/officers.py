"""Pages of the regulator's members: today's figures, parties with their keys and members, jobs, the audit trail.

Rules of this room: what a role may not see is not on its page (the table is in `registry.access`); secrets and
invitations are shown once; figures that cost much are some seconds old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import access, audit, credentials, organisations, parties, registrations
from registry.access import ROLES_OF
from registry.assembly import Registry
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, SignInRequiredError
from registry.parties import Party
from registry.times import to_micros
from web import charts, figures, guard, keyages, keynotes, menus, once
from web.alarms import ringing, waiting
from web.current import registry_of
from web.figures import CarrierState
from web.forms import MemberForm, PartyForm, choices
from web.labels import word
from web.parties import actor, issued, key_form, refused, to_sign_in
from web.people import Page
from web.tables import Asked, asked

DAYS = 30  # on the charts, today so far included
_EDITIONS = 10
_RUNS = 100
_ENTRIES = 100
_DAY_US = 86_400_000_000
CARRIER_SORTS = ("name", "state", "edition", "acknowledged", "lag", "entries", "size")
PARTY_SORTS = ("name", "party", "kind", "state", "ordinal")


def room(name: str, import_name: str) -> Blueprint:
    """A blueprint of pages for the regulator's members: who has not signed in does so first, templates get the menu."""
    made = Blueprint(name, import_name)
    made.register_error_handler(SignInRequiredError, to_sign_in)
    made.register_error_handler(NotAllowedError, refused)
    made.context_processor(lambda: menus.shown(menus.OFFICE, actor))
    return made


blueprint = room("officers", __name__)


@blueprint.get("/officer")
@guard.member("see_overview")
def today() -> Page:
    """How the registry does today, and over the last month."""
    registry = registry_of()
    zone = registry.settings.numbers.zone
    per_day = figures.kept(
        "per_day", lambda: registrations.per_day(registry.store, registry.clock, days=DAYS, zone=zone)
    )
    days = list(per_day)
    verdicts = figures.kept("verdicts", lambda: _verdicts(days))
    carriers = figures.carriers(registry)
    editions = registry.store.editions.latest(limit=_EDITIONS)
    newest = next((row for row in editions if row.published is not None), None)
    now = to_micros(registry.clock.now())
    seen_carriers = asked(CARRIER_SORTS, "", state=figures.STATES)
    reads_audit = access.may(actor(), "read_audit")
    return render_template(
        "officer/today.html", alarms=ringing(), guessing=waiting(), notes=keynotes.notes(registry),
        called=figures.names(registry),
        today=per_day[days[-1]], yesterday=per_day[days[-2]], edition=newest,
        edition_age=(now - (newest.published or now)) // 1_000_000 if newest else 0,
        carriers=_sorted(carriers, seen_carriers), every=carriers, seen=seen_carriers,
        in_sync=sum(carrier.in_sync for carrier in carriers),
        reports_today=verdicts["violation"][-1] + verdicts["other"][-1], violations_today=verdicts["violation"][-1],
        verdicts=charts.reports_by_verdict(days, verdicts),
        registered=charts.registrations_over_time(per_day),
        editions=editions, jobs=registry.store.jobs.last_runs(),
        applying=registry.store.applications.waiting() if access.may(actor(), "manage_parties") else 0,
        handing=_to_hand_over(registry),
        deciding=_to_decide(registry) if access.may(actor(), "decide") else 0,
        fining=registry.store.penalties.counts().get("noticed", 0) if access.may(actor(), "decide") else 0,
        audit=audit.entries(registry.store, most=10) if reads_audit else None,
    )  # fmt: skip


def _to_decide(registry: Registry) -> int:
    """How many measures wait for a decision: proposals, and appeals."""
    counts = registry.store.measures.counts()
    return counts.get("proposed", 0) + counts.get("appealed", 0)


def _to_hand_over(registry: Registry) -> int:
    """How many batches of clues wait for whoever looks: to be looked over, or to be sent."""
    counts, who = registry.store.clues.counts(at=0), actor()
    states = {"made": "propose", "reviewed": "decide"}
    return sum(counts.get(state, 0) for state, needs in states.items() if access.may(who, needs))


def _sorted(carriers: Sequence[CarrierState], seen: Asked) -> list[CarrierState]:
    """The carriers that are asked for, in the order that is asked for (the usual one: that of their ordinals)."""
    rows = [carrier for carrier in carriers if seen["state"] in ("", carrier.state)]
    if not seen.sort:
        return rows
    return seen.sorted(rows, {
        "name": lambda each: each.name, "state": lambda each: figures.STATES.index(each.state),
        "edition": lambda each: each.feed.edition, "acknowledged": lambda each: each.feed.acknowledged,
        "lag": lambda each: each.feed.lag_s, "entries": lambda each: each.feed.entries,
        "size": lambda each: each.feed.size,
    })  # fmt: skip


def _verdicts(days: list[date]) -> dict[str, list[int]]:
    """Reports received on each day: violations, and all others."""
    registry = registry_of()
    zone = ZoneInfo(registry.settings.numbers.zone)
    midnight = datetime.combine(days[0], time(), zone)
    offset = int((midnight.utcoffset() or timedelta()).total_seconds()) * 1_000_000
    since, until = to_micros(midnight), to_micros(registry.clock.now()) + 1
    first = (since + offset) // _DAY_US
    counts = {"violation": [0] * len(days), "other": [0] * len(days)}
    for row in registry.store.reports.verdicts_per_day(since=since, until=until, offset=offset):
        place = int(row["day"]) - first
        if 0 <= place < len(days):
            counts["violation" if row["verdict"] == "violation" else "other"][place] += int(row["reports"])
    return counts


@blueprint.get("/officer/jobs")
@guard.member("see_jobs")
def jobs() -> Page:
    """The newest runs, of one job or of all."""
    store, job = registry_of().store, request.args.get("job", "")
    return render_template(
        "officer/jobs.html", runs=store.jobs.runs(job=job, limit=_RUNS), job=job,
        names=[run.job for run in store.jobs.last_runs()],
    )


@blueprint.get("/officer/audit")
@guard.member("read_audit")
def trail() -> Page:
    """The audit trail, newest first."""
    before = request.args.get("before", type=int)
    entries = audit.entries(registry_of().store, before=min(before, 2**62) if before else None, most=_ENTRIES)
    older = entries[-1].entry if len(entries) == _ENTRIES and entries[-1].entry > 1 else None
    return render_template("officer/trail.html", entries=entries, older=older)


# parties


@blueprint.get("/officer/parties")
@(guard.member("manage_parties") | guard.member("manage_keys"))
def all_parties() -> Page:
    """All parties."""
    seen = asked(
        PARTY_SORTS, "ordinal", texts=("q",), kind=parties.KINDS, state=("active", "suspended")
    )
    wanted = seen["q"].casefold()
    rows = [
        party for party in registry_of().store.parties.all()
        if seen["kind"] in ("", party.kind) and seen["state"] in ("", party.state)
        and any(wanted in name.casefold() for name in (party.party, party.name_zh, party.name_en))
    ]  # fmt: skip
    rows = seen.sorted(rows, {
        "name": figures.name_of, "party": lambda each: each.party, "kind": lambda each: each.kind,
        "state": lambda each: each.state, "ordinal": lambda each: each.ordinal,
    })  # fmt: skip
    return render_template("officer/parties.html", parties=rows, seen=seen)


@blueprint.route("/officer/parties/add", methods=["GET", "POST"])
@guard.member("manage_parties")
def add_party() -> Page:
    """One more party."""
    registry, form, status = registry_of(), PartyForm(), 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                added = parties.add_party(
                    registry.store, registry.clock, party=form.party.data or "", kind=form.kind.data,
                    name_zh=form.name_zh.data or "", name_en=form.name_en.data or "", scope=form.scope.data,
                    sandbox=bool(form.sandbox.data), actor=actor().name,
                )
            except (InvalidInputError, ConflictError) as error:
                form.blame(error, "party")
            else:
                flash(_("The party was added. Now issue a key or invite a member."), "ok")
                return redirect(url_for("officers.one_party", party=added.party), 303)
    return render_template("officer/add_party.html", form=form), status


@blueprint.get("/officer/parties/<party>")
@(guard.member("manage_parties") | guard.member("manage_keys"))
def one_party(party: str) -> Page:
    """One party: its feed, its keys, its members."""
    found = parties.get_party(registry_of().store, party)
    return _shown(found, _member_form(found), key_form(found)), 200


def _shown(party: Party, member_form: MemberForm, new_key: Any) -> str:
    registry, seen, who = registry_of(), keyages.asked_of_keys(), actor().member
    carrier = next((each for each in figures.carriers(registry, sandbox=True) if each.feed.party == party.party), None)
    return render_template(
        "officer/party.html", party=party, carrier=carrier, seen=seen, own=who.member if who else "",
        keys=keyages.aged(parties.keys_of(registry.store, party.party), seen, registry.clock.now()),
        names=figures.names(registry),
        members=registry.store.parties.members(party.party), key_form=new_key, member_form=member_form,
        secret=once.take("key"), invitation=once.take("invitation"), **_company(party),
    )


def _company(party: Party) -> dict[str, Any]:
    """The company behind a telemarketer's account, whom to ask there, and for whom it acts."""
    registry = registry_of()
    found = organisations.organisation_of(registry.store, party.party)
    return {
        "enterprise": registry.store.enterprises.of_party(party.party), "company": found,
        "principals": organisations.principals_of(registry.store, party.party),
        "contact": organisations.unseal_contact(registry.keys, found.contact) if found else None,
    }  # fmt: skip


def _member_form(party: Party) -> MemberForm:
    form = MemberForm()
    form.role.choices = choices(*((role, word("role", role)) for role in ROLES_OF[party.kind]))
    return form


@blueprint.route("/officer/parties/<party>/keys", methods=["GET", "POST"])
@guard.member("manage_keys")
def issue(party: str) -> Page:
    """Issue a key to a party."""
    registry = registry_of()
    found = parties.get_party(registry.store, party)
    if request.method == "GET":
        return redirect(url_for("officers.one_party", party=party), 303)
    form = key_form(found)
    if not (form.validate() and issued(form, found)):
        return _shown(found, _member_form(found), form), 422
    return redirect(url_for("officers.one_party", party=party), 303)


@blueprint.post("/officer/parties/<party>/keys/<key>/revoke")
@guard.member("manage_keys")
def revoke(party: str, key: str) -> Response:
    """Revoke a party's key."""
    registry = registry_of()
    parties.revoke_key(registry.store, registry.clock, api_key=key, party=party, actor=actor().name)
    flash(_("The key is revoked. It stopped working at once."), "ok")
    return redirect(url_for("officers.one_party", party=party), 303)


@blueprint.route("/officer/parties/<party>/members", methods=["GET", "POST"])
@guard.member("manage_members")
def invite(party: str) -> Page:
    """Invite a member: a link that works once."""
    registry = registry_of()
    found = parties.get_party(registry.store, party)
    if request.method == "GET":
        return redirect(url_for("officers.one_party", party=party), 303)
    form = _member_form(found)
    if not form.validate():
        return _shown(found, form, key_form(found)), 422
    try:
        member = parties.add_member(
            registry.store, registry.clock, party=party, email=form.email.data or "", name=form.name.data or "",
            role=form.role.data, actor=actor().name,
        )
    except (InvalidInputError, ConflictError) as error:
        form.blame(error, "email")
        return _shown(found, form, key_form(found)), 422
    token = credentials.invite(registry.store, registry.clock, member=member.member, actor=actor().name)
    site = registry.settings.site  # never the Host header: the link is handed on to somebody else
    home = site.public_url.rstrip("/") or site.local_url
    once.hand_over("invitation", home + url_for("members.first", token=token))
    return redirect(url_for("officers.one_party", party=party), 303)

"""Officers' pages of fines: the queue, one fine with its reasoning, each step to its end, notice and decision to print.

Rules of this room: who may see cases may read all of it; an investigator proposes, gives notice, notes the hearing and
the payment, a decider decides what somebody else proposed; each use case says what stands against it, and the page
says it on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import cases, fining, penalties
from registry.companynames import skeleton
from registry.departments import DEPARTMENTS
from registry.errors import ConflictError, InvalidInputError, NotFoundError, RegistryError
from registry.fining import Penalty
from registry.times import to_micros
from web import finewords, guard
from web.cases import names_of
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.tables import asked

PAGE = 50
SOON = timedelta(days=10)
_NAMED = 100
ROLES: Mapping[str, penalties.Role] = {"provider": "provider", "carrier": "carrier", "merchant": "merchant"}
blueprint = room("finedesk", __name__)


@blueprint.get("/officer/fines")
@guard.member("see_cases")
def queue() -> Page:
    """Fines that are asked for, what is due first first; without a state those that are worked on."""
    registry = registry_of()
    store, now = registry.store, registry.clock.now()
    seen = asked(places=("after",), texts=("enterprise",), state=("all", *finewords.STATES), due=("overdue", "soon"))
    states: tuple[str, ...] = (seen["state"],) if seen["state"] else finewords.WORKED
    if seen["state"] == "all":
        states = tuple(finewords.STATES)
    after = seen.places["after"] or 0
    rows = store.penalties.queue(
        states=states, limit=PAGE + 1, after=after, enterprises=called(seen["enterprise"]),
        due_by=to_micros(now + (SOON if seen["due"] == "soon" else timedelta())) if seen["due"] else 0,
    )
    return render_template(
        "officer/fines.html", rows=rows[:PAGE], seen=seen, words=finewords, counts=store.penalties.counts(), now=now,
        enterprises=store.enterprises.these(each.enterprise for each in rows),
        older=seen.link(after=after + PAGE) if len(rows) > PAGE else None, first=seen.link() if after else None,
    )


def called(text: str) -> list[str] | None:
    """The enterprises of an id, a registration number or a part of a name; None where none is asked for."""
    if not text:
        return None
    found = registry_of().store.enterprises.named(text, skeleton=skeleton(text), limit=_NAMED)
    return [text, *(each.enterprise for each in found)]


@blueprint.get("/officer/fines/<penalty>")
@guard.member("see_cases")
def one(penalty: str) -> Page:
    """One fine, with the figures that the rulebook gives now."""
    registry = registry_of()
    found = fining.of(registry.store, penalty)
    fresh = fining.recomputed(registry.fines, found) if found.state in fining.OPEN else found
    return render_template(
        "officer/fine.html", departments=DEPARTMENTS, own=found.proposed_by == actor().name, names=names_of(),
        fresh=fresh.proposal, moves=registry.store.penalties.moves(penalty),
        changed=fining.changed_since_notice(registry.fines, found),
        **shown(found) | {"reasoning": shown(fresh)["reasoning"]},
    )  # fmt: skip


@blueprint.get("/officer/fines/<penalty>/paper/<any(notice, decision):which>")
@guard.member("see_cases")
def paper(penalty: str, which: str) -> Page:
    """Notice or decision, to print."""
    found = fining.of(registry_of().store, penalty)
    must_have(found, which)
    return render_template("officer/fine_paper.html", which=which, **shown(found))


def must_have(found: Penalty, which: str) -> None:
    """Raises NotFoundError, where there is no such paper of a fine yet."""
    if (found.noticed if which == "notice" else found.decided if found.state != "refused" else None) is None:
        raise NotFoundError("There is no such paper yet.", code="not_found")


def shown(found: Penalty) -> dict[str, Any]:
    """What pages of a fine show of it, whoever looks."""
    registry = registry_of()
    now = registry.clock.now()
    rulebook = registry.rulebooks.named(found.rulebook)
    return {
        "fine": found, "now": now, "words": finewords, "rulebook": rulebook,
        "against": registry.store.enterprises.enterprise(found.enterprise),
        "reasoning": finewords.reasoning(
            rulebook, found.facts, found.proposal, zone=registry.calendar.zone, now=found.decided or now
        ),
        "case": registry.store.cases.case(found.case_id) if found.case_id else None,
    }


@blueprint.post("/officer/cases/<case_id>/fine")
@guard.member("propose")
def propose(case_id: str) -> Response:
    """Propose a fine in a case, from the facts of the form."""
    registry, form = registry_of(), request.form
    case = cases.case_of(registry.store, case_id)
    try:
        if case.last is None:
            raise ConflictError("No violation has gathered to this case.", code="no_violation")
        made = fining.propose(
            registry.fines, actor=actor(), enterprise=case.enterprise, case_id=case_id, at=case.last,
            role=ROLES.get(form.get("role", ""), "provider"), income=form.get("income", type=int),
            grave=form.get("grave") == "yes", minor=form.get("minor") == "yes",
            corrected=form.get("corrected") == "yes", department=form.get("department", ""), reason=_why(),
        )  # fmt: skip
    except RegistryError as error:
        flash(finewords.said(error), "warn")
        return redirect(url_for("casefiles.one", case_id=case_id), 303)
    flash(_("Done. It stands in the timeline."), "ok")
    return redirect(url_for("finedesk.one", penalty=made.penalty), 303)


@blueprint.post("/officer/fines/<penalty>/<action>")
@(guard.member("propose") | guard.member("decide"))
def act(penalty: str, action: str) -> Response:
    """One step of a fine; what it is decides who may."""
    if action not in _ACTS:
        raise NotFoundError("There is no such action.", code="not_found")
    needs, step = _ACTS[action]
    cases.must(actor(), needs)
    found = fining.of(registry_of().store, penalty)
    try:
        step(found)
    except RegistryError as error:
        flash(finewords.said(error), "warn")
    else:
        flash(_("Done. It stands in the timeline."), "ok")
    return redirect(url_for("finedesk.one", penalty=penalty), 303)


def _notice(found: Penalty) -> None:
    fining.notice(registry_of().fines, sum=request.form.get("sum", type=int), **_about(found))


def _hear(found: Penalty) -> None:
    fining.hear(registry_of().fines, text=_why(), at=_moment(request.form.get("at", "")), **_about(found))


def _decide(found: Penalty) -> None:
    if request.form.get("granted") != "yes":
        fining.refuse(registry_of().fines, reason=_why(), **_about(found))
        return
    sum = request.form.get("sum", type=int)
    if sum is None:
        raise InvalidInputError("A fine is a sum in whole yuan.", code="bad_sum")
    fining.decide(registry_of().fines, sum=sum, reason=_why(), **_about(found))


def _withdraw(found: Penalty) -> None:
    fining.withdraw(registry_of().fines, reason=_why(), **_about(found))


def _pay(found: Penalty) -> None:
    fining.pay(registry_of().fines, note=_why(), **_about(found))


def _refer(found: Penalty) -> None:
    fining.refer(registry_of().fines, department=request.form.get("department", ""), reason=_why(), **_about(found))


def _lapse(found: Penalty) -> None:
    fining.lapse(registry_of().fines, reason=_why(), **_about(found))


_ACTS: Mapping[str, tuple[str, Callable[[Penalty], None]]] = {
    "notice": ("propose", _notice), "hear": ("work_cases", _hear), "withdraw": ("propose", _withdraw),
    "decide": ("decide", _decide), "pay": ("work_cases", _pay), "lapse": ("decide", _lapse),
    "refer": ("propose", _refer),
}  # fmt: skip


def _about(found: Penalty) -> dict[str, Any]:
    return {"actor": actor(), "penalty": found.penalty}


def _why() -> str:
    return request.form.get("reason", "")


def _moment(text: str) -> datetime | None:
    """A local moment of a form, None where none is said. Raises InvalidInputError bad_hearing for an unreadable one."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(registry_of().calendar.zone)).astimezone(UTC)
    except ValueError as error:
        raise InvalidInputError("This is no moment.", code="bad_hearing") from error

"""Pages of cases: the queue with its filters, views and bulk actions; opening one by hand.

Rules of this room: what one sees is in the address, so that it can be kept as a view and sent on; reports show masked
numbers; what a role may not do is not on its page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from registry import cases
from registry.access import ROLES, may
from registry.casemoves import LAST, MOVES, STATES, WORKED
from registry.companynames import skeleton
from registry.errors import RegistryError
from registry.parties import Member
from registry.preferences import Category
from registry.times import to_micros
from web import casewords, guard, savedviews
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.tables import Asked, asked

PAGE = 50
SORTS = ("due", "opened", "reports", "updated")
blueprint = room("cases", __name__)


@blueprint.get("/officer/cases")
@guard.member("see_cases")
def queue() -> Page:
    """Cases that are asked for, those first that are due first."""
    registry = registry_of()
    now = registry.clock.now()
    seen = _seen()
    states, picked = _picked(seen, to_micros(now))
    after = seen.places["after"] or 0
    rows = registry.store.cases.queue(
        states=states, sort=seen.sort, descending=seen.descending, limit=PAGE + 1, after=after, **picked
    )
    counts = registry.store.cases.counts()
    return render_template(
        "cases/queue.html", rows=rows[:PAGE], seen=seen, counts=counts, now=now, words=casewords, members=workers(),
        names=names_of(),
        older=seen.link(after=after + PAGE) if len(rows) > PAGE else None, first=seen.link() if after else None,
        enterprises=registry.store.enterprises.these(case.enterprise for case in rows),
        views=savedviews.views("cases"),
        overdue=registry.store.cases.overdue(at=to_micros(now)), working=sum(counts.get(each, 0) for each in WORKED),
        states=STATES, categories=list(Category), here=savedviews.query(seen), moves=MOVES,
        chooses=any(may(actor(), each) for each in ("work_cases", "decide", "publish")),
    )


def _seen() -> Asked:
    return asked(
        SORTS, "due", places=("after",), state=("all", *STATES), category=tuple(each.slug for each in Category),
        kind=("call", "message"), why=("evasion", *cases.WHYS), due=("overdue",), proposed=("yes",),
        assigned=_assignable(),
    )


def _assignable() -> tuple[str, ...]:
    return ("me", "nobody", *(member.member for member in workers()))


def _picked(seen: Asked, now: int) -> tuple[Sequence[str], dict[str, Any]]:
    """The states and conditions that an address asks for; without a state those that are worked on."""
    states = () if seen["state"] == "all" else (seen["state"],) if seen["state"] else WORKED
    picked: dict[str, Any] = {name: seen[name] for name in ("kind", "why") if seen[name]}
    if seen["why"] == "evasion":
        picked["why"] = cases.EVASIONS
    if seen["category"]:
        picked["category"] = int(Category[seen["category"].upper()])
    if seen["assigned"]:
        own = actor().member
        named = {"me": own.member if own else "", "nobody": ""}
        picked["assigned"] = named.get(seen["assigned"], seen["assigned"])
    if seen["due"]:
        picked["overdue_at"] = now
    if seen["proposed"]:
        picked["proposed_only"] = True
    return states, picked


def workers() -> list[Member]:
    """Members of the regulator who work on cases."""
    return [each for each in _members() if each.state == "active" and ROLES[each.role] & {"work_cases", "decide"}]


def names_of() -> dict[str, str]:
    """Whom the actors of the regulator are, by their name in the trail."""
    return {f"member:{each.member}": each.name for each in _members()}


def _members() -> list[Member]:
    store = registry_of().store
    office = [party for party in store.parties.all() if party.kind == "regulator"]
    return [member for party in office for member in store.parties.members(party.party)]


@blueprint.post("/officer/cases/views")
@guard.member("see_cases")
def keep_view() -> Response:
    """Keep what the queue shows under a name, or forget a view."""
    return savedviews.keep("cases", "cases.queue")


@blueprint.post("/officer/cases/bulk")
@(guard.member("work_cases") | guard.member("decide") | guard.member("publish"))
def bulk() -> Response:
    """Do one thing to several cases: assign, propose, merge into the first, decide what is proposed. Each stands for
    itself, and each use case asks who may."""
    registry, who = registry_of(), actor()
    chosen = list(dict.fromkeys(request.form.getlist("case")))[:PAGE]
    what, value, reason = (request.form.get(name, "") for name in ("do", "value", "reason"))
    store, clock, done = registry.store, registry.clock, 0
    for case_id in chosen[1:] if what == "merge" else chosen:
        try:
            if what == "assign":
                cases.assign(store, clock, actor=who, case_id=case_id, member=value)
            elif what == "merge":
                cases.merge(store, clock, actor=who, case_id=case_id, into=chosen[0], reason=reason)
            elif what in ("grant", "turn_down"):
                cases.decide(store, clock, actor=who, case_id=case_id, granted=what == "grant", reason=reason,
                             calendar=registry.calendar)  # fmt: skip
            else:
                cases.propose(store, clock, actor=who, case_id=case_id, action=what, reason=reason)
            done += 1
        except RegistryError as error:
            flash(f"{case_id}: {casewords.said(error)}", "warn")
    if not chosen:
        flash(_("Choose some cases first."), "warn")
    if done:
        flash(ngettext("Done for %(num)d case.", "Done for %(num)d cases.", done), "ok")
    return savedviews.back_to("cases.queue")


@blueprint.post("/officer/cases/open")
@guard.member("work_cases")
def begin() -> Response:
    """Open a case by hand against an enterprise, by its id or its name."""
    registry, named = registry_of(), request.form.get("enterprise", "").strip()[:200]
    store = registry.store
    found = store.enterprises.enterprise(named) or next(iter(store.enterprises.called(skeleton(named))), None)
    try:
        made = cases.open_case(
            store, registry.clock, actor=actor(), enterprise=found.enterprise if found else "",
            reason=request.form.get("reason", ""), calendar=registry.calendar,
        )
    except RegistryError as error:
        flash(casewords.said(error), "warn")
        return redirect(url_for("cases.queue"), 303)
    flash(_("The case is open."), "ok")
    return redirect(url_for("casefiles.one", case_id=made.case_id), 303)


def may_move(case: cases.Case) -> bool:
    """Whether whoever looks may propose something about a case."""
    return may(actor(), "propose") and (case.state not in LAST or case.state == "closed")

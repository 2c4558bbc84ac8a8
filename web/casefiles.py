"""The page of one case: timeline, evidence side by side, how each verdict came about, measures, fine, credit, actions.

Rules of this room: callers are masked, texts are shown without numbers, who reported is nowhere; every action goes
through its use case, and what stands against it is said on the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import cases, credit, measures, penalties
from registry.access import may
from registry.casemoves import MOVES, WORKED, moves_from
from registry.cases import Case
from registry.departments import DEPARTMENTS
from registry.errors import InvalidInputError, NotFoundError, RegistryError
from web import casewords, cluewords, finewords, guard, measurewords
from web.cases import may_move, names_of, workers
from web.current import registry_of
from web.finedesk import ROLES
from web.officers import room
from web.parties import actor
from web.people import Page
from web.shownreports import ShownReport, shown, trace_of

REPORTS = 50
blueprint = room("casefiles", __name__)


@blueprint.get("/officer/cases/<case_id>")
@guard.member("see_cases")
def one(case_id: str) -> Page:
    """One case."""
    registry = registry_of()
    store, now = registry.store, registry.clock.now()
    found = cases.case_of(store, case_id)
    after = max(request.args.get("after", 0, type=int), 0) % 2**31
    rows = store.cases.reports(case_id, limit=REPORTS + 1, after=after)
    evidence = [shown(row) for row in rows[:REPORTS]]
    pair = _pair(evidence)
    against = store.enterprises.enterprise(found.enterprise)
    return render_template(
        "cases/one.html", case=found, against=against, now=now, words=casewords, of_measures=measurewords,
        moves=store.cases.moves(case_id),
        evidence=evidence, pair=[(each, trace_of(each)) for each in pair], members=workers(), names=names_of(),
        older=url_for("casefiles.one", case_id=case_id, after=after + REPORTS) if len(rows) > REPORTS else None,
        first=url_for("casefiles.one", case_id=case_id) if after else None,
        told=store.clues.told_of("case", "case", case_id), of_clues=cluewords,
        others=[each for each in store.cases.of_enterprise(found.enterprise) if each.case_id != case_id]
        if found.enterprise else [],
        measures=store.measures.of_case(case_id), ladder=measures.LADDER,
        credit=credit.file_of(store, found.enterprise, public_only=False) if found.enterprise else (),
        **_fine(found), fines=store.penalties.of_case(case_id), finewords=finewords, departments=DEPARTMENTS,
        steps=moves_from(found.state) if may_move(found) and not found.proposal else (),
        decides=_decides(found), own=found.proposed_by == actor().name, worked=found.state in WORKED,
        printing=request.args.get("print") == "1",
    )  # fmt: skip


def _decides(case: Case) -> bool:
    """Whether whoever looks may decide what is proposed: their role, and not their own proposal."""
    move = next((each for each in MOVES if each.action == case.proposal), None)
    return move is not None and may(actor(), move.decider) and case.proposed_by != actor().name


def _pair(reports: list[ShownReport]) -> list[ShownReport]:
    """The two reports that stand side by side: those that the address names, else the newest and another text."""
    wanted = [each for name in ("left", "right") for each in reports if each.reference == request.args.get(name)]
    rest = [each for each in reports if each not in wanted]
    first = wanted[0] if wanted else rest[0] if rest else None
    if first is None or len(wanted) == 2:
        return wanted
    others = [each for each in rest if each is not first]
    others.sort(key=lambda each: each.row["cluster"] == first.row["cluster"])  # another text first
    return [first, *others[:1]]


def _fine(case: Case) -> dict[str, Any]:
    """What the rulebook of the last violation allows, by what the address says of the case, and why."""
    registry, args = registry_of(), request.args
    now, zone = registry.clock.now(), registry.calendar.zone
    if case.last is None or not case.enterprise:
        return {"fine": None}
    try:
        rulebook = registry.rulebooks.at(case.last)
        facts = penalties.Facts(
            ROLES.get(args.get("role", ""), "provider"), case.last, income=args.get("income", type=int),
            minor=args.get("minor") == "yes", corrected=args.get("corrected") == "yes",
            earlier=credit.offences(registry.store, case.enterprise, before=case.last),
            grave=args.get("grave") == "yes", heard=registry.store.cases.was_heard(case.case_id),
        )
        proposal = penalties.compute(rulebook, facts, now=now, zone=zone)
    except (InvalidInputError, NotFoundError):
        return {"fine": None}
    return {"fine": proposal, "reasoning": finewords.reasoning(rulebook, facts, proposal, zone=zone, now=now)}


# actions


@blueprint.post("/officer/cases/<case_id>/do/<what>")
@(guard.member("work_cases") | guard.member("propose") | guard.member("decide") | guard.member("publish"))
def act(case_id: str, what: str) -> Response:
    """Do something about a case; what it is decides who may (asked in the use case)."""
    if what not in _ACTS:
        raise NotFoundError("There is no such action.", code="not_found")
    found = cases.case_of(registry_of().store, case_id)
    try:
        next_id = _ACTS[what](found, request.form)
    except RegistryError as error:
        flash(casewords.said(error), "warn")
        next_id = None
    else:
        flash(_("Done. It stands in the timeline."), "ok")
    return redirect(url_for("casefiles.one", case_id=next_id or case_id), 303)


Form = Mapping[str, Any]


def _propose(case: Case, form: Form) -> None:
    cases.propose(*_at(), actor=actor(), case_id=case.case_id, action=form.get("action", ""), reason=_why(form))


def _decide(case: Case, form: Form) -> None:
    cases.decide(*_at(), actor=actor(), case_id=case.case_id, granted=form.get("granted") == "yes", reason=_why(form),
                 calendar=registry_of().calendar)  # fmt: skip


def _assign(case: Case, form: Form) -> None:
    cases.assign(*_at(), actor=actor(), case_id=case.case_id, member=form.get("member", ""))


def _merge(case: Case, form: Form) -> str:
    into = form.get("into", "").strip()
    return cases.merge(*_at(), actor=actor(), case_id=case.case_id, into=into, reason=_why(form)).case_id


def _split(case: Case, _form: Form) -> str:
    chosen = request.form.getlist("report")
    return cases.split(*_at(), actor=actor(), case_id=case.case_id, references=chosen, reason=_why(_form),
                       calendar=registry_of().calendar).case_id  # fmt: skip


def _hear(case: Case, form: Form) -> None:
    cases.hear(*_at(), actor=actor(), case_id=case.case_id, said=_why(form))


def _measure(case: Case, form: Form) -> None:
    _must("propose")
    measures.propose(*_at(), actor=actor(), enterprise=case.enterprise, kind=form.get("kind", ""), facts=_why(form),
                     case_id=case.case_id)  # fmt: skip


_ACTS: Mapping[str, Callable[[Case, Form], str | None]] = {
    "propose": _propose, "decide": _decide, "assign": _assign, "merge": _merge, "split": _split, "hear": _hear,
    "measure": _measure,
}  # fmt: skip


def _at() -> tuple[Any, Any]:
    registry = registry_of()
    return registry.store, registry.clock


def _why(form: Form) -> str:
    return str(form.get("reason", ""))


def _must(action: str) -> None:
    cases.must(actor(), action)

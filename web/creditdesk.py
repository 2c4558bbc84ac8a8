"""Pages of credit files: entries of all enterprises and the two lists, one file with its internal and its public part,
changes of entries; and one's own file for who it is about.

Rules of this room: who may see cases may read all of it, a decider changes it and says why; whoever a file is about
sees its own, with what was wrong and what stands instead, and no officer's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from registry import credit, creditchanges, enterprises
from registry.access import may
from registry.errors import InvalidInputError, NotFoundError, RegistryError
from registry.times import to_micros
from web import creditwords, guard, parties
from web.cases import names_of
from web.current import registry_of
from web.finedesk import called
from web.officers import room
from web.parties import actor, own_party
from web.people import Page
from web.tables import asked

PAGE = 50
blueprint = room("creditdesk", __name__)
mine = parties.room("owncredit", __name__)


@blueprint.get("/officer/credit")
@guard.member("see_cases")
def lists() -> Page:
    """Entries that are asked for, newest first; without a word those that count now."""
    registry = registry_of()
    store, now = registry.store, registry.clock.now()
    seen = asked(places=("after",), texts=("enterprise",), kind=("restricting", *credit.KINDS), counts=("all",),
                 public=("yes", "no"))  # fmt: skip
    kinds = credit.RESTRICTING if seen["kind"] == "restricting" else (seen["kind"],) if seen["kind"] else credit.KINDS
    after = seen.places["after"] or 0
    rows = store.credit.page(
        kinds=kinds, enterprises=called(seen["enterprise"]), at=None if seen["counts"] else to_micros(now),
        public={"yes": 1, "no": 0}.get(seen["public"]), limit=PAGE + 1, after=after,
    )
    return render_template(
        "officer/credit.html", rows=rows[:PAGE], seen=seen, words=creditwords, now=now,
        named=store.enterprises.these(each.enterprise for each in rows),
        older=seen.link(after=after + PAGE) if len(rows) > PAGE else None, first=seen.link() if after else None,
    )


@blueprint.get("/officer/credit/<enterprise>")
@guard.member("see_cases")
def one(enterprise: str) -> Page:
    """The file of one enterprise."""
    store, now = registry_of().store, registry_of().clock.now()
    return render_template(
        "officer/credit_file.html", against=enterprises.enterprise_of(store, enterprise), now=now, words=creditwords,
        entries=credit.file_of(store, enterprise, public_only=False), moves=store.credit.moves(enterprise),
        names=names_of(), restricted=credit.restricted(store, enterprise, at=now), changes=may(actor(), "decide"),
        fines=store.penalties.of_enterprise(enterprise), cases=store.cases.of_enterprise(enterprise),
    )  # fmt: skip


@blueprint.post("/officer/credit/<enterprise>/<any(enter, publish, correct, end):action>")
@guard.member("decide")
def change(enterprise: str, action: str) -> Response:
    """Enter something, or change an entry of the file."""
    store, form = registry_of().store, request.form
    entry = store.credit.entry(form.get("entry", ""))
    if action != "enter" and (entry is None or entry.enterprise != enterprise):
        raise NotFoundError("There is no such entry.", code="no_such_entry")
    try:
        _CHANGES[action](enterprise, form.get("entry", ""))
    except RegistryError as error:
        flash(creditwords.said(error), "warn")
    else:
        flash(_("Done. It stands in the file."), "ok")
    return redirect(url_for("creditdesk.one", enterprise=enterprise), 303)


def _enter(enterprise: str, _entry: str) -> None:
    form = request.form
    creditchanges.add(
        *_at(), enterprise=enterprise, kind=_kind(), text=form.get("text", ""), public=form.get("public") == "yes",
        since=_midnight(form.get("since", "")), until=_midnight(form.get("until", "")), **_by(),
    )


def _publish(_enterprise: str, entry: str) -> None:
    creditchanges.publish(*_at(), entry=entry, **_by())


def _correct(_enterprise: str, entry: str) -> None:
    creditchanges.correct(
        *_at(), entry=entry, text=request.form.get("text", ""), kind=_kind(),
        until=_midnight(request.form.get("until", "")), **_by(),
    )


def _end(_enterprise: str, entry: str) -> None:
    creditchanges.end(*_at(), entry=entry, **_by())


_CHANGES: Mapping[str, Callable[[str, str], None]] = {
    "enter": _enter, "publish": _publish, "correct": _correct, "end": _end
}


@mine.get("/party/credit")
@guard.member("see_own_party")
def own() -> Page:
    """The own file."""
    store, now = registry_of().store, registry_of().clock.now()
    about = store.enterprises.of_party(own_party().party)
    return render_template(
        "party/credit.html", now=now, words=creditwords,
        entries=credit.file_of(store, about.enterprise, public_only=False) if about else (),
        restricted=about is not None and credit.restricted(store, about.enterprise, at=now),
    )


def _at() -> tuple[Any, Any]:
    registry = registry_of()
    return registry.store, registry.clock


def _by() -> dict[str, Any]:
    return {"actor": actor(), "reason": request.form.get("reason", "")}


def _kind() -> credit.Kind:
    said = request.form.get("kind", "")
    found = next((kind for kind in credit.KINDS if kind == said), None)
    if found is None:
        raise InvalidInputError("An entry has a kind.", code="bad_entry")
    return found


def _midnight(text: str) -> datetime | None:
    """The local beginning of a day, None where none is said. Raises InvalidInputError bad_entry for no day."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(registry_of().calendar.zone)).astimezone(UTC)
    except ValueError as error:
        raise InvalidInputError("This is no day.", code="bad_entry") from error

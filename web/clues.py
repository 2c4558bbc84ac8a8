"""Officers' pages of clues to other departments: all batches with their filters and outcomes, and the page of one.

Rules of this room: what one sees is in the address; callers are masked, who reported is nowhere; what a role may not do
is not on its page. What is done stands in `cluemoves.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from flask_babel import format_decimal
from flask_babel import gettext as _

from registry.access import may
from registry.clueanswers import FEEDBACK, RESULTS
from registry.clues import Batch, Clue, batch_of
from registry.cluestates import KINDS, MOVES, OPEN, STATES, UNSENT, WAYS
from registry.departments import DEPARTMENTS
from registry.sealing import unseal_one
from registry.times import to_micros
from web import barcharts, cluewords, guard, once
from web.cases import names_of
from web.casewords import deadline
from web.charts import Chart
from web.current import registry_of
from web.officers import room
from web.parties import actor
from web.people import Page
from web.tables import Asked, asked

PAGE, ROWS, PRINTED = 50, 50, 1000
NOBODY = "nobody"  # in addresses: no department is known
blueprint = room("clues", __name__)


@dataclass(frozen=True)
class Shown:
    """A clue as its batch's page shows it: the caller masked."""

    clue: Clue
    caller: str
    about: str


@blueprint.get("/officer/clues")
@guard.member("see_cases")
def overview() -> Page:
    """Batches that are asked for, the newest first; what came of the clues; what waits."""
    registry = registry_of()
    store, now = registry.store, registry.clock.now()
    seen = asked(
        places=("after",), quarter=store.clues.quarters(), department=(*DEPARTMENTS, NOBODY),
        state=("all", *STATES), kind=KINDS, due=("overdue",),
    )  # fmt: skip
    after = min(seen.places["after"] or 0, 100_000)
    rows = store.clues.batches(limit=PAGE + 1, after=after, **_picked(seen, to_micros(now)))
    return render_template(
        "clues/all.html", rows=rows[:PAGE], seen=seen, now=now, words=cluewords, deadline=deadline, states=STATES,
        kinds=KINDS, departments=DEPARTMENTS, quarters=store.clues.quarters(), nobody=NOBODY,
        counts=store.clues.counts(at=to_micros(now)), open_states=OPEN, waiting=store.clues.waiting_counts(),
        older=seen.link(after=after + PAGE) if len(rows) > PAGE else None, first=seen.link() if after else None,
        chart=_outcomes(seen),
    )  # fmt: skip


def _picked(seen: Asked, now: int) -> dict[str, Any]:
    """The conditions that an address asks for; without a state those batches that are worked on."""
    picked: dict[str, Any] = {name: seen[name] for name in ("quarter", "kind") if seen[name]}
    if seen["department"]:
        picked["department"] = "" if seen["department"] == NOBODY else seen["department"]
    if seen["due"]:
        picked["overdue_at"] = now
    if seen["state"] != "all":
        picked["states"] = (seen["state"],) if seen["state"] else OPEN
    return picked


def _outcomes(seen: Asked) -> Chart | None:
    """What departments did with the clues that they have, by the quarter and department that are asked for."""
    picked = {name: seen[name] for name in ("quarter", "department") if seen[name] not in ("", NOBODY)}
    found = registry_of().store.clues.results(**picked)
    total = sum(found.values())
    if not total:
        return None
    rows = [(str(cluewords.RESULTS[each]), found[each]) for each in RESULTS if each in found]
    if "" in found:
        rows.append((_("No answer yet"), found[""]))
    sentence = _(
        "%(said)s of %(all)s clues that departments have are answered; %(punished)s were punished.",
        said=format_decimal(total - found.get("", 0)), all=format_decimal(total),
        punished=format_decimal(found.get("punished", 0)),
    )
    return barcharts.counts("outcomes", _("What came of clues"), sentence, (_("Their answer"), _("Clues")), rows)


@blueprint.get("/officer/clues/<batch>")
@guard.member("see_cases")
def one(batch: str) -> Page:
    """One batch: what it is, its clues, what was done, and what may be done now."""
    store, printing = registry_of().store, request.args.get("print") == "1"
    return render_template("clues/one.html", **page_of(batch_of(store, batch), printing=printing))


def page_of(found: Batch, *, printing: bool = False) -> dict[str, Any]:
    """What the page of a batch shows."""
    registry = registry_of()
    after = max(request.args.get("after", 0, type=int), 0) % 2**31
    limit = PRINTED if printing else ROWS
    rows = registry.store.clues.of_batch(found.batch, after=after, limit=limit + 1)
    return {
        "batch": found, "rows": [_shown(each) for each in rows[:limit]], "printing": printing, "words": cluewords,
        "deadline": deadline(found.due, registry.clock.now()), "moves": registry.store.clues.moves(found.batch),
        "names": names_of(), "departments": DEPARTMENTS, "results": RESULTS, "feedback": FEEDBACK, "ways": WAYS,
        "can": {
            move.action for move in MOVES if found.state in move.origins and may(actor(), move.needs)
        } - ({"send"} if found.reviewed_by == actor().name else set()) - ({"assign"} if found.department else set()),
        "own": found.state == "reviewed" and found.reviewed_by == actor().name,
        "fallen": registry.store.clues.count_fallen(found.batch) if found.state in UNSENT else 0,
        "told": registry.store.clues.told_in(found.batch), "code": once.take(f"code-{found.batch}"),
        "older": url_for("clues.one", batch=found.batch, after=rows[limit - 1].place) if len(rows) > limit else None,
        "first": url_for("clues.one", batch=found.batch) if after else None,
    }  # fmt: skip


def _shown(clue: Clue) -> Shown:
    caller = unseal_one(registry_of().keys.at_rest, clue.caller).masked if clue.caller else ""
    return Shown(clue, caller, cluewords.about(clue))

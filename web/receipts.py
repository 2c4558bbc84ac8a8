"""Pages of a scrub's receipt: what it says, its file, and the proof of one of its answers.

Rules of this room: as in `scrubs`: a scrub of another party is as one that does not exist; a number comes in a body
and goes out in the proof file alone.
"""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from registry import receipts, scrubjobs
from registry.errors import InvalidInputError, NotFoundError
from registry.numbers import parse_one
from registry.receiptforms import Receipt
from web import guard
from web.current import registry_of
from web.parties import own_party, room
from web.people import Page
from web.receiptforms import ProofForm
from web.receiptwords import receipt_problem

blueprint = room("receipts", __name__)

_JSON = "application/json"


def _own(scrub: str) -> Receipt:
    """The receipt of a scrub of the member's party. Raises NotFoundError no_such_scrub, no_such_receipt."""
    store, party = registry_of().store, own_party().party
    job = scrubjobs.job_of(store, party=party, scrub=scrub)
    return receipts.receipt_of(store, party=party, receipt=job.receipt)


@blueprint.get("/party/scrubs/<scrub>/receipt")
@guard.member("see_scrubs")
def one(scrub: str) -> Page:
    """What the receipt of a scrub says."""
    return _page(scrub, _own(scrub), ProofForm())


@blueprint.get("/party/scrubs/<scrub>/receipt.json")
@guard.member("see_scrubs")
def download(scrub: str) -> Response:
    """The receipt's file."""
    found = _own(scrub)
    return _file(receipts.file_of(registry_of().keys, found), f"receipt-{found.receipt}.json")


@blueprint.post("/party/scrubs/<scrub>/proof")
@guard.member("see_scrubs")
def prove(scrub: str) -> Page:
    """The proof file of one number, or the page again with what stands against it."""
    registry, found, form = registry_of(), _own(scrub), ProofForm()
    if not form.validate():
        return _page(scrub, found, form), 422
    try:
        number = parse_one(form.number.data or "", registry.plan, country=registry.settings.numbers.country)
        raw = receipts.prove(registry.shelf, registry.keys, receipt=found, number=number)
    except (InvalidInputError, NotFoundError) as error:
        form.number.errors = [*form.number.errors, receipt_problem(error)]
        return _page(scrub, found, form), 422
    return _file(raw, f"proof-{found.receipt}.json")


def _page(scrub: str, found: Receipt, form: ProofForm) -> str:
    now = registry_of().clock.now()
    return render_template(
        "receipts/one.html", scrub=scrub, receipt=found, payload=receipts.payload_of(found), form=form,
        holds=now < found.valid_until,
    )


def _file(raw: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(raw, mimetype=_JSON, headers=headers)

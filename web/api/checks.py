"""Single checks: `POST /api/v1/checks`, up to 10,000 numbers a call, each with an answer of its own.

Rules of this room: numbers are in bodies alone, never in an address; a number that cannot be read is answered in its
place and spoils nothing for the others.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from web.api.balance import with_balance
from web.api.edge import Operation, answer, only, operation, read
from web.api.metering import often, spending_here
from web.api.scrub_messages import CheckAnswer, CheckItem, ChecksAnswer, ChecksRequest
from web.current import checker_of
from web.guard import actor_of_request, key

blueprint = Blueprint("checks", __name__)

_LARGEST = 8_000_000  # bytes: 10,000 numbers with ids, written at length


@blueprint.post("/api/v1/checks")
@operation(Operation(
    summary="Check numbers",
    chinese="核对号码",
    tag="scrubs",
    request=ChecksRequest,
    answers={200: ChecksAnswer},
    problems=(400, 401, 403, 413, 415, 422, 429, 503),
    says="May these be contacted, why not, and until when does the answer hold? The same answers as a scrub's. "
    "A key of the sandbox is told of magic numbers only.",
))
@key("check")
@often
def check() -> Response:
    """The answer to each number of the body."""
    only()
    request.max_content_length = _LARGEST
    asked = read(ChecksRequest)
    items = [(str(each.number), each.id) if isinstance(each, CheckItem) else (str(each), "") for each in asked.numbers]
    found = checker_of().check(
        actor=actor_of_request(), ask=asked.ask(), numbers=[number for number, _ in items], limits=spending_here()
    )
    answers = [
        CheckAnswer(
            number=number, id=own, verdict=said.verdict, reason=said.reason, rule=said.rule, until=said.until,
            next_allowed=said.next_allowed,
        )
        for (number, own), said in zip(items, found.answers)
    ]
    return with_balance(answer(ChecksAnswer(
        at=found.at, edition=found.edition, rulebook=found.rulebook, counts=found.counts(), answers=answers
    )))

"""Number events: `POST /api/v1/number-events`, one or any number of them, row by row.

Rules of this room: a carrier speaks for itself and for the resellers it hosts; what an event comes to is found by the
clockwork when it is due, so an accepted row is one that was understood and kept.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from registry.event_rows import FIELDS
from registry.numberevents import stream_in
from registry.readers import read
from web.api.edge import JSON, Operation, only, operation, party_of
from web.api.messages import NumberEventRow, ReportsAnswer
from web.api.metering import metered
from web.api.uploads import NDJSON, PARAMETERS, TAKES, answered, format_of_body, idempotency_key
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("number_events", __name__)


@blueprint.post("/api/v1/number-events")
@operation(Operation(
    summary="Say that numbers were ported, deactivated, recycled or reassigned",
    chinese="报送号码携转、停机、回收与二次放号",
    tag="number-events",
    request=NumberEventRow,
    by_row=True,
    takes=TAKES,
    answers={200: ReportsAnswer},
    gives=(JSON, NDJSON),
    problems=(400, 401, 403, 409, 413, 415, 422, 429, 503),
    parameters=PARAMETERS,
    says="One `NumberEventRow` a line (NDJSON), element (JSON array, or one object) or row (CSV with a header), in "
    "UTF-8, UTF-16 or GB18030, gzipped or plain. `at` may lie in the future. Accepted events are carried out when they "
    "are due; those that contradict each other are held for an officer. Rows that cannot be read wait in quarantine.",
))
@key("number-events")
@metered
def take() -> Response:
    """Take the body's events in; what became of each, or of all."""
    only()
    format, idempotency = format_of_body(), idempotency_key()
    registry = registry_of()
    return answered(stream_in(
        registry.store, registry.keys, registry.clock, registry.plan, source=party_of().party,
        rows=read(request.stream, format=format, columns=FIELDS), idempotency=idempotency, origin="api",
        country=registry.settings.numbers.country,
    ))  # fmt: skip

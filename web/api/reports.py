"""Reports of calls and messages: `POST /api/v1/reports`, of any size, row by row."""

from __future__ import annotations

from flask import Blueprint, Response, request

from registry.readers import read
from registry.report_rows import FIELDS, Kind
from registry.reports import stream_in
from web.api.edge import JSON, Operation, Parameter, one_of, only, operation, party_of
from web.api.messages import ReportRow, ReportsAnswer
from web.api.metering import metered
from web.api.uploads import NDJSON, PARAMETERS, TAKES, answered, format_of_body, idempotency_key
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("reports", __name__)

_KINDS = ("carrier", "ftc")


@blueprint.post("/api/v1/reports")
@operation(Operation(
    summary="Report calls and messages",
    chinese="报送违规呼叫与短信",
    tag="reports",
    request=ReportRow,
    by_row=True,
    takes=TAKES,
    answers={200: ReportsAnswer},
    gives=(JSON, NDJSON),
    problems=(400, 401, 403, 409, 413, 415, 422, 429, 503),
    parameters=(
        *PARAMETERS,
        Parameter("kind", "query", {"enum": list(_KINDS), "default": "carrier"},
                  "`ftc`: the FTC's reported calls, which name no called number."),
    ),
    says="One `ReportRow` a line (NDJSON), element (JSON array) or row (CSV with a header), in UTF-8, UTF-16 or "
    "GB18030, gzipped or plain, of any size. Rows that cannot be read wait in quarantine; no row vanishes.",
))
@key("reports")
@metered
def take() -> Response:
    """Take the body's rows in; what became of each, or of all."""
    only("kind")
    format, kind = format_of_body(), one_of("kind", default="carrier", known=_KINDS)
    idempotency = idempotency_key()
    registry = registry_of()
    return answered(stream_in(
        registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks,
        source=party_of().party, kind=_KIND_OF[kind], idempotency=idempotency, origin="api",
        rows=read(request.stream, format="ftc" if kind == "ftc" else format, columns=FIELDS),
        country=registry.settings.numbers.country, shelf=registry.shelf, zone=registry.settings.numbers.zone,
    ))  # fmt: skip


_KIND_OF: dict[str, Kind] = {"carrier": "carrier", "ftc": "ftc"}

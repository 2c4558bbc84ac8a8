"""A carrier's ledger of number resources: `POST /api/v1/resources` takes the whole list in, `GET` reads the own one.

Rules of this room: a list is taken in whole or, where it is refused as a whole, not at all; a carrier reads its own.
"""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request

from registry import ledgers
from registry.enterprises import Enterprise
from registry.errors import InvalidInputError
from registry.ledger_rows import FIELDS
from registry.orders import digits_of
from registry.readers import read
from registry.resources import RESOURCE_ID
from registry.times import to_micros
from web.api.edge import JSON, Operation, Parameter, answer, only, operation, party_of, whole
from web.api.metering import metered
from web.api.resource_messages import LedgerAnswer, LedgerLine, ResourceMessage, ResourceRow, ResourcesAnswer
from web.api.uploads import NDJSON, TAKES, format_of_body
from web.current import registry_of
from web.guard import actor_of_request, key

blueprint = Blueprint("resources_api", __name__)

_AT_ONCE = 500


@blueprint.post("/api/v1/resources")
@operation(Operation(
    summary="Send your ledger of number resources",
    chinese="报送码号资源台账",
    tag="measures",
    request=ResourceRow,
    by_row=True,
    takes=TAKES,
    answers={200: LedgerAnswer},
    gives=(JSON, NDJSON),
    problems=(400, 401, 403, 409, 413, 415, 422, 429, 503),
    parameters=(
        Parameter("date", "query", {"type": "string", "format": "date"}, "The day of which it is the whole list."),
        Parameter("sure", "query", {"type": "string", "enum": ["yes", "no"], "default": "no"},
                  "`yes`: what is missing ends, even if that is more than half of what stands."),
        Parameter("Accept", "header", {"type": "string"}, f"{NDJSON} for a line about each row, the summary last."),
    ),
    says="The whole list as of a day, one `ResourceRow` a line (NDJSON), element (JSON) or row (CSV). What it no "
    "longer names ends on that day; the same list again changes nothing. The good part goes on. 409 `older_ledger`.",
))
@key("resources")
@metered
def take() -> Response:
    """Take the carrier's whole list in."""
    only("date", "sure")
    format, registry = format_of_body(), registry_of()
    numbers = registry.settings.numbers
    done, results = ledgers.take_in(
        registry.store, registry.keys, registry.clock, registry.plan, actor=actor_of_request().name,
        carrier=party_of().party, day=ledgers.day_of(request.args.get("date", ""), numbers.zone),
        rows=read(request.stream, format=format, columns=FIELDS), country=numbers.country, zone=numbers.zone,
        sure=_is_sure(),
    )
    summary = msgspec.convert(done, LedgerAnswer, from_attributes=True)
    if request.accept_mimetypes.best_match([JSON, NDJSON], default=JSON) != NDJSON:
        return answer(summary)
    said = [*(msgspec.convert(each, LedgerLine, from_attributes=True) for each in results), summary]
    return Response(msgspec.json.Encoder().encode_lines(said), mimetype=NDJSON)


def _is_sure() -> bool:
    """Whether the carrier says that more than half may end. Raises InvalidInputError bad_sure."""
    said = request.args.get("sure", "no")
    if said not in {"yes", "no"}:
        raise InvalidInputError("The parameter sure is yes or no.", code="bad_sure")
    return said == "yes"


@blueprint.get("/api/v1/resources")
@operation(Operation(
    summary="What stands in your ledger",
    chinese="查询本企业码号资源台账",
    tag="measures",
    answers={200: ResourcesAnswer},
    problems=(401, 403, 422, 429),
    parameters=(
        Parameter("date", "query", {"type": "string", "format": "date"}, "As of that day; now where it is left out."),
        Parameter("after", "query", {"type": "string", "pattern": "^r_[0-9a-z]{16}$"}, "The `next` of a page."),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": _AT_ONCE, "default": 100}, "At most."),
    ),
))
@key("resources")
@metered
def show() -> Response:
    """The carrier's entries, by id."""
    only("date", "after", "limit")
    limit, registry = whole("limit", default=100, least=1, most=_AT_ONCE), registry_of()
    after, day = request.args.get("after", ""), request.args.get("date")
    if after and not RESOURCE_ID.fullmatch(after):
        raise InvalidInputError("This cursor is none of ours.", code="bad_cursor")
    at = registry.clock.now() if day is None else ledgers.day_of(day, registry.settings.numbers.zone)
    store = registry.store
    found = store.enterprises.of_carrier(party_of().party, at=to_micros(at), after=after, limit=limit)
    named = store.enterprises.these(side for each in found for side in (each.provider, each.content))
    messages = []
    for each in found:
        provider, content = named.get(each.provider), named.get(each.content)
        messages.append(ResourceMessage(
            resource=each.resource, kind=each.kind, digits=digits_of(registry.keys, each), provider=_name(provider),
            provider_company=_company(provider), content=_name(content), content_company=_company(content),
            purpose=each.purpose, licence=each.licence, signature=each.signature, since=each.since, until=each.until,
        ))  # fmt: skip
    return answer(ResourcesAnswer(resources=messages, next=found[-1].resource if len(found) == limit else None))


def _name(enterprise: Enterprise | None) -> str:
    return enterprise.name if enterprise else ""


def _company(enterprise: Enterprise | None) -> str:
    return str(enterprise.company) if enterprise and enterprise.company else ""

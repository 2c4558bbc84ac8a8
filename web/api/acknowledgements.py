"""What carriers say they have: `POST /api/v1/acknowledgements`."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response

from registry import epochs, findings
from registry.findings import Findings
from registry.followers import acknowledge
from registry.logs import log
from web.api.edge import Operation, answer, operation, party_of, read
from web.api.messages import AcknowledgementAnswer, AcknowledgementRequest
from web.api.metering import metered
from web.current import registry_of
from web.guard import key

blueprint = Blueprint("acknowledgements", __name__)
_log = log("drift")


@blueprint.post("/api/v1/acknowledgements")
@operation(Operation(
    summary="Acknowledge an edition",
    chinese="确认已应用的名单版次",
    tag="feeds",
    request=AcknowledgementRequest,
    answers={200: AcknowledgementAnswer},
    problems=(400, 401, 403, 413, 415, 422, 429, 503),
    says="Send the roots that you computed after applying. `agrees: false` means that your list has drifted. "
    "`found` says what was wrong with a list that you repaired.",
))
@key("feed")
@metered
def take() -> Response:
    """Take in what the caller has of its own feed."""
    said = read(AcknowledgementRequest)
    registry = registry_of()
    agrees = acknowledge(
        registry.store, registry.clock, party=party_of().party, edition=said.edition,
        content_root=said.content_root, exceptions_root=said.exceptions_root, epoch=said.epoch,
    )
    if not agrees:
        _log.warning("list_differs", party=party_of().party, edition=said.edition)
    if said.found is not None:
        findings.note(
            registry.store, registry.clock, party=party_of().party, edition=said.edition,
            epoch=said.epoch or epochs.current(registry.store), found=Findings(**msgspec.structs.asdict(said.found)),
        )
    return answer(AcknowledgementAnswer(agrees=agrees))

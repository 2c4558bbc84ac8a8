"""Codes by text message that prove a number: `POST /api/v1/codes`."""

from __future__ import annotations

from flask import Blueprint, Response

from registry.numbers import parse_one
from registry.verification import ask_code
from web.api.edge import Operation, answer, operation, read
from web.api.messages import CodeAnswer, CodeRequest
from web.current import address_of, registry_of
from web.guard import public

blueprint = Blueprint("codes", __name__)


@blueprint.post("/api/v1/codes")
@operation(Operation(
    summary="Ask for a code",
    chinese="获取短信验证码",
    tag="people",
    request=CodeRequest,
    answers={202: CodeAnswer},
    problems=(400, 413, 415, 422, 429, 503),
    says="The answer is the same whether the number is registered or not. Texts are few per number and address.",
))
@public
def ask() -> Response:
    """Send a code to a number."""
    wanted = read(CodeRequest)
    registry = registry_of()
    ask_code(
        registry.store, registry.keys, registry.clock, registry.sms, registry.plan, registry.settings,
        number=parse_one(wanted.number, registry.plan, country=registry.settings.numbers.country),
        purpose=wanted.purpose, address=address_of(), language=wanted.language,
    )
    return answer(CodeAnswer(expires_in=registry.settings.codes.minutes * 60), 202)

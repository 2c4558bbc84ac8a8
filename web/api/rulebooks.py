"""The rulebooks by which contacts are judged: `GET /api/v1/rulebooks`, `GET /api/v1/rulebooks/<name>`."""

from __future__ import annotations

from flask import Blueprint, Response

from registry.rulebook import Rulebook
from web.api.edge import Operation, answer, operation
from web.api.messages import RulebooksAnswer
from web.current import registry_of
from web.guard import public

blueprint = Blueprint("rulebooks", __name__)

_FOR_AN_HOUR = {"Cache-Control": "public, max-age=3600"}


@blueprint.get("/api/v1/rulebooks")
@operation(Operation(
    summary="List the rulebooks",
    chinese="查询规则包",
    tag="rules",
    answers={200: RulebooksAnswer},
    says="`now` is the one in force today; a contact is judged by the one in force on its own day.",
))
@public
def show() -> Response:
    """All rulebooks, and which one is in force."""
    registry = registry_of()
    now = registry.rulebooks.at(registry.clock.now()).name
    return answer(RulebooksAnswer(now=now, rulebooks=list(registry.rulebooks.packs)), headers=_FOR_AN_HOUR)


@blueprint.get("/api/v1/rulebooks/<name>")
@operation(Operation(
    summary="Show a rulebook",
    chinese="查看规则包",
    tag="rules",
    answers={200: Rulebook},
    problems=(404,),
))
@public
def show_one(name: str) -> Response:
    """One rulebook by its name."""
    return answer(registry_of().rulebooks.named(name), headers=_FOR_AN_HOUR)

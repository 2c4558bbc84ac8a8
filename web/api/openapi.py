"""The OpenAPI 3.1 document of the API, made from the routes themselves, and the page on which people read it.

Rules of this room: nothing is described twice: paths come from the routes, bodies from the wire structs, who may ask
from the guards; what the routes do not say is not in the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Blueprint, Flask, Response, current_app, redirect, render_template, url_for
from werkzeug.routing import Rule
from werkzeug.wrappers import Response as WerkzeugResponse

from web.api.edge import JSON, Operation, answer, operation, operation_of
from web.api.messages import ProblemMessage
from web.guard import Guard, guard_of, public
from web.problems import MEDIA_TYPE
from web.wording import MEANINGS

blueprint = Blueprint("openapi", __name__)

VERSION = "1"
_CONVERTER = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
_PARTS: dict[str, dict[str, Any]] = {
    "party": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$", "description": "Your party id."},
    "path": {"type": "string", "pattern": r"^(metadata|targets|lists)/[A-Za-z0-9._/-]+$", "description": "A file."},
    "name": {"type": "string", "pattern": "^[a-z0-9-]{1,32}$"},
    "epoch": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1, "description": "The key epoch of the list."},
    "root": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "The root of the exceptions."},
    "endpoint": {"type": "string", "pattern": "^ep_[0-9a-z]{16}$", "description": "An endpoint of yours."},
    "event": {"type": "string", "pattern": "^msg_[0-9a-z]{24}$", "description": "The webhook-id of an event."},
    "reference": {"type": "string", "pattern": "^[a-z]{12}$", "description": "The reference of a report."},
    "scrub": {"type": "string", "pattern": "^[a-z]{24}$", "description": "The id of a scrub."},
    "receipt": {"type": "string", "pattern": "^[a-z]{24}$", "description": "The id of a receipt."},
    "measure": {"type": "string", "pattern": "^[a-z]{12}$", "description": "The id of a measure."},
    "fine": {"type": "string", "pattern": "^[a-z]{12}$", "description": "The id of a fine."},
    "part": {"type": "integer", "minimum": 1, "maximum": 10_000, "description": "Which part, from 1."},
    "row": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The id of a row in quarantine."},
}
TAGS = {
    "people": ("People", "公众"),
    "feeds": ("Feeds", "名单"),
    "keys": ("Keys", "密钥"),
    "reports": ("Reports", "举报"),
    "scrubs": ("Call lists", "外呼名单核对"),
    "receipts": ("Receipts", "回执"),
    "measures": ("Number resources and measures", "码号资源与处置措施"),
    "webhooks": ("Webhooks", "通知"),
    "number-events": ("Number events", "号码变动"),
    "open": ("Open data", "开放数据"),
    "rules": ("Rules", "规则"),
}
_LIMITED = {
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "How much may be asked in which time."},
    "RateLimit": {"schema": {"type": "string"}, "description": "How much is left now."},
}
_WAIT = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait."}}


@dataclass(frozen=True)
class Route:
    """One route of the API: method, path in OpenAPI's form, what it is and who may use it."""

    method: str
    path: str
    operation: Operation
    guard: Guard
    arguments: tuple[str, ...]
    name: str


def routes_of(app: Flask) -> list[Route]:
    """The API's routes, by tag and path. Raises RuntimeError for one that does not say what it is."""
    return sorted(_routes(app), key=lambda r: (list(TAGS).index(r.operation.tag), r.path, r.method))


def _routes(app: Flask) -> Iterator[Route]:
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/api/"):
            continue
        view: Callable[..., Any] = app.view_functions[rule.endpoint]
        described, guard = operation_of(view), guard_of(view)
        if described is None or guard is None:
            raise RuntimeError(f"{rule.rule} does not say what it is or who may use it")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(method, _path(rule), described, guard, tuple(_CONVERTER.findall(rule.rule)), rule.endpoint)


def _path(rule: Rule) -> str:
    return _CONVERTER.sub(r"{\1}", rule.rule)


def document(app: Flask) -> dict[str, Any]:
    """The document of an application's API."""
    routes = routes_of(app)
    kinds = {kind for route in routes for kind in _structs(route.operation)} | {ProblemMessage}
    ordered = sorted(kinds, key=lambda kind: kind.__name__)
    _refs, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _described(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Decline Call (谢绝来电)", "version": VERSION,
            "description": "Feeds, keys, reports, registrations, call lists, receipts, measures. "
            "Errors are RFC 9457 problems.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag, "description": f"{english} · {chinese}"} for tag, (english, chinese) in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "dc_<id>_<secret>"}},
        },
    }


def _structs(described: Operation) -> Iterator[type[msgspec.Struct]]:
    for kind in (described.request, *described.answers.values()):
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield kind


def _described(route: Route) -> dict[str, Any]:
    """One operation object."""
    said = route.operation
    scopes = [way.needs for way in route.guard.ways if way.kind == "key"]
    metered = bool(scopes)
    found: dict[str, Any] = {
        "operationId": route.name,
        "summary": f"{said.summary} · {said.chinese}",
        "tags": [said.tag],
        "responses": {str(status): _answered(said, status, metered=metered) for status in said.answers}
        | {str(status): _problem(status) for status in said.problems},
    }
    if said.says:
        found["description"] = said.says
    if scopes:
        found["security"] = [{"key": scopes}]
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PARTS[name]} for name in route.arguments
    ] + [
        {"name": each.name, "in": each.place, "schema": dict(each.schema), "description": each.says}
        for each in said.parameters
    ]
    if parameters:
        found["parameters"] = parameters
    if said.request is not None:
        content = {kind: {} if said.by_row else _body(said.request, kind) for kind in said.takes}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _body(kind: Any, media_type: str) -> dict[str, Any]:
    """A body's schema: the struct as JSON, an array of it where a list is meant, free text for other types."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        reference = {"$ref": f"#/components/schemas/{kind.__name__}"}
        return {"schema": reference} if media_type == JSON else {}
    return {}


def _answered(said: Operation, status: int, *, metered: bool) -> dict[str, Any]:
    kind = said.answers[status]
    found: dict[str, Any] = {"description": _DESCRIPTIONS.get(status, "Done.")}
    if metered:
        found["headers"] = _LIMITED
    if kind is not None:
        found["content"] = {media_type: _body(kind, media_type) for media_type in said.gives}
    return found


_DESCRIPTIONS = {
    200: "As asked.", 201: "Made.", 202: "Under way.", 204: "Done.", 206: "A range of it.", 304: "You have it already.",
}


def _problem(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": MEANINGS.get(status, "A problem."),
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemMessage"}}},
    }
    if status in {429, 503}:
        found["headers"] = _WAIT
    return found


@blueprint.get("/api/openapi.json")
@operation(Operation(summary="This document", chinese="接口文档", tag="rules", answers={200: dict}))
@public
def show() -> Response:
    """The document."""
    return answer(document(_app()), headers={"Cache-Control": "public, max-age=300"})


@blueprint.get("/api")
@public
def page() -> str:
    """The document as a page."""
    app = _app()
    described = document(app)
    return render_template(
        "api.html", routes=routes_of(app), tags=TAGS, schemas=described["components"]["schemas"], name_of=_name_of,
        type_of=_type_of, statuses=MEANINGS,
    )


@blueprint.get("/problems/<code>")
@public
def explain(code: str) -> WerkzeugResponse:  # noqa: ARG001 - the table says it of all codes
    """Where the type of a problem leads: to what the page says about problems."""
    return redirect(url_for("openapi.page", _anchor="problems"))


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined,no-any-return]


def _name_of(kind: Any) -> str:
    """The name of a struct, or an empty text for other bodies."""
    return kind.__name__ if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else ""


def _type_of(schema: dict[str, Any]) -> str:
    """A JSON Schema in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(_type_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"[{_type_of(schema.get('items', {}))}]"
    return str(schema.get("type", "any"))

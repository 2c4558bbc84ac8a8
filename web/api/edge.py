"""The edge of the API: reads bodies and queries strictly, writes answers, and says of each route what it is.

Rules of this room: a body is JSON in the named struct or it is refused (unknown fields too); what is refused is
described by place and kind, never by value; every route under /api carries an `Operation`, from which the document is
made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

import msgspec
from flask import Response, request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from registry.errors import InvalidInputError, NotAllowedError
from registry.logs import without_numbers
from registry.parties import Party
from registry.times import from_micros
from web.guard import actor_of_request

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=msgspec.Struct)

JSON = "application/json"
_MOST_MICROS = 2**53  # what JSON holds exactly


@dataclass(frozen=True)
class Parameter:
    """A query value or header that a route reads; `schema` is JSON Schema."""

    name: str
    place: str  # "query" or "header"
    schema: Mapping[str, Any]
    says: str


@dataclass(frozen=True)
class Operation:
    """What one route is, for the document: summaries, the body's struct, the answers' structs by status.

    `by_row`: the body holds any number of the struct, and wrong ones are answered row by row, not refused as a whole.
    """

    summary: str
    chinese: str
    tag: str
    request: Any = None
    by_row: bool = False
    takes: tuple[str, ...] = (JSON,)
    answers: Mapping[int, Any] = field(default_factory=dict)
    gives: tuple[str, ...] = (JSON,)
    problems: tuple[int, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    says: str = ""


def operation(described: Operation) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Marks a view with what it is."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        view.operation = described  # type: ignore[attr-defined]
        return view

    return mark


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """What a view was marked with, or None."""
    return getattr(view, "operation", None)


def read(kind: type[S]) -> S:
    """The JSON body as a struct.

    Raises UnsupportedMediaType (415) for other types, InvalidInputError bad_json (it is no JSON) or bad_body.
    """
    if request.mimetype != JSON:
        raise UnsupportedMediaType
    if "Content-Encoding" in request.headers:
        raise UnsupportedMediaType
    raw = request.get_data(cache=False)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidInputError(place_of(error), code="bad_body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest from None


def place_of(error: msgspec.ValidationError) -> str:
    """Where a body is wrong and how, without the value that stands there."""
    why, _, where = str(error).partition(" - at ")
    for start in ("Object contains unknown field", "Invalid enum value"):
        if why.startswith(start):
            why = start
    place = where.strip("`").removeprefix("$").lstrip(".") if where else ""
    return without_numbers(f"{place}: {why}." if place else f"{why}.")


def answer(message: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """An answer in JSON; times in it are RFC 3339."""
    response = Response(msgspec.json.encode(message), status=status, mimetype=JSON)
    response.headers.update(headers or {})
    return response


def whole(name: str, *, default: int, least: int, most: int) -> int:
    """A whole number from the query. Raises InvalidInputError bad_query."""
    text = request.args.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidInputError(f"{name} is a whole number from {least} to {most}.", code="bad_query")
    return int(text)


def one_of(name: str, *, default: str, known: tuple[str, ...]) -> str:
    """One of some words from the query. Raises InvalidInputError bad_query."""
    text = request.args.get(name, default)
    if text not in known:
        raise InvalidInputError(f"{name} is one of {', '.join(known)}.", code="bad_query")
    return text


def only(*names: str) -> None:
    """Refuse a query with other names than these. Raises InvalidInputError bad_query."""
    if set(request.args) - set(names):
        known = ", ".join(names) or "nothing"
        raise InvalidInputError(f"The query may hold {known} only.", code="bad_query")


def newest_first(most: int) -> tuple[datetime | None, int]:
    """Before which moment a page of a list begins (None: it is the first), and how many it holds, from the query.

    Raises InvalidInputError bad_query.
    """
    only("before", "limit")
    before = whole("before", default=0, least=0, most=_MOST_MICROS)
    return from_micros(before) if before else None, whole("limit", default=50, least=1, most=most)


def newest_first_parameters(most: int) -> tuple[Parameter, ...]:
    """What `newest_first` reads, for the document."""
    return (
        Parameter("before", "query", {"type": "integer", "minimum": 0, "maximum": _MOST_MICROS},
                  "The `next` of a page."),
        Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": most, "default": 50}, "At most."),
    )  # fmt: skip


def party_of() -> Party:
    """The party whose key is presented; call it behind a key's guard. Raises NotAllowedError for a key of none."""
    party = actor_of_request().party
    if party is None:
        raise NotAllowedError("This API key belongs to no party.", code="not_allowed")
    return party


def header(name: str) -> str:
    """A header's text, or an empty one."""
    return request.headers.get(name, "")

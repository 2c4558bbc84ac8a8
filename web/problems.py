"""The only map from what the registry refuses to what HTTP says: pages for people, RFC 9457 problems for machines.

Rules of this room: statuses are decided here and nowhere else; what goes out never holds a phone number, whatever the
error holds; a fault of ours is logged with its traceback and answered with the request's id only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from flask import Flask, Response, current_app, g, render_template, request
from flask_wtf.csrf import CSRFError
from markupsafe import escape
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Response as WerkzeugResponse

from registry import errors
from registry.logs import log, without_numbers
from registry.vitals import SPENT
from web.current import is_api, language_of, request_id
from web.wording import sentence_of, spoken, title_of

MEDIA_TYPE = "application/problem+json"
_WAIT = 5  # seconds to wait when something we need does not answer

STATUSES: tuple[tuple[type[errors.RegistryError], int], ...] = (
    (errors.InvalidInputError, 422),
    (errors.SignInRequiredError, 401),
    (errors.NotAllowedError, 403),
    (errors.NotFoundError, 404),
    (errors.ConflictError, 409),
    (errors.TooManyError, 429),
    (errors.UnavailableError, 503),
)
_CODES = {
    400: "bad_request", 404: "not_found", 405: "method_not_allowed", 408: "too_slow", 411: "length_required",
    413: "too_large", 414: "address_too_long", 415: "media_type", 416: "range_not_satisfiable",
    431: "headers_too_large",
}


@dataclass(frozen=True)
class Problem:
    """What stands in an answer that is not the one asked for."""

    status: int
    code: str
    detail: str
    retry_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def problem_of(error: Exception) -> Problem:
    """The problem that an exception is; an unknown one is a fault of ours (500)."""
    if isinstance(error, errors.RegistryError):
        return _of_registry(error)
    if isinstance(error, TimeoutError):  # of the connection: the rest of the body does not come
        return Problem(408, "too_slow", sentence_of("too_slow", 408))
    if isinstance(error, CSRFError):
        return Problem(400, "form_expired", "This form is too old or was not ours. Please open the page again.")
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        headers = {}
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            headers["Allow"] = ", ".join(sorted(error.valid_methods))
        code = _CODES.get(error.code, "bad_request")
        return Problem(error.code, code, sentence_of(code, error.code), headers=headers)
    return Problem(500, "internal", "Something went wrong on our side. It has been written down.")


def _of_registry(error: errors.RegistryError) -> Problem:
    status = next((status for family, status in STATUSES if isinstance(error, family)), 500)
    retry = error.retry_after if isinstance(error, errors.TooManyError) else _WAIT if status == 503 else None
    headers = {"Retry-After": str(max(1, retry))} if retry is not None else {}
    if status == 429 and "limit" in error.facts:
        headers["RateLimit"] = f'"{error.facts["limit"]}";r=0;t={headers["Retry-After"]}'
    if status == 401 and is_api():
        headers["WWW-Authenticate"] = 'Bearer realm="decline-call"'
    facts = {name: fact for name, fact in error.facts.items() if name not in _MEMBERS}
    return Problem(status, error.code, error.detail, retry, headers, facts)


_MEMBERS = {"type", "title", "status", "detail", "code", "instance", "retry_after"}


def body_of(problem: Problem) -> dict[str, Any]:
    """The members of an RFC 9457 problem; no text in it looks like a phone number."""
    body: dict[str, Any] = {
        "type": f"/problems/{problem.code}",
        "title": title_of(problem.code, problem.status),
        "status": problem.status,
        "detail": without_numbers(problem.detail),
        "code": problem.code,
    }
    if request_id():
        body["instance"] = f"urn:request:{request_id()}"
    if problem.retry_after is not None:
        body["retry_after"] = max(1, problem.retry_after)
    facts = {name: without_numbers(fact) if isinstance(fact, str) else fact for name, fact in problem.facts.items()}
    return {**facts, **body}


def answer(problem: Problem) -> Response:
    """The problem as the one who asked can read it."""
    if is_api() or _prefers_json():
        content, media_type = msgspec.json.encode(body_of(problem)), MEDIA_TYPE
        response = Response(content, status=problem.status, mimetype=media_type)
    else:
        response = Response(_page(problem), status=problem.status, mimetype="text/html")
    response.headers.update(problem.headers)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(problem: Problem) -> str:
    """The page about a problem; a bare one where even that cannot be made (its frame may need what does not answer)."""
    title = spoken(title_of(problem.code, problem.status))
    sentence = spoken(sentence_of(problem.code, problem.status))
    try:
        return render_template("problem.html", title=title, sentence=sentence, retry_after=problem.retry_after)
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets an answer
        log("web").error("fault in the page about a problem", exc_info=error)
        frame = '<!doctype html><html lang="{}"><meta charset="utf-8"><title>{}</title><h1>{}</h1><p>{}</p></html>'
        language = "zh-CN" if language_of() == "zh_CN" else "en"
        return frame.format(language, escape(title), escape(title), escape(sentence))


def _prefers_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json", MEDIA_TYPE], default="text/html")
    return best != "text/html"


def refuse(error: Exception) -> WerkzeugResponse:
    """The error handler for everything that a view raises; redirects of the router pass."""
    if isinstance(error, HTTPException) and (error.code is None or error.code < 400):
        return error.get_response()
    problem = problem_of(error)
    if problem.status == 500:
        log("web").error("fault", exc_info=error)
    g.problem = problem.code
    if isinstance(error, errors.TooManyError) and str(error.facts.get("limit", "")).startswith("code-"):
        current_app.extensions["tallies"].add(SPENT)
    return answer(problem)


def init(app: Flask) -> None:
    """Let every error of an application be answered from here."""
    app.register_error_handler(Exception, refuse)

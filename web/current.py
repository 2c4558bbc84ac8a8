"""What a view asks of the request it serves: the registry, the language, the address that asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, g, has_request_context, request

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.checks import Checker

LANGUAGES = {"zh_CN": "中文", "en": "English"}
LANGUAGE_COOKIE = "dc_language"


def registry_of() -> Registry:
    """The registry that this application was made for."""
    return cast("Registry", current_app.extensions["registry"])


def checker_of() -> Checker:
    """Who answers single checks for this application."""
    return cast("Checker", current_app.extensions["checker"])


def language_of() -> str:
    """`zh_CN` or `en`: by cookie, else the first that the browser accepts, else the default of the settings."""
    default = registry_of().settings.site.default_language
    if not has_request_context():
        return default
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    for accepted, _quality in request.accept_languages:
        if accepted.lower().startswith("zh"):
            return "zh_CN"
        if accepted.lower().startswith("en"):
            return "en"
    return default


def address_of() -> str:
    """The address that asks, behind as many proxies as the settings trust. Never logged; allowances seal it."""
    return request.remote_addr or ""


def request_id() -> str:
    """The id of this request: in its log line, its answer's header and on error pages."""
    return cast(str, g.get("request_id", ""))


def is_api() -> bool:
    """Whether the request is for the machines' side of the site; `/api` itself is a page for people."""
    return request.path.startswith(("/api/", "/gateway/"))

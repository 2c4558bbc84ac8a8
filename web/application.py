"""Makes the Flask application of a registry: blueprints, languages, forms, headers, sizes, one log line per request.

Rules of this room: nothing here decides anything; the log line names the route's rule, never the address that was asked
for (DESIGN §9); every page comes with a policy that lets no foreign or inline script or style in.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, current_app, g, request
from flask_babel import Babel, format_timedelta
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from registry.checks import Checker
from registry.logs import log
from registry.naming import new_id
from registry.vitals import CountedGateway, Tallies
from web import (
    alarms,
    applications,
    batches,
    bulletins,
    carriers,
    casefiles,
    cases,
    centre,
    centrefiles,
    centreheld,
    checking,
    cluemoves,
    clues,
    companies,
    creditdesk,
    enterprises,
    evidencepages,
    finedesk,
    fines,
    guard,
    guarding,
    inbound,
    joining,
    ledgers,
    marking,
    marksdesk,
    measuredesk,
    measures,
    members,
    moving,
    officefigures,
    officers,
    opendata,
    outboxes,
    parties,
    peakdesk,
    people,
    problems,
    public,
    publishing,
    queues,
    receipts,
    reporting,
    reportstates,
    resources,
    scrubasking,
    scrubs,
    suspending,
    verifying,
    vitals,
    webhooks,
)
from web.api import (
    acknowledgements,
    balance,
    checks,
    codes,
    desk,
    feeds,
    keys,
    numberevents,
    openapi,
    quarantine,
    registrations,
    repairs,
    reports,
    rulebooks,
    scrubparts,
    scrubresults,
)
from web.api import fines as api_fines
from web.api import measures as api_measures
from web.api import opendata as api_opendata
from web.api import receipts as api_receipts
from web.api import resources as api_resources
from web.api import scrubs as api_scrubs
from web.api import webhooks as api_webhooks
from web.current import LANGUAGES, is_api, language_of, registry_of, request_id

if TYPE_CHECKING:
    from registry.assembly import Registry

BLUEPRINTS: tuple[Blueprint, ...] = (  # pages
    opendata.blueprint, marking.blueprint, marksdesk.blueprint,
    public.blueprint, people.blueprint, reporting.blueprint, members.blueprint, carriers.blueprint, batches.blueprint,
    parties.blueprint, queues.blueprint, officers.blueprint, alarms.blueprint, guarding.blueprint, suspending.blueprint,
    cases.blueprint, casefiles.blueprint, centre.blueprint, centrefiles.blueprint, centreheld.blueprint,
    clues.blueprint, cluemoves.blueprint, cluemoves.public,
    webhooks.blueprint, outboxes.blueprint, moving.blueprint, joining.blueprint,
    applications.blueprint, companies.blueprint, scrubs.blueprint, scrubasking.blueprint, checking.blueprint,
    receipts.blueprint, verifying.blueprint, reportstates.blueprint, evidencepages.blueprint,
    bulletins.blueprint, publishing.blueprint,
    measures.blueprint, measures.public, finedesk.blueprint, fines.blueprint,
    creditdesk.blueprint, creditdesk.mine, measuredesk.blueprint,
    peakdesk.office, peakdesk.party, officefigures.blueprint,
    ledgers.blueprint, resources.blueprint, enterprises.blueprint,
)
MACHINES: tuple[Blueprint, ...] = (  # known by their key in each request: no form token, no cookie
    api_opendata.blueprint,
    desk.blueprint,
    codes.blueprint, registrations.blueprint, feeds.blueprint, repairs.blueprint, acknowledgements.blueprint,
    keys.blueprint, reports.blueprint, numberevents.blueprint, quarantine.blueprint, api_webhooks.blueprint,
    checks.blueprint, balance.blueprint, api_scrubs.blueprint, scrubparts.blueprint, scrubresults.blueprint,
    api_receipts.blueprint, api_measures.blueprint, api_fines.blueprint, api_resources.blueprint,
    rulebooks.blueprint, openapi.blueprint, vitals.blueprint, inbound.blueprint,
)

SMALL_BODY = 64 * 1024  # forms and JSON; uploads raise `request.max_content_length` in their own view
_YEAR = 31_536_000

POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'",
))
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(registry: Registry) -> Flask:
    """The application that serves one registry; any number of them may stand in one process."""
    app = Flask("web", root_path=str(Path(__file__).parent), static_folder=None)
    tallies = Tallies(registry.store, registry.clock)
    registry = replace(registry, sms=CountedGateway(registry.sms, tallies))
    checker = Checker(registry.quotas, registry.plan, registry.rulebooks)
    app.extensions.update(registry=registry, tallies=tallies, checker=checker)
    _configure(app, registry)
    app.before_request(_begin)
    csrf = CSRFProtect(app)
    for blueprint in MACHINES:
        csrf.exempt(blueprint)
    # these look for the token themselves, as the file comes
    for view in (scrubasking.send, reportstates.add_evidence, ledgers.send, cluemoves.upload):
        csrf.exempt(view)
    for blueprint in BLUEPRINTS + MACHINES:
        app.register_blueprint(blueprint)
    _languages(app, registry)
    _static(app)
    problems.init(app)
    app.after_request(_finish)
    proxies = registry.settings.site.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies
        )
    return app


def _configure(app: Flask, registry: Registry) -> None:
    secure = registry.settings.site.secure_cookies
    app.config.update(
        SECRET_KEY=registry.keys.derive("cookie", "site"),
        SESSION_COOKIE_NAME="__Host-dc_forms" if secure else "dc_forms",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=SMALL_BODY,
        MAX_FORM_MEMORY_SIZE=SMALL_BODY,
        MAX_FORM_PARTS=500,
        SEND_FILE_MAX_AGE_DEFAULT=3600,
        WTF_CSRF_TIME_LIMIT=None,  # a form lives as long as its session cookie
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters["duration"] = _duration


def _languages(app: Flask, registry: Registry) -> None:
    Babel(
        app,
        default_locale=registry.settings.site.default_language,
        default_timezone=registry.settings.numbers.zone,
        default_translation_directories=str(Path(__file__).parent / "translations"),
        locale_selector=language_of,
    )

    @app.context_processor
    def _words() -> dict[str, Any]:
        return {"language": language_of(), "languages": LANGUAGES, "request_id": request_id()}


def _static(app: Flask) -> None:
    app.static_folder = "static"

    def static(filename: str) -> Response:
        return app.send_static_file(filename)

    app.add_url_rule("/static/<path:filename>", endpoint="static", view_func=guard.public(static))


def _duration(seconds: int) -> str:
    """A wait in words of the page's language: whole minutes from two minutes on."""
    return str(format_timedelta(seconds if seconds < 120 else -(-seconds // 60) * 60, threshold=2))


def _begin() -> None:
    wire = request.environ.get("gunicorn.socket")
    if wire is not None:  # whoever stalls keeps no thread; gunicorn sets it anew for each request
        wire.settimeout(registry_of().settings.site.stalled_s)
    g.began = time.perf_counter()
    g.request_id = new_id(12)


def _finish(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    current_app.extensions["tallies"].write()
    if registry_of().settings.site.secure_cookies:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR}; includeSubDomains")
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    if not is_api() and request.endpoint != "static":
        response.vary.update(("Accept-Language", "Cookie"))
    response.headers["X-Request-Id"] = request_id()
    log("web").info(
        "request",
        id=request_id(),
        method=request.method,
        route=request.url_rule.rule if request.url_rule else "-",
        status=response.status_code,
        ms=round((time.perf_counter() - g.began) * 1000, 1),
        **({"problem": g.problem} if "problem" in g else {}),
    )
    return response

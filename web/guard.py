"""Who may use a view: every view is marked with a guard, and the guard stands before the view.

Rules of this room: a view without a guard is a bug that a test finds; people and members are known by the session
cookie, machines by `Authorization: Bearer`, and neither way opens the other's doors; what a known actor may do is
decided by `registry.access`, never here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from flask import g, request
from flask import session as forms
from werkzeug.wrappers import Response

from registry import access, parties
from registry.access import Actor
from registry.errors import NotAllowedError, NotFoundError, RegistryError, SignInRequiredError
from web.current import registry_of

P = ParamSpec("P")
R = TypeVar("R")

_FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


@dataclass(frozen=True)
class Way:
    """One way in: who it is for and what that one needs (an action of a member, a scope of a key)."""

    kind: Literal["public", "person", "member", "key", "loopback"]
    needs: str = ""

    def __str__(self) -> str:
        return f"{self.kind}({self.needs})" if self.needs else self.kind


@dataclass(frozen=True)
class Guard:
    """What stands before a view: any one of its ways in is enough. Use it as a decorator, join two with `|`."""

    ways: tuple[Way, ...]

    def __or__(self, other: Guard) -> Guard:
        return Guard(self.ways + other.ways)

    def __str__(self) -> str:
        return " or ".join(str(way) for way in self.ways)

    def __call__(self, view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **values: P.kwargs) -> R:
            self.check()
            return view(*args, **values)

        guarded.guard = self  # type: ignore[attr-defined]
        return guarded

    def check(self) -> None:
        """Return when one way is open to the request. Raises what the last way has against it."""
        refusal: RegistryError | None = None
        for way in self.ways:
            refusal = _refusal(way)
            if refusal is None:
                return
        assert refusal is not None
        raise refusal


public = Guard((Way("public"),))
person = Guard((Way("person"),))
loopback = Guard((Way("loopback"),))


def member(action: str) -> Guard:
    """For members whose role may do `action` (the table in `registry.access`)."""
    return Guard((Way("member", action),))


def key(scope: str) -> Guard:
    """For API keys that have `scope`."""
    return Guard((Way("key", scope),))


def guard_of(view: Callable[..., Any]) -> Guard | None:
    """The guard of a view function, or None where somebody forgot it."""
    return getattr(view, "guard", None)


def _refusal(way: Way) -> RegistryError | None:
    """What stands against one way in, or None."""
    if way.kind == "public":
        return None
    if way.kind == "loopback":
        return None if _from_here() else NotFoundError("There is nothing here.", code="not_found")
    if way.kind == "key":
        return _refusal_of_key(way.needs)
    actor = _session_actor()
    if actor is None or actor.kind != way.kind:
        return SignInRequiredError("Please sign in first.", code=f"sign_in_{way.kind}")
    if actor.needs_second_factor and way.needs != access.PROVE:
        return NotAllowedError("Please prove your second factor first.", code="second_factor_needed")
    if way.kind == "member" and not access.may(actor, way.needs):
        return NotAllowedError("You may not do this.", code="not_allowed", action=way.needs)
    return None


def _refusal_of_key(scope: str) -> RegistryError | None:
    try:
        actor = _key_actor()
    except SignInRequiredError as error:
        return error
    if not access.may(actor, scope):
        return NotAllowedError(f"This API key lacks the scope {scope}.", code="scope_missing", scope=scope)
    return None


def _from_here() -> bool:
    """Whether the request comes from this machine and was meant for it: no proxy between, no foreign name in `Host`."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    own = {"localhost", "127.0.0.1", "::1", urlsplit(registry_of().settings.site.public_url).hostname}
    try:
        local = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    return local and urlsplit(f"//{request.host}").hostname in own


def actor_of_request() -> Actor:
    """Who asks: the holder of the API key if one is presented, else of the session, else nobody in particular."""
    if "Authorization" in request.headers:
        return _key_actor()
    return _session_actor() or access.ANONYMOUS


def _key_actor() -> Actor:
    """The holder of the presented API key. Raises SignInRequiredError where there is none that counts."""
    if "key_actor" not in g:
        scheme, _, presented = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not presented:
            raise SignInRequiredError("An API key is needed: Authorization: Bearer dc_….", code="key_missing")
        registry = registry_of()
        g.key_actor = parties.key_actor(registry.store, registry.clock, presented.strip())
    return cast(Actor, g.key_actor)


def _session_actor() -> Actor | None:
    if "session_actor" not in g:
        token = request.cookies.get(session_cookie(), "")
        registry = registry_of()
        g.session_actor = access.find_session(registry.store, registry.clock, token) if token else None
    return cast("Actor | None", g.session_actor)


def session_cookie() -> str:
    """The name of the session cookie; behind HTTPS the browser holds it to this host."""
    return "__Host-dc_session" if registry_of().settings.site.secure_cookies else "dc_session"


def session_token() -> str:
    """The token that the browser presents, or an empty text."""
    return request.cookies.get(session_cookie(), "")


def remember(response: Response, token: str, *, minutes: int) -> None:
    """Give the browser the token of a session just opened, and a fresh form session with it."""
    response.set_cookie(
        session_cookie(), token, max_age=minutes * 60, path="/", httponly=True, samesite="Lax",
        secure=registry_of().settings.site.secure_cookies,
    )
    _forget_forms()


def forget(response: Response) -> None:
    """Close the session and take its token from the browser."""
    registry = registry_of()
    if token := session_token():
        access.close_session(registry.store, token)
    response.delete_cookie(
        session_cookie(), path="/", httponly=True, samesite="Lax", secure=registry.settings.site.secure_cookies
    )
    _forget_forms()


def _forget_forms() -> None:
    """What forms kept for the one who was here before (their CSRF token too) must not serve the next one."""
    forms.clear()

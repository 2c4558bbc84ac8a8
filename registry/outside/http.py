"""The one way out by HTTP: sessions with timeouts, a retry policy and our name; used by gateways, outboxes, followers.

Rules of this room: no request without a timeout; a retry waits longer each time and comes only after a connection that
failed, a 429 or a 5xx; a POST is retried only by who sends an idempotency id with it; cookies are never kept, so one
session serves many threads.
"""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

RETRIED = frozenset({429, *range(500, 600)})
_BACKOFF_S = 0.2
_LONGEST_WAIT_S = 5
_CONNECT_S = 5.0
_REDIRECTS = 3
_POOL = 16


def user_agent() -> str:
    """How we name ourselves to others."""
    try:
        return f"decline-call/{version('decline-call')}"
    except PackageNotFoundError:
        return "decline-call"


class _Adapter(HTTPAdapter):
    """An adapter that knows its timeout."""

    def __init__(self, timeout: float, retry: Retry) -> None:
        self._timeout = (min(timeout, _CONNECT_S), timeout)
        super().__init__(max_retries=retry, pool_maxsize=_POOL)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        """Send with our timeout where the caller gave none."""
        if options.get("timeout") is None:
            options["timeout"] = self._timeout
        return super().send(request, *args, **options)


def session(timeout: float, retries: int = 0, *, repeat_posts: bool = False) -> requests.Session:
    """A session: `timeout` seconds for each answer (and at most 5 to connect), `retries` after the first try.

    The last answer comes back whatever its status; failed connections raise requests.RequestException. `repeat_posts`
    is for callers whose POSTs carry an idempotency id.
    """
    retry = Retry(
        total=retries,
        allowed_methods=None if repeat_posts else Retry.DEFAULT_ALLOWED_METHODS,
        status_forcelist=RETRIED,
        backoff_factor=_BACKOFF_S,
        backoff_max=_LONGEST_WAIT_S,
        backoff_jitter=_BACKOFF_S / 2,
        retry_after_max=_LONGEST_WAIT_S,
        raise_on_status=False,
    )
    made = requests.Session()
    made.headers["User-Agent"] = user_agent()
    made.max_redirects = _REDIRECTS
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("https://", "http://"):
        made.mount(scheme, _Adapter(timeout, retry))
    return made

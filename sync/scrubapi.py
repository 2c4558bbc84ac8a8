"""The registry's API as a telemarketer's client speaks it, asked again as long as patience lasts where nobody answers.

Rules of this room: a key or an address never stands in an error; what the registry refuses for good is said in its own
words; whatever may pass (no connection, 429, 5xx) is tried again, and whatever is asked here may be asked twice.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests

from registry.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    RegistryError,
    UnavailableError,
)
from registry.settings import LOOPBACK
from sync.source import CONNECT_S

T = TypeVar("T")

READ_S = 120
_FIRST_S, _LONGEST_S = 0.25, 5.0
_MAY_PASS = frozenset({408, 429})


@dataclass
class Patience:
    """How long one goes on trying without getting any further; `told` hears of each wait."""

    seconds: float
    told: Callable[[str], None] = lambda _sentence: None
    _since: float = field(default_factory=time.monotonic)
    _wait: float = _FIRST_S

    def further(self) -> None:
        """Something was achieved: patience is whole again."""
        self._since, self._wait = time.monotonic(), _FIRST_S

    def wait(self, error: UnavailableError) -> None:
        """Wait a while. Raises the error when patience has ended."""
        wait = float(error.facts.get("retry_after", self._wait))
        if time.monotonic() - self._since + wait > self.seconds:
            raise error
        self.told(f"{error.detail} Trying again in {max(1, round(wait))} s.")
        time.sleep(wait)
        self._wait = min(2 * self._wait, _LONGEST_S)


class Api:
    """The API at an address, asked with a key."""

    def __init__(self, url: str, key: str, patience: Patience) -> None:
        self.url, self.patience = _plain(url), patience
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The JSON that is answered. Raises what is refused for good, UnavailableError registry_away, bad_answer."""
        return self.patiently(lambda: self._asked(method, path, more))

    def patiently(self, attempt: Callable[[], T]) -> T:
        """What an attempt comes to, made again while the registry does not answer."""
        while True:
            try:
                return attempt()
            except UnavailableError as error:
                self.patience.wait(error)

    def _asked(self, method: str, path: str, more: dict[str, Any]) -> dict[str, Any]:
        with self.opened(method, path, **more) as answer:
            content = answer.content
        self.patience.further()
        try:
            found = msgspec.json.decode(content) if content else {}
        except msgspec.DecodeError as error:
            raise UnavailableError("The registry's answer cannot be read.", code="bad_answer") from error
        return found if isinstance(found, dict) else {}

    @contextlib.contextmanager
    def opened(self, method: str, path: str, **more: Any) -> Iterator[requests.Response]:
        """An answer that is read piece by piece, asked for once. Raises as `ask`, also while it is read."""
        try:
            with self._session.request(
                method, f"{self.url}/api/v1/{path}", stream=True, timeout=(CONNECT_S, READ_S), allow_redirects=False,
                **more,
            ) as answer:
                if not 200 <= answer.status_code < 300:
                    raise _refusal(answer)
                yield answer
        except requests.RequestException as error:
            raise UnavailableError("The registry does not answer.", code="registry_away") from error


def _plain(url: str) -> str:
    """The address without what stands behind the host. Raises InvalidInputError bad_url."""
    found = urlsplit(url)
    if found.scheme not in {"http", "https"} or not found.hostname or found.username or found.query:
        raise InvalidInputError("The address is one like https://registry.example.", code="bad_url")
    if found.scheme == "http" and found.hostname not in LOOPBACK:
        raise InvalidInputError("Call lists and keys travel by https only.", code="bad_url")
    return url.rstrip("/").removesuffix("/api/v1")


def _refusal(answer: requests.Response) -> RegistryError:
    """What an answer that is none means."""
    status = answer.status_code
    try:
        said: dict[str, Any] = msgspec.json.decode(answer.content, type=dict)
    except (msgspec.DecodeError, msgspec.ValidationError):
        said = {}
    code, detail = str(said.get("code") or "refused"), str(said.get("detail") or f"The answer was {status}.")
    if status >= requests.codes.internal_server_error or status in _MAY_PASS or code == "upload_cut":
        wait = answer.headers.get("Retry-After", "")
        facts = {"retry_after": min(int(wait), 3600)} if wait.isascii() and wait.isdigit() else {}
        now = detail if status == requests.codes.too_many_requests else f"The registry answers with {status} now."
        return UnavailableError(now, code="registry_away", **facts)
    if status == requests.codes.unauthorized or code == "scope_missing":
        return NotAllowedError("The registry does not accept this API key for this.", code="key_refused")
    families: dict[int, type[RegistryError]] = {403: NotAllowedError, 404: NotFoundError, 409: ConflictError}
    return families.get(status, InvalidInputError)(detail, code=code)

"""Where a follower reads a feed: over HTTP as a carrier does, or straight from the shelf as the publisher's check does.

Rules of this room: paths are relative to the feed (`metadata/…`, `targets/…`, `lists/…`); nothing here is trusted, that
is for `trust.py` and the digests; what is missing is NotFoundError, what does not answer UnavailableError, a key that
is not accepted NotAllowedError; an address or a key never stands in an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import requests

from registry.errors import ConflictError, NotAllowedError, NotFoundError, RegistryError, UnavailableError
from registry.interfaces import Shelf
from sync.feed import place

CHUNK = 1 << 16
CONNECT_S, READ_S = 5, 30
TRIES = 4


class Source(Protocol):
    """Something that a feed can be read from."""

    def read(self, path: str) -> Iterator[bytes]:
        """The bytes of a small file, in chunks."""
        ...

    def download(self, path: str, into: Path, *, size: int) -> None:
        """Bring a large file, as it is; goes on where an earlier attempt stopped. At most `size` bytes are kept."""
        ...


class Api(Protocol):
    """The API that a feed belongs to."""

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Ask it something under `/api/v1/`; the JSON of the answer."""
        ...

    def ask(self, path: str, body: object = None, *, most: int) -> bytes:
        """As `call`, for answers in bytes: GET, or POST of a body; an answer longer than `most` is refused.

        Raises ConflictError `copy_moved`, NotFoundError where the registry has no copy, UnavailableError.
        """
        ...


class Registrar(Source, Api, Protocol):
    """A feed and the API that it belongs to."""


class ShelfSource:
    """A recipient's feed on a shelf, over which files may lie that are not shelved yet."""

    def __init__(self, shelf: Shelf, party: str, staged: Mapping[str, bytes | Path] | None = None) -> None:
        self._shelf, self._party, self._staged = shelf, party, staged or {}

    def read(self, path: str) -> Iterator[bytes]:
        """As `Source.read`."""
        found = self._staged.get(path)
        if found is None:
            yield self._shelf.get(place(self._party, path))
        else:
            yield found if isinstance(found, bytes) else found.read_bytes()

    def download(self, path: str, into: Path, *, size: int) -> None:
        """As `Source.download`, from the shelf itself: what is on the disk already is only linked to."""
        found = self._staged.get(path)
        if isinstance(found, Path):
            into.unlink(missing_ok=True)
            into.symlink_to(found.absolute())
            return
        with self._shelf.open(place(self._party, path)) as file, into.open("wb") as out:
            while size > 0 and (chunk := file.read(min(CHUNK, size))):
                out.write(chunk)
                size -= len(chunk)


class HttpSource:
    """A feed at an address, read with an API key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        self._api = self.url.partition("/feeds/")[0]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def read(self, path: str) -> Iterator[bytes]:
        """As `Source.read`."""
        try:
            with self._get(path, {"Cache-Control": "no-cache"} if path.endswith("timestamp.json") else {}) as answer:
                _check(answer)
                yield from answer.iter_content(CHUNK)
        except requests.RequestException as error:
            raise _away() from error

    def download(self, path: str, into: Path, *, size: int) -> None:
        """As `Source.download`: resumed by Range, tried a few times where the connection breaks."""
        for attempt in range(TRIES):
            have = into.stat().st_size if into.exists() else 0
            if have >= size:
                return
            try:
                self._fetch(path, into, have, size)
            except _NotResumedError:
                into.unlink(missing_ok=True)  # the next attempt asks for all of it
                if attempt == TRIES - 1:
                    raise _away() from None
            except requests.RequestException as error:
                if attempt == TRIES - 1:
                    raise _away() from error
            else:
                return

    def _fetch(self, path: str, into: Path, have: int, size: int) -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self._get(path, headers) as answer:
            if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
                raise _NotResumedError
            _check(answer)
            resumed = have and answer.status_code == requests.codes.partial_content and _begins_at(answer, have)
            if answer.status_code == requests.codes.partial_content and not resumed:
                raise _NotResumedError
            left = size - have if resumed else size
            with into.open("ab" if resumed else "wb") as out:
                for chunk in answer.iter_content(CHUNK):
                    out.write(chunk[:left])
                    left -= len(chunk)
                    if left <= 0:
                        return

    def call(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Speak to the API that the feed belongs to (`/api/v1/…`); the JSON of the answer."""
        try:
            answer = self._session.request(method, f"{self._api}/{path}", json=body, timeout=(CONNECT_S, READ_S))
        except requests.RequestException as error:
            raise _away() from error
        _check(answer)
        try:
            found = answer.json() if answer.content else {}
        except requests.JSONDecodeError as error:
            raise UnavailableError("The registry's answer cannot be read.", code="bad_answer") from error
        return found if isinstance(found, dict) else {}

    def ask(self, path: str, body: object = None, *, most: int) -> bytes:
        """As `Api.ask`."""
        found = bytearray()
        try:
            with self._session.request(
                "GET" if body is None else "POST", f"{self._api}/{path}", json=body, stream=True,
                timeout=(CONNECT_S, READ_S), allow_redirects=False,
            ) as answer:
                _check(answer)
                for chunk in answer.iter_content(CHUNK):
                    found += chunk
                    if len(found) > most:
                        raise UnavailableError("The registry's answer is longer than asked for.", code="bad_answer")
        except requests.RequestException as error:
            raise _away() from error
        return bytes(found)

    def _get(self, path: str, headers: Mapping[str, str]) -> requests.Response:
        return self._session.get(
            f"{self.url}/{path}", headers=headers, stream=True, timeout=(CONNECT_S, READ_S), allow_redirects=False
        )


class _NotResumedError(Exception):
    """The server does not go on where we stopped."""


def _begins_at(answer: requests.Response, start: int) -> bool:
    """Whether a part begins where it was asked to (RFC 9110 §14.4)."""
    return answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")


def _check(answer: requests.Response) -> None:
    """Raise what an HTTP answer means."""
    status = answer.status_code
    if status < requests.codes.multiple_choices:
        return
    refused: RegistryError
    if status in {requests.codes.unauthorized, requests.codes.forbidden}:
        refused = NotAllowedError("The registry does not accept this API key for this.", code="key_refused")
    elif status == requests.codes.not_found:
        refused = NotFoundError("The registry has no such file.", code="no_such_file")
    elif status == requests.codes.conflict:
        refused = ConflictError("The registry has moved on meanwhile.", code="copy_moved")
    else:
        refused = UnavailableError(f"The registry answers with {status} now.", code="registry_away")
    raise refused


def _away() -> UnavailableError:
    return UnavailableError("The registry does not answer.", code="registry_away")

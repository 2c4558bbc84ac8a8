"""Carriers' HTTP outboxes: `GET address?cursor=…` answers `{"rows": [...], "next": cursor}`; fetched page by page.

Rules of this room:
- Officers alone say where an outbox is; http and https only, no name or password in the address, no redirect followed.
- The cursor moves only after a page is stored. A page that can't be read is quarantined whole, and the cursor stays.
- Every failure waits longer than the one before (at most an hour), or as long as the other side asks (`Retry-After`).
- A page has at most 64 MB and a minute; `ETag` saves fetching the last page again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec
import requests

from registry import audit, quarantine
from registry.errors import InvalidInputError
from registry.outside.http import session
from registry.readers.ftc import wire_fields
from registry.readers.json_rows import row_of
from registry.readers.rows import Row, Unreadable
from registry.report_rows import Kind
from registry.reports import Intake, take_in
from registry.store.reports import Outbox
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.assembly import Registry

MOST_BYTES = 64_000_000
MOST_PAGES = 1000  # of one outbox in one run
_TIMEOUT_S = 30.0
_WHOLE_S = 60.0
_LONGEST_WAIT_S = 3600
_LONGEST_ASKED_S = 86_400
_CURSOR_CHARS = 500
_SECOND = 1_000_000
_GOOD, _NOT_CHANGED, _SLOW_DOWN = 200, 304, (429, 503)


class _Page(msgspec.Struct, frozen=True):
    """One answer; other members are ignored."""

    rows: list[msgspec.Raw]
    next: str | int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of an outbox: the body (None: not changed) and its ETag."""

    body: bytes | None
    etag: str


class OutboxError(Exception):
    """An outbox that can't be used now: a slug, and how many seconds it asked to wait."""

    def __init__(self, slug: str, wait_s: int = 0, raw: bytes = b"") -> None:
        super().__init__(slug)
        self.slug = slug
        self.wait_s = wait_s
        self.raw = raw


def set_outbox(registry: Registry, *, actor: str, source: str, kind: Kind, address: str, every: int) -> None:
    """Say where a party's reports are fetched from, every so many seconds; an officer's act.

    An empty address means that the party only has its inbox folder. Raises InvalidInputError bad_address, bad_pace.
    """
    if address:
        check_address(address)
    if not 10 <= every <= _LONGEST_ASKED_S:
        raise InvalidInputError("An outbox is asked every 10 seconds to 24 hours.", code="bad_pace")
    with registry.store.writing(about=f"outbox {source}"):
        old = next((box for box in registry.store.reports.outboxes() if box.source == source), None)
        same = old is not None and old.address == address
        registry.store.reports.set_outbox(
            Outbox(
                source=source, kind=kind, address=address, every=every, position=old.position if old and same else "",
                etag="", next=to_micros(registry.clock.now()), failures=0, failure="",
            )
        )  # fmt: skip
        audit.append(
            registry.store, registry.clock, actor=actor, action="outbox.set", subject=f"party:{source}",
            detail={"kind": kind, "host": urlsplit(address).hostname, "every": every},
        )  # fmt: skip


def check_address(address: str) -> None:
    """Raises InvalidInputError bad_address for what is no plain http or https address."""
    try:
        parts = urlsplit(address)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        plain = not (parts.username or parts.password or parts.fragment) and address.isprintable()
    except ValueError:
        good = plain = False
    if not (good and plain) or " " in address:
        raise InvalidInputError("An outbox has an http or https address without name and password.", code="bad_address")


def take_outbox(
    registry: Registry, box: Outbox, *, country: str, keep: Callable[[], None]
) -> Iterator[Intake | OutboxError]:
    """Fetch and take in all pages that an outbox has now: an Intake for each, or at last why it stopped early."""
    with session(_TIMEOUT_S) as http:
        for _ in range(MOST_PAGES):
            try:
                fetched = fetch(http, box)
                if fetched.body is None:
                    break
                page, rows = read_page(fetched.body, kind=box.kind)
            except OutboxError as error:
                if error.raw:
                    quarantine.hold(
                        registry.store, registry.keys, registry.clock, source=box.source, raw=error.raw,
                        format="outbox", reason="bad_page", detail="A page of the outbox can't be read.",
                    )  # fmt: skip
                _failed(registry, box, error)
                yield error
                return
            yield take_in(
                registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=box.source,
                kind=_kind(box), rows=rows, format="ftc" if box.kind == "ftc" else "outbox", country=country,
                origin="outbox", idempotency=f"outbox {_digest(box.position, fetched.body)}",
            )  # fmt: skip
            more = page is not None and page != box.position
            box = replace(box, position=page if page is not None else box.position, etag="" if more else fetched.etag)
            _stand(registry, box)
            keep()
            if not more or not rows:
                break
    _stand(registry, replace(box, next=_later(registry, box.every), failures=0, failure=""))


def fetch(http: requests.Session, box: Outbox) -> Fetched:
    """One page. Raises OutboxError: no_answer, too_slow, too_big, redirected, http_<status>."""
    headers = {"Accept": "application/json"} | ({"If-None-Match": box.etag} if box.etag else {})
    query = {"cursor": box.position} if box.position else {}
    try:
        with http.get(box.address, params=query, headers=headers, allow_redirects=False, stream=True) as answer:
            if answer.status_code == _NOT_CHANGED and box.etag:
                return Fetched(None, box.etag)
            if answer.is_redirect:
                raise OutboxError("redirected")
            if answer.status_code != _GOOD:
                asked = answer.headers.get("Retry-After", "") if answer.status_code in _SLOW_DOWN else ""
                wait = min(int(asked), _LONGEST_ASKED_S) if asked.isdecimal() and asked.isascii() else 0
                raise OutboxError(f"http_{answer.status_code}", wait)
            return Fetched(_body(answer), answer.headers.get("ETag", "")[:200])
    except (requests.RequestException, UnicodeError) as error:
        raise OutboxError("no_answer") from error


def _body(answer: requests.Response) -> bytes:
    end = time.monotonic() + _WHOLE_S
    body = bytearray()
    for piece in answer.iter_content(262_144):
        body += piece
        if len(body) > MOST_BYTES:
            raise OutboxError("too_big")
        if time.monotonic() > end:
            raise OutboxError("too_slow")
    return bytes(body)


def read_page(body: bytes, *, kind: str) -> tuple[str | None, list[Row | Unreadable]]:
    """The next cursor (None: not named) and the rows of a page. Raises OutboxError bad_page with the body."""
    try:
        page = msgspec.json.decode(body, type=_Page)
        cursor = None if page.next is None else str(page.next)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise OutboxError("bad_page", raw=body or b" ") from error
    if cursor and (len(cursor) > _CURSOR_CHARS or not cursor.isprintable()):
        raise OutboxError("bad_page", raw=body)
    rows = [row_of(place, bytes(raw)) for place, raw in enumerate(page.rows, 1)]
    if kind == "ftc":
        rows = [Row(row.line, row.raw, wire_fields(row.fields)) if isinstance(row, Row) else row for row in rows]
    return cursor or None, rows


def _kind(box: Outbox) -> Kind:
    return "ftc" if box.kind == "ftc" else "carrier"


def _digest(position: str, body: bytes) -> str:
    return hashlib.sha256(position.encode() + b"\0" + body).hexdigest()


def _later(registry: Registry, seconds: int) -> int:
    return to_micros(registry.clock.now()) + seconds * _SECOND


def _stand(registry: Registry, box: Outbox) -> None:
    with registry.store.writing(about=f"outbox {box.source}"):
        registry.store.reports.move_outbox(box)


def _failed(registry: Registry, box: Outbox, error: OutboxError) -> None:
    """Remember a failure and when to try again."""
    wait = max(min(box.every * 2 ** min(box.failures, 12), _LONGEST_WAIT_S), box.every, error.wait_s)
    _stand(
        registry, replace(box, next=_later(registry, wait), failures=box.failures + 1, failure=error.slug, etag="")
    )

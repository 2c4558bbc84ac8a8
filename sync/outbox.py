"""Carriers' HTTP outboxes: `GET address?cursor=…` answers `{"rows": [...], "next": cursor}`; fetched page by page.

Rules of this room:
- Asked by the guarded way only, with time-outs for a connection, the next bytes and a whole page, gzip taken, unpacked
  size bounded; `ETag` saves fetching the last page again; a credential goes along where officers gave one.
- The cursor moves only after a page is stored. A page that can't be read is quarantined whole, and the cursor stays.
- Every failure waits longer than the one before (at most an hour), or as long as the other side asks (`Retry-After`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from registry import outboxes, quarantine
from registry.outside.guarded import NotReachedError, Patience, Resolve, Way, resolved
from registry.readers.ftc import wire_fields
from registry.readers.json_rows import row_of
from registry.readers.rows import Row, Unreadable
from registry.report_rows import Kind
from registry.reports import CHUNK, Intake, stream_in
from registry.store.reports import Outbox
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.assembly import Registry

MOST_PAGES = 1000  # of one outbox in one turn
TURN_S = 60.0  # after so long an outbox lets go of its thread for the next one
_LONGEST_WAIT_S = 3600
_CURSOR_CHARS = 500
_ETAG_CHARS = 200
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


def take_outbox(
    registry: Registry, box: Outbox, *, country: str, keep: Callable[[], None], resolve: Resolve = resolved
) -> Iterator[Intake | OutboxError]:
    """Fetch and take in the pages that an outbox has now: an Intake for each, or at last why it stopped early.

    What has more pages than fit into one turn is due again at once.
    """
    settings, until = registry.settings.outboxes, time.monotonic() + TURN_S
    patience = Patience(settings.connect_s, settings.read_s, settings.whole_s, settings.page_bytes)
    more, pages = True, 0
    with Way(allow_private=settings.allow_private, patience=patience, resolve=resolve) as way:
        while more and pages < MOST_PAGES and time.monotonic() < until:
            try:
                fetched = fetch(way, box, outboxes.token_of(registry.keys, box))
                if fetched.body is None:
                    more = False
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
            yield _take_page(registry, box, fetched.body, rows, country=country, keep=keep)
            pages += 1
            more = page is not None and page != box.position
            box = replace(
                box, position=page if page is not None else box.position, etag="" if more else fetched.etag,
                failures=0, failure="", answered=to_micros(registry.clock.now()),
            )  # fmt: skip
            _stand(registry, box)
            keep()
            more = more and bool(rows)
    now = to_micros(registry.clock.now())
    wait = 0 if more else box.every * _SECOND
    _stand(registry, replace(box, next=now + wait, failures=0, failure="", answered=now))


def _take_page(
    registry: Registry, box: Outbox, body: bytes, rows: list[Row | Unreadable], *, country: str,
    keep: Callable[[], None],
) -> Intake:  # fmt: skip
    """Take one page in, whole; fetched again after a crash, it goes on where it stopped."""
    kind: Kind = "ftc" if box.kind == "ftc" else "carrier"
    results = stream_in(
        registry.store, registry.keys, registry.clock, registry.plan, registry.rulebooks, source=box.source, kind=kind,
        rows=rows, format="ftc" if kind == "ftc" else "outbox", country=country, origin="outbox",
        idempotency=f"outbox {_digest(box.position, body)}", shelf=registry.shelf,
        zone=registry.settings.numbers.zone,
    )  # fmt: skip
    for place, result in enumerate(results, 1):
        if isinstance(result, Intake):
            return result
        if place % CHUNK == 0:
            keep()
    raise AssertionError("an intake ends with its counts")


def fetch(way: Way, box: Outbox, token: str = "") -> Fetched:
    """One page. Raises OutboxError: redirected, http_<status>, or what `Way.ask` could not get (no_answer, …)."""
    headers = {"Accept": "application/json"}
    if box.etag:
        headers["If-None-Match"] = box.etag
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        answer = way.ask("GET", box.address, headers=headers, query={"cursor": box.position} if box.position else None)
    except NotReachedError as error:
        raise OutboxError(error.slug) from error
    if answer.status == _NOT_CHANGED and box.etag:
        return Fetched(None, box.etag)
    if 300 <= answer.status < 400:
        raise OutboxError("redirected")
    if answer.status != _GOOD:
        asked = answer.headers.get("Retry-After", "") if answer.status in _SLOW_DOWN else ""
        wait = min(int(asked), outboxes.MOST_S) if asked.isdecimal() and asked.isascii() and len(asked) < 9 else 0
        raise OutboxError(f"http_{answer.status}", wait)
    etag = answer.headers.get("ETag", "")
    return Fetched(answer.body, etag if len(etag) <= _ETAG_CHARS and etag.isascii() and etag.isprintable() else "")


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

"""The reference carrier client: fetch, verify, apply, acknowledge (DESIGN §4); `lookup.py` answers from what it keeps.

Rules of this room:
- It needs the feed's address, an API key and the trusted root, nothing else.
- Whatever is wrong with a feed, the list stays as it was and blocking goes on with it; the error says which it is.
- The keys for a new epoch are there before its list is taken, so there is no gap.
- A list that was damaged or has drifted is fetched anew, whole; nothing is taken whose roots are not those of the feed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec

from registry import editions
from registry.editions import FeedIndex
from registry.errors import FeedError, RegistryError, UnavailableError
from registry.interfaces import Clock
from registry.liststate import State
from sync import bring, listkeys, trust
from sync.mirror import Mirror
from sync.source import Api, Source
from sync.state import StateFolder, Status

INDEX, ROOT, STATUS = "feed.json", "root.json", "status.json"
_REPAIRED = {"root_differs", "state_damaged", "no_path"}  # a list that cannot go on is begun anew


class Registrar(Source, Api, Protocol):
    """A feed and the API that it belongs to."""


@dataclass(frozen=True)
class Followed:
    """How a round went: from which edition to which, what it cost, how it was taken."""

    before: int
    edition: int
    entries: int
    files: int
    size: int
    repaired: bool
    acknowledged: bool
    agrees: bool
    expires: datetime


def follow_once(
    source: Registrar, folder: StateFolder, clock: Clock, *, party: str, root: bytes | None = None, verify: bool = False
) -> Followed:
    """Bring the list in a folder to the newest edition of a feed, and acknowledge it.

    `root` is the trusted root; needed the first time. `verify` hashes the whole list first. Raises FeedError for a feed
    that must not be taken (`trust.newest`, `bring`), NotAllowedError, UnavailableError, ConflictError `state_busy`.
    """
    folder.open()
    with folder.alone():
        status = folder.read(STATUS, Status) or Status(party=party)
        try:
            trusted = trust.newest(source, folder.metadata, _root(folder, root), clock.now(), recipient=party)
            if listkeys.key_of(folder, party, trusted.index.epoch) is None:
                listkeys.fetch(source, folder, party)
            done = _take(source, folder, trusted, verify=verify)
        except RegistryError as error:
            folder.write(STATUS, msgspec.structs.replace(status, refused=error.code, checked=clock.now()))
            raise
        status = msgspec.structs.replace(status, refused="", expires=trusted.expires, checked=clock.now())
        folder.write(INDEX, editions.encode_feed(trusted.index))
        status = _acknowledge(source, status, done)
        folder.write(STATUS, status)
    acknowledged = status.acknowledged == (done.edition, done.state.epoch)
    return Followed(
        before=done.before, edition=done.edition, entries=done.state.entries, files=done.files, size=done.size,
        repaired=done.repaired, acknowledged=acknowledged, agrees=bool(status.agrees), expires=trusted.expires,
    )


@dataclass(frozen=True)
class _Taken:
    before: int
    mirror: Mirror
    files: int
    size: int
    repaired: bool

    @property
    def edition(self) -> int:
        return self.mirror.edition

    @property
    def state(self) -> State:
        return self.mirror.state


def _take(source: Source, folder: StateFolder, trusted: trust.Trusted, *, verify: bool) -> _Taken:
    """Bring the list to the newest edition, from what is there, or anew where that cannot go on."""
    index, repaired = trusted.index, False
    try:
        mirror = Mirror.open(folder.list)
        if verify:
            mirror.verify()
    except FeedError:
        mirror, repaired = Mirror.start_over(folder.list), True
    before = mirror.edition
    try:
        files, size = _go(source, folder, mirror, index, bring.have(mirror, index))
    except FeedError as error:
        if error.code not in _REPAIRED or not before:
            raise
        mirror.refresh()
        files, size = _go(source, folder, mirror, index, None)
        repaired = True
    return _Taken(before, mirror, files, size, repaired)


def _go(
    source: Source, folder: StateFolder, mirror: Mirror, index: FeedIndex, have: editions.Edition | None
) -> tuple[int, int]:
    """Go the cheapest way from an edition (None: from nothing); how many files and bytes it took."""
    path = editions.cheapest_path(index, have)
    wanted = {part.name for file in path for part in (*file.parts, *file.exceptions)}
    for old in folder.downloads.iterdir():
        if old.name not in wanted:
            old.unlink()
    size = bring.fetch(source, path, folder.downloads)
    bring.take(mirror, index, path, folder.downloads)
    return len(wanted), size


def _acknowledge(api: Api, status: Status, done: _Taken) -> Status:
    """Tell the registry what is here, unless it was told; one that does not answer is told in the next round."""
    said = (done.edition, done.mirror.state.epoch)
    if status.acknowledged == said and status.agrees:
        return status
    body = {
        "edition": done.edition,
        "content_root": done.mirror.state.content_root,
        "exceptions_root": done.mirror.state.exceptions_root,
    }
    try:
        answer = api.call("POST", "acknowledgements", body)
    except UnavailableError:
        return msgspec.structs.replace(status, acknowledged=None, agrees=None)
    return msgspec.structs.replace(status, acknowledged=said, agrees=answer.get("agrees") is True)


def _root(folder: StateFolder, given: bytes | None) -> bytes:
    """The trusted root: what the folder was begun with. Raises FeedError `no_root`, `another_root`."""
    kept = folder.raw(ROOT)
    if kept is None:
        if given is None:
            raise FeedError("The trusted root is needed the first time: --root FILE.", code="no_root")
        folder.write(ROOT, given)
        return given
    if given is not None and given.strip() != kept.strip():
        detail = "This state folder was begun with another trusted root; begin a new folder for this one."
        raise FeedError(detail, code="another_root")
    return kept

"""The reference carrier client: fetch, verify, apply, acknowledge (DESIGN §4); `lookup.py` answers from what it keeps.

Rules of this room:
- It needs the feed's address, an API key and the trusted root, nothing else.
- Whatever is wrong with a feed, the list stays as it was and blocking goes on with it; the error says which it is.
- The newest key epoch is taken whose key is here or can be had, else the older one beside it goes on. The key is there
  before the list is taken, and the old list answers until the new one is whole, so there is no gap.
- A list that was damaged or has drifted is mended by what differs (`repair.py`), or fetched anew where that cannot be;
  nothing is taken whose roots are not those of the feed, and what was wrong is told with the acknowledgement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

import msgspec

from registry import editions
from registry.editions import FeedIndex
from registry.errors import FeedError, RegistryError, UnavailableError
from registry.findings import Findings
from registry.interfaces import Clock
from registry.liststate import State
from sync import bring, listkeys, repair, trust
from sync.mirror import Mirror
from sync.salvage import salvage
from sync.source import Api, Registrar, Source
from sync.state import StateFolder, Status

INDEX, ROOT, STATUS = "feed.json", "root.json", "status.json"
_REPAIRED = {"root_differs", "state_damaged", "no_path"}  # a list that cannot go on is begun anew


@dataclass(frozen=True)
class Followed:
    """How a round went: from which edition to which, what it cost, how it was taken, what was `found` in a repair, and
    in which key epoch the list is; that is the feed's newest one where its key could be had."""

    before: int
    edition: int
    entries: int
    files: int
    size: int
    found: Findings | None
    acknowledged: bool
    agrees: bool
    expires: datetime
    epoch: int
    newest_epoch: int

    @property
    def repaired(self) -> bool:
        """Whether the list was damaged or had drifted."""
        return self.found is not None


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
            given = _root(folder, root)

            def look() -> trust.Trusted:
                return trust.newest(
                    source, folder.metadata, given, clock.now(), recipient=party,
                    choose=lambda offered: listkeys.choose(source, folder, party, offered),
                )

            trusted = look()
            listkeys.need(source, folder, party, trusted.index.epoch)
            _announce(folder, trusted.index)
            done = _take(source, folder, trusted, look, verify=verify)
            trusted = done.trusted
        except RegistryError as error:
            folder.write(STATUS, msgspec.structs.replace(status, refused=error.code, checked=clock.now()))
            raise
        found = done.found + status.found if done.found and status.found else done.found or status.found
        status = msgspec.structs.replace(status, refused="", expires=trusted.expires, checked=clock.now(), found=found)
        folder.write(INDEX, editions.encode_feed(trusted.index))
        listkeys.drop(folder, {*trusted.offered, trusted.index.epoch})
        status = _acknowledge(source, status, done)
        folder.write(STATUS, status)
    acknowledged = status.acknowledged == (done.edition, done.state.epoch)
    return Followed(
        before=done.before, edition=done.edition, entries=done.state.entries, files=done.files, size=done.size,
        found=done.found, acknowledged=acknowledged, agrees=bool(status.agrees), expires=trusted.expires,
        epoch=done.state.epoch, newest_epoch=max(*trusted.offered, done.state.epoch),
    )


def _announce(folder: StateFolder, index: FeedIndex) -> None:
    """Write down the parties that the list to come speaks of, before it is taken: whoever looks up in between, in the
    old list or the new one, knows them."""
    before = folder.read(INDEX, FeedIndex)
    known = before.parties if before is not None else {}
    if not index.parties.items() <= known.items():
        folder.write(INDEX, editions.encode_feed(msgspec.structs.replace(index, parties=known | index.parties)))


@dataclass(frozen=True)
class _Taken:
    before: int
    mirror: Mirror
    trusted: trust.Trusted
    files: int
    size: int
    found: Findings | None = None

    @property
    def edition(self) -> int:
        return self.mirror.edition

    @property
    def state(self) -> State:
        return self.mirror.state


def _take(
    source: Registrar, folder: StateFolder, trusted: trust.Trusted, look: Callable[[], trust.Trusted], *, verify: bool
) -> _Taken:
    """Bring the list to the newest edition; one that cannot go on is mended, or fetched anew."""
    before = 0
    try:
        mirror = Mirror.open(folder.list)
        before = mirror.edition
        if verify:
            mirror.verify()
        _must_not_go_back(mirror, trusted.index)
        files, size = _go(source, folder, mirror, trusted.index, bring.have(mirror, trusted.index))
        bring.must_agree(mirror, trusted.index)
        return _Taken(before, mirror, trusted, files, size)
    except FeedError as error:
        if error.code not in _REPAIRED or (not before and error.code != "state_damaged"):
            raise
    left = salvage(folder.list)
    before = left.mirror.edition
    trusted, mended = repair.mend(source, folder, left, trusted, look)
    if mended is not None:
        return _Taken(before, left.mirror, trusted, 0, mended.repaired_bytes, mended)
    files, size = _go(source, folder, left.mirror, trusted.index, None)
    return _Taken(before, left.mirror, trusted, files, size, Findings(repaired_bytes=size, anew=True))


def _must_not_go_back(mirror: Mirror, index: FeedIndex) -> None:
    """Raises FeedError `feed_older` where the list of another key epoch ends before what is here."""
    if mirror.state.epoch != index.epoch and mirror.edition > index.newest:
        detail = f"The list of key epoch {index.epoch} ends at edition {index.newest}; {mirror.edition} is here."
        raise FeedError(detail, code="feed_older", edition=index.newest)


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
    if status.acknowledged == said and status.agrees and status.found is None:
        return status
    body: dict[str, object] = {
        "edition": done.edition,
        "epoch": done.mirror.state.epoch,
        "content_root": done.mirror.state.content_root,
        "exceptions_root": done.mirror.state.exceptions_root,
    }
    if status.found is not None:
        body["found"] = asdict(status.found)
    try:
        answer = api.call("POST", "acknowledgements", body)
    except UnavailableError:
        return msgspec.structs.replace(status, acknowledged=None, agrees=None)
    return msgspec.structs.replace(status, acknowledged=said, agrees=answer.get("agrees") is True, found=None)


def _root(folder: StateFolder, given: bytes | None) -> bytes:
    """The trusted root: what the folder was begun with. Raises FeedError `no_root`, `another_root`."""
    kept = folder.raw(ROOT)
    if kept is None or not trust.is_root(kept):
        if given is None:
            why = "is needed the first time" if kept is None else "in this folder is damaged; give it again"
            raise FeedError(f"The trusted root {why}: --root FILE.", code="no_root")
        folder.write(ROOT, given)
        return given
    if given is not None and given.strip() != kept.strip():
        detail = "This state folder was begun with another trusted root; begin a new folder for this one."
        raise FeedError(detail, code="another_root")
    return kept

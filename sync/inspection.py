"""Looks over the shelf: what is missing or is not what it should be, and which command helps.

Rules of this room: reading only; roots, metadata and the sizes of all files are looked at every time, a file's content
when it is its turn: each hour another share of the files, so that a day's rounds have read them all; everything that is
found is named, and nothing is mended here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuf.api.metadata import Root

from registry import roots, scrubbases
from registry.editions import FeedPart
from registry.errors import ConflictError, FeedError, NotFoundError
from registry.interfaces import Shelf
from sync import feed, mark, rolling
from sync.base import BasePart
from sync.listfiles import digest

if TYPE_CHECKING:
    from registry.assembly import Registry
    from registry.store.editions import BaseRow

Keep = Callable[[], None]
SHARES = 24
_NAMED = 5  # so many findings stand in the alarm


@dataclass(frozen=True)
class Finding:
    """A file that is not what it should be: its name on the shelf, what is wrong with it, the command that helps."""

    name: str
    wrong: str
    cure: str

    def __str__(self) -> str:
        return f"{self.name} {self.wrong}: {self.cure}"


def inspect(registry: Registry, *, keep: Keep) -> int:
    """Look over the shelf as the clockwork does each hour; how many files. Raises ConflictError `shelf_damaged`."""
    looked, found = look(registry, keep=keep, share=registry.clock.now().hour)
    if found:
        words = "; ".join(map(str, found[:_NAMED]))
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ConflictError(f"On the shelf: {words}{more}.", code="shelf_damaged", files=len(found))
    return looked


def look(registry: Registry, *, keep: Keep, share: int | None = None) -> tuple[int, list[Finding]]:
    """How many files were looked at, and what is wrong. `share`: which 24th of the contents is read; None: all."""
    eye = _Eye(registry.shelf, keep, share)
    if not any(True for _ in registry.shelf.names("feeds/")):
        return 0, []
    eye.found += _roots(registry.shelf)
    if mark.read(registry.shelf) < max((row.edition for row in registry.store.feeds.newest().values()), default=0):
        eye.found.append(Finding(mark.NAME, "is missing or damaged", "the next edition writes it again"))
    try:
        root: Root | None = roots.newest_root(registry.shelf)
    except (FeedError, NotFoundError):
        root = None  # named above; no feed can be told from a forged one without it
    for recipient in registry.store.feeds.recipients() if root is not None else ():
        assert root is not None
        _feed(registry, recipient.party, root, eye)
    for base in registry.store.editions.bases()[: rolling.KEPT]:
        for part in rolling.parts_of(base):
            eye.look(rolling.FOLDER + part.name, part, "decline-sync base rebuild")
        _index(registry.shelf, base, eye)
    return eye.looked, eye.found


class _Eye:
    """Looks at one file after the other, each once."""

    def __init__(self, shelf: Shelf, keep: Keep, share: int | None) -> None:
        self.found: list[Finding] = []
        self._shelf, self._keep, self._share = shelf, keep, share
        self._names: set[str] = set()

    @property
    def looked(self) -> int:
        """How many files were looked at."""
        return len(self._names)

    def look(self, name: str, part: FeedPart | BasePart, cure: str) -> None:
        """Look at a file that lies under its own digest."""
        if name in self._names:
            return
        self._names.add(name)
        size = self._shelf.size(name)
        if size is None:
            self.found.append(Finding(name, "is missing", cure))
        elif size != part.bytes or (self._is_due(part.sha256) and not self._is_whole(name, part.sha256)):
            self.found.append(Finding(name, "was altered", cure))

    def _is_due(self, sha256: str) -> bool:
        return self._share is None or int(sha256[:8], 16) % SHARES == self._share

    def _is_whole(self, name: str, sha256: str) -> bool:
        self._keep()
        with self._shelf.path(name) as path:
            return digest(path) == sha256


def _index(shelf: Shelf, base: BaseRow, eye: _Eye) -> None:
    """The scrub index of a base, which may be missing, but not altered."""
    name = scrubbases.there(shelf, base)
    if name is not None:
        digest_of = name.removeprefix(scrubbases.prefix_of(base)).removesuffix(scrubbases.ENDING)
        part = FeedPart(rows=base.rows, bytes=shelf.size(name) or 0, sha256=digest_of)
        eye.look(name, part, "delete it, and the clockwork makes it anew")


def _roots(shelf: Shelf) -> Iterator[Finding]:
    before: Root | None = None
    newest = max((roots.version_of(name) for name in shelf.names(f"{roots.TRUST}/")), default=1)
    for number in range(1, newest + 1):
        name = f"{roots.TRUST}/{number}.root.json"
        try:
            before = roots.read_root(shelf, name, before)
        except FeedError:
            yield Finding(name, "is missing or damaged", "decline-sync shelf mend")
            return


def _feed(registry: Registry, party: str, root: Root, eye: _Eye) -> None:
    shelf, cure = registry.shelf, f"decline-sync feed rebuild {party}"
    offered = registry.store.feeds.newest_edition(party)
    try:
        head = feed.read_head(shelf, party, root)
    except FeedError:
        eye.found.append(Finding(feed.place(party), "has metadata that is missing or was altered", cure))
        return
    if head is None:
        if offered:
            eye.found.append(Finding(feed.place(party, feed.POINTER), "is missing", cure))
        return
    if head.newest < offered:
        eye.found.append(Finding(feed.place(party), f"is older than edition {offered}, which it was", cure))
    for name in shelf.names(f"{roots.TRUST}/"):
        own = feed.place(party, f"metadata/{name.rpartition('/')[2]}")
        if shelf.size(own) is None or shelf.get(own) != shelf.get(name):
            eye.found.append(Finding(own, "is missing or was altered", "decline-sync shelf mend"))
    for part in _parts(head):
        eye.look(feed.place(party, f"lists/{part.name}"), part, cure)


def _parts(head: feed.Head) -> Iterable[FeedPart]:
    files = (file for index in head.indexes for file in index.files)
    return (part for file in files for part in (*file.parts, *file.exceptions))

"""A workbook (.xlsx) as the zip archive that it is: its sheets, its shared texts, copies with some parts changed.

Rules of this room:
- Nothing is trusted: sizes are bounded before anything is read, documents with a DTD are refused, and what is broken is
  refused in words.
- Of a shared text only as much is kept as a number could be long; they lie in one buffer, not as objects.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from xml.parsers import expat

from registry.calllists.drain import Drain
from registry.calllists.limits import Limits
from registry.calllists.unpacking import unzipping
from registry.errors import InvalidInputError
from registry.readers.rows import CHUNK
from registry.readers.unpack import FREE_EXPANSION, MOST_EXPANSION

MAIN = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main",
)  # fmt: skip
KEPT = 200  # characters of a text
_MOST_TEXT = 512_000_000  # bytes of all shared texts
_UNPACKED = 20  # times the size that a workbook may have
_LEVEL = 3
_RELATIONS = re.compile(r"(?:officeDocument|worksheet|sharedStrings)$")


@dataclass(frozen=True)
class Part:
    """A sheet: the name that people see, the file inside."""

    name: str
    path: str


@dataclass(frozen=True, eq=False)
class Workbook:
    """A workbook that was opened; `size` in bytes, unpacked."""

    archive: zipfile.ZipFile
    sheets: tuple[Part, ...]
    texts: str

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of a file inside."""
        with unzipping(), self.archive.open(path) as member:
            while piece := member.read(CHUNK):
                yield piece

    @property
    def unpacked(self) -> int:
        """How large all files inside are together."""
        return sum(entry.file_size for entry in self.archive.infolist())

    def names(self) -> list[str]:
        """The files inside."""
        return self.archive.namelist()

    def size(self, path: str) -> int:
        """How large a file inside is."""
        return self.archive.getinfo(path).file_size

    def shared(self, most: int | None = None) -> SharedTexts:
        """The shared texts, at least the first `most` of them."""
        found = SharedTexts()
        if self.texts and (most is None or most > 0):
            found.read(self.pieces(self.texts), most)
        return found

    def copied(
        self, changed: Mapping[str, Callable[[], Iterator[bytes]]], sizes: Mapping[str, int], *,
        keep: Callable[[int], None] = lambda _: None,
    ) -> Iterator[bytes]:
        """The bytes of the same archive with some files changed, each of which comes in pieces; `sizes`: how large
        those will be at most. A file that is changed to nothing is left out. `keep` hears how much was written."""
        drain = Drain()
        with zipfile.ZipFile(drain, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as made:
            for entry in self.archive.infolist():
                pieces = changed[entry.filename]() if entry.filename in changed else self.pieces(entry.filename)
                first = next(pieces, b"")
                if entry.filename in changed and not first:
                    continue
                info = zipfile.ZipInfo(entry.filename, entry.date_time)
                info.compress_type, info.external_attr = entry.compress_type, entry.external_attr
                info.file_size = sizes.get(entry.filename, entry.file_size)
                with made.open(info, "w") as member:
                    member.write(first)
                    for piece in pieces:
                        member.write(piece)
                        keep(len(piece))
                        if taken := drain.taken():
                            yield taken
        yield drain.taken()


def opened(source: IO[bytes], limits: Limits) -> Workbook:
    """The workbook in a file. Raises InvalidInputError `workbook_too_large`, `not_a_list`, `packed_otherwise`,
    `packing_damaged`."""
    size = source.seek(0, 2)
    if size > limits.workbook:
        raise InvalidInputError(
            f"A workbook may have {limits.workbook // 1_000_000} MB; save it as CSV, which may be larger.",
            code="workbook_too_large",
        )
    source.seek(0)
    with unzipping():
        archive = zipfile.ZipFile(source)
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > FREE_EXPANSION + min(size * MOST_EXPANSION, limits.workbook * _UNPACKED):
        raise InvalidInputError("Unpacked, the workbook would be too large; save it as CSV.", code="workbook_too_large")
    names = {entry.filename for entry in entries}
    if len(names) != len(entries):
        raise damaged()
    book = Workbook(archive, (), "")
    start = _targets(book, names, "").get("officeDocument", [("", "")])[0][1]
    if start.endswith(".bin"):
        raise InvalidInputError("This is a binary workbook: save it as .xlsx or as CSV.", code="packed_otherwise")
    targets = _targets(book, names, start) if start in names else {}
    places = dict(targets.get("worksheet", ()))
    named = _sheets(book, start) if places else []
    sheets = tuple(Part(name, places[relation]) for name, relation in named if relation in places)
    if not sheets:
        raise InvalidInputError("This is not a call list: it is a document without sheets.", code="not_a_list")
    return Workbook(archive, sheets, targets.get("sharedStrings", [("", "")])[0][1])


def _targets(book: Workbook, names: set[str], of: str) -> dict[str, list[tuple[str, str]]]:
    """What a part refers to, by kind: ids and files inside that exist."""
    folder, name = posixpath.split(of)
    found: dict[str, list[tuple[str, str]]] = {}

    def start(tag: str, attributes: dict[str, str]) -> None:
        kind = _RELATIONS.search(attributes.get("Type", ""))
        if tag.endswith("Relationship") and kind:
            path = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))[1:]
            if path in names:
                found.setdefault(kind[0], []).append((attributes.get("Id", ""), path))

    path = posixpath.join(folder, "_rels", name + ".rels")
    if path in names:
        _parsed(book.pieces(path), start)
    return found


def _sheets(book: Workbook, path: str) -> list[tuple[str, str]]:
    """The sheets in their order: name and the id of the relation to its file."""
    found = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(":")[2] == "sheet":
            relation = next((value for name, value in attributes.items() if name.rpartition(":")[2] == "id"), "")
            found.append((attributes.get("name", ""), relation))

    _parsed(book.pieces(path), start)
    return found


def _parsed(pieces: Iterator[bytes], start: Callable[[str, dict[str, str]], None]) -> None:
    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    for _ in feeding(parser, pieces):
        pass


# XML


def feeding(parser: Any, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Gives pieces to a parser, and each back when the parser has seen it. Raises InvalidInputError for broken XML."""
    parser.StartDoctypeDeclHandler = _no_doctype
    first = True
    for piece in pieces:
        if first and piece[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InvalidInputError("This workbook is in UTF-16: save it again, or as CSV.", code="packed_otherwise")
        first = False
        with _parsing():
            parser.Parse(piece, False)
        yield piece
    with _parsing():
        parser.Parse(b"", True)
    yield b""


@contextmanager
def _parsing() -> Iterator[None]:
    try:
        yield
    except expat.ExpatError as error:
        raise damaged() from error


def _no_doctype(*_: object) -> None:
    raise damaged()


def damaged() -> InvalidInputError:
    """The refusal of a workbook that cannot be read."""
    return InvalidInputError(
        "The workbook is damaged: open it and save it again, or save it as CSV.", code="packing_damaged"
    )


class SharedTexts:
    """The texts that cells share, by their place; only their beginning, which is as long as a number may be."""

    def __init__(self) -> None:
        self._data, self._ends = bytearray(), array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, place: int) -> bytes:
        return bytes(self._data[self._ends[place] : self._ends[place + 1]])

    def read(self, pieces: Iterator[bytes], most: int | None) -> None:
        """Read them from their file. Raises InvalidInputError `workbook_too_large`."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        texts: list[str] = []
        hidden = 0  # how deep inside the phonetic guide of a text

        def add(text: str) -> None:
            if len(texts) < KEPT:
                texts.append(text)

        def start(tag: str, _: dict[str, str]) -> None:
            nonlocal hidden
            local = tag.rpartition(":")[2]
            if local == "t":
                parser.CharacterDataHandler = None if hidden else add
            elif local == "rPh":
                hidden += 1

        def end(tag: str) -> None:
            nonlocal hidden
            local = tag.rpartition(":")[2]
            if local == "t":
                parser.CharacterDataHandler = None
            elif local == "rPh":
                hidden -= 1
            elif local == "si":
                self._data.extend("".join(texts)[: KEPT + 1].encode("utf-8", "replace"))
                self._ends.append(len(self._data))
                texts.clear()

        parser.StartElementHandler, parser.EndElementHandler = start, end
        for _ in feeding(parser, pieces):
            if len(self._data) > _MOST_TEXT:
                raise InvalidInputError("The workbook has too much text; save it as CSV.", code="workbook_too_large")
            if most is not None and len(self) >= most:
                return

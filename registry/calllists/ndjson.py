"""Call lists as NDJSON: an object a line, its number in one member; the answer comes as members at its end.

Rules of this room:
- Everything else in a line stays byte for byte; blank lines are no lines.
- A line that is no object comes back inside one, as its member `line`, so that the result is NDJSON whatever came.
- The number is read as it is written: 13800138000, "138-0013-8000", 13800138000.0; never through a float.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.calllists import answered
from registry.calllists.answering import TOO_LONG, Answering
from registry.calllists.blocks import blocks
from registry.calllists.calllist import CallList, ending_of
from registry.calllists.codings import Coding, whole_units
from registry.calllists.columns import MOST_COLUMNS, Wanted, shape_of
from registry.calllists.limits import Limits
from registry.calllists.lines import Block, Lines, lines_of
from registry.calllists.quoting import LF
from registry.calllists.texts import Done, Numbered, chosen, without_mark
from registry.errors import InvalidInputError
from registry.scrub import LineAnswer

if TYPE_CHECKING:
    from registry.calllists.tally import Tally
    from registry.numbering import NumberPlan

NOT_AN_OBJECT = LineAnswer("invalid", "not_an_object")
_UTF8 = Coding()
_LOOKED_AT = 200  # lines
_FEW = 20
_ARRAY = re.compile(r"\s*\[\s*[{\[]")
_NO_NUMBER = b"{}"
_LONGEST_CELL = 200
_OPEN, _CLOSE = ord("{"), ord("}")
_UNDECODED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def is_ndjson(text: str) -> bool:
    """Whether most of the first lines are objects. Raises InvalidInputError `not_a_list` for a JSON array of them."""
    if _ARRAY.match(text) and '"' in text[:10_000]:
        raise InvalidInputError("This is one JSON array: send one object a line (NDJSON).", code="not_a_list")
    lines = list(itertools.islice((line for line in text.split("\n") if line.strip()), _FEW))
    return 0 < len(lines) <= 2 * sum(_object(line) is not None for line in lines)


def inspect(text: str, name: str, coding: Coding, plan: NumberPlan, wanted: Wanted, *, asking: bool) -> CallList:
    """How a list is laid out, by its beginning; its columns are the members. Raises as `shape_of`."""
    found = (_object(line) for line in text.split("\n"))
    objects = list(itertools.islice((item for item in found if item), _LOOKED_AT))
    header = list(dict.fromkeys(itertools.chain.from_iterable(objects)))[:MOST_COLUMNS]
    rows = [header, *([_text(item.get(member)) for member in header] for item in objects)]
    shape = shape_of(rows, plan, Wanted(wanted.country, wanted.column, header=True), asking=asking)
    return CallList(
        "ndjson", "", ending_of(name, "ndjson"), 0, tuple(header), shape.column, shape.width, shape.candidates,
        shape.rows, answered.names_beside(header), coding.encoding, coding.bom, coding.returns,
    )  # fmt: skip


def _object(line: str) -> dict[str, Any] | None:
    """The object that a line is; its numbers as they are written."""
    try:
        found = json.loads(line, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)[:_LONGEST_CELL]


# scrubbing


def scrub(
    source: Iterable[bytes], found: CallList, answering: Answering, *, tally: Tally, keep: Callable[[], None],
    limits: Limits, read: Callable[[], int],
) -> Iterator[bytes | memoryview]:
    """The bytes of a call list with answers, in blocks; as `texts.scrub`."""
    pieces = blocks(
        without_mark(source, found.coding.mark), found.coding, size=limits.block, longest=limits.line
    )
    work = _Work(answering, found)
    for block in answering.turns.in_order(((number, piece, read()) for number, piece in enumerate(pieces)), work.block):
        tally.add(block.which, block.read)
        keep()
        yield block.content


class _Work:
    def __init__(self, answering: Answering, found: CallList) -> None:
        self._answering, self._found = answering, found
        header = found.header or ()
        self._member = header[found.place]
        self._decoder = _decoder(self._member)

    def block(self, item: Numbered) -> Done:
        """One block with its answers; the BOM goes before the first one."""
        number, piece, read = item
        coding, names = self._found.coding, self._found.names
        native, lines = piece.native, _filled(lines_of(piece.data, 0, quotes=False))
        values = [_NO_NUMBER] * len(lines) if piece.too_long else self._values(native, lines)
        bad = [place for place, value in enumerate(values) if value is None]
        if bad or piece.too_long:
            native, lines = self._wrapped(native, lines, range(len(lines)) if piece.too_long else bad)
        if piece.too_long:
            which = self._answering.nothing_but(TOO_LONG, len(lines))
        else:
            data, starts, stops = _joined([value or b"" for value in values])
            which = self._answering.cells(data, data, starts, stops, _UTF8, dict.fromkeys(bad, NOT_AN_OBJECT))
        lines, empty = _closed(lines)
        texts = [_members(kind, names, coding) for kind in self._answering.scrubber.kinds]
        texts += [text[coding.unit :] for text in texts]  # without a comma before them
        of_lines = which + empty.astype(np.uint32) * np.uint32(len(texts) // 2)
        body = answered.with_answers(native, lines, of_lines, texts, coding.unit)
        return Done(b"".join((coding.mark if number == 0 else b"", body, piece.half)), which, read)

    def _values(self, native: Block, lines: Lines) -> list[bytes | None]:
        """The number of each line as it is written, in UTF-8; None where the line is no object."""
        coding = self._found.coding
        # an object may go over several lines for the decoder, and a line hold several; then some line looks otherwise
        data, starts, stops = lines.data, lines.starts, lines.stops
        braced = len(lines) and (data[starts] == _OPEN).all() and (data[stops - 1] == _CLOSE).all()
        if coding.encoding == "utf-8" and braced and self._decoder is not None:
            try:
                rows = self._decoder.decode_lines(native.data)
            except _UNDECODED:
                rows = []
            if len(rows) == len(lines):
                return [_written(bytes(row.value)) for row in rows]
        unit = coding.unit
        each = (
            native[start * unit : stop * unit].tobytes()
            for start, stop in zip(starts.tolist(), stops.tolist())
        )
        return [self._value(line) for line in each]

    def _value(self, line: bytes) -> bytes | None:
        coding = self._found.coding
        if coding.encoding != "utf-8":
            line = coding.text(line).encode()
        if self._decoder is not None:
            with suppress(*_UNDECODED):
                return _written(bytes(self._decoder.decode(line).value))
        found = _object(line.decode("utf-8", "replace"))  # NaN and the like, which many write
        return None if found is None else _text(found.get(self._member)).encode("utf-8", "replace")

    def _wrapped(self, native: Block, lines: Lines, bad: Sequence[int]) -> tuple[Block, Lines]:
        """The same lines, but for some that come as a member of an object."""
        coding, unit, pieces, at = self._found.coding, self._found.coding.unit, list[bytes](), 0
        for place in bad:
            start, stop = int(lines.starts[place]) * unit, int(lines.stops[place]) * unit
            text = native[start:stop].tobytes().decode(coding.encoding, "backslashreplace")
            pieces += [native[at:start].tobytes(), coding.coded(json.dumps({"line": text}, ensure_ascii=False))]
            at = stop
        pieces.append(native[at:].tobytes())
        made = np.frombuffer(b"".join(pieces), np.uint8)
        return made, _filled(lines_of(coding.image(made), 0, quotes=False))


def _decoder(member: str) -> msgspec.json.Decoder[Any] | None:
    """Takes one member out of objects; None where its name has characters that the library cannot look for."""
    try:
        value = msgspec.field(default=msgspec.Raw(b"null"), name=member)
        return msgspec.json.Decoder(msgspec.defstruct("Row", [("value", msgspec.Raw, value)]))
    except ValueError:
        return None


def _written(raw: bytes) -> bytes:
    """What a JSON value says about a number; of a text what is in its quotes."""
    if raw[:1] == b'"':
        return raw[1:-1] if b"\\" not in raw else json.loads(raw).encode("utf-8", "replace")
    return b"" if raw == b"null" else _NO_NUMBER if raw[:1] in b"[{" else raw


def _filled(lines: Lines) -> Lines:
    """The lines that are not blank."""
    short = np.flatnonzero(lines.stops - lines.starts < 8)
    blank = [
        place for place in short.tolist()
        if not lines.data[lines.starts[place] : lines.stops[place]].tobytes().strip()
    ]  # fmt: skip
    return replace(lines, starts=np.delete(lines.starts, blank), stops=np.delete(lines.stops, blank))


def _joined(values: Sequence[bytes]) -> tuple[Block, NDArray[np.int64], NDArray[np.int64]]:
    """Values in one buffer, and where each begins and ends."""
    stops = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
    starts = np.append(np.zeros(1, np.int64), stops[:-1])[: len(stops)]
    return np.frombuffer(b"".join(values), np.uint8), starts, stops


def _closed(lines: Lines) -> tuple[Lines, NDArray[np.bool_]]:
    """The lines up to the brace that closes them, and which are objects without members."""
    stops = lines.stops - 1
    for place in np.flatnonzero(lines.data[stops] != _CLOSE).tolist() if len(lines) else ():
        text = lines.data[lines.starts[place] : lines.stops[place]].tobytes()
        stops[place] = lines.starts[place] + len(text.rstrip()) - 1
    empty = np.zeros(len(lines), bool)
    for place in np.flatnonzero(np.isin(lines.data[stops - 1], list(b"{ \t\r"))).tolist() if len(lines) else ():
        empty[place] = lines.data[lines.starts[place] : stops[place]].tobytes().strip() == b"{"
    return replace(lines, stops=stops), empty


def _members(answer: LineAnswer, names: Sequence[str], coding: Coding) -> bytes:
    cells = (cell or None for cell in answered.cells(answer))
    return coding.coded("," + json.dumps(dict(zip(names, cells)), separators=(",", ":"))[1:-1])


# the lines of one verdict


def only(source: Iterable[bytes], found: CallList, verdict: str) -> Iterator[bytes]:
    """The lines of a result that have one verdict."""
    return chosen(source, found.coding, lambda rest, last: _chosen(rest, found, verdict, last=last))


def _chosen(rest: bytes, found: CallList, verdict: str, *, last: bool) -> tuple[bytes, bytes]:
    coding, unit = found.coding, found.coding.unit
    image = coding.image(whole_units(rest, unit))
    cut = len(image) if last else len(image.tobytes().rpartition(b"\n")[0]) + 1 if (image == LF).any() else 0
    text = image[:cut].tobytes()
    before, kept, start = f'"{found.names[0]}":"'.encode(), [], 0
    for line in text.splitlines(keepends=True):
        stop = start + len(line)
        if (at := line.rfind(before)) >= 0 and line.startswith(verdict.encode(), at + len(before)):
            kept.append(rest[start * unit : stop * unit])
        start = stop
    return b"".join(kept), rest[cut * unit :]



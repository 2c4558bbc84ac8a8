"""Call lists from bytes to bytes, whatever their format: look at one, scrub it, take the lines of one verdict out.

Rules of this room:
- The format is told by the content, never by the name; the result has the same format, unpacked.
- Everything that was in the list comes back as it was and in order; the answer stands behind it, in five columns.
- Memory is bounded whatever comes; nothing is written to disk here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from registry.calllists import ndjson, parquet, texts, xlsx, xlsxrows
from registry.calllists.answering import Admit, Answering
from registry.calllists.calllist import CallList
from registry.calllists.codings import coding_of
from registry.calllists.columns import Wanted, empty
from registry.calllists.limits import Limits
from registry.calllists.tally import Tally
from registry.calllists.unpacking import PARQUET, ZIP, Content, content_of
from registry.readers.unpack import pieces

if TYPE_CHECKING:
    from registry.calllists.spool import Spool
    from registry.numbering import NumberPlan
    from registry.scrub import Scrubber

SAMPLE = 1 << 18
_USUAL = Limits()


def inspect(
    source: IO[bytes], name: str, plan: NumberPlan, *, country: str, wanted: str | int | None = None,
    header: bool | None = None, asking: bool = False, limits: Limits = _USUAL,
) -> CallList:
    """How a call list is laid out: format, packing, encoding, header, column, first rows.

    `source` can be sought in; `wanted`: the column's name, or its place from 1 (as text, too), or nothing: look for it;
    `header`: whether there is one (None: look); `asking`: a list whose column nobody can tell is no error, its
    `column` is None. Raises InvalidInputError `empty_list`, `not_a_list`, `encoding`, `header_only`,
    `no_number_column`, `two_number_columns`, `no_such_column`, and as `unpacking.content_of`.
    """
    size = source.seek(0, 2)
    content = content_of(source, name, limits)
    sample = content.head(SAMPLE)
    if not sample:
        raise empty()
    found = _inspected(content, sample, plan, Wanted(country, wanted, header), asking=asking)
    return replace(found, packing=content.packing, size=size)


def _inspected(content: Content, sample: bytes, plan: NumberPlan, wanted: Wanted, *, asking: bool) -> CallList:
    if sample.startswith(ZIP):
        return xlsx.inspect(content.whole(), content.name, plan, wanted, asking=asking, limits=content.limits)
    if sample.startswith(PARQUET):
        return parquet.inspect(content.whole(), content.name, plan, wanted, asking=asking)
    coding = coding_of(sample)
    text = texts.as_utf8(sample, coding, cut=len(sample) == SAMPLE)
    if not text.strip():
        raise empty()
    if ndjson.is_ndjson(text.decode("utf-8", "replace")):
        return ndjson.inspect(text.decode("utf-8", "replace"), content.name, coding, plan, wanted, asking=asking)
    return texts.inspect(text, content.name, coding, plan, wanted, asking=asking)


def scrub(
    source: IO[bytes], found: CallList, scrubber: Scrubber, plan: NumberPlan, *, country: str,
    spool: Spool | None = None, tally: Tally | None = None, keep: Callable[[], None] = lambda: None,
    admit: Admit | None = None, limits: Limits = _USUAL,
) -> Iterator[bytes | memoryview]:
    """The bytes of the result, in blocks. `found` is what `inspect` said of the same source.

    `keep` is called between blocks; what it raises ends the work. `admit`: which of the valid numbers, sealed
    u8[n, 16], may be answered; the others get `quota_reached`. Raises InvalidInputError where only now is seen that the
    list cannot be read to its end (`packing_damaged`, `expands_too_much`).
    """
    answering = Answering(scrubber, plan, country, spool, admit)
    tally = tally if tally is not None else Tally()
    content = content_of(source, "", limits)
    if found.format == "parquet":
        yield from parquet.scrub(content.whole(), found, answering, tally=tally, keep=keep)
    elif found.format == "xlsx":
        yield from xlsx.scrub(content.whole(), found, answering, tally=tally, keep=keep, limits=limits)
    else:
        yield from _scrub_lines(content, found, answering, tally, keep, limits)
    tally.size = found.size


def _scrub_lines(
    content: Content, found: CallList, answering: Answering, tally: Tally, keep: Callable[[], None], limits: Limits
) -> Iterator[bytes | memoryview]:
    scrub_lines = ndjson.scrub if found.format == "ndjson" else texts.scrub
    yield from scrub_lines(
        content.pieces(), found, answering, tally=tally, keep=keep, limits=limits,
        read=lambda: min(found.size, content.source.tell()),
    )


def only(result: IO[bytes], found: CallList, verdict: str) -> Iterator[bytes]:
    """The lines of a result that have one verdict (allowed, declined, invalid), and its header, in the same format."""
    if found.format == "parquet":
        yield from parquet.only(result, found, verdict)
    elif found.format == "xlsx":
        yield from xlsxrows.only(result, found, verdict)
    else:
        yield from _lines_only(result, found, verdict)


def _lines_only(result: IO[bytes], found: CallList, verdict: str) -> Iterator[bytes]:
    result.seek(0)
    lines_only = ndjson.only if found.format == "ndjson" else texts.only
    yield from lines_only(pieces(result), found, verdict)

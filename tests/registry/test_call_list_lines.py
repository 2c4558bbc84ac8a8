"""Lines, fields and blocks of delimited text, found in bulk, are those that a reader finds character by character."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.calllists.answered import with_answers
from registry.calllists.blocks import blocks
from registry.calllists.lines import lines_of

texts = st.text(st.sampled_from('a,"\n\r1'), max_size=60).map(str.encode)
few_quotes = st.lists(
    st.sampled_from([b"a,b\n", b'"a,b",c\r\n', b'x,"y\nz"\n', b",,\n", b"\n", b'a,"b,,,"",c",d', b"a" * 20 + b"\n"]),
    max_size=12,
).map(b"".join)


def closing(data: bytes, opened: int) -> int | None:
    """Where the quote is that closes the cell that one opens; None where it is no quoted cell."""
    place = opened + 1
    while (place := data.find(b'"', place)) >= 0:
        if data[place + 1 : place + 2] != b'"':
            return place if data[place + 1 : place + 2] in (b"", b",", b"\r", b"\n") else None
        place += 2
    return None


def read(data: bytes, *, quotes: bool) -> list[list[tuple[int, int]]]:
    """Where each field of each line begins and ends, one character after another."""
    lines, fields, start, place = [], list[tuple[int, int]](), 0, 0
    while place < len(data):
        closed = closing(data, place) if quotes and place == start and data[place] == ord('"') else None
        if closed is not None:
            place = closed + 1
            continue
        if data[place] in b",\n":
            begun = fields[0][0] if fields else start
            returned = data[place] == ord("\n") and place > begun and data[place - 1] == ord("\r")
            fields.append((min(start, place - returned), place - returned))
            start = place + 1
        if data[place] == ord("\n"):
            lines.append(fields)
            fields = []
        place += 1
    if fields or start < len(data):
        begun = fields[0][0] if fields else start
        stop = len(data) - (len(data) > begun and data.endswith(b"\r"))
        lines.append([*fields, (min(start, stop), stop)])
    return lines


@settings(max_examples=300, deadline=None)
@given(st.one_of(texts, few_quotes), st.booleans(), st.integers(0, 4))
def test_fields_are_where_a_reader_finds_them(data: bytes, quotes: bool, column: int) -> None:
    lines = lines_of(np.frombuffer(data, np.uint8), ord(","), quotes=quotes)
    expected = read(data, quotes=quotes)
    assert [(a, b) for a, b in zip(lines.starts.tolist(), lines.stops.tolist())] == [
        (fields[0][0], fields[-1][1]) for fields in expected
    ]
    assert lines.delimiters_each().tolist() == [len(fields) - 1 for fields in expected]
    starts, stops = lines.field(column)
    for fields, start, stop in zip(expected, starts.tolist(), stops.tolist()):
        cell = data[slice(*fields[column])] if column < len(fields) else b""
        bare = cell[1:-1] if len(cell) > 1 and cell[:1] == cell[-1:] == b'"' else cell
        assert data[start:stop] == bare


@settings(max_examples=200, deadline=None)
@given(st.one_of(texts, few_quotes), st.booleans())
def test_a_line_is_followed_by_its_text_and_nothing_else_moves(data: bytes, quotes: bool) -> None:
    native = np.frombuffer(data, np.uint8)
    lines = lines_of(native, ord(","), quotes=quotes)
    which = (np.arange(len(lines)) % 3).astype(np.uint32)
    made = with_answers(native, lines, which, [b",first", b"", b",the third"])
    expected, before = b"", 0
    for place, stop in zip(which.tolist(), lines.stops.tolist()):
        expected += data[before:stop] + (b",first", b"", b",the third")[place]
        before = stop
    assert made == expected + data[before:]


@settings(max_examples=200, deadline=None)
@given(st.one_of(texts, few_quotes), st.integers(1, 40), st.integers(1, 9))
def test_blocks_are_the_stream_and_hold_its_lines(data: bytes, size: int, step: int) -> None:
    source = (data[at : at + step] for at in range(0, len(data), step))
    made = list(blocks(source, size=size, longest=1000, delimiter=ord(",")))
    assert b"".join(piece.data.tobytes() for piece in made) == data
    lines = [lines_of(piece.data, ord(",")) for piece in made]
    found = [each.data[a:b].tobytes() for each in lines for a, b in zip(each.starts.tolist(), each.stops.tolist())]
    assert found == [data[fields[0][0] : fields[-1][1]] for fields in read(data, quotes=True)]

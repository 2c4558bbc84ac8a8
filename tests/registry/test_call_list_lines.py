"""Lines, fields and blocks of delimited text, found in bulk, are those that a reader finds character by character."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.calllists.answered import with_answers
from registry.calllists.blocks import blocks
from registry.calllists.lines import last_break, lines_of

texts = st.text(st.sampled_from('a,"\n\r1'), max_size=60).map(str.encode)
few_quotes = st.lists(
    st.sampled_from([b"a,b\n", b'"a,b",c\r\n', b'x,"y\nz"\n', b",,\n", b"\n", b'a,"b,,,"",c",d', b"a" * 20 + b"\n"]),
    max_size=12,
).map(b"".join)


def read(data: bytes, *, quotes: bool) -> list[list[tuple[int, int]]]:
    """Where each field of each line begins and ends, one character after another."""
    lines, fields, start, inside = [], [], 0, False
    for place, char in enumerate(data):
        inside ^= quotes and char == ord('"')
        if inside or char not in b",\n":
            continue
        stop = place
        if char == ord("\n") and place > (fields[0][0] if fields else start) and data[place - 1] == ord("\r"):
            stop -= 1
        fields.append((min(start, stop), stop))
        start = place + 1
        if char == ord("\n"):
            lines.append(fields)
            fields = []
    if not data.endswith(b"\n") or inside:
        begun = fields[0][0] if fields else start
        stop = len(data) - (len(data) > begun and data.endswith(b"\r"))
        if len(data) > begun or fields:
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
def test_blocks_are_the_stream_and_end_where_lines_end(data: bytes, size: int, step: int) -> None:
    source = (data[at : at + step] for at in range(0, len(data), step))
    made = list(blocks(source, size=size, longest=1000))
    assert b"".join(piece.data.tobytes() for piece in made) == data
    for piece in made[:-1]:
        assert last_break(piece.data, quotes=piece.quotes) == len(piece.data)

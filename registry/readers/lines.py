"""A stream of UTF-8 bytes cut into lines of bounded length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.readers.rows import LINE_LIMIT, Digested


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end: its number from 1 and its bytes (of a line that is too long the beginning)."""

    number: int
    text: bytes
    too_long: bool = False


def lines(source: Iterable[bytes], limit: int = LINE_LIMIT, *, empty: bool = True) -> Iterator[Line]:
    """All lines, ended by LF or CRLF, without empty ones if `empty` is False.

    Of a line longer than `limit` bytes only the beginning and a digest are kept.
    """
    rest = b""
    number = 0
    long: Digested | None = None
    for piece in source:
        parts = piece.split(b"\n")
        for part in parts[:-1]:
            number += 1
            if long:
                long.add(part)
                yield Line(number, long.raw(), too_long=True)
                long = None
            elif part or rest or empty:
                yield _line(number, rest + part if rest else part, limit)
            rest = b""
        if long:
            long.add(parts[-1])
            continue
        rest += parts[-1]
        if len(rest) > limit:
            long, rest = Digested(rest), b""
    if long:
        yield Line(number + 1, long.raw(), too_long=True)
    elif rest:
        yield _line(number + 1, rest, limit)


def _line(number: int, text: bytes, limit: int) -> Line:
    if len(text) > limit:
        return Line(number, Digested(text).raw(), too_long=True)
    return Line(number, text.removesuffix(b"\r"))

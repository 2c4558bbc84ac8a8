"""Text of any of the encodings that carriers send, turned into UTF-8 bytes, piece by piece.

Rules of this room: UTF-8 with and without BOM, UTF-16 of both orders with and without BOM, GB18030 (and so GBK, GB2312)
are told apart; other encodings of a whole file are refused where they can be seen. Bytes that are wrong inside a
readable file stay wrong (invalid UTF-8 comes out), so that the one row they stand in is refused and not the file.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from registry.errors import InvalidInputError
from registry.readers.rows import Progress

_HEAD = 4096  # bytes that decide about UTF-16 without BOM
_WINDOW = 65_536  # bytes after the first that is not ASCII, which decide between UTF-8 and GB18030


def utf8(source: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    """The same text in UTF-8 without BOM. Raises InvalidInputError (encoding) for UTF-32 and for what is no text."""
    head = b""
    while len(head) < _HEAD and (piece := next(source, b"")):
        head += piece
    if head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or looks_like_utf32(head):
        raise InvalidInputError("UTF-32 is not read here. Send the file as UTF-8.", code="encoding")
    wide, skip = utf16_of(head)
    if wide:
        progress.encoding = wide
        yield from _from_utf16(wide, head[skip:], source, progress)
    elif head.startswith(codecs.BOM_UTF8):
        progress.encoding = "utf-8"
        yield head[3:]
        yield from source
    else:
        yield from _from_narrow(head, source, progress)


def looks_like_utf32(head: bytes) -> bool:
    """Whether text begins as UTF-32 without BOM does."""
    start = head[:4]
    return len(start) == 4 and start.count(0) == 3 and (start[0] != 0 or start[3] != 0)


def utf16_of(head: bytes) -> tuple[str, int]:
    """The UTF-16 order of a beginning ("" for none) and the length of its BOM."""
    if head.startswith(codecs.BOM_UTF16_LE):
        return "utf-16-le", 2
    if head.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", 2
    # Without BOM: every ASCII character has a 0 on one side, and our formats are full of ASCII; a few Chinese
    # characters have one on the other side.
    high_first, low_first = head[0::2].count(0), head[1::2].count(0)
    pairs = len(head) // 2
    if pairs and low_first * 3 > pairs and high_first * 4 <= low_first:
        return "utf-16-le", 0
    if pairs and high_first * 3 > pairs and low_first * 4 <= high_first:
        return "utf-16-be", 0
    return "", 0


def _from_utf16(name: str, head: bytes, source: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(name)("surrogatepass")
    yield decoder.decode(head).encode("utf-8", "surrogatepass")
    for piece in source:
        yield decoder.decode(piece).encode("utf-8", "surrogatepass")
    if decoder.getstate()[0]:  # half a character at the end
        progress.cut = progress.cut or "utf16_cut"
        yield b"\xff"


def _from_narrow(head: bytes, source: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    """ASCII passes until the first other byte; the text after it decides the encoding."""
    piece = head
    while piece.isascii():
        if piece:
            yield piece
        if not (piece := next(source, b"")):
            return
    while len(piece) < _WINDOW and (more := next(source, b"")):
        piece += more
    progress.encoding = narrow_of(piece)
    if progress.encoding == "utf-8":
        yield piece
        yield from source
        return
    decoder = codecs.getincrementaldecoder("gb18030")("surrogateescape")
    yield decoder.decode(piece).encode("utf-8", "surrogateescape")
    for piece in source:
        yield decoder.decode(piece).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", final=True).encode("utf-8", "surrogateescape")


def narrow_of(window: bytes) -> str:
    """UTF-8, unless fewer than half of the lines that are not ASCII are UTF-8 and more of them are GB18030."""
    if _decodes(window, "utf-8"):
        return "utf-8"
    lines = [line for line in window.splitlines() if not line.isascii()]
    as_utf8 = sum(_decodes(line, "utf-8") for line in lines)
    if as_utf8 * 2 >= len(lines):
        return "utf-8"
    return "gb18030" if sum(_decodes(line, "gb18030") for line in lines) > as_utf8 else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    """Whether bytes are text of an encoding; a character cut off at the end is forgiven."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(line)
    except UnicodeDecodeError:
        return False
    return True

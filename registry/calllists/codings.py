"""How the text of a call list is coded, and a view of it in which every character takes one byte.

Rules of this room:
- A list's bytes are never recoded: what comes back is what came. Lines and cells are found in an image of them, one
  byte for each code unit: ASCII stands for itself, so that delimiters, quotes and digits are where they are.
- In UTF-8 and GB18030 the image is the text itself (in GB18030 with `|` the bytes of longer characters are covered, for
  it may be one of them); UTF-16 gives a byte for each of its units; lines that end with CR alone end with LF in it.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Literal

import numpy as np

from registry.calllists.lines import Block
from registry.calllists.quoting import CR, LF
from registry.errors import InvalidInputError
from registry.readers.encoding import looks_like_utf32, narrow_of, utf16_of

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "gb18030"]

_BOMS: dict[Encoding, bytes] = {
    "utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE,
    "gb18030": b"\x84\x31\x95\x33",
}  # fmt: skip
_COVER = 0xFF
_LONG = re.compile(rb"(?:[\x81-\xfe](?:[0-9][\x81-\xfe][0-9]|[\x40-\x7e\x80-\xfe]))+")
_HEAD = 4096


@dataclass(frozen=True)
class Coding:
    """An encoding, whether a BOM stands before it, whether lines end with CR alone; `covers`: see the image."""

    encoding: Encoding = "utf-8"
    bom: bool = False
    returns: bool = False
    covers: bool = False

    @property
    def unit(self) -> int:
        """Bytes of a code unit."""
        return 2 if self.encoding.startswith("utf-16") else 1

    @property
    def mark(self) -> bytes:
        """The BOM, where there is one."""
        return _BOMS[self.encoding] if self.bom else b""

    def image(self, native: Block) -> Block:
        """The image of whole code units: u8, one for each."""
        if self.unit == 2:
            units = native.view("<u2" if self.encoding == "utf-16-le" else ">u2")
            image = np.where(units < 0x80, units, _COVER).astype(np.uint8)
        elif self.covers and (native >= 0x80).any():
            image = np.frombuffer(_LONG.sub(lambda found: b"\xff" * len(found[0]), native.tobytes()), np.uint8)
        else:
            image = native
        return np.where(image == CR, np.uint8(LF), image) if self.returns else image

    def text(self, native: bytes) -> str:
        """The characters of bytes; U+FFFD for what is none."""
        return native.decode(self.encoding, "replace")

    def coded(self, text: str) -> bytes:
        """The bytes of characters; lines break as they do in the list."""
        return (text.replace("\n", "\r") if self.returns else text).encode(self.encoding, "replace")


def coding_of(sample: bytes) -> Coding:
    """How text is coded, by its beginning. Raises InvalidInputError `encoding` (UTF-32), `not_a_list`."""
    if sample.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or looks_like_utf32(sample):
        raise InvalidInputError("UTF-32 is not read here. Save the file as UTF-8.", code="encoding")
    wide, _ = utf16_of(sample[:_HEAD])
    if wide:
        encoding: Encoding = "utf-16-le" if wide == "utf-16-le" else "utf-16-be"
    elif sample.startswith(_BOMS["gb18030"]):
        encoding = "gb18030"
    elif sample.startswith(codecs.BOM_UTF8):
        encoding = "utf-8"
    else:
        encoding = "gb18030" if narrow_of(sample) == "gb18030" else "utf-8"
    found = Coding(encoding, sample.startswith(_BOMS[encoding]))
    image = found.image(whole_units(sample[len(found.mark) :], found.unit))
    least = 9 if wide and not found.bom else 1  # without a BOM it takes more to believe in UTF-16
    if (image < least).any():
        raise InvalidInputError("This is not a call list: it is neither text nor a spreadsheet.", code="not_a_list")
    return Coding(encoding, found.bom, returns=bool((image == CR).any()) and not (image == LF).any())


def whole_units(data: bytes, unit: int) -> Block:
    """Bytes as an array, without half a code unit at their end."""
    return np.frombuffer(data, np.uint8, len(data) - len(data) % unit)

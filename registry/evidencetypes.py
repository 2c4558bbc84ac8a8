"""What a file of evidence is, told by its content, and what is taken out of it before it is kept.

Rules of this room:
- A type is what the first bytes say; what a browser or a name says counts for nothing.
- Where, with which device and by whom a picture or recording was made is nobody's business here: EXIF with GPS, XMP,
  comments, ID3 tags and places in MP4 go out; picture and sound stay as they were, to the byte.
- A container that does not hold together is no evidence: better refused than kept with something hidden in it.
"""

from __future__ import annotations

import struct

from registry.errors import InvalidInputError

PICTURES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
SOUNDS = {
    "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/aac": "aac", "audio/amr": "amr", "audio/wav": "wav",
    "audio/ogg": "ogg",
}  # fmt: skip
TYPES = PICTURES | SOUNDS

_PNG = b"\x89PNG\r\n\x1a\n"
_TELLING_PNG = frozenset({b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"tIME"})
_KEPT_WEBP = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP"})
_KEPT_WAV = frozenset({b"fmt ", b"data", b"fact"})
_VOICE = frozenset({b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"3gp4", b"3gp5", b"3gp6"})
_INTO_MP4 = frozenset({b"moov", b"trak"})
_TELLING_MP4 = frozenset({b"udta", b"meta", b"uuid"})


def type_of(content: bytes) -> str:
    """The type that the first bytes say, "" where it is none that counts as evidence."""
    starts: tuple[tuple[bytes, str], ...] = (
        (b"\xff\xd8\xff", "image/jpeg"), (_PNG, "image/png"), (b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"),
        (b"ID3", "audio/mpeg"), (b"#!AMR\n", "audio/amr"), (b"#!AMR-WB\n", "audio/amr"), (b"OggS", "audio/ogg"),
    )  # fmt: skip
    for start, name in starts:
        if content.startswith(start):
            return name
    if content[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12], "")
    if content[4:8] == b"ftyp" and content[8:12] in _VOICE:
        return "audio/mp4" if b"vide" not in _handlers(content) else ""
    if len(content) > 4 and content[0] == 0xFF and content[1] & 0xF6 == 0xF0:
        return "audio/aac"
    if len(content) > 4 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2 and content[2] >> 4 not in (0, 15):
        return "audio/mpeg"
    return ""


def cleaned(content: bytes, type_: str) -> bytes:
    """The file without what tells of place, device and person. Raises InvalidInputError `evidence_broken`."""
    clean = {
        "image/jpeg": _jpeg, "image/png": _png, "image/gif": _gif, "image/webp": _webp, "audio/wav": _wav,
        "audio/mpeg": _mp3, "audio/mp4": _mp4,
    }.get(type_)  # fmt: skip
    try:
        return clean(content) if clean else content
    except (struct.error, IndexError, ValueError) as error:
        detail = "The file is damaged, or is not what it says it is."
        raise InvalidInputError(detail, code="evidence_broken") from error


def _jpeg(content: bytes) -> bytes:
    out, at = bytearray(content[:2]), 2
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker")
        marker = content[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        size = struct.unpack_from(">H", content, at + 2)[0]
        part = content[at : at + 2 + size]
        if size < 2 or len(part) != 2 + size:
            raise ValueError("cut")
        if marker == 0xDA:  # from here on the picture itself, up to its end; nothing behind it is kept
            return bytes(out + content[at : content.index(b"\xff\xd9", at) + 2])
        telling = marker == 0xFE or (0xE1 <= marker <= 0xEF and marker not in (0xE2, 0xEE))  # E2 colours, EE Adobe
        if marker == 0xE2 and not part[4:].startswith(b"ICC_PROFILE"):
            telling = True
        if not telling:
            out += part
        at += 2 + size


def _png(content: bytes) -> bytes:
    out, at = bytearray(_PNG), len(_PNG)
    while True:
        size = struct.unpack_from(">I", content, at)[0]
        kind, end = content[at + 4 : at + 8], at + 12 + size
        if end > len(content) or not kind.isalpha():
            raise ValueError("cut")
        if kind not in _TELLING_PNG:
            out += content[at:end]
        if kind == b"IEND":
            return bytes(out)
        at = end


def _gif(content: bytes) -> bytes:
    """A GIF up to its trailer, without comments and plain texts."""
    flags = content[10]
    at = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    out = bytearray(content[:at])
    while True:
        begin, what = at, content[at]
        if what == 0x3B:
            return bytes(out) + b"\x3b"
        if what == 0x21:
            telling, at = content[at + 1] in (0xFE, 0x01), at + 2
        elif what == 0x2C:
            local = content[at + 9]
            telling, at = False, at + 11 + (3 << ((local & 7) + 1) if local & 0x80 else 0)
        else:
            raise ValueError("no block")
        while content[at]:
            at += 1 + content[at]
        at += 1
        if not telling:
            out += content[begin:at]


def _riff(content: bytes, kept: frozenset[bytes], head: bytes) -> bytes:
    whole, at, out = 8 + struct.unpack_from("<I", content, 4)[0], 12, bytearray()
    if whole > len(content) + 1:
        raise ValueError("cut")
    while at + 8 <= min(whole, len(content)):
        kind, size = content[at : at + 4], struct.unpack_from("<I", content, at + 4)[0]
        if at + 8 + size > len(content):
            raise ValueError("cut")
        if kind in kept:
            part = bytearray(content[at : at + 8 + size]) + b"\0" * (size & 1)
            if kind == b"VP8X":
                part[8] &= ~0x0C  # neither EXIF nor XMP follows
            out += part
        at += 8 + size + (size & 1)
    return b"RIFF" + struct.pack("<I", 4 + len(out)) + head + bytes(out)


def _webp(content: bytes) -> bytes:
    return _riff(content, _KEPT_WEBP, b"WEBP")


def _wav(content: bytes) -> bytes:
    return _riff(content, _KEPT_WAV, b"WAVE")


def _mp3(content: bytes) -> bytes:
    while content[:3] == b"ID3":
        size = 0
        for byte in content[6:10]:
            size = size << 7 | byte & 0x7F
        content = content[10 + size + (10 if content[5] & 0x10 else 0) :]
    if content[-128:-125] == b"TAG":
        content = content[:-128]
    if len(content) < 4 or content[0] != 0xFF or content[1] & 0xE0 != 0xE0:
        raise ValueError("no sound")
    return content


def _mp4(content: bytes) -> bytes:
    """An MP4 whose boxes that tell of it are emptied where they are, so that nothing else moves."""
    out = bytearray(content)
    for at, head, size, kind in _boxes(content, 0, len(content)):
        if kind in _TELLING_MP4:
            out[at + 4 : at + 8] = b"free"
            out[at + head : at + size] = bytes(size - head)
    return bytes(out)


def _boxes(content: bytes, at: int, end: int) -> list[tuple[int, int, int, bytes]]:
    """(place, length of its head, size, kind) of boxes, also of those within a film and its tracks."""
    found = []
    while at < end:
        size, kind = struct.unpack_from(">I4s", content, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", content, at + 8)[0], 16
        size = size or end - at
        if size < head or at + size > end:
            raise ValueError("cut")
        found.append((at, head, size, kind))
        if kind in _INTO_MP4:
            found += _boxes(content, at + head, at + size)
        at += size
    return found


def _handlers(content: bytes) -> set[bytes]:
    """What kinds of tracks an MP4 says it has; nothing where it cannot be told."""
    kinds, at = set(), 0
    while (at := content.find(b"hdlr", at)) >= 0:
        kinds.add(content[at + 12 : at + 16])
        at += 4
    return kinds

"""Evidence: told by its content, without places and names, sealed on the shelf, seen under record, erased in time."""

from __future__ import annotations

import struct
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import audit, evidencefiles
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.evidencetypes import cleaned, type_of
from registry.handling import Handling, Tools
from registry.numbers import Number
from registry.peoplesreports import Told, take
from registry.sealing import seal_one
from registry.store import Store
from tests.doubles import FakeClock, MemoryShelf

OFFICER = Actor("system")
GPS = b"GPS 31.2304N 121.4737E"


def png(extra: bytes = b"") -> bytes:
    """A PNG of one pixel, with a chunk of text if asked."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    body = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    body += chunk(b"tEXt", extra) + chunk(b"eXIf", extra) if extra else b""
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")) + chunk(b"IEND", b"")


def jpeg(extra: bytes = b"") -> bytes:
    """What a JPEG is made of, with EXIF if asked."""

    def part(marker: int, content: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content

    exif = part(0xE1, b"Exif\0\0" + extra) + part(0xFE, extra) if extra else b""
    picture = part(0xDB, bytes(65)) + part(0xDA, b"\1\2") + b"scan\xff\xd9"
    return b"\xff\xd8" + part(0xE0, b"JFIF\0") + exif + picture + extra


def riff(head: bytes, *parts: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(c)) + c + b"\0" * (len(c) & 1) for kind, c in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + head + body


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


GIF = b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\x16" + GPS + b"\0" + b",\0\0\0\0\1\0\1\0\0\2\2\x4c\1\0;" + GPS
M4A = box(b"ftyp", b"M4A \0\0\0\0") + box(b"moov", box(b"udta", GPS) + box(b"mvhd", b"1")) + box(b"mdat", b"sound")
MP3 = b"ID3\3\0\0\0\0\0\x16" + GPS + b"\xff\xfb\x90\0sound" + b"TAG" + GPS + bytes(103)
EACH = [
    ("image/png", png(GPS)), ("image/jpeg", jpeg(GPS)), ("image/gif", GIF), ("audio/mp4", M4A), ("audio/mpeg", MP3),
    ("image/webp", riff(b"WEBP", (b"VP8X", b"\x0c" + bytes(9)), (b"VP8 ", b"p"), (b"EXIF", GPS), (b"XMP ", GPS))),
    ("audio/wav", riff(b"WAVE", (b"fmt ", bytes(16)), (b"LIST", GPS), (b"data", b"sound"))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content"), EACH, ids=[name for name, _ in EACH])
def test_what_tells_of_place_and_person_goes_out_and_the_rest_stays(name: str, content: bytes) -> None:
    assert type_of(content) == name
    clean = cleaned(content, name)
    assert GPS not in clean
    assert type_of(clean) == name
    assert cleaned(clean, name) == clean


@pytest.mark.parametrize(
    "content",
    [b"MZ\x90\0program", b"<svg onload=alert(1)>", b"<html>", b"%PDF-1.7", b"PK\3\4", b"plain", b"\0" * 40,
     box(b"ftyp", b"isom\0\0\0\0") + box(b"moov", box(b"hdlr", bytes(8) + b"vide"))],
)  # fmt: skip
def test_what_is_neither_picture_nor_sound_has_no_type(content: bytes) -> None:
    assert type_of(content) == ""


@pytest.mark.parametrize("content", [png()[:40], jpeg()[:12], b"\xff\xd8\xff<script>", M4A[:-9], b"GIF89a<script>   x"])
def test_what_begins_like_a_picture_and_is_none_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInputError) as refused:
        cleaned(content, type_of(content))
    assert refused.value.code == "evidence_broken"


class Shelved:
    """A report, and what is added to it."""

    def __init__(self, tools: Tools, shelf: MemoryShelf, work: Path) -> None:
        self.tools, self.shelf, self.work = tools, shelf, work
        told = Told("form", "calls", "human", "loan", tools.clock.now(), "17100000002", description="x", consent=True)
        reporter = seal_one(tools.keys.at_rest, Number(1, 8613800138000))
        self.found: Handling = take(tools, told=told, reporter=reporter, country="CN").handling

    def add(self, *pieces: bytes) -> evidencefiles.EvidenceFile:
        return evidencefiles.add(
            self.tools.store, self.tools.keys, self.tools.clock, self.shelf, self.work, found=self.found, source=pieces
        )

    def open(self, file: str, actor: Actor = OFFICER) -> bytes:
        return evidencefiles.content_of(
            self.tools.store, self.tools.keys, self.tools.clock, self.shelf, found=self.found, file=file, actor=actor
        )[1]


@pytest.fixture
def shelved(
    store: Store, clock: FakeClock, keys: Any, plan: Any, rulebooks: Any, shelf: MemoryShelf, tmp_path: Path
) -> Shelved:
    return Shelved(Tools(store, clock, keys, plan, rulebooks, "Asia/Shanghai"), shelf, tmp_path / "work")


def test_evidence_lies_sealed_and_every_look_of_the_regulator_is_written_down(shelved: Shelved, store: Store) -> None:
    made = shelved.add(png(GPS)[:20], png(GPS)[20:])
    (name,) = shelved.shelf.files
    assert name == f"evidence/{made.file}"
    assert b"PNG" not in shelved.shelf.files[name]
    assert not list(shelved.work.iterdir())
    assert shelved.open(made.file) == png()
    (entry,) = audit.entries(store)
    assert (entry.action, entry.subject) == ("evidence_seen", f"report:{shelved.found.reference}")
    assert shelved.open(made.file, Actor("person")) == png()
    assert len(audit.entries(store)) == 1, "one's own is no look of the regulator"
    assert made.name == f"evidence-{made.file}.png"


def test_evidence_that_is_too_much_or_too_large_is_refused_and_leaves_nothing(shelved: Shelved) -> None:
    with pytest.raises(InvalidInputError) as refused:
        shelved.add(png(), bytes(evidencefiles.MOST_BYTES))
    assert refused.value.code == "evidence_too_large"
    for content, code in ((b"", "evidence_empty"), (b"MZ", "evidence_type"), (png()[:30], "evidence_broken")):
        with pytest.raises(InvalidInputError) as refused:
            shelved.add(content)
        assert refused.value.code == code
    assert not shelved.shelf.files
    for count in range(5):
        shelved.add(b"#!AMR\n" + bytes((count,)))
    assert shelved.add(b"#!AMR\n\1") in evidencefiles.files_of(shelved.tools.store, shelved.found), "the same once"
    with pytest.raises(ConflictError) as full:
        shelved.add(b"#!AMR\nmore")
    assert full.value.code == "evidence_full"


def test_evidence_goes_with_its_report_and_what_broke_off_is_swept(
    shelved: Shelved, store: Store, clock: FakeClock
) -> None:
    made = shelved.add(png())
    with store.writing():
        store.peoples_reports.add_file(
            file="half", source="people", source_id=shelved.found.source_id, type="image/png", bytes=1, sha256="",
            at=0, whole=0,
        )
    with pytest.raises(NotFoundError):
        shelved.open("half")
    clock.advance(seconds=timedelta(hours=2).total_seconds())
    assert evidencefiles.purge(store, clock, shelved.shelf) == 1
    assert shelved.open(made.file)
    with store.writing():
        store.reports.purge(before=2**62, most=9)
    assert evidencefiles.purge(store, clock, shelved.shelf) == 1
    assert not shelved.shelf.files

"""Call lists that come packed: gzip, zip, what is refused, and that nothing grows without end."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.calllists.limits import Limits
from registry.errors import InvalidInputError
from tests.registry.calling import DECLINED, FREE, scrubbed, seen

TEXT = f"name,phone\nLi,{DECLINED}\nWang,{FREE}\n".encode()
USUAL = Limits()
OLD_EXCEL = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)


def zipped(*files: tuple[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", how) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return held.getvalue()


def encrypted() -> bytes:
    """An archive whose one member says that it needs a password."""
    content = bytearray(zipped(("a.csv", TEXT)))
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(head) + flags] |= 1
    return bytes(content)


def refusal(content: bytes, limits: Limits = USUAL) -> str:
    with pytest.raises(InvalidInputError) as caught:
        scrubbed(content, limits=limits)
    return caught.value.code


PACKED = {
    "gzip": gzip.compress(TEXT),
    "several gzip members": gzip.compress(TEXT[:20]) + gzip.compress(TEXT[20:]) + bytes(512),
    "zip": zipped(("list.csv", TEXT)),
    "zip, stored": zipped(("list.csv", TEXT), how=zipfile.ZIP_STORED),
    "zip in a folder, made by a Mac": zipped(("a/", b""), ("a/list.csv", TEXT), ("__MACOSX/a/._list.csv", b"\0")),
    "zip with a letter beside it": zipped(("letter.docx", b"x"), ("list.csv", TEXT)),
    "UTF-16 in gzip": gzip.compress(TEXT.decode().encode("utf-16")),
}


@pytest.mark.parametrize("content", PACKED.values(), ids=PACKED)
def test_a_packed_list_comes_back_unpacked(content: bytes) -> None:
    out = scrubbed(content)
    text = out.decode("utf-16" if out.startswith(b"\xff\xfe") else "utf-8")
    assert text.splitlines()[1].startswith(f"Li,{DECLINED},declined,")
    assert text.splitlines()[2].startswith(f"Wang,{FREE},allowed,")
    found = seen(content, name="calls.TSV.gz")
    assert (found.packing, found.ending) == ("gzip", "tsv") if content[:2] == b"\x1f\x8b" else ("zip", "csv")
    assert found.size == len(content)


REFUSED = {
    "two lists": (zipped(("a.csv", TEXT), ("b.csv", TEXT)), "several_files"),
    "no file": (zipped(), "empty_list"),
    "an empty file": (zipped(("a.csv", b"")), "empty_list"),
    "a password": (encrypted(), "encrypted"),
    "zip in zip": (zipped(("a.zip", zipped(("a.csv", TEXT)))), "packed_twice"),
    "gzip in zip": (zipped(("a.csv.gz", gzip.compress(TEXT))), "packed_twice"),
    "gzip in gzip": (gzip.compress(gzip.compress(TEXT)), "packed_twice"),
    "bzip2": (b"BZh91AY&SY" + bytes(90), "packed_otherwise"),
    "old Excel": (OLD_EXCEL, "packed_otherwise"),
    "old Excel in gzip": (gzip.compress(OLD_EXCEL), "packed_otherwise"),
    "a cut gzip": (gzip.compress(TEXT * 100)[:-20], "packing_damaged"),
    "a cut zip": (zipped(("a.csv", TEXT))[:-10], "packing_damaged"),
    "a damaged zip": (zipped(("a.csv", TEXT), how=zipfile.ZIP_STORED).replace(b"Wang", b"Gnaw"), "packing_damaged"),
}


@pytest.mark.parametrize(("content", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_unpacked_is_refused_in_words(content: bytes, code: str) -> None:
    assert refusal(content) == code


def test_a_bomb_is_stopped_long_before_it_is_large() -> None:
    line = f"{FREE}," + "x" * 900_000 + "\n"
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(line.encode()) for _ in range(100)) + packer.flush()
    assert refusal(bomb) == "expands_too_much"
    archive = zipped(("a.csv", line.encode() * 40))
    assert refusal(archive) == "expands_too_much"
    assert refusal(gzip.compress(TEXT * 1000), Limits(unpacked=20_000)) == "expands_too_much"


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["gzip", "zip"]), st.integers(0, 10_000), st.binary(min_size=1, max_size=3), st.booleans())
def test_damage_anywhere_gives_the_list_or_a_refusal(packing: str, at: int, other: bytes, cut: bool) -> None:
    good = PACKED[packing]
    place = at % len(good)
    bad = good[:place] if cut else good[:place] + other + good[place + len(other) :]
    try:
        out = scrubbed(bad, limits=Limits())
    except InvalidInputError:
        return
    assert out.count(b"\n") >= 1

"""Tests of sealed files: what was written comes back from any place, and nothing that was altered opens."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.errors import UnavailableError
from registry.outside import sealedfile
from registry.outside.sealedfile import JoinedReader, SealedReader, SealedWriter

KEY = bytes(range(32))


def sealed(content: bytes, key: bytes = KEY) -> io.BytesIO:
    file = io.BytesIO()
    writer = SealedWriter(file, key)
    for start in range(0, len(content), 7):
        writer.write(content[start : start + 7])
    writer.close()
    return file


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealedfile, "CHUNK", 16)


@settings(deadline=None, max_examples=60, suppress_health_check=[])
@given(parts=st.lists(st.binary(max_size=100), min_size=1, max_size=4), data=st.data())
def _any_place(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    reader = io.BufferedReader(JoinedReader([SealedReader(sealed(part), KEY) for part in parts]))
    assert reader.read() == whole
    place = data.draw(st.integers(0, len(whole)))
    reader.seek(place)
    assert reader.read(9) == whole[place : place + 9]


def test_what_was_sealed_is_read_from_any_place_of_any_number_of_parts() -> None:
    _any_place()


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 100])
def test_a_file_says_its_size_and_holds_nothing_in_clear(size: int) -> None:
    content = (b"13800138000\n" * 9)[:size]
    file = sealed(content)
    assert SealedReader(file, KEY).size == size
    assert size < 11 or b"13800138000" not in file.getvalue()
    assert SealedReader(file, KEY).read() == content


@pytest.mark.parametrize("size", [0, 5, 16, 40])
def test_an_altered_or_shortened_file_does_not_open(size: int) -> None:
    whole = sealed(bytes(size)).getvalue()
    for broken in [whole[:-1], whole[:-17], whole[:11], b"", whole[:20] + bytes([whole[20] ^ 1]) + whole[21:],
                   whole[:11] + whole[11 + 32 :] if size > 16 else b"x" + whole[1:]]:
        with pytest.raises(UnavailableError) as raised:
            SealedReader(io.BytesIO(broken), KEY).read()
        assert raised.value.code == "sealed_file"


def test_chunks_that_were_swapped_do_not_open() -> None:
    whole = sealed(b"a" * 16 + b"b" * 16 + b"c").getvalue()
    swapped = whole[:11] + whole[43:75] + whole[11:43] + whole[75:]
    with pytest.raises(UnavailableError):
        SealedReader(io.BytesIO(swapped), KEY).read()


def test_another_key_opens_nothing_of_it() -> None:
    with pytest.raises(UnavailableError):
        SealedReader(sealed(b"secret"), bytes(32)).read()


def test_a_file_that_is_written_twice_looks_different() -> None:
    assert sealed(b"the same").getvalue() != sealed(b"the same").getvalue()

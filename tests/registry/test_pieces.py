"""Pieces of buckets: cut, digested, framed and put in order, whatever the bytes are."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import pieces
from registry.editions import RECORD, Records, leaf, record_array
from registry.errors import FeedError
from registry.findings import Findings, compare

BUCKET = 0x5A


def bucket(count: int, seed: int) -> Records:
    draw = np.random.default_rng(seed)
    tags = np.unique(np.uint64(BUCKET << 56) | draw.integers(0, 2**56, count, np.uint64))
    return record_array(tags, *[draw.integers(1, 0x10000, len(tags)) for _ in range(3)], np.zeros(len(tags)))


def test_a_bucket_is_its_pieces_and_each_has_the_digest_that_the_guide_says() -> None:
    whole = bucket(2000, 1)
    parts = pieces.cut(whole)
    assert len(parts) == 256
    assert b"".join(part.tobytes() for part in parts) == whole.tobytes()
    said = pieces.digests(whole)
    for second, part in enumerate(parts):
        assert all(int(tag) >> 48 & 0xFF == second for tag in part["tag"])
        assert said[second * 8 : second * 8 + 8] == hashlib.sha256(b"\2" + part.tobytes()).digest()[:8]
    assert len(pieces.digests(whole[:0])) == 2048


def test_pieces_that_differ_are_named_and_no_others() -> None:
    whole = bucket(5000, 2)
    other = whole.copy()
    other["calls"][17] ^= 1
    other = np.delete(other.view("V18"), 4000).view(RECORD)
    places = sorted({int(whole["tag"][place]) >> 48 & 0xFF for place in (17, 4000)})
    assert pieces.differing(pieces.digests(whole), pieces.digests(other)) == places
    assert pieces.differing(pieces.digests(whole), pieces.digests(whole)) == []


def test_framed_pieces_are_read_back_and_an_answer_may_end_early() -> None:
    parts = pieces.cut(bucket(3000, 3))
    names = [(BUCKET, second) for second in (0, 7, 255)]
    raw = b"".join(pieces.frame(parts[second]) for _, second in names)
    assert [(name, part.tobytes()) for name, part in pieces.unframed(raw, names)] == [
        (name, parts[name[1]].tobytes()) for name in names
    ]
    early = pieces.frame(parts[0])
    assert [name for name, _ in pieces.unframed(early, names)] == names[:1]
    assert list(pieces.unframed(b"", names)) == []


@pytest.mark.parametrize("wrong", ["cut", "more than asked", "unsorted", "of another piece", "of another bucket"])
def test_an_answer_that_cannot_be_right_is_refused(wrong: str) -> None:
    parts = pieces.cut(bucket(3000, 4))
    names = [(BUCKET, 1)]
    raw = {
        "cut": pieces.frame(parts[1])[:-1],
        "more than asked": pieces.frame(parts[1]) + pieces.frame(parts[2]),
        "unsorted": pieces.frame(np.take(parts[1], range(len(parts[1]) - 1, -1, -1))),
        "of another piece": pieces.frame(parts[2]),
        "of another bucket": pieces.frame(parts[1]),
    }[wrong]
    with pytest.raises(FeedError) as caught:
        list(pieces.unframed(raw, [(3, 1)] if wrong == "of another bucket" else names))
    assert caught.value.code == "bad_pieces"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 10**6), st.binary(max_size=30), st.integers(0, 800))
def test_whatever_the_bytes_of_a_bucket_are_they_are_put_in_order(
    count: int, seed: int, noise: bytes, place: int
) -> None:
    whole = bucket(count, seed)
    raw = bytearray(whole.tobytes())
    raw[place : place + len(noise)] = noise
    found = pieces.in_order(bytes(raw), BUCKET)
    tags = found["tag"].astype(np.uint64)
    assert (tags >> np.uint64(56) == BUCKET).all()
    assert (tags[1:] > tags[:-1]).all()
    assert leaf(pieces.in_order(whole.tobytes(), BUCKET)) == leaf(whole)
    assert pieces.in_order(whole.tobytes() + noise[:17], BUCKET).tobytes() == whole.tobytes()


def test_what_was_wrong_is_counted_by_what_it_did_to_refusals() -> None:
    right = record_array([1, 2, 3, 4, 5], [7, 7, 7, 7, 7], [1] * 5, [1] * 5, [0, 0, 0, 8, 0])
    had = record_array([2, 3, 4, 5, 9], [3, 15, 7, 8 | 3, 7], [1] * 5, [1] * 5, [0, 0, 0, 0, 0])
    # 1 is lost; 2 lacks a category, 4 an hour, 5 lacks one and has another; 3 is too strict; 9 is foreign
    assert compare(had, right) == Findings(lost=1, weakened=3, strengthened=1, foreign=1)
    assert compare(right, right) == Findings()
    assert compare(right[:0], right) == Findings(lost=5)

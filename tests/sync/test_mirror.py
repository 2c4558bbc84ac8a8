"""The mirror: change sets, full lists, lookups, and what it refuses."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.editions import (
    EMPTY_ROOT,
    EXCEPTION,
    RECORD,
    Records,
    apply,
    arranged,
    content_root,
    exceptions_root,
    record_array,
)
from registry.errors import ConflictError, FeedError, InvalidInputError, UnavailableError
from registry.liststate import STATE
from sync.mirror import Mirror

NONE = np.empty(0, RECORD)


def some_tags(draw: np.random.Generator, count: int) -> np.ndarray:
    """Tags in sixteen of the buckets, the outermost among them."""
    tops = draw.choice(np.arange(16, dtype=np.uint64) * 17, count)
    return tops << np.uint64(56) | draw.integers(0, 2**56, count, np.uint64)


def drawn(count: int, seed: int) -> Records:
    draw = np.random.default_rng(seed)
    tags = np.unique(some_tags(draw, count))
    return record_array(tags, *[draw.choice([0xFFFF, 3], len(tags)) for _ in range(3)], np.zeros(len(tags)))


def delta_for(records: Records, count: int, seed: int) -> Records:
    """Some new rows, some changed, some removed."""
    draw = np.random.default_rng(seed)
    known = draw.choice(records["tag"].astype(np.uint64), count, replace=False)
    tags = np.unique(np.concatenate([known, some_tags(draw, count)]))
    return record_array(tags, *[draw.choice([0, 5], len(tags))] * 3, np.zeros(len(tags)))


def exceptions(*rows: tuple[int, ...]) -> Records:
    return arranged(np.array(list(rows), EXCEPTION))


def filled(folder: Path, records: Records, beside: Records | None = None) -> Mirror:
    mirror = Mirror.open(folder)
    mirror.replace([records], beside, edition=1, epoch=1, algorithm="aes-cmac-64")
    return mirror


def whole(mirror: Mirror) -> bytes:
    """All records of a mirror, read from its files."""
    names = [mirror.state.bucket_name(number) for number in range(256)]
    return b"".join((mirror.folder / name).read_bytes() for name in names if name)


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# --- what it holds ----------------------------------------------------------------------------------------------------


def test_a_folder_without_a_list_is_an_empty_mirror(tmp_path: Path) -> None:
    mirror = Mirror.open(tmp_path / "list")
    assert (mirror.edition, mirror.entries) == (0, 0)
    assert (mirror.content_root, mirror.exceptions_root) == (EMPTY_ROOT, EMPTY_ROOT)
    assert mirror.find(5) is None
    assert len(mirror.exceptions_of(5)) == 0
    mirror.verify()


def test_a_full_list_is_taken_whole(tmp_path: Path) -> None:
    records, beside = drawn(5000, 1), exceptions((5, 1, 1, 1, 1, 1, 0), (5, 2, 2, 1, 1, 1, 0))
    mirror = Mirror.open(tmp_path)
    chunks = [records[:100], records[100:100], records[100:3001], records[3001:]]
    roots = (content_root(records), exceptions_root(beside))
    mirror.replace(chunks, beside, edition=7, epoch=3, algorithm="sm4-cmac-64", roots=roots)
    again = Mirror.open(tmp_path)
    for one in (mirror, again):
        assert (one.edition, one.state.epoch, one.state.algorithm) == (7, 3, "sm4-cmac-64")
        assert (one.entries, one.content_root, one.exceptions_root) == (len(records), *roots)
        assert whole(one) == records.tobytes()
    again.verify()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 10**6)), min_size=1, max_size=5))
def test_mirror_and_arithmetic_agree_for_any_history(start: int, changes: list[tuple[int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        truth = drawn(start + 60, start)
        mirror = filled(Path(folder), truth)
        for edition, (count, seed) in enumerate(changes, 2):
            delta = delta_for(truth, min(count, len(truth)), seed)
            truth = apply(truth, delta)
            preview = mirror.preview(delta)
            assert preview.content_root == content_root(truth)
            mirror.apply(delta, edition=edition, roots=(content_root(truth), EMPTY_ROOT))
            assert whole(mirror) == truth.tobytes()
            assert mirror.entries == len(truth)
            assert Mirror.open(Path(folder)).state == mirror.state
            mirror.verify()
            if not len(truth):
                break


def test_a_preview_writes_nothing(tmp_path: Path) -> None:
    records = drawn(1000, 1)
    mirror = filled(tmp_path, records)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    change = mirror.preview(delta_for(records, 50, 2), exceptions((1, 1, 1, 1, 1, 1, 0)))
    assert change.content_root != mirror.content_root
    assert change.after.exceptions == 1
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_what_was_prepared_stands_after_commit_alone(tmp_path: Path) -> None:
    records = drawn(1000, 1)
    mirror, delta = filled(tmp_path, records), delta_for(records, 50, 2)
    change = mirror.prepare(delta)
    assert Mirror.open(tmp_path).content_root == content_root(records)
    mirror.commit(change, edition=2)
    assert (mirror.edition, mirror.content_root) == (2, content_root(apply(records, delta)))
    assert files(tmp_path) == {*mirror.state.sizes, STATE, "lock"}
    mirror.verify()
    with pytest.raises(ConflictError) as refused:
        mirror.commit(change, edition=3)
    assert refused.value.code == "state_moved"


def test_applying_a_change_set_twice_changes_nothing_more(tmp_path: Path) -> None:
    records = drawn(500, 1)
    mirror, delta = filled(tmp_path, records), delta_for(records, 20, 2)
    mirror.apply(delta, exceptions((1, 1, 1, 1, 1, 1, 0)), edition=2)
    once = (mirror.content_root, mirror.exceptions_root, files(tmp_path))
    mirror.apply(delta, exceptions((1, 1, 1, 1, 1, 1, 0)), edition=3)
    assert (mirror.content_root, mirror.exceptions_root, files(tmp_path)) == once
    mirror.verify()


def test_buckets_that_nothing_touches_keep_their_files(tmp_path: Path) -> None:
    mirror = filled(tmp_path, drawn(5000, 1))
    before = {entry.name: entry.stat().st_ino for entry in os.scandir(tmp_path)}
    mirror.apply(record_array([17 << 56], [1], [1], [1], [0]), edition=2)
    after = {entry.name: entry.stat().st_ino for entry in os.scandir(tmp_path)}
    assert len(before.items() & after.items()) == 15 + 1  # all buckets but one, and the lock
    assert len(after) == len(before)


def test_exceptions_are_added_changed_and_removed(tmp_path: Path) -> None:
    mirror = filled(tmp_path, drawn(10, 1), exceptions((5, 1, 1, 1, 1, 1, 0), (9, 1, 1, 1, 1, 1, 0)))
    mirror.apply(NONE, exceptions((5, 1, 1, 0, 0, 0, 0), (5, 2, 3, 7, 0, 0, 20_000), (9, 1, 1, 2, 2, 2, 0)), edition=2)
    left = exceptions((5, 2, 3, 7, 0, 0, 20_000), (9, 1, 1, 2, 2, 2, 0))
    assert mirror.exceptions().tobytes() == left.tobytes()
    assert mirror.exceptions_root == exceptions_root(left)
    mirror.apply(NONE, exceptions((5, 2, 3, 0, 0, 0, 0), (9, 1, 1, 0, 0, 0, 0)), edition=3)
    assert mirror.exceptions_root == EMPTY_ROOT
    assert not [name for name in files(tmp_path) if name.startswith("exceptions")]


# --- looking up -------------------------------------------------------------------------------------------------------


def test_every_tag_of_a_list_is_found_and_no_other(tmp_path: Path) -> None:
    records = drawn(3000, 1)
    mirror = filled(tmp_path, records)
    for row in records[::7]:
        assert mirror.find(int(row["tag"])) == tuple(row.tolist())
        assert mirror.find(int(row["tag"]) ^ 1) is None
    assert mirror.find(0) is None
    assert mirror.find(2**64 - 1) is None


@pytest.mark.parametrize("count", [0, 1, 63, 64, 5000])
def test_many_are_found_as_each_one_is(tmp_path: Path, count: int) -> None:
    records = drawn(3000, 1)
    mirror = filled(tmp_path, records)
    draw = np.random.default_rng(3)
    known = draw.choice(records["tag"].astype(np.uint64), count)
    asked = np.where(draw.random(count) < 0.5, known, draw.integers(0, 2**64, count, np.uint64))
    found, rows = mirror.find_many(asked)
    for tag, hit, row in zip(asked.tolist(), found.tolist(), rows.tolist()):
        entry = mirror.find(tag)
        assert hit == (entry is not None)
        assert row == (entry or (0, 0, 0, 0, 0))


def test_the_exceptions_of_a_tag_are_found(tmp_path: Path) -> None:
    mine = [(5, 1, 1, 1, 0, 0, 0), (5, 1, 2, 1, 0, 0, 0), (5, 3, 1, 1, 0, 0, 0)]
    mirror = filled(tmp_path, drawn(10, 1), exceptions((4, 1, 1, 1, 1, 1, 0), *mine, (2**64 - 1, 1, 1, 1, 1, 1, 0)))
    assert mirror.exceptions_of(5).tolist() == mine
    assert len(mirror.exceptions_of(6)) == 0
    assert len(mirror.exceptions_of(2**64 - 1)) == 1


def test_a_reader_keeps_finding_while_another_process_takes_new_editions(tmp_path: Path) -> None:
    records = drawn(2000, 1)
    writer = filled(tmp_path, records)
    reader = Mirror.open(tmp_path)
    writer.apply(delta_for(records, 500, 2), edition=2)
    tag = 68 << 56 | 5
    writer.apply(record_array([tag], [1], [2], [3], [4]), edition=3)
    assert reader.find(tag) == (tag, 1, 2, 3, 4)
    assert reader.edition == 3


# --- what must not happen ---------------------------------------------------------------------------------------------


def test_a_list_that_would_not_be_what_the_feed_says_is_not_taken(tmp_path: Path) -> None:
    records = drawn(1000, 1)
    mirror = filled(tmp_path, records)
    before = files(tmp_path)
    for roots in [(bytes(32), EMPTY_ROOT), (content_root(apply(records, delta_for(records, 9, 1))), bytes(32))]:
        with pytest.raises(FeedError) as refused:
            mirror.apply(delta_for(records, 9, 1), edition=2, roots=roots)
        assert refused.value.code == "root_differs"
        with pytest.raises(FeedError):
            mirror.replace([drawn(50, 9)], edition=2, epoch=1, algorithm="aes-cmac-64", roots=roots)
    assert (mirror.edition, files(tmp_path)) == (1, before)
    assert Mirror.open(tmp_path).content_root == content_root(records)


def test_chunks_and_change_sets_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    records = drawn(1000, 1)
    mirror = filled(tmp_path, records)
    with pytest.raises(FeedError) as refused:
        mirror.replace([records[500:], records[:500]], edition=2, epoch=1, algorithm="aes-cmac-64")
    assert refused.value.code == "bad_list_file"
    with pytest.raises(InvalidInputError):
        mirror.apply(records[::-1], edition=2)
    assert whole(Mirror.open(tmp_path)) == records.tobytes()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("what", ["bucket", "exceptions"])
def test_a_flipped_bit_is_found_by_verify(tmp_path: Path, what: str) -> None:
    mirror = filled(tmp_path, drawn(3000, 1), exceptions((1, 1, 1, 1, 1, 1, 0)))
    name = mirror.state.bucket_name(17) if what == "bucket" else mirror.state.exceptions_name
    flip(tmp_path / str(name))
    with pytest.raises(FeedError) as refused:
        Mirror.open(tmp_path).verify()
    assert refused.value.code == "state_damaged"
    assert str(name) in refused.value.detail


def test_a_state_from_before_the_machine_started_is_verified_when_opened(tmp_path: Path) -> None:
    mirror = filled(tmp_path, drawn(3000, 1))
    earlier = msgspec.structs.replace(mirror.state, boot="another start")
    (tmp_path / STATE).write_bytes(msgspec.json.encode(earlier))
    assert Mirror.open(tmp_path).entries == mirror.entries
    flip(tmp_path / str(mirror.state.bucket_name(34)))
    with pytest.raises(FeedError):
        Mirror.open(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"leaves":[]}', b'{"edition":"x"}', b"\xff"])
def test_a_damaged_state_is_said_and_the_mirror_can_start_over(tmp_path: Path, content: bytes) -> None:
    records = drawn(100, 1)
    filled(tmp_path, records)
    (tmp_path / STATE).write_bytes(content)
    with pytest.raises(FeedError) as refused:
        Mirror.open(tmp_path)
    assert refused.value.code == "state_damaged"
    fresh = Mirror.start_over(tmp_path)
    fresh.replace([records], edition=5, epoch=1, algorithm="aes-cmac-64")
    assert whole(Mirror.open(tmp_path)) == records.tobytes()
    assert files(tmp_path) == {*fresh.state.sizes, STATE, "lock"}


def test_a_missing_or_cut_bucket_is_said_when_the_mirror_is_opened_or_asked(tmp_path: Path) -> None:
    records = drawn(3000, 1)
    mirror = filled(tmp_path, records)
    name = str(mirror.state.bucket_name(int(records["tag"][0]) >> 56))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-1])
    with pytest.raises(FeedError):
        Mirror.open(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(FeedError):
        Mirror.open(tmp_path)
    with pytest.raises(FeedError) as asked:
        mirror.find(int(records["tag"][0]))
    with pytest.raises(FeedError) as changed:
        mirror.apply(records[:1], edition=2)
    assert asked.value.code == changed.value.code == "state_damaged"


def test_files_that_are_not_ours_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("by hand")
    (tmp_path / "00-0123456789abcdef0123456789abcdef").write_text("left behind by a crash")
    filled(tmp_path, drawn(10, 1))
    assert "notes.txt" in files(tmp_path)
    assert "00-0123456789abcdef0123456789abcdef" not in files(tmp_path)


def test_only_one_process_changes_a_mirror_and_none_works_from_an_old_state(tmp_path: Path) -> None:
    records = drawn(100, 1)
    mirror = filled(tmp_path, records)
    other = Mirror.open(tmp_path)
    with mirror._writing(), pytest.raises(ConflictError) as busy:
        other.apply(records[:1], edition=2)
    assert busy.value.code == "state_busy"
    mirror.apply(delta_for(records, 5, 1), edition=2)
    with pytest.raises(ConflictError) as moved:
        other.apply(records[:1], edition=2)
    assert moved.value.code == "state_moved"
    other.refresh()
    other.apply(records[:1], edition=3)


def test_a_folder_that_cannot_be_written_is_said_clearly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UnavailableError) as refused:
        Mirror.open(tmp_path / "file" / "list").apply(drawn(5, 1), edition=1)
    assert refused.value.code in {"state_unwritable", "state_unreadable"}

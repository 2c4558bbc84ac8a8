"""Edition arithmetic: roots, change sets, and the cheapest path through a feed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
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
    Edition,
    FeedEdition,
    FeedFile,
    FeedIndex,
    FeedPart,
    Records,
    apply,
    arranged,
    cheapest_path,
    compose,
    content_root,
    decode_feed,
    editions_to_list,
    encode_feed,
    exceptions_root,
    is_sorted,
    record_array,
    removes,
    splice,
    split,
)
from registry.errors import FeedError, InvalidInputError

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "tags.json").read_text())
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)

tags = st.integers(0, 2**64 - 1) | st.integers(0, 40).map(lambda n: n << 56 | n % 3)
masks = st.tuples(*[st.sampled_from([0, 1, 0xFFFF])] * 3)
rows = st.tuples(masks, st.sampled_from([0, 7, 2**32 - 1]))
Row = tuple[tuple[int, ...], int]
histories = st.lists(st.dictionaries(tags, rows, max_size=12), min_size=1, max_size=8)
exception_rows = st.tuples(masks, st.sampled_from([0, 20_000]))
exception_keys = st.tuples(tags, st.integers(1, 3), st.sampled_from([1, 2, 3]))
exception_histories = st.lists(st.dictionaries(exception_keys, exception_rows, max_size=12), min_size=1, max_size=6)


def listed(entries: dict[int, Row]) -> Records:
    return arranged(np.array([(tag, *m, quiet) for tag, (m, quiet) in entries.items()], RECORD))


def excepted(entries: dict[tuple[int, int, int], Row]) -> Records:
    return arranged(np.array([(*key, *m, until) for key, (m, until) in entries.items()], EXCEPTION))


def test_record_and_content_root_are_those_of_the_golden_vectors() -> None:
    entries = VECTORS["entries"]
    columns = [[entry[name] for entry in reversed(entries)] for name in ("calls", "robocalls", "messages", "quiet")]
    records = record_array([int(entry["tag"]) for entry in reversed(entries)], *columns)
    assert RECORD.itemsize == 18
    assert content_root(records).hex() == VECTORS["content_root"]
    first = entries[0]
    masks_of_first = b"".join(first[name].to_bytes(2, "big") for name in ("calls", "robocalls", "messages"))
    wanted = int(first["tag"]).to_bytes(8, "big") + masks_of_first + first["quiet"].to_bytes(4, "big")
    assert records[0].tobytes() == wanted


def test_empty_lists_have_the_golden_empty_root() -> None:
    assert EMPTY_ROOT.hex() == VECTORS["content_root_empty"]
    assert content_root(np.empty(0, RECORD)) == EMPTY_ROOT
    assert exceptions_root(np.empty(0, EXCEPTION)) == EMPTY_ROOT


def test_an_exception_is_23_bytes_big_endian_in_the_order_of_the_design() -> None:
    record = np.array([(1, 2, 3, 4, 5, 6, 7)], EXCEPTION)
    assert record.tobytes().hex() == "0000000000000001" "00000002" "03" "0004" "0005" "0006" "00000007"


def test_buckets_go_by_the_top_byte_of_the_tag() -> None:
    records = record_array([0, 2**56 - 1, 2**56, 2**64 - 1], *[[1] * 4] * 4)
    assert [len(bucket) for bucket in split(records)] == [2, 1, *[0] * 253, 1]


@settings(max_examples=80, deadline=None)
@given(histories)
def test_full_and_deltas_make_the_next_full_for_any_history(history: list[dict[int, Row]]) -> None:
    truth: dict[int, Row] = {}
    now, deltas = np.empty(0, RECORD), []
    for change in history:
        truth |= change
        truth = {tag: row for tag, row in truth.items() if any(row[0]) or row[1]}
        deltas.append(listed(change))
        now = apply(now, deltas[-1])
        full = listed(truth)
        assert now.tobytes() == full.tobytes()
        assert is_sorted(now)
        assert apply(now, deltas[-1]).tobytes() == full.tobytes()
    rolled = compose(deltas)
    for start in range(len(deltas)):
        part_way = np.empty(0, RECORD)
        for delta in deltas[:start]:
            part_way = apply(part_way, delta)
        assert apply(part_way, rolled).tobytes() == now.tobytes()


@settings(max_examples=50, deadline=None)
@given(exception_histories)
def test_exceptions_follow_their_changes_for_any_history(history: list[dict[tuple[int, int, int], Row]]) -> None:
    truth: dict[tuple[int, int, int], Row] = {}
    now = np.empty(0, EXCEPTION)
    for change in history:
        truth |= change
        truth = {key: row for key, row in truth.items() if any(row[0])}
        now = apply(now, excepted(change))
        assert now.tobytes() == excepted(truth).tobytes()
        assert exceptions_root(now) == exceptions_root(excepted(truth))


@settings(max_examples=50, deadline=None)
@given(st.sets(st.integers(0, 400), min_size=60), st.dictionaries(st.integers(0, 400), rows, max_size=7))
def test_splicing_a_small_change_set_equals_merging_it(have: set[int], change: dict[int, Row]) -> None:
    before = listed(dict.fromkeys(have, ((1, 1, 1), 5)))
    delta = listed(change)
    merged = compose((before, delta))
    assert b"".join(splice(before, delta)) == merged[~removes(merged)].tobytes()


def test_a_small_change_set_is_spliced_without_copying_what_stays() -> None:
    before = record_array(np.arange(1000, dtype=np.uint64), *[np.full(1000, 1)] * 4)
    pieces = splice(before, record_array([500], [0], [0], [0], [0]))
    assert [len(piece) for piece in pieces] == [500 * 18, 499 * 18]
    assert all(np.shares_memory(np.frombuffer(piece, np.uint8), before) for piece in pieces)


def test_a_list_with_a_tag_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError) as refused:
        record_array([5, 5], [1, 1], [1, 1], [1, 1], [0, 0])
    assert refused.value.code == "tag_twice"
    with pytest.raises(InvalidInputError):
        arranged(np.array([(5, 1, 1, 1, 1, 1, 0), (5, 1, 1, 2, 2, 2, 0)], EXCEPTION))
    by_all_keys = arranged(np.array([(5, 2, 1, 1, 1, 1, 0), (5, 1, 2, 1, 1, 1, 0), (5, 1, 1, 1, 1, 1, 0)], EXCEPTION))
    assert is_sorted(by_all_keys)
    assert by_all_keys[["party", "kind"]].tolist() == [(1, 1), (1, 2), (2, 1)]


# --- paths ------------------------------------------------------------------------------------------------------------


def file(kind: str, start: int, to: int, size: int, epoch: int = 1) -> FeedFile:
    return FeedFile(kind=kind, from_=start, to=to, epoch=epoch, parts=(FeedPart(rows=1, bytes=size, sha256="00" * 32),))


def feed(*files: FeedFile, newest: int, epoch: int = 1) -> FeedIndex:
    return FeedIndex(recipient="cmcc", algorithm="aes-cmac-64", epoch=epoch, newest=newest, files=files)


def ends(path: tuple[FeedFile, ...]) -> list[tuple[int, int]]:
    return [(step.from_, step.to) for step in path]


def test_who_is_up_to_date_fetches_nothing() -> None:
    assert cheapest_path(feed(file("full", 0, 3, 100), newest=3), Edition(3)) == ()
    assert cheapest_path(feed(newest=0), None) == ()


def test_who_has_nothing_fetches_a_full_list_and_what_came_after() -> None:
    deltas = [file("delta", n, n + 1, 10) for n in range(1, 5)]
    offered = feed(file("full", 0, 3, 100), file("full", 0, 1, 100), *deltas, newest=5)
    assert ends(cheapest_path(offered, None)) == [(0, 3), (3, 4), (4, 5)]


def test_bytes_decide_between_deltas_roll_ups_and_a_full() -> None:
    deltas = [file("delta", n, n + 1, 10) for n in range(10)]
    assert ends(cheapest_path(feed(*deltas, file("rollup", 5, 10, 30), newest=10), Edition(5))) == [(5, 10)]
    assert ends(cheapest_path(feed(*deltas, file("rollup", 5, 10, 30), newest=10), Edition(8))) == [(8, 9), (9, 10)]
    assert ends(cheapest_path(feed(*deltas, file("full", 0, 10, 30), newest=10), Edition(5))) == [(0, 10)]
    equal = cheapest_path(feed(*deltas, file("rollup", 5, 10, 50), newest=10), Edition(5))
    assert ends(equal) == [(5, 10)], "of equals the one with fewer files"


def test_a_roll_up_serves_everyone_within_what_it_spans() -> None:
    offered = feed(file("rollup", 60, 120, 50), file("rollup", 120, 180, 50), file("full", 0, 60, 9999), newest=180)
    assert ends(cheapest_path(offered, Edition(75))) == [(60, 120), (120, 180)]


def test_files_of_another_key_epoch_are_not_used() -> None:
    offered = feed(file("delta", 5, 6, 1, epoch=1), file("full", 0, 6, 100, epoch=2), newest=6, epoch=2)
    assert ends(cheapest_path(offered, None)) == [(0, 6)]
    assert ends(cheapest_path(offered, Edition(5), epoch=1)) == [(5, 6)]


def test_a_feed_that_ends_before_what_one_has_or_leads_nowhere_is_refused() -> None:
    with pytest.raises(FeedError) as refused:
        cheapest_path(feed(newest=3), Edition(4))
    assert refused.value.code == "feed_older"
    with pytest.raises(FeedError) as refused:
        cheapest_path(feed(file("delta", 5, 6, 1), newest=6), Edition(4))
    assert refused.value.code == "no_path"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10), st.integers(1, 99)), max_size=25), st.integers(0, 10))
def test_no_other_path_costs_fewer_bytes(spans: list[tuple[int, int, int]], start: int) -> None:
    files = [file("rollup" if low else "full", low, high, size) for low, high, size in spans if low < high]
    costs = {start: 0}
    for full in [f for f in files if f.kind == "full"]:
        costs[full.to] = min(costs.get(full.to, 10**9), full.bytes)
    for _ in range(12):
        for step in files:
            for at in [at for at in costs if step.kind != "full" and step.from_ <= at < step.to]:
                costs[step.to] = min(costs.get(step.to, 10**9), costs[at] + step.bytes)
    if 10 not in costs:
        with pytest.raises(FeedError):
            cheapest_path(feed(*files, newest=10), Edition(start))
        return
    path = cheapest_path(feed(*files, newest=10), Edition(start))
    assert sum(step.bytes for step in path) == costs[10]
    at = start
    for step in path:
        assert step.kind == "full" or step.from_ <= at < step.to
        at = step.to
    assert at == 10


# --- feed.json --------------------------------------------------------------------------------------------------------


def full_feed() -> FeedIndex:
    """A feed as long as it gets: two hours of deltas, 48 hourly and 35 daily roll-ups, two fulls of 10 M entries."""

    def parts(n: int) -> tuple[FeedPart, ...]:
        return tuple(FeedPart(rows=2_500_000, bytes=13_500_000, sha256="5f" * 32) for _ in range(n))

    newest = 35 * 1440
    minutes = list(range(newest - 120, newest + 1))
    hours, days = list(range(newest - 48 * 60, newest + 1, 60)), list(range(0, newest + 1, 1440))
    files = [FeedFile("delta", a, b, 1, parts(1)) for a, b in pairwise(minutes)]
    files += [FeedFile("rollup", a, b, 1, parts(1), parts(1)) for a, b in [*pairwise(hours), *pairwise(days)]]
    files += [FeedFile("full", 0, to, 1, parts(4), parts(1)) for to in (newest - 1440 * 7, newest - 1440 * 14)]
    held = sorted(editions_to_list(files, newest))
    editions = [FeedEdition(n, 10_000_000, "ab" * 32, 1_000_000, "cd" * 32, NOW, epoch) for n, epoch in held]
    whole = feed(*files, newest=newest)
    return msgspec.structs.replace(whole, editions=tuple(editions), parties={7: "bank-of-x", 3: "shop-of-y"})


def test_feed_json_comes_back_and_is_the_same_bytes_each_time() -> None:
    whole = full_feed()
    assert decode_feed(encode_feed(whole)) == whole
    assert encode_feed(decode_feed(encode_feed(whole))) == encode_feed(whole)


def test_the_longest_feed_leaves_room_for_signatures_under_sixty_kilobytes() -> None:
    whole = full_feed()
    assert len(whole.files) > 200
    assert len(encode_feed(whole)) < 50_000


def test_the_cheapest_path_through_the_longest_feed_is_found_quickly_for_anyone() -> None:
    whole = full_feed()
    for have in (None, 1, whole.newest - 3000, whole.newest - 1):
        path = cheapest_path(whole, None if have is None else Edition(have))
        assert path[-1].to == whole.newest


def test_a_feed_says_what_a_list_holds_at_an_edition() -> None:
    whole = full_feed()
    assert whole.edition(whole.newest).entries == 10_000_000
    with pytest.raises(FeedError) as refused:
        whole.edition(3)
    assert refused.value.code == "no_such_edition"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format":2}', b"\xff\x00"])
def test_what_is_not_a_feed_is_refused(content: bytes) -> None:
    with pytest.raises(FeedError) as refused:
        decode_feed(content)
    assert refused.value.code == "bad_feed"

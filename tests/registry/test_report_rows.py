"""What a row of a report must say: every refusal has its own reason, and says nothing of the number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.readers.rows import Row
from registry.report_rows import FIELDS, Claim, Kind, Refusal, check, number_refusal
from registry.times import to_micros

NOW = to_micros(datetime(2026, 11, 23, 2, 0, tzinfo=UTC))
GOOD: dict[str, Any] = {
    "id": "r1", "called": "13800138000", "caller": "02066668888", "channel": "calls", "category": "loan",
    "content": "commercial", "at": "2026-11-23T10:00:00+08:00", "duration": 31, "mode": "human",
    "telemarketer": "acme", "description": "贷款\n推销",
}  # fmt: skip


def checked(kind: Kind = "carrier", *, typed: bool = True, **changes: Any) -> Claim | Refusal:
    fields = {name: value for name, value in (GOOD | changes).items() if value != "leave out"}
    return check(Row(1, b"", fields, typed), kind=kind, now=NOW)


def reason(kind: Kind = "carrier", *, typed: bool = True, **changes: Any) -> str:
    found = checked(kind, typed=typed, **changes)
    return found.reason if isinstance(found, Refusal) else ""


def test_a_whole_row_becomes_a_claim() -> None:
    claim = checked()
    assert isinstance(claim, Claim)
    assert (claim.id, claim.channel, claim.category, claim.content, claim.mode) == ("r1", 0, 0, 0, "human")
    assert (claim.at, claim.duration, claim.telemarketer) == (NOW, 31, "acme")


def test_what_is_left_out_has_a_meaning() -> None:
    optional = ("channel", "category", "content", "duration", "mode", "telemarketer", "description")
    bare = dict.fromkeys(optional, "leave out")
    claim = checked(**bare)
    assert isinstance(claim, Claim)
    assert (claim.channel, claim.category, claim.content, claim.duration) == (0, 15, 0, None)
    recorded = checked(**bare | {"mode": "recorded"})
    assert isinstance(recorded, Claim)
    assert recorded.channel == 1
    assert reason(**dict.fromkeys(bare)) == ""


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"id": "leave out"}, "missing_id"),
        ({"id": "  "}, "missing_id"),
        ({"id": ["1"]}, "bad_id"),
        ({"id": True}, "bad_id"),
        ({"id": "a\x00b"}, "bad_id"),
        ({"id": "x" * 201}, "bad_id"),
        ({"called": "leave out"}, "missing_called"),
        ({"called": 13800138000}, "called_wrong_type"),
        ({"called": "1" * 65}, "called_too_long"),
        ({"caller": ""}, "missing_caller"),
        ({"caller": None}, "missing_caller"),
        ({"caller": {"n": 1}}, "caller_wrong_type"),
        ({"channel": "pigeon"}, "unknown_channel"),
        ({"channel": 1}, "channel_wrong_type"),
        ({"category": "Loan"}, "unknown_category"),
        ({"content": "nice"}, "unknown_content"),
        ({"mode": "shouting"}, "unknown_mode"),
        ({"at": "leave out"}, "missing_at"),
        ({"at": 1790000000}, "at_wrong_type"),
        ({"at": "yesterday"}, "bad_time"),
        ({"at": "2026-11-23T10:00:00"}, "bad_time"),
        ({"at": "2026-02-30T10:00:00Z"}, "bad_time"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "too_old"),
        ({"at": "1999-12-31T23:59:59Z"}, "too_old"),
        ({"at": "2026-11-23T02:05:01Z"}, "future_time"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "future_time"),
        ({"duration": -1}, "impossible_duration"),
        ({"duration": 86_401}, "impossible_duration"),
        ({"duration": 10**30}, "impossible_duration"),
        ({"duration": 1.5}, "duration_wrong_type"),
        ({"duration": "30"}, "duration_wrong_type"),
        ({"duration": True}, "duration_wrong_type"),
        ({"telemarketer": 7}, "telemarketer_wrong_type"),
        ({"telemarketer": "x" * 201}, "telemarketer_too_long"),
        ({"telemarketer": "a\x00"}, "bad_telemarketer"),
        ({"description": "x" * 4001}, "description_too_long"),
        ({"description": []}, "description_wrong_type"),
        ({"colour": "red"}, "unknown_field"),
        ({"13800138000": "x"}, "unknown_field"),
    ],
)
def test_each_fault_has_its_reason(changes: dict[str, Any], wanted: str) -> None:
    found = checked(**changes)
    assert isinstance(found, Refusal)
    assert found.reason == wanted
    assert found.detail.endswith(".")
    assert "138" not in found.detail


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 17},
        {"at": "2026-11-23T02:04:59Z"},
        {"at": "2026-11-23 10:00:00.123456+08:00"},
        {"at": "2000-01-01T00:00:00Z"},
        {"duration": 0},
        {"duration": 86_400},
        {"duration": 30.0},
        {"caller": "hidden"},
        {"telemarketer": "某某公司"},
    ],
)
def test_what_lies_just_inside_is_taken(changes: dict[str, Any]) -> None:
    assert reason(**changes) == ""


def test_a_table_has_text_only_and_its_durations_are_read() -> None:
    assert reason(typed=False, duration="30") == ""
    assert reason(typed=False, duration="-5") == "impossible_duration"
    assert reason(typed=False, duration="3o") == "duration_wrong_type"


def test_the_ftc_names_no_called_number_and_may_name_no_time() -> None:
    found = check(Row(1, b"", {"id": "a", "caller": "8053096227"}), kind="ftc", now=NOW)
    assert isinstance(found, Claim)
    assert (found.called, found.at, found.channel, found.category) == ("", NOW, None, None)
    empty = check(Row(1, b"", {"id": "a", "caller": ""}), kind="ftc", now=NOW)
    assert isinstance(empty, Refusal)
    assert empty.reason == "missing_caller"


def test_refused_numbers_are_told_apart_by_side_and_reason() -> None:
    assert number_refusal("caller", "letters", "x").reason == "caller_letters"
    found = number_refusal("called", "short_number", "x")
    assert found.detail == "The called number is a short number, not a subscriber's."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)) | st.text(max_size=4), json_values, max_size=6), st.booleans())
@settings(max_examples=200, deadline=None)
def test_any_row_is_a_claim_or_a_refusal(fields: dict[str, Any], whole: bool) -> None:
    for kind in ("carrier", "people", "ftc"):
        found = check(Row(1, b"", (GOOD if whole else {}) | fields), kind=kind, now=NOW)
        assert isinstance(found, Claim | Refusal)

"""Tests of quarters and public figures: known ones come out right, shares sum up, nobody is found by subtraction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidInputError
from registry.quarters import Quarter, change, quarter_named, quarter_of, shares, shown

ZONE = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("now", "before", "per_cent"),
    [
        (100_028, 166_436, -39.9),  # calls, 2020 Q1
        (58_268, 102_947, -43.4),  # messages
        (8_732, 19_982, -56.3),  # fraud
        (166_170, 100_028, 66.1),  # calls, 2020 Q2
        (34_001, 58_268, -41.6),
        (1, 0, None), (0, 5, -100.0), (5, 5, 0.0), (1999, 2000, -0.1), (2001, 2000, 0.1),
    ],
)  # fmt: skip
def test_the_known_quarters_come_out_right(now: int, before: int, per_cent: float | None) -> None:
    assert change(now, before) == per_cent


def test_shares_of_a_known_quarter_come_back() -> None:
    carriers = {"cmcc": 676, "cucc": 125, "ctcc": 97, "mvno": 73, "cbn": 29}
    assert sum(carriers.values()) == 1000
    assert shares(carriers) == {"cmcc": 67.6, "cucc": 12.5, "ctcc": 9.7, "mvno": 7.3, "cbn": 2.9}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 10**7), min_size=1, max_size=30))
def test_shares_sum_to_a_hundred_and_are_nowhere_off_by_a_tenth(counts: dict[str, int]) -> None:
    found, total = shares(counts), sum(counts.values())
    assert round(sum(found.values()), 6) == (100 if total else 0)
    assert all(abs(found[name] - 100 * count / total) < 0.1 for name, count in counts.items() if total)


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 60), min_size=2, max_size=12))
def test_no_small_cell_is_shown_nor_left_alone_to_be_found_by_subtraction(counts: dict[str, int]) -> None:
    found = shown(counts)
    hidden = [name for name, count in found.items() if count is None]
    assert all(count in (None, counts[name]) for name, count in found.items())
    assert not any(count is not None and 0 < count < 10 for count in found.values())
    filled = [name for name, count in counts.items() if count]
    assert len(hidden) != 1 or filled == hidden


def test_quarters_go_on_over_years_and_begin_at_local_midnight() -> None:
    assert Quarter(2020, 1).before() == Quarter(2019, 4)
    assert Quarter(2020, 1).before(4) == Quarter(2019, 1)
    start, end = Quarter(2020, 4).bounds(ZONE)
    assert (start, end) == (datetime(2020, 9, 30, 16, tzinfo=UTC), datetime(2020, 12, 31, 16, tzinfo=UTC))
    assert quarter_of(start, ZONE) == Quarter(2020, 4) == quarter_of(end - timedelta(microseconds=1), ZONE)
    assert quarter_of(end, ZONE) == Quarter(2021, 1)


def test_a_quarter_is_read_back_from_its_name() -> None:
    assert quarter_named(str(Quarter(2026, 3))) == quarter_named(" 2026q3 ") == Quarter(2026, 3)
    for wrong in ("2026-Q5", "2026", "Q1-2026", ""):
        with pytest.raises(InvalidInputError):
            quarter_named(wrong)

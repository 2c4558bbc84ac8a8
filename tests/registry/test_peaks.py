"""Peaks: the calendar of them and what it refuses; lines of years, surges, what is expected (rule 82)."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from registry import peaks
from registry.errors import InvalidInputError, NotFoundError, SettingsError
from registry.outside.peakfile import NAME, peaks_of, set_peak
from registry.peaks import Peak, expected, lines, load_peaks, peak_of
from registry.store import Store
from tests.registry.counting import counts, year_of

JUNE, NOVEMBER = load_peaks()
FULL = {"name_zh": "节", "name_en": "Feast", "month": 3, "day": 15, "before": 5, "after": 1, "base": 14, "warn": 7,
        "surge": 2.0}  # fmt: skip


# the calendar


def test_618_and_double_eleven_come_with_the_program() -> None:
    assert [(each.month, each.day, each.name_zh) for each in load_peaks()] == [(6, 18, "618"), (11, 11, "双十一")]
    assert (JUNE.first(2026), JUNE.last(2026)) == (date(2026, 5, 31), date(2026, 6, 20))
    assert (NOVEMBER.first(2026), NOVEMBER.last(2026)) == (date(2026, 10, 21), date(2026, 11, 13))
    assert (NOVEMBER.base_first(2026), NOVEMBER.warned(2026)) == (date(2026, 9, 23), date(2026, 10, 7))
    assert len(NOVEMBER.days(2026)) == 28 + 24


def test_an_instance_changes_a_peak_and_adds_another_in_its_own_file(tmp_path: Path) -> None:
    assert peaks_of(tmp_path) == load_peaks()
    set_peak(tmp_path, "june-18", before=10)
    every = set_peak(tmp_path, "feast", **FULL)
    assert [each.peak for each in every] == ["feast", "june-18", "november-11"]
    assert peaks_of(tmp_path) == every
    assert peak_of(every, "june-18").before == 10
    assert peak_of(every, "feast").surge == 2.0
    with pytest.raises(NotFoundError):
        peak_of(every, "may-day")


def refused(folder: Path, code: str, peak: str = "feast", **changes: str | float) -> None:
    before = peaks_of(folder)
    with pytest.raises(InvalidInputError) as error:
        set_peak(folder, peak, **changes)
    assert error.value.code == code
    assert peaks_of(folder) == before


def test_a_day_that_some_year_lacks_is_no_peak(tmp_path: Path) -> None:
    for month, day in ((2, 29), (2, 30), (13, 1), (6, 31), (0, 0)):
        refused(tmp_path, "no_such_date", **FULL | {"month": month, "day": day})


def test_a_window_longer_than_the_gap_between_two_peaks_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "peaks_overlap", **FULL | {"month": 6, "day": 25})
    refused(tmp_path, "peaks_overlap", **FULL | {"month": 12, "day": 1, "base": 20})  # its base meets 11 November
    refused(tmp_path, "peaks_overlap", peak="november-11", before=90, base=90)
    set_peak(tmp_path, "feast", **FULL | {"month": 12, "day": 28, "after": 20})
    refused(tmp_path, "peaks_overlap", peak="new-year", **FULL | {"month": 1, "day": 20})  # over the turn of the year


def test_values_that_make_no_sense_are_refused_and_the_file_stays(tmp_path: Path) -> None:
    for wrong in ({"before": -1}, {"warn": 0}, {"warn": 61}, {"base": 6}, {"surge": 1}, {"surge": float("nan")},
                  {"name_en": ""}, {"name_zh": 'a"\nday = 2'}, {"name_en": "x" * 41}):  # fmt: skip
        refused(tmp_path, "bad_peak", **FULL | wrong)  # type: ignore[arg-type]
    refused(tmp_path, "bad_peak", name_en="half")
    refused(tmp_path, "bad_peak", peak="Bad Name", **FULL)
    assert not (tmp_path / NAME).exists()
    for text in ("[june-18]\nmonth = 6\n", "x = 1\n", "[[", "[a-b]\nmonth = true\n"):
        (tmp_path / NAME).write_text(text)
        with pytest.raises(SettingsError, match=NAME):
            peaks_of(tmp_path)
    (tmp_path / NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=NAME):
        peaks_of(tmp_path)


def test_the_newest_year_is_the_one_whose_base_has_begun() -> None:
    assert NOVEMBER.newest(date(2026, 9, 22)) == 2025
    assert NOVEMBER.newest(date(2026, 9, 23)) == 2026
    assert NOVEMBER.next(date(2026, 11, 13)) == 2026
    assert NOVEMBER.next(date(2026, 11, 14)) == 2027
    new_year = Peak("new-year", "年", "New Year", 1, 3, 20, 5, 28, 14, 1.5)
    assert new_year.newest(date(2026, 12, 20)) == 2027
    assert new_year.next(date(2026, 12, 20)) == 2027


# lines


def test_years_are_told_apart_into_missing_cut_running_and_whole(store: Store) -> None:
    year_of(store, NOVEMBER, 2025, base=10, window=25)
    year_of(store, NOVEMBER, 2026, base=20, window=30, until=date(2026, 10, 31))
    found = lines(store, NOVEMBER, year=2026, today=date(2026, 10, 31))
    assert [(each.year, each.state, each.surge) for each in found] == [
        (2026, "running", 1.5), (2025, "whole", 2.5), (2024, "missing", None), (2023, "missing", None)
    ]  # fmt: skip
    assert found[0].known == 10  # whole days only: the day that runs is not one of them
    assert found[0].counts[-14:] == (None,) * 14
    assert set(found[2].counts) == {None}


def test_a_year_in_whose_middle_counting_began_has_no_surge(store: Store) -> None:
    counts(store, date(2025, 10, 10), all=7)
    year_of(store, NOVEMBER, 2026, base=20, window=30)
    found = lines(store, NOVEMBER, year=2026, today=date(2026, 12, 1))
    assert (found[1].state, found[1].surge, found[1].counts[17]) == ("cut", None, 7)
    assert found[1].counts[:17] == (None,) * 17
    assert found[1].counts[18] == 0
    assert found[0].state == "whole"
    assert lines(store, JUNE, year=2027, today=date(2027, 4, 1))[0].state == "coming"


def test_what_is_expected_is_the_base_times_the_mean_surge_of_whole_years(store: Store) -> None:
    year_of(store, NOVEMBER, 2024, base=10, window=40)
    year_of(store, NOVEMBER, 2025, base=10, window=20)
    year_of(store, NOVEMBER, 2026, base=100, window=0, until=date(2026, 10, 3))
    found = lines(store, NOVEMBER, year=2026, today=date(2026, 10, 3))
    made = expected(found[0], found[1:])
    assert made is not None
    assert (made.mean, made.least, made.most, made.years, made.base) == (300, 200, 400, (2024, 2025), 10)
    assert set(made.days) == {300}
    assert expected(found[0], found[3:]) is None
    early = lines(store, NOVEMBER, year=2026, today=date(2026, 9, 27))
    assert expected(early[0], early[1:]) is None  # four days of a base tell nothing


def test_an_empty_base_gives_no_surge_and_nothing_is_expected(store: Store) -> None:
    counts(store, date(2024, 1, 1), all=1)
    year_of(store, NOVEMBER, 2025, base=0, window=20)
    found = lines(store, NOVEMBER, year=2026, today=date(2026, 10, 30))
    assert [each.surge for each in found] == [None] * 4
    assert expected(found[0], found[1:]) is None


def test_enterprises_are_told_by_their_surge_and_those_that_are_new_lead(store: Store) -> None:
    year_of(store, NOVEMBER, 2025, base=100, window=200, e_calm=(5, 5), e_loud=(2, 8), e_new=(0, 3), e_few=(0, 0))
    counts(store, date(2025, 11, 11), all=200, enterprise={"e_few": 9})
    found = peaks.surges(store, NOVEMBER, year=2025, today=date(2026, 1, 1), least=10)
    assert [(each.enterprise, each.times and round(each.times, 2)) for each in found] == [
        ("e_new", None), ("e_loud", 3.83), ("e_calm", 0.96)
    ]  # fmt: skip
    running = peaks.surges(store, NOVEMBER, year=2025, today=date(2025, 10, 31), least=10)
    assert next(each for each in running if each.enterprise == "e_loud").times == 4
    assert peaks.surges(store, NOVEMBER, year=2025, today=NOVEMBER.first(2025), least=1) == ()
    assert peaks.surges(store, NOVEMBER, year=2024, today=date(2026, 1, 1), least=1) == ()
    assert NOVEMBER.first(2025) + timedelta(days=1) < NOVEMBER.last(2025)

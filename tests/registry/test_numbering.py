"""The number plan: ranges, areas, codes, carriers, drawn numbers, holidays."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

import numpy as np
import pytest

from registry.errors import SettingsError, UnavailableError
from registry.numbering import CallerKind, NumberPlan, draw_numbers, parse_holidays
from registry.numbering.load import _areas, _codes, _mobile
from registry.numbers import Number, parse_caller, parse_many


def mobile(prefix: str) -> Number:
    return Number(1, int("86" + prefix.ljust(11, "0")))


@pytest.mark.parametrize(
    ("prefix", "carrier"),
    [
        ("133", "ctcc"), ("13490", ""), ("13492", "ctcc"), ("13499", "ctcc"), ("1348", "cmcc"), ("138", "cmcc"),
        ("172", "cmcc"), ("198", "cmcc"), ("130", "cucc"), ("166", "cucc"), ("196", "cucc"), ("192", "cbn"),
        ("1619", "satnet"), ("17405", "ctcc"), ("17406", ""), ("162", "ctcc"), ("1701", "ctcc"), ("165", "cmcc"),
        ("1703", "cmcc"), ("171", "cucc"), ("1709", "cucc"), ("154", ""), ("160", ""), ("1618", ""), ("194", ""),
    ],
)
def test_a_range_is_served_by_its_carrier_or_by_its_host(plan: NumberPlan, prefix: str, carrier: str) -> None:
    assert plan.carrier_of(mobile(prefix)) == carrier


@pytest.mark.parametrize(
    "prefix", ["154", "160", "1610", "163", "164", "168", "169", "179", "194", "17413", "13490", "140"]
)
def test_a_range_that_nobody_holds_is_unassigned_as_a_caller(plan: NumberPlan, prefix: str) -> None:
    assert plan.caller_kind(mobile(prefix)) is CallerKind.UNASSIGNED


def test_landlines_are_served_by_the_areas_carrier(plan: NumberPlan) -> None:
    for digits in (861085551234, 8675585551234, 869512345678):
        assert plan.carrier_of(Number(1, digits)) == "ctcc"
    assert plan.carrier_of(Number(1, 862612345678)) == ""  # 26 is reserved


@pytest.mark.parametrize(
    "number", [Number(1, 16502530000), Number(1, 85221234567), Number(2, 95533), Number(2, 2**64 - 1)]
)
def test_foreign_numbers_and_codes_have_no_carrier(plan: NumberPlan, number: Number) -> None:
    assert plan.carrier_of(number) == ""
    assert not plan.is_portable(number)


def test_carriers_of_many_numbers_are_those_of_each(plan: NumberPlan) -> None:
    drawn = draw_numbers(plan, 2000, 3, landlines=0.3)
    strange = np.array([0, 1, 86, 861, 8618, 86999999999, 16502530000, 861400012345678, 2**64 - 1], dtype=np.uint64)
    every = np.concatenate([drawn, strange])
    found = plan.carriers_of(every)
    assert found.dtype == np.int16
    assert [plan.carriers[i] if i >= 0 else "" for i in found] == [plan.carrier_of(Number(1, int(d))) for d in every]
    assert (found[: len(drawn)] >= 0).all()
    assert (found[len(drawn) :] == -1).all()
    assert len(plan.carriers_of(np.empty(0, dtype=np.uint64))) == 0


@pytest.mark.parametrize("prefix", ["13492", "17400", "162", "165", "167", "170", "1701", "171", "146", "148", "154"])
def test_satellite_resale_machine_and_unassigned_ranges_do_not_port(plan: NumberPlan, prefix: str) -> None:
    assert not plan.is_portable(mobile(prefix))


def test_ordinary_mobiles_port_and_landlines_do_not(plan: NumberPlan) -> None:
    assert plan.is_portable(mobile("138"))
    assert plan.is_portable(mobile("192"))
    assert not plan.is_portable(Number(1, 861085551234))


def test_resellers_ranges_are_known(plan: NumberPlan) -> None:
    assert all(plan.is_resale(mobile(p)) for p in ("162", "165", "167", "171", "1700", "1709"))
    assert not plan.is_resale(mobile("138"))
    assert plan.is_mobile(mobile("138"))
    assert not plan.is_mobile(mobile("154"))


KINDS = {
    "110": "EMERGENCY", "120": "EMERGENCY", "12321": "EMERGENCY", "12345": "EMERGENCY", "10086": "EMERGENCY",
    "10099": "EMERGENCY", "10086999": "EMERGENCY", "95110": "EMERGENCY", "95533": "PLAIN", "955330": "PLAIN",
    "95312": "PLAIN", "95012345": "CALL_CENTRE", "95112": "CALL_CENTRE", "95212": "CALL_CENTRE", "95412": "CALL_CENTRE",
    "957123": "CALL_CENTRE", "95812": "UNASSIGNED", "96315": "PLAIN", "4001234567": "PLAIN", "8008100000": "PLAIN",
    "700123456789012": "PLAIN", "106212345678": "COMMERCIAL_PORT", "106612345678": "COMMERCIAL_PORT",
    "106312345678": "SERVICE_PORT", "106550571": "SERVICE_PORT", "10690001234567890123": "SERVICE_PORT",
    "1064123456789": "PLAIN", "10601234": "UNREGISTERED_PORT", "10611234": "UNREGISTERED_PORT",
    "106712345": "UNREGISTERED_PORT", "106812345": "UNREGISTERED_PORT", "13800138000": "PLAIN", "010-85551234": "PLAIN",
    "15412345678": "UNASSIGNED", "026-12345678": "UNASSIGNED", "+16502530000": "FOREIGN", "+85221234567": "FOREIGN",
    "1400012345678": "PLAIN", "+869512345678": "PLAIN",
}  # fmt: skip


@pytest.mark.parametrize(("text", "kind"), KINDS.items())
def test_a_caller_is_told_apart_by_its_number(plan: NumberPlan, text: str, kind: str) -> None:
    assert plan.caller_kind(parse_caller(text, plan)) is CallerKind[kind]


def test_a_caller_that_withheld_its_number_is_hidden(plan: NumberPlan) -> None:
    assert plan.caller_kind(None) is CallerKind.HIDDEN


def test_drawn_numbers_are_valid_distinct_and_the_same_for_a_seed(plan: NumberPlan) -> None:
    drawn = draw_numbers(plan, 20_000, 7)
    assert drawn.dtype == np.uint64
    assert len(np.unique(drawn)) == 20_000
    assert (draw_numbers(plan, 20_000, 7) == drawn).all()
    assert (draw_numbers(plan, 20_000, 8) != drawn).any()
    read = parse_many([f"+{digits}" for digits in drawn], plan)
    assert read.ok.all()
    assert (read.digits == drawn).all()
    fixed = (drawn < 86_1000_0000_000) | (drawn >= 86_2000_0000_000)
    assert 0.08 < fixed.mean() < 0.12
    assert not len(draw_numbers(plan, 0, 7))


def test_a_hundred_thousand_numbers_are_drawn_in_less_than_a_second(plan: NumberPlan) -> None:
    began = time.process_time()
    draw_numbers(plan, 100_000, 7)
    assert time.process_time() - began < 1


def test_a_small_space_is_drawn_without_repeats(plan: NumberPlan) -> None:
    assert len(np.unique(draw_numbers(plan, 300_000, 1, landlines=1.0))) == 300_000


@pytest.mark.parametrize(
    ("day", "off", "works"),
    [
        (date(2024, 2, 10), True, False),  # spring festival
        (date(2024, 2, 4), False, True),  # a Sunday worked in exchange
        (date(2025, 10, 8), True, False),
        (date(2026, 2, 14), False, True),  # RULES §4
        (date(2026, 10, 1), True, False),
        (date(2026, 11, 23), False, True),
        (date(2026, 11, 22), False, False),  # an ordinary Sunday
        (date(2016, 2, 8), True, False),
    ],
)
def test_the_calendar_knows_holidays_and_weekends_worked(plan: NumberPlan, day: date, off: bool, works: bool) -> None:
    assert plan.holidays.is_holiday(day) is off
    assert plan.holidays.is_working_day(day) is works


@pytest.mark.parametrize("year", [2014, 2027])
def test_a_year_that_is_not_in_the_calendar_fails_loudly(plan: NumberPlan, year: int) -> None:
    for ask in (plan.holidays.is_holiday, plan.holidays.is_working_day):
        with pytest.raises(UnavailableError) as refused:
            ask(date(year, 1, 1))
        assert refused.value.code == "holidays_unknown"
        assert str(year) in refused.value.detail


def test_a_moment_is_not_taken_for_a_day(plan: NumberPlan) -> None:
    with pytest.raises(TypeError):
        plan.holidays.is_holiday(datetime(2026, 10, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "text",
    [
        "[2030]\noff = []\nworking = []",
        "[2030]\noff = [[2030-01-01, 2030-01-01]]",
        "[2030]\noff = [[2031-01-01, 2031-01-01]]\nworking = []",
        "[2030]\noff = [[2030-01-01, 2030-01-01]]\nworking = [2030-01-02]",  # a Wednesday
        "[2030]\noff = [[2030-01-05, 2030-01-06]]\nworking = [2030-01-05]",
        "[next]\noff = [[2030-01-01, 2030-01-01]]\nworking = []",
    ],
)
def test_a_calendar_that_contradicts_itself_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_holidays(text)


def test_a_plan_that_contradicts_itself_is_refused() -> None:
    twice = {"range": [{"carrier": "a", "prefixes": ["134", "1340"]}]}
    backwards = {"range": [{"carrier": "a", "prefixes": ["139-135"]}]}
    stranger = {"range": [{"carrier": "b", "prefixes": ["134"]}]}
    for data in (twice, backwards, stranger):
        with pytest.raises(SettingsError):
            _mobile(data, ("a",))
    for province in ({"carrier": "b"}, {"seven": ["1000"]}, {"seven": ["310", "310"]}):
        with pytest.raises(SettingsError):
            _areas({"carrier": "a", "province": {"x": province}}, ("a",))
    for code in (
        {"prefixes": ["95"], "from": 5, "to": 8, "kind": "nonsense"},
        {"prefixes": ["95"], "from": 5, "to": 8},
        {"prefixes": ["95", "95"], "from": 5, "to": 8, "kind": "plain"},
        {"prefixes": ["95"], "from": 8, "to": 5, "kind": "plain"},
    ):
        with pytest.raises(SettingsError):
            list(_codes({"code": [code]}))

"""Registration numbers: the check character finds what fingers do wrong, and one number has one form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.errors import InvalidInputError
from registry.uscc import ALPHABET, CompanyNumber, check_character, company_number, credit_code

REAL = ("91110000802100433B", "914403001922038216", "9144030071526726XG", "91330000717612522B", "91110000600037341L")
LETTERS = st.sampled_from(ALPHABET)
STARTS = st.builds(
    lambda head, place, rest: head + place + rest,
    st.text(LETTERS, min_size=2, max_size=2), st.text("0123456789", min_size=6, max_size=6),
    st.text(LETTERS, min_size=9, max_size=9),
)  # fmt: skip
CODES = STARTS.map(lambda start: start + check_character(start))


def refusal(text: str, country: str = "CN") -> str:
    with pytest.raises(InvalidInputError) as refused:
        company_number(text, country)
    assert len(text) < 3 or text not in refused.value.detail
    return refused.value.code


@pytest.mark.parametrize("code", REAL)
def test_codes_of_well_known_companies_are_right(code: str) -> None:
    assert credit_code(code) == code


def test_the_example_of_the_standard_is_right_and_its_weights_are_powers_of_three() -> None:
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)  # GB 32100-2015, table 2
    for code in REAL:
        total = sum(ALPHABET.index(c) * w for c, w in zip(code, weights))
        assert code[-1] == ALPHABET[(31 - total % 31) % 31]
    assert len(ALPHABET) == 31
    assert not set("IOSVZ") & set(ALPHABET)


@given(CODES, st.integers(0, 17), LETTERS)
def test_one_wrong_character_is_always_found_out(code: str, place: int, other: str) -> None:
    wrong = code[:place] + other + code[place + 1 :]
    if wrong != code:
        assert refusal(wrong) in ("credit_code_check", "bad_credit_code")


@given(CODES, st.integers(0, 16))
def test_two_neighbours_exchanged_are_always_found_out(code: str, place: int) -> None:
    wrong = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    if wrong != code:
        assert refusal(wrong) in ("credit_code_check", "bad_credit_code")


@given(CODES, st.data())
def test_full_width_and_small_letters_blanks_and_dashes_are_the_same_code(code: str, data: st.DataObject) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if data.draw(st.booleans()) else c for c in code)
    ways = (
        wide, code.lower(), f"  {code}\n", f"{code[:2]} {code[2:8]}-{code[8:]}", "\u200b".join(code), "\u3000" + code,
    )  # fmt: skip
    assert {company_number(way) for way in ways} == {CompanyNumber("CN", code)}


@pytest.mark.parametrize(
    "text",
    ["", " ", "91110000802100433", "91110000802100433BB", "9111OOOO802100433B", "91I10000802100433B", "１２３",
     "9" * 5000, "91110000802100433Ｖ", "АВ110000802100433B", "9111000080210043٣B", "91110000802100433\0",
     "9A1100A0802100433B"],
)  # fmt: skip
def test_what_is_no_code_is_refused_without_repeating_it(text: str) -> None:
    assert refusal(text) == "bad_credit_code"


def test_a_foreign_number_is_its_countrys_and_read_loosely() -> None:
    assert company_number("hrb 12345", "de") == CompanyNumber("DE", "HRB12345")
    assert company_number("ＨＲＢ　12345", "ＤＥ") == CompanyNumber("DE", "HRB12345")
    assert company_number("12–345/6", "us") == CompanyNumber("US", "12-345/6")
    assert str(company_number("hrb 12345", "de")) == "DE HRB12345"
    assert str(company_number(REAL[0])) == REAL[0]


@pytest.mark.parametrize(
    "text", ["", "12", "ABCD", "<script>1", "1" * 41, "1\u202e2345", "12\x00345", "号12345", "-1234"]
)
def test_what_is_no_foreign_number_is_refused(text: str) -> None:
    assert refusal(text, "US") == "bad_registration"


@pytest.mark.parametrize("country", ["", "C", "CHN", "C1", "中国", "С\u200bN", "../"])
def test_a_country_is_two_letters(country: str) -> None:
    assert refusal(REAL[0], country) == "bad_country"


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for country in ("CN", "US"):
        try:
            found = company_number(text, country)
        except InvalidInputError:
            continue
        assert company_number(found.number, country) == found


def test_a_check_character_needs_what_comes_before_it() -> None:
    for wrong in ("", "1" * 16, "I" * 17):
        with pytest.raises(ValueError, match=r"17 characters|substring"):
            check_character(wrong)

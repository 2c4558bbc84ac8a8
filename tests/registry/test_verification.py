"""Codes: sent by text message, guessed at most five times, used once, on both engines."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from registry import registrations, verification
from registry.errors import InvalidInputError, RegistryError, TooManyError, UnavailableError
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.numbers import Number
from registry.preferences import EVERYTHING
from registry.sealing import seal_one
from registry.settings import CodeSettings, Settings
from registry.store import Store
from tests.doubles import FakeClock, MemorySms

NUMBER, OTHER = Number(1, 8613800138000), Number(1, 8613900139000)


class BrokenSms(MemorySms):
    """A gateway that is down."""

    def send(self, number: Number, text: str) -> None:
        super().send(number, text)
        raise UnavailableError("The text message could not be sent.", code="gateway_down")


@pytest.fixture
def ask(store: Store, keys: KeyRing, clock: FakeClock, sms: MemorySms, plan: NumberPlan) -> Callable[..., str]:
    """Ask for a code; the code that came."""

    def asking(
        number: Number = NUMBER, *, purpose: str = "register", address: str = "192.0.2.1", language: str = "zh_CN",
        codes: CodeSettings | None = None, gateway: MemorySms = sms,
    ) -> str:  # fmt: skip
        verification.ask_code(
            store, keys, clock, gateway, plan, Settings(codes=codes or CodeSettings()),
            number=number, purpose=purpose, address=address, language=language,
        )  # fmt: skip
        return sms.sent[-1][1][:6]

    return asking


@pytest.fixture
def check(store: Store, keys: KeyRing, clock: FakeClock) -> Callable[..., None]:
    def checking(
        code: str, number: Number = NUMBER, *, purpose: str = "register", address: str = "192.0.2.1",
        ring: KeyRing = keys,
    ) -> None:  # fmt: skip
        verification.check_code(
            store, ring, clock, Settings(), number=number, purpose=purpose, code=code, address=address
        )

    return checking


Ask, Check = Callable[..., str], Callable[..., None]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def refusal(act: Callable[[], Any]) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        act()
    return caught.value


def test_the_code_that_was_sent_is_right_once(ask: Ask, check: Check, sms: MemorySms) -> None:
    code = ask()
    assert sms.sent[0][0] == NUMBER
    check(code)
    again = refusal(lambda: check(code))
    assert (type(again), again.code) == (InvalidInputError, "code_used")


@pytest.mark.parametrize("typed", ["{} ", "{:.3}-{:.3}", "123456"])
def test_a_code_may_be_typed_as_people_type(ask: Ask, check: Check, typed: str) -> None:
    code = ask()
    full_width = code.translate({ord("0") + i: ord("0") + i for i in range(10)})
    forms = {"{} ": f" {code[:3]} {code[3:]}\n", "{:.3}-{:.3}": f"{code[:3]}-{code[3:]}", "123456": full_width}
    check(forms[typed])


NO_CODES = ["", "12345", "1234567", "12345x", "١٢٣٤٥٦", "一二三四五六", "½23456", "\x00" * 6, "\ud800" * 6, "9" * 9999]


@pytest.mark.parametrize("typed", NO_CODES, ids=range(len(NO_CODES)))
def test_what_cannot_be_a_code_is_refused_and_costs_no_guess(
    store: Store, keys: KeyRing, ask: Ask, check: Check, typed: str
) -> None:
    code = ask()
    for _ in range(7):
        assert refusal(lambda: check(typed)).code == "code_wrong"
    check(code)


def test_five_guesses_and_then_even_the_right_code_is_refused(ask: Ask, check: Check, clock: FakeClock) -> None:
    code = ask()
    clock.advance(10)
    assert [refusal(lambda: check(wrong(code))).facts["left"] for _ in range(5)] == [4, 3, 2, 1, 0]
    spent = refusal(lambda: check(code))
    assert isinstance(spent, TooManyError)
    assert (spent.code, spent.retry_after) == ("guesses_spent", 50)
    clock.advance(50)
    check(ask())


def test_a_guess_stays_spent_whatever_happens_after_it(
    store: Store, keys: KeyRing, ask: Ask, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = ask()
    for left in (4, 3):
        refusal(lambda: check(wrong(code)))
        row = store.codes.find(number=seal_one(keys.at_rest, NUMBER), purpose="register")
        assert row is not None
        assert row["guesses"] == left


def test_many_who_guess_at_once_have_five_guesses_together(ask: Ask, check: Check) -> None:
    code = ask()

    def guess(_i: int) -> str:
        return refusal(lambda: check(wrong(code))).code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(24)))
    assert sorted(answers) == ["code_wrong"] * 5 + ["guesses_spent"] * 19


def test_of_many_who_use_a_right_code_at_once_one_gets_in(ask: Ask, check: Check) -> None:
    code = ask()

    def use(_i: int) -> str:
        try:
            check(code)
        except RegistryError as error:
            return error.code
        return "in"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(use, range(4))) == ["code_used"] * 3 + ["in"]


def test_a_code_lives_ten_minutes(ask: Ask, check: Check, clock: FakeClock) -> None:
    code = ask()
    clock.advance(599)
    assert refusal(lambda: check(wrong(code))).code == "code_wrong"
    clock.advance(1)
    assert refusal(lambda: check(code)).code == "code_expired"


def test_the_next_code_takes_the_place_of_the_last(ask: Ask, check: Check, clock: FakeClock) -> None:
    first = ask()
    refusal(lambda: check(wrong(first)))
    clock.advance(60)
    second = ask()
    if first != second:
        assert refusal(lambda: check(first)).facts["left"] == 4, "the guesses are the new code's"
    check(second)


def test_a_code_is_for_one_number_and_one_purpose(ask: Ask, check: Check) -> None:
    code = ask()
    assert refusal(lambda: check(code, OTHER)).code == "code_missing"
    assert refusal(lambda: check(code, purpose="sign-in")).code == "code_missing"
    check(code)


def test_unknown_purposes_are_refused(ask: Ask, check: Check) -> None:
    assert refusal(lambda: ask(purpose="fun")).code == "unknown_purpose"
    assert refusal(lambda: check("123456", purpose="fun")).code == "unknown_purpose"


def test_codes_that_no_longer_count_read_alike(ask: Ask, check: Check, clock: FakeClock) -> None:
    missing = refusal(lambda: check("123456"))
    code = ask()
    check(code)
    used = refusal(lambda: check(code))
    clock.advance(60)
    expired_code = ask()
    clock.advance(600)
    expired = refusal(lambda: check(expired_code))
    assert [missing.code, used.code, expired.code] == ["code_missing", "code_used", "code_expired"]
    assert missing.detail == used.detail == expired.detail
    assert type(missing) is type(used) is type(expired) is InvalidInputError


def test_no_answer_tells_whether_the_number_is_registered(
    store: Store, keys: KeyRing, clock: FakeClock, ask: Ask, check: Check, sms: MemorySms
) -> None:
    sealed = seal_one(keys.at_rest, OTHER)
    registrations.register(store, clock, number=sealed, preference=EVERYTHING, source="web", language="en")
    seen = []
    for number in (NUMBER, OTHER):
        answers: list[object] = [refusal(lambda n=number: check("123456", n)).code]
        code = ask(number)
        answers.append(re.sub(r"\d{6}", "", sms.sent[-1][1]))
        answers += [refusal(lambda n=number, c=code: check(wrong(c), n)).code for _ in range(6)]
        answers.append(refusal(lambda n=number: ask(n)).facts)
        seen.append(answers)
    assert seen[0] == seen[1]


def test_errors_hold_no_number(ask: Ask, check: Check) -> None:
    ask()
    for error in (refusal(ask), refusal(lambda: check("000000")), refusal(lambda: ask(Number(1, 861062341234)))):
        assert not re.search(r"\d{5}", f"{error.detail}{error.facts}".replace("'", ""))


# what is sent and what is stored


def test_the_text_starts_with_the_code_and_has_no_link(ask: Ask, sms: MemorySms, clock: FakeClock) -> None:
    for number, language in ((NUMBER, "zh_CN"), (OTHER, "en")):
        ask(number, language=language)
    chinese, english = (text for _number, text in sms.sent)
    for text in (chinese, english):
        assert re.match(r"\d{6} ", text)
        assert not re.search(r"(?i)https?:|www|://|\.\w", text)
        assert "10" in text
    assert "谢绝来电" in chinese
    assert "Decline Call" in english
    assert len(chinese) <= 70, "one part of an SMS"
    assert len(english) <= 160
    clock.advance(60)
    ask(language="fr")
    assert "谢绝来电" in sms.sent[-1][1]


def test_what_is_stored_shows_neither_code_nor_number(store: Store, keys: KeyRing, ask: Ask) -> None:
    code = ask()
    row = store.engine.row("SELECT * FROM code")
    assert row is not None
    assert len(row["mac"]) == 32
    assert len(row["nonce"]) == 16
    told = b"".join(value for value in row.values() if isinstance(value, bytes))
    assert code.encode() not in told
    assert str(NUMBER.digits).encode() not in told
    for allowance in store.engine.rows("SELECT subject FROM allowance"):
        assert allowance["subject"] == b"all" or len(allowance["subject"]) == 16


def test_codes_are_spread_over_all_six_digits(ask: Ask, clock: FakeClock) -> None:
    codes = set()
    for i in range(40):
        codes.add(ask(Number(1, NUMBER.digits + i), address=f"192.0.2.{i}"))
    assert len(codes) >= 39
    assert all(re.fullmatch(r"\d{6}", code) for code in codes)


def test_a_code_survives_a_new_key_epoch(keys: KeyRing, ask: Ask, check: Check) -> None:
    check(ask(), ring=KeyRing(masters={**keys.masters, 2: bytes(32)}))


def test_codes_whose_time_is_over_are_removed(store: Store, keys: KeyRing, ask: Ask, clock: FakeClock) -> None:
    ask()
    clock.advance(300)
    ask(OTHER)
    clock.advance(300)
    assert verification.expire_codes(store, clock) == 1
    assert len(store.engine.rows("SELECT * FROM code")) == 1


# who may ask how often


def test_one_code_a_minute_five_an_hour_ten_a_day(ask: Ask, clock: FakeClock, sms: MemorySms) -> None:
    ask()
    assert refusal(ask).facts["retry_after"] == 60
    for _ in range(4):
        clock.advance(60)
        ask()
    clock.advance(60)
    fifth = refusal(ask)
    assert (fifth.facts["limit"], fifth.facts["retry_after"]) == ("code-number-hour", 720 - 300)
    while len(sms.sent) < 12:
        clock.advance(60)
        with suppress(TooManyError):
            ask()
    assert clock.now().hour >= 4, "the day's allowance came to bear"
    assert refusal(lambda: ask() or ask()).facts["retry_after"] > 60


def test_purposes_share_the_allowance_of_a_number(ask: Ask) -> None:
    ask()
    assert refusal(lambda: ask(purpose="sign-in")).code == "too_many"


def test_an_address_may_ask_for_thirty_numbers_an_hour(ask: Ask) -> None:
    for i in range(30):
        ask(Number(1, NUMBER.digits + i))
    refused = refusal(lambda: ask(Number(1, NUMBER.digits + 30)))
    assert refused.facts["limit"] == "code-address-hour"
    ask(Number(1, NUMBER.digits + 30), address="192.0.2.2")


def test_there_is_an_allowance_for_all_together(ask: Ask) -> None:
    codes = CodeSettings(in_all_minute=2)
    ask(NUMBER, address="192.0.2.1", codes=codes)
    ask(OTHER, address="192.0.2.2", codes=codes)
    refused = refusal(lambda: ask(Number(1, 8613700137000), address="192.0.2.3", codes=codes))
    assert (refused.facts["limit"], refused.facts["retry_after"]) == ("code-all-minute", 30)


def test_texts_abroad_have_an_allowance_of_their_own(ask: Ask) -> None:
    codes = CodeSettings(abroad_in_all_hour=2)
    for i in range(2):
        ask(Number(1, 447400123456 + i), address=f"192.0.2.{i}", codes=codes)
    refused = refusal(lambda: ask(Number(1, 447400123460), address="192.0.2.9", codes=codes))
    assert refused.facts["limit"] == "code-abroad-hour"
    ask(NUMBER, codes=codes)


def test_an_address_has_150_guesses_an_hour_over_all_numbers(ask: Ask, check: Check) -> None:
    code = ask()
    for i in range(150):
        assert refusal(lambda: check("000000", Number(1, OTHER.digits + i))).code == "code_missing"  # noqa: B023
    refused = refusal(lambda: check(code))
    assert (refused.code, refused.facts["limit"]) == ("too_many", "guess-address-hour")
    check(code, address="192.0.2.2")


def test_a_refused_request_sends_nothing_and_spends_nothing(ask: Ask, check: Check, sms: MemorySms) -> None:
    code = ask()
    for _ in range(50):
        assert refusal(ask).facts["retry_after"] == 60
    assert len(sms.sent) == 1
    check(code)


@pytest.mark.parametrize("number", [Number(1, 861062341234), Number(2, 10086)])
def test_a_number_that_takes_no_messages_is_told_so_at_once(ask: Ask, sms: MemorySms, number: Number) -> None:
    assert refusal(lambda: ask(number)).code == "takes_no_messages"
    assert sms.sent == []


def test_a_foreign_number_may_ask(ask: Ask, check: Check) -> None:
    abroad = Number(1, 447400123456)
    check(ask(abroad), abroad)


# a gateway that is down


def test_a_gateway_that_is_down_leaves_nothing_usable_and_gives_the_minute_back(
    store: Store, ask: Ask, check: Check
) -> None:
    down = BrokenSms()
    failed = refusal(lambda: ask(gateway=down))
    assert (type(failed), failed.code) == (UnavailableError, "gateway_down")
    assert refusal(lambda: check(down.sent[0][1][:6])).code == "code_missing"
    check(ask())


def test_a_gateway_that_sends_and_then_fails_is_no_way_to_bomb_a_phone(ask: Ask) -> None:
    down = BrokenSms()
    answers = [refusal(lambda: ask(gateway=down)).code for _ in range(8)]
    assert answers == ["gateway_down"] * 5 + ["too_many"] * 3
    assert len(down.sent) == 5

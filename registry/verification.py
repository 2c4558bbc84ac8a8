"""Proving a number: a six-digit code by text message (DESIGN §9, rule 39).

Rules of this room:
- A code lives ten minutes (a setting), bears five guesses, works once; the next code takes its place.
- It is stored as HMAC-SHA256 under the `code` key with a nonce: the rows alone let nobody try a million codes.
- A guess is spent and committed before the answer, so that breaking off wins nothing.
- Nothing here looks at registrations: no answer tells whether a number is registered.
- Guesses have an allowance of their own per address, so that nobody tries a few at each of many numbers.
- Allowances per number, per address and in all keep the site from being used to bomb a phone with texts (rule 71).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from registry.errors import InvalidInputError, TooManyError, UnavailableError
from registry.limits import Limit, address_subject, give_back_inside, spend_inside, subject_of
from registry.sealing import SealedNumber, seal_one
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock, SmsGateway
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan
    from registry.numbers import Number
    from registry.settings import CodeSettings, Settings
    from registry.store import Store

PURPOSES = ("register", "sign-in")
DIGITS = 6

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_NONCE_BYTES = 16
_LONGEST_TYPED = 64
# The code comes first, so that a phone shows it on its locked screen; never a link, so that no fake can have one.
_TEXTS = {
    "zh_CN": "{code} 是您的谢绝来电验证码，{minutes} 分钟内有效。请勿告诉任何人。若非本人操作，请忽略本短信。",
    "en": "{code} is your Decline Call code, valid for {minutes} minutes. Tell it to nobody. Not you? Ignore this.",
}


# use cases


def ask_code(
    store: Store, keys: KeyRing, clock: Clock, sms: SmsGateway, plan: NumberPlan, settings: Settings, *,
    number: Number, purpose: str, address: str, language: str,
) -> None:
    """Send a new code to a number; `address` is who asked, `language` zh_CN or en (zh_CN for any other).

    Raises InvalidInputError (unknown_purpose, takes_no_messages), TooManyError (too_many) with the wait,
    UnavailableError when the gateway does not take the message: then no code is left that could be used.
    """
    _check_purpose(purpose)
    if number.kind != 1 or (plan.national(number) is not None and not plan.is_mobile(number)):
        raise InvalidInputError("This number cannot receive text messages.", code="takes_no_messages")
    now, sealed = clock.now(), seal_one(keys.at_rest, number)
    code, nonce = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}", secrets.token_bytes(_NONCE_BYTES)
    limits = _limits(keys, settings.codes, sealed, address)
    if plan.national(number) is None:
        limits.append(Limit("code-abroad-hour", b"abroad", settings.codes.abroad_in_all_hour, _HOUR))
    with store.writing():
        spend_inside(store, now, limits=limits)
        store.codes.put(
            number=sealed, purpose=purpose, mac=_mac(keys, purpose, sealed, nonce, code), nonce=nonce,
            created=to_micros(now), expires=to_micros(now + timedelta(minutes=settings.codes.minutes)),
            guesses=settings.codes.guesses,
        )  # fmt: skip
    try:
        sms.send(number, _TEXTS.get(language, _TEXTS["zh_CN"]).format(code=code, minutes=settings.codes.minutes))
    except UnavailableError:
        with store.writing():
            store.codes.remove(number=sealed, purpose=purpose, nonce=nonce)
            # Only the minute comes back: a gateway that sends and then fails must not become a way to bomb a phone.
            give_back_inside(store, limits=[limit for limit in limits if limit.name == "code-number-minute"])
        raise


def check_code(
    store: Store, keys: KeyRing, clock: Clock, settings: Settings, *, number: Number, purpose: str, code: str,
    address: str,
) -> None:  # fmt: skip
    """Return where the code is the right one, which uses it up. `address` is who asks.

    Raises InvalidInputError code_wrong (with `left` guesses); code_missing, code_expired, code_used, which read alike;
    TooManyError guesses_spent, too_many (no guess was spent then).
    """
    _check_purpose(purpose)
    given = _clean(code)
    sealed, now = seal_one(keys.at_rest, number), clock.now()
    most = settings.codes.per_address_hour * settings.codes.guesses  # every guess of every code that it may ask for
    with store.writing(about=sealed):
        spend_inside(store, now, limits=[Limit("guess-address-hour", address_subject(keys, address), most, _HOUR)])
        row = store.codes.spend_guess(number=sealed, purpose=purpose, now=to_micros(now))
        right = row is not None and hmac.compare_digest(
            row["mac"], _mac(keys, purpose, sealed, row["nonce"], given)
        )
        if right:
            store.codes.use(number=sealed, purpose=purpose, now=to_micros(now))
    if row is None:
        raise _unusable(store, sealed, purpose, now)
    if not right:
        raise _wrong(int(row["guesses"]))


def expire_codes(store: Store, clock: Clock) -> int:
    """Remove codes whose time is over; how many."""
    with store.writing():
        return store.codes.expire(now=to_micros(clock.now()))


# rules


def _check_purpose(purpose: str) -> None:
    if purpose not in PURPOSES:
        raise InvalidInputError("There is no such purpose of a code.", code="unknown_purpose")


def _limits(keys: KeyRing, codes: CodeSettings, sealed: SealedNumber, address: str) -> list[Limit]:
    """The allowances that one code costs."""
    number = subject_of(keys, b"number:" + sealed)
    return [
        Limit("code-number-minute", number, codes.per_number_minute, _MINUTE),
        Limit("code-number-hour", number, codes.per_number_hour, _HOUR),
        Limit("code-number-day", number, codes.per_number_day, _DAY),
        Limit("code-address-hour", address_subject(keys, address), codes.per_address_hour, _HOUR),
        Limit("code-all-minute", b"all", codes.in_all_minute, _MINUTE),
    ]


def _mac(keys: KeyRing, purpose: str, sealed: SealedNumber, nonce: bytes, code: str) -> bytes:
    """What is stored of a code, 32 bytes; nonce and sealed number have 16 each, so no two inputs run together."""
    return hmac.digest(keys.derive("code", purpose), nonce + sealed + code.encode(), hashlib.sha256)


def _clean(code: str) -> str:
    """A code as typed: full-width digits, blanks and dashes are fine. Raises InvalidInputError code_wrong."""
    text = "".join(unicodedata.normalize("NFKC", code[:_LONGEST_TYPED]).replace("-", "").split())
    if len(text) != DIGITS or not (text.isascii() and text.isdigit()):
        raise InvalidInputError(f"The code has {DIGITS} digits.", code="code_wrong")  # no guess: it can't be right
    return text


def _wrong(left: int) -> InvalidInputError:
    if left == 0:
        return InvalidInputError("That is not the code we sent. Ask for a new one.", code="code_wrong", left=0)
    return InvalidInputError("That is not the code we sent.", code="code_wrong", left=left)


def _unusable(store: Store, sealed: SealedNumber, purpose: str, now: datetime) -> InvalidInputError | TooManyError:
    """Why there was no guess to spend."""
    row = store.codes.find(number=sealed, purpose=purpose)
    if row is not None and not row["used"] and row["expires"] > to_micros(now):
        again = from_micros(row["created"]) + timedelta(seconds=_MINUTE)
        wait = max(1, -(-(again - now) // timedelta(seconds=1)))
        return TooManyError("Too many wrong codes. Ask for a new one.", code="guesses_spent", retry_after=wait)
    slug = "code_missing" if row is None else "code_used" if row["used"] else "code_expired"
    return InvalidInputError("This code is not valid any more. Ask for a new one.", code=slug)

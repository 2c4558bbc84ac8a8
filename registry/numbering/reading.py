"""Reads a text as one phone number: what is allowed around the digits, and which number they then are.

Rules of this room: nothing is guessed (two numbers, an extension, a letter are refused, never cut off); China is read
by the plan's own data, other countries by libphonenumber; every answer is a triple, never an exception.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache

import phonenumbers

from registry.numbering.plan import NumberPlan

E164 = 1
CODE = 2
_LONGEST_TEXT = 200  # no way of writing a number is longer
_LARGEST_CODE = 2**64 - 1
_MOBILE_DIGITS = 11
_LOCAL_DIGITS = 8  # the longest landline without its area code


class Reason(IntEnum):
    """Why a text is no number that we take; 0 means that it is one."""

    OK = 0
    EMPTY = 1
    LETTERS = 2
    TOO_SHORT = 3
    TOO_LONG = 4
    EXTENSION = 5
    TWO_NUMBERS = 6
    NOT_A_NUMBER = 7
    UNASSIGNED = 8
    SHORT_NUMBER = 9  # a short code, service number or port, which nobody can register
    ROUNDED = 10  # 1.38001E+10: a spreadsheet has thrown the last digits away

    @property
    def slug(self) -> str:
        """The reason code of the API."""
        return self.name.lower()


Read = tuple[Reason, int, int]  # reason, kind (1 E.164, 2 code), digits; both 0 where the reason is not OK


def _table() -> dict[int, str | None]:
    """How characters are read: full-width forms, dashes and spaces as ASCII; marks that nobody sees not at all."""
    table: dict[int, str | None] = {0xFF01 + i: chr(0x21 + i) for i in range(94)}
    table.update(dict.fromkeys([*range(0x2010, 0x2016), 0x2212, 0xFE58, 0xFE63, 0x30FC], "-"))
    table.update(dict.fromkeys([0x09, 0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " "))
    table.update(dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]))
    table.update({ord(mark): "(" for mark in "【〔〖［"} | {ord(mark): ")" for mark in "】〕〗］"})
    table.update({ord("·"): ".", ord("・"): ".", ord("、"): "/", ord("。"): "."})
    return table


_PLAIN = _table()
_ALLOWED = re.compile(r"[ (\[]*\+?[0-9 \-.()\[\]]*[0-9][ \-.()\[\]]*")
_SEVERAL = re.compile(r"[0-9+ \-.()\[\]]*[0-9][ \-.()\[\]]*\+[0-9 \-.()\[\]]*")
_SEPARATOR = re.compile(r"[/,;|&~\r\n]+|\b(?:or|and)\b|或|和|及")
_TAIL = re.compile(r"[0-9][ )]*(?:;? *ext?(?:ension|n)?\.?|x|#|转|轉|分机|分機|[,;pw]+|内线) *[:=.]? *[0-9]{1,7} *\)?$")
_FLOAT = re.compile(r"(\+?[0-9]{5,})\.0+")  # as programs write a whole number that they hold as a float
_SCIENTIFIC = re.compile(r"\+?([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")
_NOT_DIGITS = re.compile(r"[^0-9]")
_NEVER = "(?!)"
_ENOUGH = 5  # digits that make a part of a text a number of its own


def read(text: str, plan: NumberPlan, country: str, *, callers: bool) -> Read:
    """One text as a number; with `callers` also short codes, ports and ranges that nobody holds."""
    if len(text) > _LONGEST_TEXT:
        return (Reason.TOO_LONG, 0, 0) if text.strip() else (Reason.EMPTY, 0, 0)
    if not (text.isascii() and text.isdigit()):
        text = _tidy(text)
        if not text:
            return Reason.EMPTY, 0, 0
        if whole := _FLOAT.fullmatch(text):
            text = whole[1]
        elif scientific := _SCIENTIFIC.fullmatch(text):
            text = _unfolded(*scientific.groups(default=""))
            if not text:
                return Reason.ROUNDED, 0, 0
        if not _ALLOWED.fullmatch(text):
            return _refusal(text), 0, 0
    plus = "+" in text
    found = _number(plus, _NOT_DIGITS.sub("", text), plan, country, callers=callers)
    if found[0] in (Reason.TOO_LONG, Reason.NOT_A_NUMBER):
        return _parts(text, plan, country) or found
    return found


def refusal(text: str) -> Reason | None:
    """Why `read` refuses a text for the way in which it is written, whatever its digits are; None: they decide."""
    short = _tidy(text) if len(text) <= _LONGEST_TEXT else ""
    decided = not short or any(way.fullmatch(short) for way in (_ALLOWED, _FLOAT, _SCIENTIFIC))
    return None if decided else _refusal(short)


def _tidy(text: str) -> str:
    """A text in the plainest characters, without what people put around a number."""
    text = text.translate(_PLAIN).strip(" \r\n'\"`")
    return text[4:].lstrip() if text[:4].lower() == "tel:" else text


def _unfolded(first: str, more: str, exponent: str) -> str:
    """The digits of a number in scientific notation, where it has them all; a 0 at the end may be one or be lost."""
    digits, wanted = first + more, int(exponent) + 1
    return digits[:wanted] if len(digits) >= wanted and not digits[wanted:].strip("0") else ""


def _refusal(text: str) -> Reason:
    """Why a text with other characters than a number's is none."""
    low = text.lower()
    if not any(char in "0123456789" for char in low):
        return Reason.LETTERS if any(char.isalpha() for char in low) else Reason.NOT_A_NUMBER
    if _TAIL.search(low):
        return Reason.EXTENSION
    parts = [len(_NOT_DIGITS.sub("", part)) for part in _SEPARATOR.split(low)]
    if sum(count >= _ENOUGH for count in parts) > 1 or ("/" in low and parts[0] >= _ENOUGH and any(parts[1:])):
        return Reason.TWO_NUMBERS
    if _SEVERAL.fullmatch(low) and len(_NOT_DIGITS.sub("", low)) > 2 * _ENOUGH:
        return Reason.TWO_NUMBERS
    return Reason.LETTERS if any(char.isalpha() for char in low) else Reason.NOT_A_NUMBER


def _parts(text: str, plan: NumberPlan, country: str) -> Read | None:
    """Whether a text that is too long is two numbers, or a number and an extension, set apart by a space or dash."""
    for gap in re.finditer(r"[ \-]+", text):
        head, tail = text[: gap.start()], text[gap.end() :]
        first = _number("+" in head, _NOT_DIGITS.sub("", head), plan, country, callers=True)[0]
        if first is not Reason.OK:
            continue
        digits = _NOT_DIGITS.sub("", tail)
        if _number("+" in tail, digits, plan, country, callers=False)[0] is Reason.OK:
            return Reason.TWO_NUMBERS, 0, 0
        if 0 < len(digits) < _ENOUGH + 2:
            return Reason.EXTENSION, 0, 0
    return None


def _number(plus: bool, digits: str, plan: NumberPlan, country: str, *, callers: bool) -> Read:
    """The number that digits are, with or without a plus before them."""
    own = str(plan.calling_code)
    if plus:
        if digits.startswith(own):
            return _own(digits[len(own) :], plan, callers=callers, international=True)
        return _foreign("+" + digits, "", plan, callers=callers)
    if country != plan.country:
        return _foreign(digits, country, plan, callers=callers)
    if digits.startswith("00"):
        return _number(True, digits[2:], plan, country, callers=callers)
    found = _own(digits, plan, callers=callers, international=False)
    if found[0] in (Reason.NOT_A_NUMBER, Reason.TOO_LONG) and digits.startswith(own):
        inner = _own(digits[len(own) :], plan, callers=callers, international=True)
        return inner if inner[0] in (Reason.OK, Reason.UNASSIGNED, Reason.SHORT_NUMBER) else found
    return found


def _own(digits: str, plan: NumberPlan, *, callers: bool, international: bool) -> Read:
    """A number of the plan's country; `international` when the calling code came before it (then 0 is optional)."""
    trunk = digits.startswith("0")
    national = digits[1:] if trunk else digits
    # +86 951 234 5678 is a landline in Ningxia, while the same digits without the calling code are a call centre's
    landline = international and not trunk and _landline(national, plan) is Reason.OK
    if not (trunk or landline) and plan.code(national):
        if not callers:
            return Reason.SHORT_NUMBER, 0, 0
        return (Reason.OK, CODE, int(national)) if int(national) <= _LARGEST_CODE else (Reason.TOO_LONG, 0, 0)
    if national[:1] == "1" and national[1:2] in tuple("3456789"):
        reason = _mobile(national, plan, callers=callers)
    elif (trunk or international) and not national.startswith("0"):
        reason = _landline(national, plan)
    elif len(national) <= _LOCAL_DIGITS:
        reason = Reason.TOO_SHORT
    else:
        reason = Reason.NOT_A_NUMBER if len(national) <= _MOBILE_DIGITS + 1 else Reason.TOO_LONG
    if reason is Reason.OK or (callers and reason is Reason.UNASSIGNED):
        return Reason.OK, E164, int(f"{plan.calling_code}{national}")
    return reason, 0, 0


def _mobile(national: str, plan: NumberPlan, *, callers: bool) -> Reason:
    if plan.is_machine(national):
        return Reason.OK if callers else Reason.NOT_A_NUMBER
    if len(national) != _MOBILE_DIGITS:
        return Reason.TOO_SHORT if len(national) < _MOBILE_DIGITS else Reason.TOO_LONG
    return Reason.OK if plan.is_readable(int(national[:5])) else Reason.UNASSIGNED


def _landline(national: str, plan: NumberPlan) -> Reason:
    area = plan.area(national)
    if area is None:
        if len(national) < _MOBILE_DIGITS - 1:
            return Reason.TOO_SHORT
        return Reason.UNASSIGNED if len(national) <= _MOBILE_DIGITS else Reason.TOO_LONG
    subscriber, lengths = national[len(area) :], plan.area_lengths[area]
    if len(subscriber) not in lengths:
        return Reason.TOO_SHORT if len(subscriber) < max(lengths) else Reason.TOO_LONG
    return Reason.OK if "2" <= subscriber[0] <= "8" else Reason.UNASSIGNED


_POSSIBLE = phonenumbers.ValidationResult
_BY_LENGTH = {
    _POSSIBLE.TOO_SHORT: Reason.TOO_SHORT,
    _POSSIBLE.IS_POSSIBLE_LOCAL_ONLY: Reason.TOO_SHORT,
    _POSSIBLE.TOO_LONG: Reason.TOO_LONG,
}
_BY_ERROR = {
    phonenumbers.NumberParseException.TOO_SHORT_NSN: Reason.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: Reason.TOO_SHORT,
    phonenumbers.NumberParseException.TOO_LONG: Reason.TOO_LONG,
}


def _foreign(digits: str, country: str, plan: NumberPlan, *, callers: bool) -> Read:
    """A number of another country by libphonenumber; a caller's need only be possible, since false ones call too."""
    try:
        parsed = _plainly(digits, country) or phonenumbers.parse(digits, country or None)
    except phonenumbers.NumberParseException as error:
        return _BY_ERROR.get(error.error_type, Reason.NOT_A_NUMBER), 0, 0
    whole = f"{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"
    own = str(plan.calling_code)
    if parsed.country_code == plan.calling_code:
        return _own(whole[len(own) :], plan, callers=callers, international=True)
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible != _POSSIBLE.IS_POSSIBLE:
        return _BY_LENGTH.get(possible, Reason.NOT_A_NUMBER), 0, 0
    if not callers and not phonenumbers.is_valid_number(parsed):
        return Reason.UNASSIGNED, 0, 0
    return Reason.OK, E164, int(whole)


_REGIONS = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
_NO_REGION = "001"
_SHORTEST, _LONGEST = 4, 15  # digits without a calling code, that are looked at here


def _plainly(digits: str, country: str) -> phonenumbers.PhoneNumber | None:
    """What `parse` makes of digits where nothing but a calling code is to be taken off them, in a fifth of its time;
    None where something may be."""
    if country:
        region, code, national = country, phonenumbers.country_code_for_region(country), digits
    else:
        code = next((code for end in (2, 3, 4) if (code := int(digits[1:end] or 0)) in _REGIONS), 0)
        region, national = _REGIONS.get(code, (_NO_REGION,))[0], digits[1 + len(str(code)) :]
    if not code or region == _NO_REGION or national.startswith("0") or digits.startswith("+0"):
        return None
    if not _SHORTEST <= len(national) <= _LONGEST:
        return None
    trunk, abroad = _prefixes(region)
    if trunk.match(national) or (country and (digits.startswith(str(code)) or abroad.match(digits))):
        return None
    return phonenumbers.PhoneNumber(country_code=code, national_number=int(national))


@lru_cache(maxsize=300)
def _prefixes(region: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What people in a region dial before a number of their own, and before one of another country."""
    data = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert data is not None
    return (re.compile(data.national_prefix_for_parsing or _NEVER), re.compile(data.international_prefix or _NEVER))

"""Registration numbers of companies: China's unified social credit code with its check character, and foreign ones.

Rules of this room:
- A unified social credit code (GB 32100-2015) has 18 characters out of 31: no I, O, S, V, Z. The first says who
  registered the company and the second what it is, six digits say where, nine are the code of the organisation, and the
  last is a check: the weighted sum of all (weights 3^i mod 31) is a multiple of 31. So one wrong character and two
  neighbours exchanged are always found out.
- The organisation's code has a check of its own (GB 11714), which some older codes do not keep: it is not asked for.
- A foreign number is a country (ISO 3166) and up to 40 letters, digits and signs, as that country writes it: whether it
  exists is for an officer to find out.
- Full-width and small letters, blanks and dashes are read as what they stand for; two numbers that differ only so are
  the same.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from registry.errors import InvalidInputError

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
HOME = "CN"

_WEIGHTS = tuple(pow(3, place, 31) for place in range(LENGTH - 1))
_CODE = re.compile(rf"[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{10}}")
_FOREIGN = re.compile(r"(?=.*[0-9])[0-9A-Z][0-9A-Z./&()-]{2,39}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_BLANKS = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff\u2010-\u2015\u2212_-]")
_SPACES = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]")


@dataclass(frozen=True, slots=True)
class CompanyNumber:
    """A company's registration number in its one form, and the country (ISO 3166) that gave it."""

    country: str
    number: str

    def __str__(self) -> str:
        return self.number if self.country == HOME else f"{self.country} {self.number}"


def company_number(text: str, country: str = HOME) -> CompanyNumber:
    """A registration number as somebody typed it.

    Raises InvalidInputError bad_country; bad_credit_code, credit_code_check (China); bad_registration (elsewhere).
    """
    where = unicodedata.normalize("NFKC", country).strip().upper()
    if not _COUNTRY.fullmatch(where):
        raise InvalidInputError("A country is two letters (ISO 3166), CN for China.", code="bad_country")
    return CompanyNumber(HOME, credit_code(text)) if where == HOME else CompanyNumber(where, _foreign(text))


def credit_code(text: str) -> str:
    """A unified social credit code in its one form. Raises InvalidInputError bad_credit_code, credit_code_check."""
    code = _BLANKS.sub("", unicodedata.normalize("NFKC", text[:200])).upper()
    if not _CODE.fullmatch(code):
        detail = "A unified social credit code has 18 digits and letters (no I, O, S, V, Z), digits from 3rd to 8th."
        raise InvalidInputError(detail, code="bad_credit_code")
    if code[-1] != check_character(code[:-1]):
        detail = "The last character of the unified social credit code does not fit the others: one is mistyped."
        raise InvalidInputError(detail, code="credit_code_check")
    return code


def check_character(start: str) -> str:
    """The last character of the code that begins with these 17. Raises ValueError for others than of the alphabet."""
    if len(start) != LENGTH - 1:
        raise ValueError("17 characters come before the check character")
    total = sum(ALPHABET.index(character) * weight for character, weight in zip(start, _WEIGHTS))
    return ALPHABET[-total % 31]


def _foreign(text: str) -> str:
    number = _SPACES.sub("", unicodedata.normalize("NFKC", text[:200])).upper()
    number = "".join("-" if unicodedata.category(character) == "Pd" else character for character in number)
    if not _FOREIGN.fullmatch(number):
        detail = "A registration number has 3 to 40 letters, digits and signs, with a digit."
        raise InvalidInputError(detail, code="bad_registration")
    return number

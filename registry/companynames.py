"""Names of companies: their one form, and which of them may be confused.

Rules of this room: names are Han and Latin letters, digits and usual signs, so that no name can look like another by
letters of other scripts, nor write backwards; `skeleton` says which names are alike.
"""

from __future__ import annotations

import re
import unicodedata

from registry.errors import InvalidInputError

_LONGEST_NAME = 120
_LATIN_END = 0x250  # further on are letters that look like others
_SIGNS = frozenset(" &.,'()+/-·•《》“”‘’—、〇")
_FORMS = re.compile(
    r"股份有限公司|有限责任公司|有限公司|责任公司|公司|集团"
    r"|\b(?:co|company|corp|corporation|inc|incorporated|limited|ltd|llc|plc|gmbh|group)\b\.?"
)
_ALIKE = str.maketrans("01l5", "oiis")


def company_name(text: str, *, code: str = "bad_name") -> str:
    """A company's name in its one form. Raises InvalidInputError bad_name (or `code`)."""
    name = " ".join(unicodedata.normalize("NFKC", text[: 4 * _LONGEST_NAME]).split())
    if not 2 <= len(name) <= _LONGEST_NAME or not all(map(_is_ours, name)) or not any(map(str.isalpha, name)):
        detail = f"A name has 2 to {_LONGEST_NAME} Chinese or Latin letters, digits and usual signs."
        raise InvalidInputError(detail, code=code)
    return name


def _is_ours(character: str) -> bool:
    if character in _SIGNS or "0" <= character <= "9":
        return True
    return character.isalpha() and (
        ord(character) < _LATIN_END or unicodedata.name(character, "").startswith("CJK UNIFIED")
    )


def skeleton(name: str) -> str:
    """A name without its legal form, accents and signs, what looks alike made equal: equal ones may be confused."""
    plain = _FORMS.sub("", unicodedata.normalize("NFKD", name).casefold())
    return "".join(c for c in plain if c.isalnum()).translate(_ALIKE)

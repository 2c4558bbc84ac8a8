"""Ids and reference numbers of what the registry makes.

Rules of this room: an id is of letters only, so that neither a log nor a reader takes it for a phone number, and of
letters that spell no word; it is random, 4.2 bits a letter, and says nothing. Ids of hexadecimal digits, which were
made before, stay valid for ever. Digests of something that is kept are no ids of this room and stay hexadecimal.
"""

from __future__ import annotations

import secrets

LETTERS = "bcdfghjkmnpqrstvwxz"
_FAIR = 256 - 256 % len(LETTERS)
_LETTER_OF = bytes(ord(LETTERS[byte % len(LETTERS)]) for byte in range(256))
_UNFAIR = bytes(range(_FAIR, 256))


def new_id(letters: int = 16) -> str:
    """A fresh id: 12 letters where people read it out, 16 (68 bits) for most, more where nobody may guess it."""
    return new_ids(1, letters)[0]


def new_ids(count: int, letters: int = 16) -> list[str]:
    """Many fresh ids at once."""
    found = bytearray()
    while len(found) < count * letters:  # bytes that would favour some letters are left out
        found += secrets.token_bytes(count * letters + 64).translate(_LETTER_OF, _UNFAIR)
    text = found.decode()
    return [text[place * letters : (place + 1) * letters] for place in range(count)]

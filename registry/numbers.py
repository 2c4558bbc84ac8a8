"""Phone numbers: what one is, how it is shown, and how text becomes one, one at a time or by the million.

Rules of this room: text is either a number or refused with a reason, never guessed at; `parse_one` and `parse_many`
agree on every text; a number shows itself masked (rule 115) unless its digits are asked for by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from registry.errors import InvalidInputError
from registry.numbering.bulk import UNREAD, read_many
from registry.numbering.plan import NumberPlan
from registry.numbering.reading import E164, Read, Reason, read, refusal

_WRITTEN = bytes.maketrans(b"123456789", b"0" * 9)  # how a text is written, whatever its digits are
_HIDE_FROM = 7  # shorter codes are public services' and are shown whole


_SENTENCES = {
    Reason.EMPTY: "No number was given.",
    Reason.LETTERS: "A phone number has no letters.",
    Reason.TOO_SHORT: "The number is too short; a landline needs its area code.",
    Reason.TOO_LONG: "The number is too long.",
    Reason.EXTENSION: "A number with an extension cannot be used; give the number alone.",
    Reason.TWO_NUMBERS: "There are two numbers in one field.",
    Reason.NOT_A_NUMBER: "This is not a phone number.",
    Reason.UNASSIGNED: "No carrier has such a number.",
    Reason.ROUNDED: "The last digits of the number are lost; make its column one of text and export it again.",
    Reason.SHORT_NUMBER: "Short numbers, service numbers and message ports cannot be used here.",
}


class NumberError(InvalidInputError):
    """A text that is no number we take. `code` is the reason's slug."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_SENTENCES[reason], code=reason.slug)
        self.reason = reason


@dataclass(frozen=True, slots=True, repr=False, order=True)
class Number:
    """A phone number. `kind` 1: E.164 digits without the plus; 2: a short code, service number or port (fits u64)."""

    kind: int
    digits: int

    @property
    def e164(self) -> str:
        """"+86138…", in full. Raises ValueError for a code."""
        if self.kind != E164:
            raise ValueError("a short code has no E.164 form")
        return f"+{self.digits}"

    @property
    def text(self) -> str:
        """E.164 with plus, or the bare digits of a code, in full; what `parse_caller` reads back."""
        return f"+{self.digits}" if self.kind == E164 else str(self.digits)

    @property
    def masked(self) -> str:
        """The form for screens: 138****8000, 010****1234, +165****0000; short public codes whole."""
        digits = str(self.digits)
        if self.kind != E164:
            return digits if len(digits) < _HIDE_FROM else _mask(digits)
        if digits.startswith("86"):
            national = digits[2:]
            return _mask(national if national.startswith("1") and len(national) > 10 else "0" + national)
        return "+" + _mask(digits)

    def __repr__(self) -> str:
        return f"Number({self.masked})"

    __str__ = __repr__


def _mask(digits: str) -> str:
    """Hides the four digits before the last four; of short ones all but the first three and the last two."""
    if len(digits) < 11:
        return f"{digits[:3]}****{digits[-2:]}"
    return f"{digits[: len(digits) - 8]}****{digits[-4:]}"


def parse_one(text: str, plan: NumberPlan, *, country: str = "CN") -> Number:
    """The subscriber number that a text is (kind 1). `country` reads numbers without one. Raises NumberError."""
    return _or_raise(read(text, plan, country, callers=False))


def parse_caller(text: str, plan: NumberPlan, *, country: str = "CN") -> Number:
    """The caller that a text is: a number, even of a range nobody holds, a short code, service number or port.

    Whether such a caller may exist is `plan.caller_kind`'s to say. Raises NumberError.
    """
    return _or_raise(read(text, plan, country, callers=True))


def _or_raise(found: tuple[Reason, int, int]) -> Number:
    reason, kind, digits = found
    if reason is not Reason.OK:
        raise NumberError(reason)
    return Number(kind, digits)


@dataclass(frozen=True, eq=False, repr=False)
class NumberArray:
    """Many numbers, one per text and in its order; digits and kind are 0 where the reason is not OK."""

    digits: npt.NDArray[np.uint64]
    kind: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.digits)

    @property
    def ok(self) -> npt.NDArray[np.bool_]:
        """Which texts are numbers, bool[n]."""
        return np.equal(self.reason, Reason.OK)

    def __getitem__(self, index: int) -> Number:
        """One number. Raises NumberError where the text is none."""
        return _or_raise((Reason(int(self.reason[index])), int(self.kind[index]), int(self.digits[index])))


Texts: TypeAlias = "pa.Array | pa.ChunkedArray | Sequence[str | None]"


def parse_many(texts: Texts, plan: NumberPlan, *, country: str = "CN", callers: bool = False) -> NumberArray:
    """Numbers of many texts, each as `parse_one` (with `callers`: `parse_caller`) reads it; a null is empty.

    What is written as most people write it is read in bulk (`numbering/bulk.py`), whatever else one by one.
    """
    column = _column(texts)
    n, (_valid, offset_buffer, data_buffer) = len(column), column.buffers()
    if n == 0 or data_buffer is None:
        offsets, data = np.zeros(n + 1, np.int64), np.empty(0, np.uint8)
    else:
        offsets = np.frombuffer(offset_buffer, np.int64)[column.offset : column.offset + n + 1]
        data = np.frombuffer(data_buffer, np.uint8)
    starts, stops = offsets[:-1], offsets[1:]
    if column.null_count:
        stops = np.where(column.is_valid().to_numpy(zero_copy_only=False), stops, starts)
    return parse_spans(data, starts, stops, plan, country=country, callers=callers)


def parse_spans(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], plan: NumberPlan, *,
    country: str = "CN", callers: bool = False,
) -> NumberArray:
    """As `parse_many`, of texts that lie somewhere in one buffer: UTF-8 `data` u8, from `starts` i64[n] to `stops`."""
    reason, kind, digits = read_many(data, starts, stops, plan, country, callers=callers)
    rest = np.flatnonzero(reason == UNREAD)
    known, refused = dict[bytes, Read](), dict[bytes, Reason | None]()  # lists say the same, or the like, many times
    listed = list[Read]()
    for start, stop in zip(starts[rest].tolist(), stops[rest].tolist()):
        raw = data[start:stop].tobytes()
        written = raw.translate(_WRITTEN)
        if written not in refused:
            refused[written] = refusal(written.decode("utf-8", "replace"))
        if (why := refused[written]) is not None:
            listed.append((why, 0, 0))
            continue
        if raw not in known:
            known[raw] = read(raw.decode("utf-8", "replace"), plan, country, callers=callers)
        listed.append(known[raw])
    if listed:
        reason[rest], kind[rest], digits[rest] = zip(*listed)
    return NumberArray(digits, kind, reason)


def _column(texts: Texts) -> pa.Array:
    """Texts as one Arrow array of large strings; what no UTF-8 can hold (lone surrogates) becomes a question mark."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        try:
            return pa.array(texts, pa.large_string())
        except UnicodeEncodeError:
            return pa.array([t and t.encode("utf-8", "replace").decode() for t in texts], pa.large_string())
    return texts if pa.types.is_large_string(texts.type) else texts.cast(pa.large_string())

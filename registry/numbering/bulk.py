"""Reads many texts at once: those that are plainly a number of the plan's country, or plainly none.

Rules of this room: what is answered here is what `reading.read` would answer, whatever else is left to it; texts are
read as two machine words each, sixteen characters, so that a million of them cost no more than reading them off.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from registry.numbering.plan import UNASSIGNED, NumberPlan
from registry.numbering.reading import E164, Reason

UNREAD = 255  # instead of a reason: ask `read`
_WIDTH = 16  # characters that are read at once
_WIDEST = 24  # of a number with something between its digits
_MOBILE = 11
_AREA = 1000  # landline tables are indexed by the first three digits
_CHUNK = 1 << 15
_ZEROS, _HIGH, _CARRY = (np.uint64(int(byte * 8, 16)) for byte in ("30", "80", "76"))
# of two, four and eight digits in a row: how to make one number of them, and which bits it has then
_FOLDS = [(2561, 8, 0x00FF00FF00FF00FF), (6553601, 16, 0x0000FFFF0000FFFF), (42949672960001, 32, 0x00000000FFFFFFFF)]
_OTHER, _BETWEEN, _DIGIT = 0, 1, 2
_PLUS, _POINT, _ZERO = ord("+"), ord("."), ord("0")

Data = NDArray[np.uint8]
Places = NDArray[np.int64]
Found = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint64]]  # reason or UNREAD, kind, digits


def read_many(
    data: Data, starts: Places, stops: Places, plan: NumberPlan, country: str, *, callers: bool
) -> Found:
    """Texts that lie in one buffer, from `starts` to `stops`: what `read` says of each, or UNREAD."""
    reason = np.full(len(starts), UNREAD, np.uint8)
    kind, digits = np.zeros(len(starts), np.uint8), np.zeros(len(starts), np.uint64)
    reads = _Reads(np.ascontiguousarray(data), plan, country, callers)
    for start in range(0, len(starts), _CHUNK):
        part = slice(start, start + _CHUNK)
        reads.fill(starts[part], stops[part], (reason[part], kind[part], digits[part]))
    return reason, kind, digits


@dataclass(frozen=True)
class _Digits:
    """Texts that hold nothing but a number's digits: how many, what they are, whether a plus is before them; `at`:
    which texts."""

    at: Places
    plus: NDArray[np.bool_]
    count: Places
    value: NDArray[np.uint64]

    def some(self, chosen: NDArray[np.bool_]) -> _Digits:
        at = np.flatnonzero(chosen)
        return _Digits(self.at.take(at), self.plus.take(at), self.count.take(at), self.value.take(at))


@dataclass(frozen=True)
class _Reads:
    data: Data
    plan: NumberPlan
    country: str
    callers: bool

    def fill(self, starts: Places, stops: Places, found: Found) -> None:
        """Answer what is plain."""
        lengths = stops - starts
        if not self.callers:
            found[0][lengths == 0] = Reason.EMPTY
        plain = np.flatnonzero((lengths > 0) & (lengths <= _WIDTH) & (stops >= _WIDTH))
        self._settle(self._mobiles(self._plain(plain, starts, stops), found), found, plain=True)
        rest = np.flatnonzero(found[0] == UNREAD)
        size = lengths.take(rest)
        rest = rest[(stops.take(rest) >= _WIDTH + 2) & (size > 2) & (size <= _WIDEST)]
        if len(rest):
            self._settle(self._spread(rest, starts, stops), found, plain=False)
            self._settle(self._floats(rest[found[0][rest] == UNREAD], starts, stops), found, plain=True)

    def _plain(self, at: Places, starts: Places, stops: Places) -> _Digits:
        """Texts of at most 16 characters; those that are not digits, maybe with a plus before them, count none."""
        if len(at) != len(starts):
            starts, stops = starts.take(at), stops.take(at)
        plus = self.data.take(starts) == _PLUS
        count = stops - starts - plus
        value, good = _values(self.data, stops, count)
        count *= good
        return _Digits(at, plus, count, value)

    def _spread(self, at: Places, starts: Places, stops: Places) -> _Digits:
        """Of texts of at most 24 characters those that are digits with spaces, dashes or brackets between them."""
        begins = starts.take(at)
        plus = self.data.take(begins) == _PLUS
        begins += plus
        inside, first = inside_of(begins, stops.take(at) - begins)
        chars = self.data.take(inside)
        meant = _MEANS.take(chars)
        digit = meant == _DIGIT
        count = np.add.reduceat(digit, first, dtype=np.int64)
        good = ~np.logical_or.reduceat(meant == _OTHER, first) & (count > 0) & (count <= _WIDTH)
        digits = np.concatenate((np.zeros(_WIDTH, np.uint8), chars[digit]))  # of all of them, without what is between
        value, _ = _values(digits, np.cumsum(count) + _WIDTH, np.minimum(count, _WIDTH))
        return _Digits(at, plus, count, value).some(good)

    def _floats(self, at: Places, starts: Places, stops: Places) -> _Digits:
        """Whole numbers as some programs write them: 13800138000.0"""
        ends = (self.data.take(stops[at] - 1) == _ZERO) & (self.data.take(stops[at] - 2) == _POINT)
        shorter = stops - 2
        at = at[ends]
        found = self._plain(at[shorter[at] - starts[at] <= _WIDTH], starts, shorter)
        return found.some(found.count >= 5)

    def _mobiles(self, read: _Digits, found: Found) -> _Digits:
        """Fill in what are mobile numbers without a calling code, which nearly all are; the others."""
        if self.country != self.plan.country:
            return read.some(read.count > 0)
        prefix = (read.value // np.uint64(10 ** (_MOBILE - 5))).view(np.int64)
        held = _tables(self.plan).held.take(prefix, mode="clip")
        held &= read.count == _MOBILE
        held &= ~read.plus
        which = np.flatnonzero(held)
        digits = read.value.take(which) + np.uint64(self.plan.calling_code * 10**_MOBILE)
        self._put(read.at.take(which), digits, found)
        return read.some((read.count > 0) & ~held)

    def _settle(self, read: _Digits, found: Found, *, plain: bool) -> None:
        """Fill in what digits are, where it is plain; `plain`: nothing stands between them."""
        tables = _tables(self.plan)
        count, value, at_home = read.count, read.value, self.country == self.plan.country
        # the calling code is cut off where it can be nothing else
        whole = count - tables.code_digits
        with_code = whole == _MOBILE if at_home else (whole == _MOBILE) & read.plus
        double = (count == _MOBILE + tables.code_digits + 2) & ~read.plus & at_home  # 0086…
        coded = (with_code | double) & (value // np.uint64(10**_MOBILE) == self.plan.calling_code)
        bare = (count == _MOBILE) & ~read.plus if at_home else np.zeros(len(count), bool)
        trunk = (count == _MOBILE + 1) & ~read.plus if at_home else bare  # 0138…
        national = value - np.where(coded, np.uint64(self.plan.calling_code * 10**_MOBILE), np.uint64(0))
        prefix = (national // np.uint64(10 ** (_MOBILE - 5))).astype(np.int64)
        shaped = (coded | bare | trunk) & (prefix >= 13_000) & (prefix <= 19_999)
        held = shaped & tables.held.take(prefix, mode="clip")
        self._put(read.at[held], national[held] + np.uint64(self.plan.calling_code * 10**_MOBILE), found)
        if self.callers or not at_home:
            return
        nobody = read.at[shaped & ~held]
        found[0][nobody] = Reason.UNASSIGNED
        if plain:
            self._misshapen(read, found)
        self._landlines(read.some((count >= 10) & (count <= 12) & ~read.plus & ~held), tables, found)

    def _misshapen(self, read: _Digits, found: Found) -> None:
        """Mobile numbers with a digit too few or too many, and no calling code."""
        first = read.value // _TENS.take(np.maximum(read.count - 2, 0))
        wrong = (first >= 13) & (first <= 19) & (read.count >= 2) & ~read.plus
        wrong &= (read.count != _MOBILE) & (read.count != self.plan.machine_digits)
        found[0][read.at[wrong]] = np.where(read.count[wrong] < _MOBILE, Reason.TOO_SHORT, Reason.TOO_LONG)
        prefix = (read.value // np.uint64(10 ** (_MOBILE - 5))).view(np.int64)
        nothing = _tables(self.plan).nothing.take(prefix, mode="clip") & (read.count == _MOBILE) & ~read.plus
        found[0][read.at[nothing]] = Reason.NOT_A_NUMBER

    def _landlines(self, read: _Digits, tables: _Tables, found: Found) -> None:
        """Landlines with a single 0 before their area code."""
        count = read.count - 1
        first = (read.value // _TENS.take(np.maximum(count - 3, 0))).astype(np.int64)
        good = (first >= 100) & (first < _AREA)
        first = np.where(good, first, 0)
        behind = count - tables.area_digits.take(first)
        last = np.maximum(behind - 1, 0)
        lead = read.value // _TENS.take(last) % np.uint64(10)
        good &= (tables.lengths.take(first) >> behind.astype(np.uint32) & 1 == 1) & (lead >= 2) & (lead <= 8)
        digits = read.value + np.uint64(self.plan.calling_code) * _TENS.take(np.maximum(count, 0))
        self._put(read.at[good], digits[good], found)

    @staticmethod
    def _put(at: Places, digits: NDArray[np.uint64], found: Found) -> None:
        found[0][at], found[1][at], found[2][at] = Reason.OK, E164, digits


@dataclass(frozen=True, eq=False)
class _Tables:
    """What of a plan is asked for many: `held` bool by the first five digits of a mobile, `nothing` by those of eleven
    that are neither a mobile nor a code; by the first three of a landline, how many are its area code's, and how many
    may follow it, a bit each."""

    code_digits: int
    held: NDArray[np.bool_]
    nothing: NDArray[np.bool_]
    area_digits: NDArray[np.int64]
    lengths: NDArray[np.uint32]


@lru_cache(maxsize=8)
def _tables(plan: NumberPlan) -> _Tables:
    held = plan.mobile_carrier != UNASSIGNED
    held[-1] = False  # what is larger than all mobiles is looked up here
    if plan.reads_sandbox:
        held |= plan.mobile_sandbox
    nothing = np.zeros_like(held)
    nothing[10_000:13_000] = [plan.code(str(prefix).ljust(_MOBILE, "0")) is None for prefix in range(10_000, 13_000)]
    area_digits, lengths = np.zeros(_AREA, np.int64), np.zeros(_AREA, np.uint32)
    for area in sorted(plan.area_lengths, key=len, reverse=True):  # the shorter code has the last word, as in `area`
        low = int(area) * 10 ** (3 - len(area))
        area_digits[low : low + 10 ** (3 - len(area))] = len(area)
        lengths[low : low + 10 ** (3 - len(area))] = sum(1 << length for length in plan.area_lengths[area])
    return _Tables(len(str(plan.calling_code)), held, nothing, area_digits, lengths)


def inside_of(starts: Places, sizes: Places) -> tuple[Places, Places]:
    """The places of all characters of texts, one text after another; and where each text begins among them."""
    first = np.cumsum(sizes) - sizes
    return np.repeat(starts - first, sizes) + np.arange(sizes.sum()), first


def _values(data: Data, stops: Places, count: Places) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """What the last `count` (at most 16) characters before some places of data are as numbers, and whether they are.

    No place is nearer to the beginning than 16.
    """
    if not len(stops):
        return np.zeros(0, np.uint64), np.zeros(0, bool)
    # the 16 characters as two words; what is before the text is cut off
    words = np.ndarray(len(data) - _WIDTH + 1, f"V{_WIDTH}", data, strides=(1,))[stops - _WIDTH]
    words = words.view(np.uint64).reshape(-1, 2)
    words ^= _ZEROS
    words &= _LAST.take(count, axis=0)
    strange = (words + _CARRY | words) & _HIGH  # a byte of more than 9; a carry comes out of such a byte alone
    for factor, shift, bits in _FOLDS:
        words *= np.uint64(factor)
        words >>= np.uint64(shift)
        words &= np.uint64(bits)
    return words[:, 0] * np.uint64(10**8) + words[:, 1], (strange[:, 0] | strange[:, 1]) == 0


def _last_bytes() -> NDArray[np.uint64]:
    """Masks for the last 0, 1, … 16 of 16 characters, as two words each."""
    masks = np.zeros((_WIDTH + 1, _WIDTH), np.uint8)
    for count in range(1, _WIDTH + 1):
        masks[count, -count:] = 0xFF
    return masks.view("<u8").astype(np.uint64)


def _means() -> NDArray[np.uint8]:
    means = np.full(256, _OTHER, np.uint8)
    means[list(b" -()[]")] = _BETWEEN
    means[list(b"0123456789")] = _DIGIT
    return means


_LAST, _MEANS = _last_bytes(), _means()
_TENS: NDArray[np.uint64] = np.uint64(10) ** np.arange(_WIDTH + 1, dtype=np.uint64)

"""The number plan's tables, and what they say about a number: who serves its range, what a caller is.

A prefix says who held a number when it was given out; the porting table says who serves it now (rule 46), so no answer
here is the last word on the serving carrier.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from registry.numbering.holidays import Holidays

if TYPE_CHECKING:
    from registry.numbers import Number

UNASSIGNED = -2  # in tables of carriers: nobody holds the range
UNKNOWN = -1  # in tables of carriers: held, by no carrier of ours
_PREFIXES = 100_000  # mobile tables are indexed by the first five digits
_CODE_PREFIX = 5  # the longest prefix of a short code in the data


class CallerKind(IntEnum):
    """What a caller's number is to the decision engine (rules 43, 49, 60, 64, 65, 83)."""

    PLAIN = 0
    EMERGENCY = 1  # 11x, 12xxx, 100xx: never blocked
    HIDDEN = 2  # missing, altered or false
    UNASSIGNED = 3  # a range nobody holds
    UNREGISTERED_PORT = 4
    SERVICE_PORT = 5
    COMMERCIAL_PORT = 6
    CALL_CENTRE = 7
    FOREIGN = 8


@dataclass(frozen=True, slots=True)
class Code:
    """Short codes of one prefix: whole lengths allowed (digits) and what they are."""

    shortest: int
    longest: int
    kind: CallerKind


@dataclass(frozen=True, eq=False)
class NumberPlan:
    """One country's plan as tables. Mobile tables (100,000) are indexed by the first 5 digits, areas by the first 3."""

    country: str  # ISO 3166, the plan's own
    calling_code: int
    carriers: tuple[str, ...]  # party ids; every carrier index below points here
    holidays: Holidays
    mobile_carrier: npt.NDArray[np.int16] = field(repr=False)  # UNASSIGNED, UNKNOWN or an index
    mobile_portable: npt.NDArray[np.bool_] = field(repr=False)
    mobile_resale: npt.NDArray[np.bool_] = field(repr=False)
    mobile_special: npt.NDArray[np.bool_] = field(repr=False)  # satellites and machines
    mobile_sandbox: npt.NDArray[np.bool_] = field(repr=False)  # held by nobody, for carriers to try things out with
    machine_prefixes: tuple[str, ...]
    machine_digits: int
    area_carrier: npt.NDArray[np.int16] = field(repr=False)  # UNASSIGNED or an index
    area_lengths: dict[str, tuple[int, ...]] = field(repr=False)  # area code -> digits that may follow
    codes: dict[str, Code] = field(repr=False)
    reads_sandbox: bool = False

    def with_sandbox(self) -> NumberPlan:
        """The same plan, by which sandbox numbers can be read too; they stay numbers that nobody holds."""
        return replace(self, reads_sandbox=True)

    def is_readable(self, place: int) -> bool:
        """Whether mobile numbers of a place in the tables are taken for subscribers' numbers."""
        return bool(self.mobile_carrier[place] != UNASSIGNED or (self.reads_sandbox and self.mobile_sandbox[place]))

    def is_sandbox(self, number: Number) -> bool:
        """Whether a number lies in the range that is kept for trying things out."""
        place = self._mobile(self.national(number) or "")
        return place is not None and bool(self.mobile_sandbox[place])

    def are_sandbox(self, digits: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Which E.164 digits u64[n] lie in that range, bool[n]."""
        eleven, base = np.uint64(10**11), np.uint64(self.calling_code)
        national = np.where(digits // eleven == base, digits - base * eleven, 0)
        place = (national // np.uint64(10**6)).astype(np.intp)
        found: npt.NDArray[np.bool_] = self.mobile_sandbox[place] & (national // np.uint64(10**10) == 1)
        return found

    def code(self, digits: str) -> Code | None:
        """The short code, service number or port that a string of digits is in full, or None."""
        for length in range(min(_CODE_PREFIX, len(digits)), 1, -1):
            found = self.codes.get(digits[:length])
            if found and found.shortest <= len(digits) <= found.longest:
                return found
        return None

    def area(self, national: str) -> str | None:
        """The area code that national digits (no leading 0) start with, or None."""
        for length in (2, 3):
            if national[:length] in self.area_lengths:
                return national[:length]
        return None

    def is_machine(self, national: str) -> bool:
        """Whether national digits are a machine's long number, which may call but never register."""
        return len(national) == self.machine_digits and national.startswith(self.machine_prefixes)

    def national(self, number: Number) -> str | None:
        """The national digits of a number of this country (no leading 0), None for foreign numbers and codes."""
        text = str(number.digits)
        own = str(self.calling_code)
        return text[len(own) :] if number.kind == 1 and text.startswith(own) else None

    def _mobile(self, national: str) -> int | None:
        """The index into the mobile tables, None for anything but an 11-digit mobile shape."""
        return int(national[:5]) if len(national) == 11 and national[0] == "1" else None

    def carriers_of(self, digits: npt.NDArray[np.uint64]) -> npt.NDArray[np.int16]:
        """Carriers by prefix of E.164 digits u64[n]: int16[n] into `carriers`, -1 unknown (ask porting first)."""
        found = np.full(len(digits), UNKNOWN, dtype=np.int16)
        nine, ten = np.uint64(10**9), np.uint64(10**10)
        base = np.uint64(self.calling_code)
        long = digits // (ten * np.uint64(10)) == base  # 11 national digits
        national = digits[long] - base * ten * np.uint64(10)
        by_area = self.area_carrier[(national // np.uint64(10**8)).astype(np.intp)]
        by_range = self.mobile_carrier[(national // np.uint64(10**6)).astype(np.intp)]
        found[long] = np.where(national // ten == 1, by_range, by_area)
        short = digits // ten == base  # 10 national digits
        national = digits[short] - base * ten
        by_area = self.area_carrier[(national // np.uint64(10**7)).astype(np.intp)]
        found[short] = np.where(national >= nine, by_area, UNKNOWN)
        return np.maximum(found, UNKNOWN)

    def serving_prefix_carrier(self, digits: int) -> str:
        """The carrier by prefix of E.164 digits, "" where unknown. Ask the porting table first (rule 46)."""
        index = int(self.carriers_of(np.array([digits], dtype=np.uint64))[0])
        return self.carriers[index] if index >= 0 else ""

    def carrier_of(self, number: Number) -> str:
        """The carrier by prefix of a number, "" for foreign numbers, codes and unknown ranges."""
        return self.serving_prefix_carrier(number.digits) if number.kind == 1 else ""

    def is_mobile(self, number: Number) -> bool:
        """Whether a number is a mobile of this country in an assigned range."""
        place = self._mobile(self.national(number) or "")
        return place is not None and bool(self.mobile_carrier[place] != UNASSIGNED)

    def is_resale(self, number: Number) -> bool:
        """Whether a number lies in a range of resellers (MVNOs)."""
        place = self._mobile(self.national(number) or "")
        return place is not None and bool(self.mobile_resale[place])

    def is_portable(self, number: Number) -> bool:
        """Whether a number may change its carrier: no landline, no satellite, resale or machine range (RULES §7)."""
        place = self._mobile(self.national(number) or "")
        return place is not None and bool(self.mobile_portable[place])

    def caller_kind(self, number: Number | None) -> CallerKind:
        """What a caller is; None stands for a caller number that is missing or was withheld."""
        if number is None:
            return CallerKind.HIDDEN
        if number.kind != 1:
            code = self.code(str(number.digits))
            return code.kind if code else CallerKind.UNASSIGNED
        national = self.national(number)
        if national is None:
            return CallerKind.FOREIGN
        place = self._mobile(national)
        if place is not None:
            held = self.mobile_carrier[place] != UNASSIGNED
        else:
            held = self.is_machine(national) or self.area(national) is not None
        return CallerKind.PLAIN if held else CallerKind.UNASSIGNED

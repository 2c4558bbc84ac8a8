"""The figures of a quarterly bulletin, in the shape of RULES §6, out of counts of reports.

Rules of this room:
- What is counted: reports received in the quarter and before the cut-off, as they stood at the cut-off; held ones
  (bombing) and those of a sandbox are not.
- Shares sum to 100.0 (rule 105). Cells too small to show are one cell together, `small`; beyond the top ten, `rest`.
- Enterprises are named by what was not found unfounded or somebody else's by the cut-off, from the smallest cell on.
- The canonical text of figures is JSON with sorted keys: the same counts give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from registry.numbering.provinces import load_provinces
from registry.numbers import Number
from registry.preferences import Category
from registry.quarters import SMALLEST, change, shares, shown
from registry.sealing import BLOCK, KINDS, unseal_many

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from registry.numbering import NumberPlan

FORMAT = "decline-call-bulletin/1"
CHANNELS = ("message", "call")
PARTS = (
    "carrier", "category", "mode", "number_type", "port", "class", "source_province", "victim_province",
)  # fmt: skip
TOP = 10
SMALL, REST, UNKNOWN, RESALE = "small", "rest", "unknown", "resale"
_TOPPED = ("source_province", "victim_province")
_CODE_DIGITS, _MOBILE_DIGITS, _NATIONAL_DIGITS = 5, 4, 5
_HIDDEN = bytes(BLOCK)  # no sealed number: a chance of one in 2**128
_POWERS = 10 ** np.arange(1, 20, dtype=np.uint64)

Row = tuple[Any, ...]  # what it is (`_told`), mode, province, carrier, sealed caller, enterprise if to be named

@dataclass
class Counts:
    """What was counted of one channel: per part (`PARTS`), by segment of numbers, by category and enterprise."""

    total: int = 0
    parts: dict[str, Counter[str]] = field(default_factory=lambda: {part: Counter() for part in PARTS})
    segments: Counter[str] = field(default_factory=Counter)
    enterprises: dict[str, Counter[str]] = field(default_factory=dict)


class _Places(dict[Any, int]):
    """Gives each key that it has not seen the next place."""

    def __missing__(self, key: Any) -> int:
        place = self[key] = len(self)
        return place


@dataclass
class _Tally:
    """Reports by what they are, and their callers: `which` counts into `places`, a caller each."""

    places: _Places = field(default_factory=_Places)  # of rows without their callers
    which: list[NDArray[np.int64]] = field(default_factory=list)
    callers: list[bytes] = field(default_factory=list)

    def add(self, rows: Sequence[Row]) -> None:
        what, modes, provinces, carriers, callers, enterprises = zip(*rows)
        keys = zip(what, modes, provinces, carriers, enterprises)
        self.which.append(np.fromiter(map(self.places.__getitem__, keys), np.int64, len(rows)))
        self.callers.append(b"".join([caller or _HIDDEN for caller in callers]))


def count(
    plan: NumberPlan, at_rest: bytes, chunks: Iterable[Sequence[Row]], *, resellers: frozenset[str] = frozenset()
) -> dict[str, Counts]:
    """Counts per channel out of rows of reports."""
    tally, found = _Tally(), {kind: Counts() for kind in CHANNELS}
    for chunk in chunks:
        tally.add(chunk)
    which = np.concatenate([np.empty(0, np.int64), *tally.which])
    for (what, mode, province, _, enterprise), number in zip(tally.places, np.bincount(which).tolist()):
        kind, commercial, category = _told(what)
        counts = found[kind]
        counts.total += number
        counts.parts["category"][category] += number
        counts.parts["class"]["commercial" if commercial else "unlawful"] += number
        counts.parts["victim_province"][province or UNKNOWN] += number
        if kind == "call":
            counts.parts["mode"][mode or UNKNOWN] += number
        if enterprise:
            counts.enterprises.setdefault(category, Counter())[enterprise] += number
    sides = [(_told(what)[0], carrier) for what, _, _, carrier, _ in tally.places]
    for (kind, carrier), (sort, segment, province), number in _coarse(plan, at_rest, tally, which, sides):
        parts = found[kind].parts
        parts["carrier"][RESALE if sort == "mvno" or carrier in resellers else carrier or UNKNOWN] += number
        parts["number_type"][sort] += number
        parts["port"]["port" if sort == "port" else "person"] += number
        parts["source_province"][province] += number
        if segment:
            found[kind].segments[segment] += number
    return found


def _told(what: int) -> tuple[str, bool, str]:
    """Channel, whether it is commercial, and category, out of the number that the store makes of them."""
    category = what // 4 - 1
    return CHANNELS[what // 2 % 2], bool(what % 2), Category(category).slug if category >= 0 else UNKNOWN


def _coarse(
    plan: NumberPlan, at_rest: bytes, tally: _Tally, which: NDArray[np.int64], sides: Sequence[tuple[str, str]]
) -> Iterator[tuple[tuple[str, str], tuple[str, str, str], int]]:
    """Counts by side (channel and carrier), and by what the first digits of the caller say."""
    different = _Places()
    side = np.array([different[each] for each in sides], np.int64).take(which)
    sealed = np.frombuffer(b"".join(tally.callers), np.uint8).reshape(-1, BLOCK)
    known = sealed.view(np.uint64).any(axis=1)
    digits, kinds = unseal_many(at_rest, sealed[known])
    kept = len(str(plan.calling_code)) + _NATIONAL_DIGITS
    first = _first(digits, np.where(kinds == 1, kept, _CODE_DIGITS)) * np.uint64(len(KINDS)) + (kinds - KINDS[0])
    each, of_each = np.unique(first, return_inverse=True)
    said = [sort_of(plan, Number(value % len(KINDS) + KINDS[0], value // len(KINDS))) for value in each.tolist()]
    of_each = np.append(of_each, np.full(len(sealed) - len(of_each), len(said)))
    said.append(sort_of(plan, None))
    cells = of_each * len(different) + np.append(side[known], side[~known])
    listed = list(different)
    for cell, number in zip(*(array.tolist() for array in np.unique(cells, return_counts=True))):
        yield listed[cell % len(listed)], said[cell // len(listed)], number


def _first(digits: NDArray[np.uint64], kept: NDArray[Any]) -> NDArray[np.uint64]:
    """Numbers with all but their first digits as zeros."""
    length = np.searchsorted(_POWERS, digits, side="right") + 1
    cut = np.maximum(length - kept, 0)
    unit = np.concatenate((np.ones(1, np.uint64), _POWERS))[cut]
    first: NDArray[np.uint64] = digits // unit * unit
    return first


def sort_of(plan: NumberPlan, caller: Number | None) -> tuple[str, str, str]:
    """The type of a caller number, the segment it lies in and its province."""
    if caller is None:
        return "hidden", "", UNKNOWN
    text = str(caller.digits)
    if caller.kind != 1:
        sort = "95_96" if text.startswith(("95", "96")) else "port" if text.startswith("106") else "code"
        return sort, text[:_CODE_DIGITS], UNKNOWN
    national = plan.national(caller)
    if national is None:
        return "foreign", "", UNKNOWN
    if plan.is_mobile(caller):
        return "mvno" if plan.is_resale(caller) else "mobile", national[:_MOBILE_DIGITS], UNKNOWN
    area = plan.area(national)
    if area is None:
        return "other", "", UNKNOWN
    return "landline", f"0{area}", load_provinces().of_area.get(area, UNKNOWN)


def figures(
    counts: Mapping[str, Counts], *, quarter: str, cutoff: str, before: Mapping[str, int],
    year_before: Mapping[str, int], names: Mapping[str, str], past: Mapping[str, int], smallest: int = SMALLEST,
) -> dict[str, Any]:
    """The figures of a bulletin as data. `before`, `year_before`: totals per channel, where known; `past`: for how many
    quarters in a row until the one before an enterprise was named."""
    channels: dict[str, dict[str, Any]] = {}
    for kind in CHANNELS:
        each = counts[kind]
        channels[kind] = {
            "total": each.total,
            "qoq": change(each.total, before.get(kind, 0)),
            "yoy": change(each.total, year_before.get(kind, 0)),
            "parts": {part: _part(each.parts[part], part, smallest) for part in PARTS},
            "segments": [
                {"segment": segment, "count": number}
                for segment, number in _descending(each.segments) if number >= smallest
            ][:TOP],
            "enterprises": {
                category: [
                    {"enterprise": enterprise, "name": names.get(enterprise, enterprise), "count": number,
                     "quarters": past.get(enterprise, 0) + 1}
                    for enterprise, number in _descending(listed) if number >= smallest
                ][:TOP]
                for category, listed in sorted(each.enterprises.items())
            },
        }  # fmt: skip
        channels[kind]["enterprises"] = {name: rows for name, rows in channels[kind]["enterprises"].items() if rows}
    return {"format": FORMAT, "quarter": quarter, "cutoff": cutoff, "smallest": smallest, "channels": channels}


def _descending(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _part(counts: Counter[str], part: str, smallest: int) -> list[dict[str, Any]]:
    """The cells of a part with their shares, the largest first, what is folded together last."""
    cells: dict[str, int] = dict(counts)
    if part in _TOPPED and len(cells) > TOP:
        kept = dict(_descending({name: n for name, n in cells.items() if name != UNKNOWN})[:TOP])
        rest = sum(cells.values()) - sum(kept.values()) - cells.get(UNKNOWN, 0)
        cells = kept | {REST: rest, UNKNOWN: cells.get(UNKNOWN, 0)}
    seen = shown(cells, smallest=smallest)
    open_ = {name: number for name, number in seen.items() if number}
    hidden = sum(cells[name] for name, number in seen.items() if number is None)
    if hidden:
        open_[SMALL] = hidden
    parts = shares(open_)
    last = (UNKNOWN, REST, SMALL)
    order = sorted(open_, key=lambda name: (last.index(name) if name in last else -1, -open_[name], name))
    return [{"name": name, "count": open_[name], "share": parts[name]} for name in order]


def canonical(data: Mapping[str, Any]) -> str:
    """The one text of figures."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(text: str) -> str:
    """The SHA-256 of a canonical text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()

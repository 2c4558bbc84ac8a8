"""Synthetic registrations and call lists for the benchmarks of scrubbing, the same for the same seed.

Mobile numbers are drawn without repetition by a stride through all that the plan has, in an order that looks like none:
the first so many are registered. A call list takes some of those, some others, and writes them as people do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from registry.numbering import NumberPlan, draw_numbers
from registry.scrubindex import PREFERENCE, keys_of, write_index
from registry.sealing import seal_many

A_RANGE = 10**6  # numbers behind five digits
STEP = 1 << 20
PREFERENCES = 200
CITIES = (*("上海", "北京", "Guangzhou", "深圳", "成都", "Hangzhou", "重庆", "西安", "Wuhan") * 5, '"苏州, 工业园区"')
NAMES = ("王伟", "李娜", "张敏", "Chen Jie", "刘洋", "Zhao Lei", "黄丽", "吴强", "周涛", "Sun Yan")
BROKEN = ("", "n/a", "1380013", "unknown", "13800138000 / 13900139000", "12345678901234567", "10086", "0000000000")
HEADER = b"id,name,phone,city,last_order\n"


@dataclass(frozen=True)
class Mix:
    """Shares of a call list's lines: that are registered, that repeat one before; and by how the number is written.
    What is left over is written plainly (13800138000)."""

    hits: float = 0.3
    repeated: float = 0.03
    plus: float = 0.06  # +8613800138000
    bare: float = 0.03  # 8613800138000
    spaced: float = 0.015  # 138 0013 8000
    dashed: float = 0.015  # 138-0013-8000
    landline: float = 0.04  # half 010-12345678, half 01012345678
    foreign: float = 0.001  # +14155550123
    cut: float = 0.005  # a digit is missing
    unassigned: float = 0.003  # 12900138000
    extended: float = 0.002  # 13800138000转8
    broken: float = 0.005  # no number at all


PLAIN = Mix(plus=0, bare=0, spaced=0, dashed=0, landline=0, foreign=0, cut=0, unassigned=0, extended=0, broken=0)


class Mobiles:
    """All mobile numbers of a plan in an order that looks like none."""

    def __init__(self, plan: NumberPlan, seed: int) -> None:
        random = np.random.default_rng(seed)
        self._ranges = np.flatnonzero((plan.mobile_carrier >= 0) & ~plan.mobile_special).astype(np.uint64)
        self._count, self._lead = len(self._ranges) * A_RANGE, np.uint64(plan.calling_code * 10**11)
        stride = int(random.integers(self._count // 3, self._count))
        while math.gcd(stride, self._count) != 1:
            stride += 1
        self._stride, self._first = np.uint64(stride), np.uint64(random.integers(self._count))

    def at(self, places: np.ndarray) -> np.ndarray:
        """The numbers at places (below 2**30), national digits u64[n]."""
        place = (places.astype(np.uint64) * self._stride + self._first) % np.uint64(self._count)
        return self._ranges[place // np.uint64(A_RANGE)] * np.uint64(A_RANGE) + place % np.uint64(A_RANGE)

    def whole(self, places: np.ndarray) -> np.ndarray:
        """The same with the calling code."""
        return self.at(places) + self._lead


def make_index(path: Path, plan: NumberPlan, rows: int, seed: int, *, key: bytes) -> None:
    """The scrub index of so many registrations: 95 % decline everything, the rest one of 200 preferences."""
    keys, mobiles = np.empty(rows, np.uint64), Mobiles(plan, seed)
    for start in range(0, rows, STEP):
        places = np.arange(start, min(start + STEP, rows))
        keys[start : start + STEP] = keys_of(seal_many(key, mobiles.whole(places)))
    keys.sort()
    write_index(path, _chunks(keys, np.random.default_rng(seed)), edition=1, rows=rows)


def _chunks(keys: np.ndarray, random: np.random.Generator) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    kinds = np.zeros(PREFERENCES + 1, PREFERENCE)
    for name in ("calls", "robocalls", "messages"):
        kinds[name] = random.integers(1, 0xFFFF, len(kinds))
        kinds[name][0] = 0xFFFF
    kinds["quiet"][1:] = np.where(random.random(PREFERENCES) < 0.5, 0, random.integers(1, 1 << 31, PREFERENCES))
    for start in range(0, len(keys), STEP):
        part = keys[start : start + STEP]
        sealed = np.zeros((len(part), 2), ">u8")  # an index holds first halves only
        sealed[:, 0] = part
        which = np.where(random.random(len(part)) < 0.95, 0, random.integers(1, PREFERENCES + 1, len(part)))
        yield sealed.view(np.uint8), {name: kinds[name][which] for name in PREFERENCE.names or ()}


@dataclass(frozen=True)
class CallList:
    """A CSV with the columns id, name, phone, city, last_order; shuffled."""

    plan: NumberPlan
    lines: int
    registrations: int
    seed: int
    mix: Mix = Mix()
    turn: int = 0  # of several lists, which have nothing in common but registrations

    def write(self, path: Path) -> None:
        """Write it at a path."""
        random = np.random.default_rng((self.seed, self.turn, 1))
        with path.open("wb") as file:
            file.write(HEADER)
            for start in range(0, self.lines, STEP):
                file.write(self._part(start, min(STEP, self.lines - start), random))

    def _part(self, start: int, count: int, random: np.random.Generator) -> bytes:
        days = random.integers(18_000, 20_700, count).astype("datetime64[D]")
        columns = [
            pc.cast(pa.array(np.arange(start, start + count) + 100_000), pa.string()),
            _some(NAMES, count, random), self._written(self._national(start, count, random), random),
            _some(CITIES, count, random), pc.cast(pa.array(days), pa.string()),
        ]  # fmt: skip
        lines = pc.binary_join_element_wise(pc.binary_join_element_wise(*columns, ","), "", "\n")
        return bytes(lines.buffers()[2])[: int(np.frombuffer(lines.buffers()[1], np.int32)[count])]

    def _national(self, start: int, count: int, random: np.random.Generator) -> np.ndarray:
        hits = round(count * self.mix.hits)
        others = self.registrations + self.turn * self.lines + start + np.arange(count - hits)
        places = random.permutation(np.concatenate([random.integers(0, self.registrations, hits), others]))
        again = np.flatnonzero(random.random(count) < self.mix.repeated)
        places[again] = places[random.integers(0, count, len(again))]
        return Mobiles(self.plan, self.seed).at(places)

    def _written(self, national: np.ndarray, random: np.random.Generator) -> pa.Array:
        """Numbers as people write them, some of them replaced by others than mobiles."""
        mix, count = self.mix, len(national)
        texts = pc.cast(pa.array(national), pa.string())
        parts = [pc.utf8_slice_codeunits(texts, start, stop) for start, stop in ((0, 3), (3, 7), (7, 11))]
        ways = [
            (mix.plus, pc.binary_join_element_wise("+86", texts, "")),
            (mix.bare, pc.binary_join_element_wise("86", texts, "")),
            (mix.spaced, pc.binary_join_element_wise(*parts, " ")),
            (mix.dashed, pc.binary_join_element_wise(*parts, "-")),
            (mix.landline, _some(self._landlines(), count, random)),
            (mix.foreign, pc.binary_join_element_wise("+1415555", parts[2], "")),
            (mix.cut, pc.utf8_slice_codeunits(texts, 0, 10)),
            (mix.unassigned, pc.binary_join_element_wise("129", *parts[1:], "")),
            (mix.extended, pc.binary_join_element_wise(texts, "转8", "")),
            (mix.broken, _some(BROKEN, count, random)),
            (1.0, texts),
        ]
        which = np.searchsorted(np.cumsum([share for share, _ in ways]), random.random(count), side="right")
        return pc.choose(pa.array(np.minimum(which, len(ways) - 1)), *(way for _, way in ways))

    def _landlines(self) -> list[str]:
        found = []
        for number in draw_numbers(self.plan, 20_000, self.seed, landlines=1.0).tolist():
            national = str(number)[len(str(self.plan.calling_code)) :]
            if area := self.plan.area(national) if not national.startswith("1") or national.startswith("10") else None:
                found += [f"0{area}-{national[len(area):]}", f"0{national}"]
        return found


def _some(texts: Any, count: int, random: np.random.Generator) -> pa.Array:
    return pa.array(texts).take(pa.array(random.integers(0, len(texts), count)))

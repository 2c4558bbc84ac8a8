"""Draws synthetic subscriber numbers that are valid under the plan, for trials and benchmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from registry.numbering.plan import NumberPlan


def draw_numbers(plan: NumberPlan, count: int, seed: int, *, landlines: float = 0.1) -> npt.NDArray[np.uint64]:
    """Distinct valid subscriber numbers as E.164 digits u64[count], the same for the same seed.

    About `landlines` of them are landlines. Mobile ranges are drawn evenly, satellites and machines left out. They are
    synthetic, and yet somebody may hold any of them: never send anything to one.
    """
    random = np.random.default_rng(seed)
    drawn = np.empty(0, dtype=np.uint64)
    while len(drawn) < count:
        more = count - len(drawn) + count // 50 + 16
        fixed = int(more * landlines)
        fresh = np.concatenate([_draw_mobiles(plan, more - fixed, random), _draw_landlines(plan, fixed, random)])
        random.shuffle(fresh)
        both = np.concatenate([drawn, fresh])
        drawn = both[np.sort(np.unique(both, return_index=True)[1])]
    return drawn[:count]


def _draw_mobiles(plan: NumberPlan, count: int, random: np.random.Generator) -> npt.NDArray[np.uint64]:
    prefixes = np.flatnonzero((plan.mobile_carrier >= 0) & ~plan.mobile_special)
    national = random.choice(prefixes, count).astype(np.uint64) * np.uint64(10**6)
    national += random.integers(0, 10**6, count, dtype=np.uint64)
    return national + np.uint64(plan.calling_code * 10**11)


def _draw_landlines(plan: NumberPlan, count: int, random: np.random.Generator) -> npt.NDArray[np.uint64]:
    areas = [(int(area), len(area), digits) for area, lengths in plan.area_lengths.items() for digits in lengths]
    area, area_digits, digits = np.array(areas, dtype=np.uint64)[random.integers(0, len(areas), count)].T
    scale = np.uint64(10) ** (digits - np.uint64(1))
    first = random.integers(2, 9, count, dtype=np.uint64)
    rest = random.integers(0, 10**7, count, dtype=np.uint64) % scale
    subscriber = first * scale + rest
    national = area * np.uint64(10) ** digits + subscriber
    whole: npt.NDArray[np.uint64] = np.uint64(plan.calling_code) * np.uint64(10) ** (area_digits + digits) + national
    return whole

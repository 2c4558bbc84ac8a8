"""Provinces of landlines, by area code; a mobile number says nothing of where its holder is.

Rules of this room: as in the plan, of which the areas are a part; a number that is no landline of ours is `UNKNOWN`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
_CALLING_CODE = 86
_MOBILE = (13 * 10**9, 2 * 10**10)  # national numbers that are mobile ones


@dataclass(frozen=True, eq=False)
class Provinces:
    """`names`: UNKNOWN, then the provinces; `of_area`: the province of each area code (no leading 0); `_areas`: places
    in `names` by the first three national digits i64[1000]."""

    names: tuple[str, ...]
    of_area: Mapping[str, str]
    _areas: NDArray[np.int64]

    def of_many(self, digits: NDArray[np.uint64], kind: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The place in `names` of each of many numbers: digits u64[n], kind u8[n] -> i64[n]."""
        length = np.zeros(len(digits), np.int64)  # of the whole number
        for power in range(1, 20):
            length += digits >= np.uint64(10 ** (power - 1))
        scale = np.uint64(10) ** np.maximum(length - 2, 0).astype(np.uint64)
        ours = (kind == 1) & (length >= 9) & (digits // scale == _CALLING_CODE)
        national = np.where(ours, digits % scale, np.uint64(0))
        ours &= (national < _MOBILE[0]) | (national >= _MOBILE[1])
        first = national // np.uint64(10) ** np.maximum(length - 5, 0).astype(np.uint64)
        found: NDArray[np.int64] = np.where(ours, self._areas[np.minimum(first, np.uint64(999)).astype(np.int64)], 0)
        return found


@lru_cache(maxsize=1)
def load_provinces() -> Provinces:
    """The provinces of areas.toml."""
    text = resources.files("registry.numbering").joinpath("areas.toml").read_text("utf-8")
    data = tomllib.loads(text)["province"]
    areas, of_area = np.zeros(1000, np.int64), dict[str, str]()
    for place, (name, province) in enumerate(data.items(), start=1):
        for area in (*province.get("seven", ()), *province.get("eight", ())):
            scale = 10 ** (3 - len(area))
            areas[int(area) * scale : (int(area) + 1) * scale] = place
            of_area[area] = name
    return Provinces((UNKNOWN, *data), of_area, areas)

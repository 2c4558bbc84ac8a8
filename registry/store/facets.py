"""What the queue of reports filters by, packed into one number, so that a walk through a million stays short.

Rules of this room: a place in a list below is for ever, for it stands in rows; what a list does not know has the last
place of its bits, which no filter asks for. Whoever writes one of these columns of table handling writes `facets` too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

STATES = (
    "submitted", "returned", "accepted", "forwarded", "violation", "unfounded", "not_ours", "measured", "fed_back",
    "reopened", "appealed", "told", "closed",
)  # fmt: skip
FIRST_OVER = STATES.index("told")  # from here on nobody has to do anything
CLASSES = ("commercial", "malicious", "unlawful")
KINDS = ("call", "message")
HELD = ("", "bombing", "same_text")
PROVINCES = (
    "", "beijing", "tianjin", "hebei", "shanxi", "inner_mongolia", "liaoning", "jilin", "heilongjiang", "shanghai",
    "jiangsu", "zhejiang", "anhui", "fujian", "jiangxi", "shandong", "henan", "hubei", "hunan", "guangdong", "guangxi",
    "hainan", "chongqing", "sichuan", "guizhou", "yunnan", "tibet", "shaanxi", "gansu", "qinghai", "ningxia",
    "xinjiang",
)  # fmt: skip


def _in(names: tuple[str, ...]) -> Callable[[Any], int]:
    places = {name: place for place, name in enumerate(names)}
    return lambda value: places.get(value, -1)


_FIELDS: Mapping[str, tuple[int, int, Callable[[Any], int]]] = {  # column -> first bit, bits, its number
    "state": (0, 4, _in(STATES)), "class": (4, 2, _in(CLASSES)), "kind": (6, 2, _in(KINDS)),
    "channel": (8, 2, int), "category": (10, 5, lambda value: int(value) + 1), "province": (15, 6, _in(PROVINCES)),
    "held": (21, 2, _in(HELD)), "late": (23, 1, lambda value: int(value > 0)), "undated": (24, 1, int),
}  # fmt: skip


def mask_of(name: str) -> int:
    """The bits of a column."""
    first, bits, _number = _FIELDS[name]
    return ((1 << bits) - 1) << first


def packed(values: Mapping[str, Any]) -> tuple[int, int]:
    """The bits of those columns of `values` that are packed, and what stands in them."""
    mask = found = 0
    for name, (first, bits, number) in _FIELDS.items():
        if name in values:
            most = (1 << bits) - 1
            place = number(values[name])
            mask |= most << first
            found |= (place if 0 <= place <= most else most) << first
    return mask, found


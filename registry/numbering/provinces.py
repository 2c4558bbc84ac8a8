"""Provinces by area code, as the data of the number plan lists them."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _data() -> dict[str, dict[str, object]]:
    text = files("registry.numbering").joinpath("areas.toml").read_text(encoding="utf-8")
    found: dict[str, dict[str, object]] = tomllib.loads(text)["province"]
    return found


@cache
def province_names() -> dict[str, str]:
    """The Chinese name of each province."""
    return {slug: str(each["zh"]) for slug, each in _data().items()}


@cache
def province_of_area() -> dict[str, str]:
    """The province of each area code (no leading 0)."""
    found: dict[str, str] = {}
    for slug, each in _data().items():
        for listed in each.values():
            if isinstance(listed, list):
                found.update({str(area): slug for area in listed})
    return found

"""Reads the number plan's TOML files into tables and refuses a plan that contradicts itself."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from registry.errors import SettingsError
from registry.numbering.holidays import load_holidays
from registry.numbering.plan import UNASSIGNED, UNKNOWN, CallerKind, Code, NumberPlan

_FOLDER = Path(__file__).parent
_INDEX = 5  # digits that index the mobile tables
_AREAS = 1000
_LENGTHS = {"seven": 7, "eight": 8}


def _wrong(name: str, why: str) -> SettingsError:
    return SettingsError(f"{name}: {why}", code="numbering")


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / name).read_text(encoding="utf-8"))


def _indexes(prefix: str) -> range:
    """The mobile table places of a prefix such as "134" or of a span such as "150-152"."""
    first, _, last = prefix.partition("-")
    last = last or first
    if len(first) != len(last) or len(first) > _INDEX or not first.isdigit() or not last.isdigit() or last < first:
        raise _wrong("mobile.toml", f"{prefix} is no prefix")
    scale = 10 ** (_INDEX - len(first))
    return range(int(first) * scale, (int(last) + 1) * scale)


def _mobile(data: dict[str, Any], carriers: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Tables indexed by the first five digits: carrier int16, portable, resale, special bool, each [100,000]."""
    size = 10**_INDEX
    carrier = np.full(size, UNASSIGNED, dtype=np.int16)
    flags = {name: np.zeros(size, dtype=np.bool_) for name in ("portable", "resale", "special")}
    for entry in data["range"]:
        if entry["carrier"] and entry["carrier"] not in carriers:
            raise _wrong("mobile.toml", f"{entry['carrier']} is not among the carriers")
        index = carriers.index(entry["carrier"]) if entry["carrier"] else UNKNOWN
        for prefix in entry["prefixes"]:
            places = _indexes(prefix)
            part = slice(places.start, places.stop)
            if (carrier[part] != UNASSIGNED).any():
                raise _wrong("mobile.toml", f"{prefix} is held twice")
            carrier[part] = index
            flags["portable"][part] = entry.get("portable", True)
            flags["resale"][part] = entry.get("resale", False)
            flags["special"][part] = entry.get("special", False)
    flags["sandbox"] = np.zeros(size, dtype=np.bool_)
    for prefix in data["sandbox"]["prefixes"]:
        places = _indexes(prefix)
        if (carrier[places.start : places.stop] != UNASSIGNED).any():
            raise _wrong("mobile.toml", f"{prefix} is held by somebody, so it can be no sandbox range")
        flags["sandbox"][places.start : places.stop] = True
    return {"carrier": carrier, **flags}


def _areas(data: dict[str, Any], carriers: tuple[str, ...]) -> tuple[npt.NDArray[np.int16], dict[str, tuple[int, ...]]]:
    """Carriers by the first three national digits int16[1000], and how many digits follow an area code."""
    carrier = np.full(_AREAS, UNASSIGNED, dtype=np.int16)
    lengths: dict[str, tuple[int, ...]] = {}
    for province in data["province"].values():
        name = province.get("carrier", data["carrier"])
        if name not in carriers:
            raise _wrong("areas.toml", f"{name} is not among the carriers")
        for word, digits in _LENGTHS.items():
            for area in province.get(word, []):
                if not area.isdigit() or len(area) not in {2, 3} or digits in lengths.get(area, ()):
                    raise _wrong("areas.toml", f"{area} is no area code or stands there twice")
                lengths[area] = (*lengths.get(area, ()), digits)
                scale = 10 ** (3 - len(area))
                carrier[int(area) * scale : (int(area) + 1) * scale] = carriers.index(name)
    return carrier, lengths


def _codes(data: dict[str, Any]) -> Iterator[tuple[str, Code]]:
    seen: set[str] = set()
    for entry in data["code"]:
        try:
            code = Code(entry["from"], entry["to"], CallerKind[entry["kind"].upper()])
        except KeyError as error:
            raise _wrong("codes.toml", f"{entry.get('prefixes')}: {error} is missing or unknown") from error
        for prefix in entry["prefixes"]:
            if prefix in seen or not prefix.isdigit() or not len(prefix) <= code.shortest <= code.longest:
                raise _wrong("codes.toml", f"{prefix} stands there twice or is longer than its numbers")
            seen.add(prefix)
            yield prefix, code


def read_plan() -> NumberPlan:
    """The plan of mobile.toml, areas.toml, codes.toml and holidays.toml. Raises SettingsError for contradictions."""
    mobile = _table("mobile.toml")
    carriers = tuple(mobile["carriers"])
    tables = _mobile(mobile, carriers)
    area_carrier, area_lengths = _areas(_table("areas.toml"), carriers)
    return NumberPlan(
        country=mobile["country"],
        calling_code=mobile["calling_code"],
        carriers=carriers,
        holidays=load_holidays(),
        mobile_carrier=tables["carrier"],
        mobile_portable=tables["portable"],
        mobile_resale=tables["resale"],
        mobile_special=tables["special"],
        mobile_sandbox=tables["sandbox"],
        machine_prefixes=tuple(mobile["machine"]["prefixes"]),
        machine_digits=mobile["machine"]["digits"],
        area_carrier=area_carrier,
        area_lengths=area_lengths,
        codes=dict(_codes(_table("codes.toml"))),
    )

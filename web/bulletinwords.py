"""What bulletins call their parts and cells, in the page's language; the rows that page, CSV and PDF share.

Rules of this room: a cell is named once here; names of carriers are those of their accounts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import format_decimal, gettext, lazy_gettext

from registry.bulletinfigures import PARTS
from registry.csvcells import harmless
from registry.preferences import Category
from web.current import language_of
from web.labels import category, word
from web.reportwords import PROVINCES

if TYPE_CHECKING:
    from registry.bulletins import Bulletin
    from registry.store import Store

CHANNELS: Mapping[str, Any] = {
    "message": lazy_gettext("Spam messages"),
    "call": lazy_gettext("Harassing calls"),
    "fraud": lazy_gettext("Suspected fraud"),
}
TITLES: Mapping[str, Any] = {
    "carrier": lazy_gettext("By carrier"),
    "category": lazy_gettext("By industry"),
    "mode": lazy_gettext("By kind of call"),
    "number_type": lazy_gettext("By type of number"),
    "port": lazy_gettext("From ports or from persons"),
    "class": lazy_gettext("Commercial or suspected unlawful"),
    "source_province": lazy_gettext("Where they came from"),
    "victim_province": lazy_gettext("Whom they reached"),
}
_CELLS: Mapping[str, Any] = {
    "small": lazy_gettext("Small cells together"),
    "rest": lazy_gettext("All others"),
    "unknown": lazy_gettext("Not known"),
    "resale": lazy_gettext("Resellers"),
    "95_96": lazy_gettext("95 and 96 numbers"),
    "mobile": lazy_gettext("Mobile numbers"),
    "mvno": lazy_gettext("Mobile numbers of resellers"),
    "landline": lazy_gettext("Landlines"),
    "port": lazy_gettext("Ports (106)"),
    "person": lazy_gettext("Other numbers"),
    "code": lazy_gettext("Other short and service numbers"),
    "hidden": lazy_gettext("Number withheld"),
    "foreign": lazy_gettext("From abroad"),
    "other": lazy_gettext("Other numbers"),
    "commercial": lazy_gettext("Commercial"),
    "unlawful": lazy_gettext("Suspected unlawful"),
}
_CARRIERS = {"cmcc": "中国移动", "cucc": "中国联通", "ctcc": "中国电信", "cbn": "中国广电"}
_ENGLISH = {"cmcc": "China Mobile", "cucc": "China Unicom", "ctcc": "China Telecom", "cbn": "China Broadnet"}


@dataclass(frozen=True)
class Cell:
    """One cell as it is shown; `share` in per cent, `count` None where it was never published."""

    slug: str
    name: str
    count: int | None
    share: float


@dataclass(frozen=True)
class Part:
    """One part of a channel's figures: its slug, its title, its cells."""

    slug: str
    title: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ChannelFigures:
    """One channel of a bulletin as pages and the PDF show it."""

    slug: str
    name: str
    total: int
    qoq: float | None
    yoy: float | None
    parts: tuple[Part, ...]
    segments: tuple[tuple[str, int], ...]
    enterprises: tuple[tuple[str, str, int, int], ...]  # industry, name, count, quarters in a row


def carrier_names(store: Store) -> dict[str, str]:
    """Carriers' names in the page's language."""
    chinese = language_of() == "zh_CN"
    known = dict(_CARRIERS if chinese else _ENGLISH)
    own = {p.party: p.name_zh if chinese else p.name_en for p in store.parties.all() if p.kind == "carrier"}
    return known | own


def shown(bulletin: Bulletin, carriers: Mapping[str, str]) -> tuple[ChannelFigures, ...]:
    """The channels of a bulletin, with words."""
    found = bulletin.data["channels"]
    return tuple(_channel(kind, found[kind], carriers) for kind in CHANNELS if kind in found)


def _channel(kind: str, figures: Mapping[str, Any], carriers: Mapping[str, str]) -> ChannelFigures:
    parts = tuple(
        Part(part, str(TITLES[part]), tuple(
            Cell(cell["name"], cell_name(part, cell["name"], carriers), cell["count"], cell["share"])
            for cell in figures["parts"][part]
        ))
        for part in PARTS if figures["parts"].get(part)
    )  # fmt: skip
    named = tuple(
        (cell_name("category", slug, {}), row["name"], row["count"], row["quarters"])
        for slug, rows in figures["enterprises"].items() for row in rows
    )  # fmt: skip
    segments = tuple((row["segment"], row["count"]) for row in figures["segments"])
    return ChannelFigures(
        kind, str(CHANNELS[kind]), figures["total"], figures["qoq"], figures["yoy"], parts, segments, named
    )


def cell_name(part: str, slug: str, carriers: Mapping[str, str]) -> str:
    """What a cell of a part is called."""
    if part == "category" and slug.upper() in Category.__members__:
        return category(slug)
    if part == "mode" and slug not in _CELLS:
        return word("mode", slug)
    if part == "carrier" and slug in carriers:
        return carriers[slug]
    if part.endswith("province") and slug in PROVINCES:
        return str(PROVINCES[slug])
    return str(_CELLS.get(slug, slug))


def changed(value: float | None) -> str:
    """A change in per cent with its sign."""
    return "–" if value is None else f"{format_decimal(value, format='+#,##0.0;-#,##0.0')} %"


def part_sentence(part: Part) -> str:
    """What to see in a part."""
    first = max(part.cells, key=lambda cell: cell.share)
    return str(gettext("The largest: %(name)s with %(share)s %%.", name=first.name, share=format_decimal(first.share)))


def rows(bulletin: Bulletin) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Open data: quarter, channel, part, name, count, share; names are slugs, "" for what was not published."""
    for kind, figures in sorted(bulletin.data["channels"].items()):
        head = (bulletin.quarter, kind)
        yield *head, "total", "", str(figures["total"]), ""
        for name in ("qoq", "yoy"):
            if figures[name] is not None:
                yield *head, name, "", "", str(figures[name])
        for part in PARTS:
            for cell in figures["parts"].get(part, ()):
                yield *head, part, cell["name"], "" if cell["count"] is None else str(cell["count"]), str(cell["share"])
        for row in figures["segments"]:
            yield *head, "segment", row["segment"], str(row["count"]), ""
        for slug, listed in figures["enterprises"].items():
            for row in listed:
                yield *head, f"enterprise:{slug}", harmless(row["name"]), str(row["count"]), ""

"""A bulletin as PDF, set by typst with a Chinese font of the system.

Rules of this room: the same bulletin in the same language, with the same fonts, gives the same bytes (the time in it is
the cut-off); all text is data to typst, never markup; without a Chinese font there is a clear answer and no PDF.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from flask_babel import format_decimal, gettext

from registry.errors import UnavailableError
from web.bulletinwords import carrier_names, changed, shown
from web.current import language_of

if TYPE_CHECKING:
    from registry.bulletins import Bulletin
    from registry.store import Store

_FAMILIES = (
    "Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif CJK SC", "Source Han Serif SC", "Noto Sans SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei", "PingFang SC", "SimSun",
)  # fmt: skip
_SETTING = """
#let given = json(bytes(sys.inputs.given))
#set document(title: given.title)
#set page(paper: "a4", margin: 2cm, numbering: "1")
#set text(font: given.font, size: 10.5pt, lang: given.lang, region: given.region)
#set heading(numbering: none)
#show table.cell.where(y: 0): strong
= #given.title
#given.lead
#for channel in given.channels [
  == #channel.name
  #channel.total
  #for each in channel.tables [
    === #each.title
    #table(
      columns: (1fr,) + (auto,) * (each.heads.len() - 1), stroke: 0.4pt + luma(170),
      align: (left,) + (right,) * (each.heads.len() - 1),
      table.header(..each.heads.map(text => [#text])), ..each.rows.flatten().map(text => [#text]),
    )
  ]
]
#v(1em)
#text(size: 8pt, given.seal)
"""


@cache
def chinese_font() -> str:
    """The family of a Chinese font of this system. Raises UnavailableError no_font."""
    import typst  # noqa: PLC0415 - a whole typesetter: only where a PDF is made

    found = set(typst.Fonts(include_embedded_fonts=False).families())
    family = next((name for name in _FAMILIES if name in found), None)
    if family is None:
        raise UnavailableError(
            "No Chinese font is installed, so there is no PDF (fonts-noto-cjk has one).", code="no_font"
        )
    return family


def pdf_of(store: Store, bulletin: Bulletin) -> bytes:
    """The PDF of a bulletin in the page's language. Raises UnavailableError no_font."""
    import typst  # noqa: PLC0415 - as above

    chinese = language_of() == "zh_CN"
    given = {
        "title": gettext("Bulletin of unsolicited messages and calls, %(quarter)s", quarter=bulletin.quarter),
        "lead": lead(bulletin), "font": chinese_font(), "lang": "zh" if chinese else "en",
        "region": "CN" if chinese else "GB", "channels": _channels(store, bulletin),
        "seal": f"SHA-256 {bulletin.sha256}",
    }  # fmt: skip
    moment = bulletin.cutoff or datetime(2000, 1, 1, tzinfo=UTC)
    made: bytes = typst.compile(
        _SETTING.encode(), format="pdf", sys_inputs={"given": json.dumps(given, ensure_ascii=False, sort_keys=True)},
        timestamp=int(moment.timestamp()),
    )
    return made


def lead(bulletin: Bulletin) -> str:
    """What the figures count."""
    if bulletin.cutoff is None:
        return str(gettext("Figures published before this registry began: %(source)s", source=bulletin.note))
    return str(gettext(
        "Reports received in the quarter, as they stood at %(cutoff)s UTC. Cells under ten are shown together.",
        cutoff=bulletin.cutoff.strftime("%Y-%m-%d %H:%M"),
    ))  # fmt: skip


def _channels(store: Store, bulletin: Bulletin) -> list[dict[str, Any]]:
    found = []
    for channel in shown(bulletin, carrier_names(store)):
        tables = [
            {"title": part.title, "heads": [part.title, gettext("Reports"), gettext("Share")], "rows": [
                [cell.name, "–" if cell.count is None else format_decimal(cell.count),
                 format_decimal(cell.share) + " %"] for cell in part.cells]}
            for part in channel.parts
        ]  # fmt: skip
        if channel.segments:
            heads = [gettext("First digits"), gettext("Reports")]
            cells = [[name, format_decimal(number)] for name, number in channel.segments]
            tables.append({"title": gettext("Most reported number ranges"), "heads": heads, "rows": cells})
        if channel.enterprises:
            heads = [gettext("Enterprise"), gettext("Industry"), gettext("Reports"), gettext("Quarters in a row")]
            cells = [[name, industry, format_decimal(n), str(row)] for industry, name, n, row in channel.enterprises]
            tables.append({"title": gettext("Enterprises named"), "heads": heads, "rows": cells})
        total = gettext(
            "%(total)s reports; on the quarter before: %(qoq)s; on the year before: %(yoy)s.",
            total=format_decimal(channel.total), qoq=changed(channel.qoq), yoy=changed(channel.yoy),
        )
        found.append({"name": channel.name, "total": total, "tables": tables})
    return found

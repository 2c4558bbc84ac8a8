"""Workbooks written by hand, so that tests can have whatever a program may write."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATED = "application/vnd.openxmlformats-package.relationships+xml"
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A zip archive of files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return held.getvalue()


def sheet(rows: str, *, before: str = "", after: str = "", prefix: str = "") -> str:
    """The XML of a sheet, around the XML of its rows."""
    space = f'xmlns:{prefix[:-1]}="{MAIN}"' if prefix else f'xmlns="{MAIN}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<{prefix}worksheet {space}>{before}'
        f"<{prefix}sheetData>{rows}</{prefix}sheetData>{after}</{prefix}worksheet>"
    )


def workbook(*sheets: str, texts: str = "", others: Mapping[str, str | bytes] | None = None) -> bytes:
    """A workbook of sheets (XML); `texts`: the XML of its shared texts."""
    parts = {f"xl/worksheets/sheet{n}.xml": content for n, content in enumerate(sheets, 1)}
    targets = [f'<Relationship Id="s{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
               for n in range(1, len(sheets) + 1)]  # fmt: skip
    if texts:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{MAIN}">{texts}</sst>'
        targets.append(f'<Relationship Id="t" Type="{_OFFICE}/sharedStrings" Target="/xl/sharedStrings.xml"/>')
    listed = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="s{n}"/>' for n in range(1, len(sheets) + 1))
    typed = {"xl/workbook.xml": "sheet.main"} | {name: "worksheet" for name in parts if "sheets/" in name}
    kinds = f'<Default Extension="rels" ContentType="{_RELATED}"/>' + "".join(
        f'<Override PartName="/{name}" ContentType="{_SHEETS}.{kind}+xml"/>' for name, kind in typed.items()
    )
    start = f'<Relationship Id="b" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    return archive(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES}">{kinds}</Types>',
            "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">{start}</Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">{"".join(targets)}</Relationships>',
            **parts,
            **(others or {}),
        }
    )


def column(*cells: str) -> str:
    """Rows with one cell each in column B, given as XML after its place: ` t="s"><v>0</v></c>`."""
    return "".join(f'<row r="{n}"><c r="B{n}"{cell}</row>' for n, cell in enumerate(cells, 1))


def unpacked(content: bytes) -> dict[str, bytes]:
    """The files in an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        return {name: made.read(name) for name in made.namelist()}

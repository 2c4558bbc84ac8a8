"""The site's texts in Chinese: collected from code and templates, kept in messages.po, compiled to messages.mo.

Rules of this room: English is the source; the .mo is committed, so that an installed site needs no build step, and a
test says when it is stale. `python -m web.translations` collects and compiles.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).parent
FOLDER = HERE / "zh" / "LC_MESSAGES"  # Babel looks for zh_Hans_CN, then for zh
PO, MO = FOLDER / "messages.po", FOLDER / "messages.mo"

_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
_MARKS = {"_": None, "N_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)}


def collected() -> Catalog:
    """Every text of the site that is to be translated, with the files it stands in."""
    catalog = Catalog(project="decline-call", charset="utf-8")
    found = extract_from_dir(HERE.parent, method_map=_METHODS, options_map=_OPTIONS, keywords=_MARKS)
    for name, _line, text, comments, context in found:
        catalog.add(text, locations=[(Path(name).as_posix(), 0)], auto_comments=comments, context=context)
    return catalog


def translated() -> Catalog:
    """The Chinese catalogue as it is kept."""
    with PO.open("rb") as file:
        return read_po(file, locale="zh_CN")


def compiled(catalog: Catalog) -> bytes:
    """The .mo of a catalogue; the same bytes for the same texts."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def update() -> list[str]:
    """Collect new texts into messages.po, drop those that are gone, compile; the texts that lack a translation."""
    catalog = translated() if PO.exists() else Catalog(locale="zh_CN", charset="utf-8")
    catalog.update(collected(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    _head(catalog)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalog, width=120, sort_output=True, no_location=True)
    fresh = translated()
    MO.write_bytes(compiled(fresh))
    return [str(message.id) for message in fresh if message.id and not all(_texts(message.string))]


def _head(catalog: Catalog) -> None:
    """A header that is the same every time, so that a new .mo means new texts."""
    catalog.fuzzy = False
    catalog.header_comment = "# Texts of the site in Chinese; collected and compiled by `python -m web.translations`."
    catalog.project, catalog.version = "decline-call", "1"
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = "-"
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)


def _texts(string: object) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, tuple | list) else (str(string or ""),)

"""Why a row of a report was not taken, in the language of the page.

Rules of this room: the slug of a refusal (`registry.report_rows`) names the field and what is wrong with it, so its
sentence is put together from the two; a slug that nobody knows here speaks for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext

FIELDS: Mapping[str, Any] = {
    "id": lazy_gettext("Your id of it"),
    "at": lazy_gettext("Time"),
    "called": lazy_gettext("Called number"),
    "caller": lazy_gettext("Caller"),
    "channel": lazy_gettext("Channel"),
    "category": lazy_gettext("Category"),
    "content": lazy_gettext("Content"),
    "duration": lazy_gettext("Duration in seconds"),
    "mode": lazy_gettext("Way"),
    "telemarketer": lazy_gettext("Telemarketer"),
    "description": lazy_gettext("Description"),
}

EVENT_FIELDS: Mapping[str, Any] = {  # of a number event
    "id": FIELDS["id"],
    "number": lazy_gettext("Number"),
    "kind": lazy_gettext("What happened"),
    "at": FIELDS["at"],
    "from": lazy_gettext("From which carrier"),
    "to": lazy_gettext("To which carrier"),
}
_NAMES = {**FIELDS, **EVENT_FIELDS}

WHOLE: Mapping[str, Any] = {
    "bad_encoding": lazy_gettext("The line is in another encoding than the rest of the file."),
    "cut_off": lazy_gettext("The file was cut off in the middle of this row."),
    "line_too_long": lazy_gettext("The line is too long."),
    "nested_too_deep": lazy_gettext("The row is nested too deeply."),
    "not_an_object": lazy_gettext("The row is no JSON object."),
    "not_csv": lazy_gettext("The line is not CSV."),
    "not_json": lazy_gettext("The line is not JSON."),
    "nul": lazy_gettext("The line holds NUL bytes."),
    "quote_not_closed": lazy_gettext("A quote in the line is never closed."),
    "wrong_columns": lazy_gettext("The line has more or fewer cells than the header."),
    "unknown_field": lazy_gettext("A field is unknown."),
    "bad_time": lazy_gettext("The time is not RFC 3339 with a zone."),
    "future_time": lazy_gettext("The time lies in the future."),
    "too_old": lazy_gettext("The time lies too far in the past."),
    "impossible_duration": lazy_gettext("The duration is impossible."),
    "holidays_unknown": lazy_gettext("The public holidays of that year are not known yet."),
    "called_not_magic": lazy_gettext("A sandbox reports calls to magic numbers only."),
    "number_not_magic": lazy_gettext("A sandbox speaks of magic numbers only."),
    "too_far": lazy_gettext("The time lies too far in the future."),
    "no_move": lazy_gettext("Only a porting goes from one carrier to another."),
    "not_yours": lazy_gettext("A porting is told of by the carrier itself, or by the host of the reseller."),
    "same_carrier": lazy_gettext("A number is ported from one carrier to another."),
    "unknown_from": lazy_gettext("The giving carrier is not known."),
    "unknown_to": lazy_gettext("The taking carrier is not known."),
    "bad_page": lazy_gettext("A page of the outbox cannot be read."),
}

_PATTERNS = (  # what stands before and after the field's name in the slug
    ("missing_", "", lazy_gettext("%(field)s: missing")),
    ("unknown_", "", lazy_gettext("%(field)s: unknown word")),
    ("bad_", "", lazy_gettext("%(field)s: cannot be read")),
    ("", "_wrong_type", lazy_gettext("%(field)s: wrong type")),
    ("", "_too_long", lazy_gettext("%(field)s: too long")),
    ("", "_empty", lazy_gettext("%(field)s: missing")),
    ("", "_letters", lazy_gettext("%(field)s: holds letters")),
    ("", "_too_short", lazy_gettext("%(field)s: too short")),
    ("", "_extension", lazy_gettext("%(field)s: has an extension")),
    ("", "_two_numbers", lazy_gettext("%(field)s: two numbers")),
    ("", "_not_a_number", lazy_gettext("%(field)s: not a number")),
    ("", "_unassigned", lazy_gettext("%(field)s: nobody holds this range")),
    ("", "_rounded", lazy_gettext("%(field)s: its last digits are lost")),
    ("", "_short_number", lazy_gettext("%(field)s: a short number")),
)


def refusal_sentence(slug: str, otherwise: str = "") -> str:
    """What is wrong with a row; `otherwise` for a slug that nobody knows here."""
    if slug in WHOLE:
        return str(WHOLE[slug])
    for before, after, text in _PATTERNS:
        name = slug.removeprefix(before).removesuffix(after)
        if slug == f"{before}{name}{after}" and name in _NAMES:
            return str(text) % {"field": _NAMES[name]}
    return otherwise or str(gettext("Not readable (%(slug)s)", slug=slug))


def field_of(slug: str) -> str:
    """The field that a slug is about, or an empty text."""
    special = {"bad_time": "at", "future_time": "at", "too_old": "at", "impossible_duration": "duration"} | {
        "too_far": "at", "no_move": "to", "not_yours": "to", "same_carrier": "to",
    }
    if slug in special:
        return special[slug]
    for before, after, _text in _PATTERNS:
        name = slug.removeprefix(before).removesuffix(after)
        if slug == f"{before}{name}{after}" and name in _NAMES:
            return name
    return ""

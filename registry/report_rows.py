"""What a row of a report must say (RULES §4): each field checked on its own, numbers apart (`numbers.py` reads those).

Rules of this room: an incomplete or impossible report is not accepted but goes back with what is wrong (rule 86); every
refusal has a slug and one sentence, and neither holds a number nor anything else of what the row said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NoReturn

from registry.preferences import Category, Channel
from registry.readers.rows import Row, Unreadable
from registry.times import to_micros

Kind = Literal["carrier", "people", "ftc"]
FIELDS = frozenset(
    {"id", "called", "caller", "channel", "category", "content", "at", "duration", "mode", "telemarketer"}
    | {"description"}
)
MODES = ("human", "recorded", "ring_once", "bombing")  # rule 10
_MODES = {mode: place for place, mode in enumerate(MODES)}
CONTENTS = {"commercial": 0, "service": 1, "public_interest": 2}  # values of decisions.Content
CHANNELS = {channel.slug: int(channel) for channel in Channel}
CATEGORIES = {category.slug: int(category) for category in Category}
HIDDEN = "hidden"  # the caller showed no number, or an altered one (rule 65)

OLDEST = to_micros(datetime(2000, 1, 1, tzinfo=UTC))
AHEAD = timedelta(minutes=5) // timedelta(microseconds=1)  # clocks differ
LONGEST = 86_400  # seconds of one call
_MOST = {
    "id": 200, "called": 64, "caller": 64, "number": 64, "telemarketer": 200, "description": 4000, "from": 64, "to": 64,
}
_NAME = re.compile(r"[a-z][a-z_-]{0,30}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a readable row says, its numbers still as text. `at` is Micros, `duration` seconds; None: not said."""

    id: str
    called: str
    caller: str
    channel: int | None
    category: int | None
    content: int | None
    at: int
    duration: int | None
    mode: str | None
    telemarketer: str | None
    description: str | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row is not taken: a slug, and a sentence for people. `id` is the source's own, where it could be read."""

    reason: str
    detail: str
    id: str = ""


UNREADABLE = {
    "bad_encoding": "The line is neither UTF-8 nor the encoding of the rest of the file.",
    "cut_off": "The file was cut off in the middle of this row.",
    "line_too_long": "The line is longer than 1 MB.",
    "nested_too_deep": "The row is nested too deeply.",
    "not_an_object": "The row is no JSON object.",
    "not_csv": "The line is not CSV.",
    "not_json": "The line is not JSON.",
    "nul": "The line holds NUL bytes.",
    "quote_not_closed": "A quote in the line is never closed.",
    "wrong_columns": "The line has more or fewer cells than the header.",
}

Side = Literal["called", "caller", "number"]
_SIDES: dict[Side, str] = {"called": "called number", "caller": "caller number", "number": "number"}
_NUMBER_WORDS = {
    "empty": "is empty",
    "letters": "holds letters",
    "too_short": "is too short",
    "too_long": "is too long",
    "extension": "has an extension",
    "two_numbers": "holds two numbers",
    "not_a_number": "is not a number",
    "unassigned": "lies in a range that nobody holds",
    "short_number": "is a short number, not a subscriber's",
}


class WrongFieldError(Exception):
    """A field that can't be taken: (reason, sentence)."""


def number_refusal(side: Side, code: str, id_: str) -> Refusal:
    """The refusal of a row whose called or caller number can't be read, for a reason of `numbers.Reason`."""
    words = _NUMBER_WORDS.get(code, "can't be read")
    return Refusal(f"{side}_{code}", f"The {_SIDES[side]} {words}.", id_)


def unreadable(row: Unreadable) -> Refusal:
    """The refusal of a line or element that is no row."""
    return Refusal(row.reason, UNREADABLE.get(row.reason, "The line can't be read."))


def id_of(fields: dict[str, Any]) -> str:
    """The source's own id of a row, "" where it has none that can be kept."""
    value = fields.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and value.strip() and len(value) <= _MOST["id"] and value.isprintable():
        return value.strip()
    return ""


def check(row: Row, *, kind: Kind, now: int) -> Claim | Refusal:
    """What a row says, or why it is not taken. `now` is Micros; for kind ftc a row without time counts as of now."""
    id_ = ""
    try:
        fields = {name: value for name, value in row.fields.items() if value is not None}
        id_ = own_id(fields)
        only(fields, FIELDS)
        at = _moment(fields.get("at"), now, needed=kind != "ftc")
        place = choice_of(fields, "mode", _MODES)
        mode = None if place is None else MODES[place]
        channel = choice_of(fields, "channel", CHANNELS)
        category = choice_of(fields, "category", CATEGORIES)
        content = choice_of(fields, "content", CONTENTS)
        if kind != "ftc":
            if channel is None:
                channel = Channel.ROBOCALLS.value if mode == "recorded" else Channel.CALLS.value
            category = Category.OTHER.value if category is None else category
            content = CONTENTS["commercial"] if content is None else content
        return Claim(
            id=id_,
            called=number_of(fields, "called", needed=kind != "ftc"),
            caller=number_of(fields, "caller", needed=True),
            channel=channel,
            category=category,
            content=content,
            at=at,
            duration=_duration(fields.get("duration"), typed=row.typed),
            mode=mode,
            telemarketer=text_of(fields, "telemarketer"),
            description=text_of(fields, "description", lines=True),
        )
    except WrongFieldError as refused:
        reason, detail = refused.args
        return Refusal(reason, detail, id_)


def wrong(reason: str, detail: str) -> NoReturn:
    """Say of a field that it can't be taken. Raises WrongFieldError."""
    raise WrongFieldError(reason, detail)


def only(fields: dict[str, Any], known: frozenset[str]) -> None:
    """Raises WrongFieldError unknown_field for a field that is not among those known."""
    for name in fields:
        if name not in known:
            plain = _NAME.fullmatch(name)
            wrong("unknown_field", f"There is no field {name}." if plain else "A field is unknown.")


def own_id(fields: dict[str, Any]) -> str:
    """The source's own id of a row. Raises WrongFieldError missing_id, bad_id."""
    found = id_of(fields)
    if not found:
        value = fields.get("id")
        if value is None or (isinstance(value, str) and not value.strip()):
            wrong("missing_id", "The row has no id.")
        wrong("bad_id", f"The id must be text of at most {_MOST['id']} characters that can be printed.")
    return found


def text_of(fields: dict[str, Any], name: str, *, lines: bool = False) -> str | None:
    """The text of a field (one line, or several), None where it is not given. Raises WrongFieldError."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        wrong(f"{name}_wrong_type", f"The field {name} must be text.")
    if len(value) > _MOST[name]:
        wrong(f"{name}_too_long", f"The field {name} has more than {_MOST[name]} characters.")
    if not lines and not value.isprintable():
        wrong(f"bad_{name}", f"The field {name} holds characters that can't be printed.")
    return value.strip() or None


def number_of(fields: dict[str, Any], name: Side, *, needed: bool) -> str:
    """The text of a field that holds a number, "" where it is not given. Raises WrongFieldError."""
    text = fields.get(name)
    if isinstance(text, str) and len(text) > _MOST[name]:
        wrong(f"{name}_too_long", f"The {_SIDES[name]} is too long.")
    if text is not None and not isinstance(text, str):
        wrong(f"{name}_wrong_type", f"The {_SIDES[name]} must be text.")
    found = (text or "").strip()
    if needed and not found:
        wrong(f"missing_{name}", f"The row has no {_SIDES[name]}.")
    return found


def choice_of(fields: dict[str, Any], name: str, known: dict[str, int]) -> int | None:
    """What the word of a field stands for, None where it is not given. Raises WrongFieldError."""
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        wrong(f"{name}_wrong_type", f"The field {name} must be a word.")
    if value not in known:
        wrong(f"unknown_{name}", f"There is no such {name}.")
    return known[value]


def _moment(value: Any, now: int, *, needed: bool) -> int:
    if (value is None or value == "") and not needed:
        return now
    at = moment_of(value)
    if at > now + AHEAD:
        wrong("future_time", "The time lies in the future.")
    return at


def moment_of(value: Any) -> int:
    """The moment that a field holds (Micros), not before the year 2000. Raises WrongFieldError."""
    if value is None or value == "":
        wrong("missing_at", "The row has no time.")
    if not isinstance(value, str):
        wrong("at_wrong_type", "The time must be text (RFC 3339).")
    try:
        moment = datetime.fromisoformat(value.strip())
        at = to_micros(moment)
    except (ValueError, OverflowError):
        wrong("bad_time", "The time is not RFC 3339 with a zone, such as 2026-05-01T10:00:00+08:00.")
    if at < OLDEST:
        wrong("too_old", "The time lies before the year 2000.")
    return at


def _duration(value: Any, *, typed: bool) -> int | None:
    if value is None or value == "":
        return None
    if not typed and isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,12}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        wrong("duration_wrong_type", "The duration must be whole seconds.")
    if not 0 <= value <= LONGEST:
        wrong("impossible_duration", "The duration must lie between 0 seconds and 24 hours.")
    return value

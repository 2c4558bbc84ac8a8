"""How values are shown on pages: times, numbers, sizes, names of slugs, the links of the menu.

Rules of this room: times are shown as the registry's own zone has them, with the UTC in `datetime` and on hover;
nothing here reads the database.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from flask import request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import format_date, format_datetime, format_decimal, format_time
from markupsafe import Markup
from wtforms import Field

from registry.logs import without_numbers
from registry.preferences import Preference, describe, quiet_of
from registry.times import from_micros, iso
from web.current import language_of, registry_of
from web.labels import CATEGORIES, CHANNELS, WEEKDAYS, category, channel, reason_sentence, state, wait, word
from web.refusals import refusal_sentence

_KILO = 1024
_DAY = {"zh_CN": "y年M月d日", "en": "d MMM y"}


def register(setup: BlueprintSetupState) -> None:
    """Give the application's templates the filters and functions of this room."""
    app = setup.app
    app.jinja_env.filters.update(
        moment=moment, clock=clock, grouped=grouped, size=size, duration=wait, category_name=category,
        channel_name=channel, weekday_name=lambda day: str(WEEKDAYS[day]), short_hash=lambda raw: raw.hex()[:8] + "…",
        day=day, local_day=local_day, minutes=minutes, share=share,
        worded=lambda slug, group: (slug, word(group, slug)), stated=lambda slug: (slug, state(slug)[1]),
    )  # fmt: skip
    app.jinja_env.globals.update(
        state=state, word=word, channel_name=channel, category_name=category, nav_link=nav_link, control=control,
        reason_sentence=reason_sentence, refusal_sentence=refusal_sentence,
        language_link=language_link, all_categories=CATEGORIES, all_channels=CHANNELS,
        spans=lambda hours: describe(Preference(0, 0, 0, quiet_of(hours))).hours,
    )  # fmt: skip


def _aware(value: datetime | int | str | None) -> datetime | None:
    """A moment, given as such, as Micros or as RFC 3339; None stays None."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return from_micros(value) if isinstance(value, int) else value


def _element(at: datetime, shown: str) -> Markup:
    utc = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso(at.replace(microsecond=0)), utc, shown)


def moment(value: datetime | int | str | None) -> Markup:
    """Date and time of day of a moment (aware, Micros or RFC 3339) as a `time` element."""
    at = _aware(value)
    if at is None:
        return Markup("–")
    pattern = "y年M月d日 HH:mm:ss" if language_of() == "zh_CN" else "d MMM y, HH:mm:ss"
    return _element(at, format_datetime(at, pattern))


def clock(value: datetime | int | None) -> Markup:
    """The time of day of a moment, with its date where it isn't today, as a `time` element."""
    at = _aware(value)
    if at is None:
        return Markup("–")
    today = format_datetime(at, "yMd") == format_datetime(registry_of().clock.now(), "yMd")
    if today:
        return _element(at, format_time(at, "HH:mm:ss"))
    return _element(at, format_datetime(at, "M月d日 HH:mm" if language_of() == "zh_CN" else "d MMM HH:mm"))


def grouped(value: Any) -> str:
    """A number with its thousands apart; anything else as it is."""
    return format_decimal(value) if isinstance(value, int | float) else str(value)


def day(value: date) -> str:
    """A local date."""
    return str(format_date(value, _DAY[language_of()]))


def local_day(value: datetime | int | None) -> Markup:
    """The local date of a moment, as a `time` element; a dash for None and for 0, which stands for open."""
    at = _aware(value or None)
    return Markup("–") if at is None else _element(at, format_datetime(at, _DAY[language_of()]))


def minutes(seconds: int) -> str:
    """A wait in minutes, to a tenth below a hundred."""
    return str(format_decimal(round(seconds / 60, 1) if seconds < 6000 else round(seconds / 60)))


def share(value: int, whole: int) -> str:
    """A part in per cent of the whole, to a tenth below ten; a dash where there is no whole."""
    if not whole:
        return "–"
    percent = 100 * value / whole
    return f"{format_decimal(round(percent, 1) if percent < 10 else round(percent))} %"


def size(value: int) -> str:
    """Bytes in the largest unit that leaves at least one before the point."""
    amount, units = float(value), ("B", "kB", "MB", "GB", "TB")
    for unit in units:
        if amount < _KILO or unit == units[-1]:
            return f"{format_decimal(round(amount, 1) if unit != 'B' and amount < 100 else round(amount))} {unit}"
        amount /= _KILO
    raise AssertionError("units ended")


def control(field: Field, **attributes: Any) -> Markup:
    """A form's field, tied to its hint and its errors; `class` is given as `class_`."""
    described = [f"{field.id}-hint"] if field.description else []
    if field.errors:
        described.append(f"{field.id}-wrong")
        attributes["aria-invalid"] = "true"
    if described:
        attributes["aria-describedby"] = " ".join(described)
    return Markup(field(**attributes))  # noqa: S704 - WTForms escapes


def nav_link(endpoint: str, text: str, **values: Any) -> Markup:
    """A link of the menu; the one that leads to this page says so."""
    here = Markup(' aria-current="page"') if request.endpoint == endpoint else Markup("")
    return Markup('<a href="{}"{}>{}</a>').format(url_for(endpoint, **values), here, text)


def language_link(code: str) -> str:
    """The address that switches the language and comes back to this page, unless there is none or it holds a number."""
    query = request.query_string.decode("ascii", "ignore")
    back = request.path + (f"?{query}" if query and request.method == "GET" else "")
    if request.url_rule is None or without_numbers(back) != back:
        back = "/"
    return url_for("public.language", code=code, next=back)

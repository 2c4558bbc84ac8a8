"""What alarms about telemarketers' questions say on pages: each signal in a sentence with its figures, decisions.

Rules of this room: a sentence says what was seen and why real customers do not look so; it holds figures, no numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import format_decimal, gettext, lazy_gettext

from registry.guardalarms import GuardAlarm

Figures = Mapping[str, float]

LANES: Mapping[str, tuple[str, Any]] = {  # colour, word
    "usual": ("ok", lazy_gettext("As usual")),
    "slow": ("warn", lazy_gettext("Slow")),
    "held": ("stop", lazy_gettext("Held")),
}
DECISIONS: Mapping[str, Any] = {
    "let_go": lazy_gettext("Let go"),
    "keep_slow": lazy_gettext("Keep slow"),
    "refuse": lazy_gettext("Refuse"),
}
KINDS: Mapping[str, Any] = {
    "decoys": lazy_gettext("numbers that nobody has"),
    "sequence": lazy_gettext("number by number"),
    "dense": lazy_gettext("whole ranges"),
    "remainder": lazy_gettext("a pattern in the digits"),
    "split": lazy_gettext("a range shared out"),
    "unassigned": lazy_gettext("ranges that nobody has"),
    "even": lazy_gettext("drawn evenly"),
    "apart": lazy_gettext("nobody's customers"),
    "hits_low": lazy_gettext("few are registered"),
    "hits_high": lazy_gettext("many are registered"),
    "overlap": lazy_gettext("the same list as others"),
}


def lane(slug: str) -> tuple[str, str]:
    """The colour and the word of a lane."""
    colour, text = LANES[slug]
    return colour, str(text)


def kinds(alarm: GuardAlarm) -> str:
    """What rang, in a few words."""
    return str(gettext(", ")).join(str(KINDS.get(kind, kind)) for kind in alarm.kinds)


def sentences(alarm: GuardAlarm) -> list[str]:
    """What was seen, signal by signal, in whole sentences."""
    return [_SENTENCES[kind](alarm.figures) if kind in _SENTENCES else kind for kind in alarm.kinds]


def _percent(value: float) -> str:
    return f"{format_decimal(round(100 * value, 1 if value < 0.1 else 0))} %"


def _share(figures: Figures, name: str) -> str:
    return _percent(figures.get(name, 0.0))


def _number(figures: Figures, name: str) -> str:
    return str(format_decimal(round(figures.get(name, 0.0), 2)))


_SENTENCES: Mapping[str, Callable[[Figures], str]] = {
    "decoys": lambda f: str(gettext(
        "It asked for %(count)s numbers of ranges that are held back: nobody has such a number, so they were made up.",
        count=_number(f, "decoys"),
    )),
    "sequence": lambda f: str(gettext(
        "%(share)s of the numbers stand in sequences of ten or more with the same gap. Customers do not.",
        share=_share(f, "sequence_share"),
    )),
    "dense": lambda f: str(gettext(
        "%(share)s of the numbers have most of their neighbours on the list. Nobody has so many customers in a range.",
        share=_share(f, "dense_share"),
    )),
    "remainder": lambda f: str(gettext(
        "Divided by %(divisor)s, most numbers leave the same remainder (%(share)s more than chance). Customers do not.",
        divisor=_number(f, "divisor"), share=_share(f, "remainder_share"),
    )),
    "split": lambda f: str(gettext(
        "%(share)s of its numbers fill a sequence or a range together with what other young parties ask for.",
        share=_share(f, "split_share"),
    )),
    "unassigned": lambda f: str(gettext(
        "%(share)s of the lines (%(count)s) are of ranges that no carrier has.",
        share=_share(f, "unassigned_share"), count=_number(f, "unassigned"),
    )),
    "even": lambda f: str(gettext(
        "Ranges are filled as evenly as dice fill them (%(value)s; customers: at least %(expected)s).",
        value=_number(f, "dispersion"), expected=_number(f, "dispersion_expected"),
    )),
    "apart": lambda f: str(gettext(
        "It shares %(met)s numbers with the customers of established companies, where chance alone makes %(chance)s. "
        "Lists of numbers in use share far more.",
        met=_number(f, "met"), chance=_number(f, "met_by_chance"),
    )),
    "hits_low": lambda f: str(gettext(
        "Only %(share)s of the numbers are registered; in the country it is %(national)s. Many may be in nobody's use.",
        share=_share(f, "hit_share"), national=_share(f, "national_share"),
    )),
    "hits_high": lambda f: str(gettext(
        "%(share)s of the numbers are registered; in the country it is %(national)s. Perhaps it is a list of them.",
        share=_share(f, "hit_share"), national=_share(f, "national_share"),
    )),
    "overlap": lambda f: str(gettext(
        "%(share)s of its numbers are on the list of another young party, too (parties: %(count)s).",
        share=_share(f, "overlap_share"), count=_number(f, "overlap_parties"),
    )),
}  # fmt: skip

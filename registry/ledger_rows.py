"""What a row of a carrier's ledger of number resources must say, and how such rows are read.

Rules of this room: as for reports, every refusal has a slug and one sentence, and neither holds anything that the row
said; a row whose place (digits or number) could be read is known by it even where the rest is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from registry.companynames import company_name
from registry.errors import InvalidInputError
from registry.numbering.reading import Reason
from registry.numbers import Number, parse_many
from registry.readers.rows import Row, Unreadable
from registry.report_rows import Refusal, WrongFieldError, number_refusal, only, unreadable, wrong
from registry.resources import KINDS, Kind, prefix_of
from registry.sealing import SealedNumber, seal_many
from registry.uscc import HOME, CompanyNumber, company_number

if TYPE_CHECKING:
    from registry.keys import KeyRing
    from registry.numbering import NumberPlan

FIELDS = frozenset({
    "kind", "prefix", "number", "provider", "provider_company", "content", "content_company", "purpose", "licence",
    "signature", "from", "until", "country",
})  # fmt: skip
AHEAD = timedelta(days=400)
_STARTS: dict[Kind, tuple[str, ...]] = {"port": ("106",), "service": ("400", "800")}
_LONGEST = 200

Place = str | SealedNumber  # the digits of a code or port, or a sealed number


@dataclass(frozen=True, slots=True)
class Name:
    """An organisation as a row names it."""

    name: str
    company: CompanyNumber | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a readable row says. `since`: None where it names no day."""

    kind: Kind
    provider: Name | None
    content: Name | None
    purpose: str
    licence: str
    signature: str
    since: datetime | None
    until: datetime | None


@dataclass(slots=True)
class Line:
    """One row on its way in: its place, what it says, or why it is refused. `digits`: of a plain number."""

    line: int
    prefix: str = ""
    text: str = ""
    number: SealedNumber | None = None
    digits: int = 0
    said: Said | None = None
    refusal: Refusal | None = None

    @property
    def place(self) -> Place | None:
        """By what the register knows it; None where that could not be read."""
        return self.number or self.prefix or None


def lines(
    rows: Iterable[Row | Unreadable], *, keys: KeyRing, plan: NumberPlan, country: str, zone: str, now: datetime
) -> list[Line]:
    """The lines of a ledger, in their order."""
    found = [_line(row, ZoneInfo(zone), now + AHEAD) for row in rows]
    plain = [each for each in found if each.text]
    if plain:
        numbers = parse_many([each.text for each in plain], plan, country=country)
        sealed = seal_many(keys.at_rest, numbers.digits).tobytes()
        for place, (each, reason) in enumerate(zip(plain, numbers.reason.tolist())):
            if reason:
                each.refusal = number_refusal("number", Reason(reason).slug, "")
                continue
            each.number = SealedNumber(sealed[16 * place : 16 * place + 16])
            each.digits = int(numbers.digits[place])
            if not each.refusal and plan.national(Number(1, each.digits)) is None:
                each.refusal = Refusal("foreign_number", "Numbers of other countries are no resources of a carrier.")
    return found


def _line(row: Row | Unreadable, zone: ZoneInfo, latest: datetime) -> Line:
    made = Line(row.line)
    if isinstance(row, Unreadable):
        made.refusal = unreadable(row)
        return made
    try:
        fields = {name: value for name, value in row.fields.items() if value not in {None, ""}}
        _place(made, fields)
        made.said = _said(fields, zone, latest)
        _suits(made, made.said.kind)
    except WrongFieldError as refused:
        reason, detail = refused.args
        made.refusal = Refusal(reason, detail)
    except InvalidInputError as error:
        made.refusal = Refusal(error.code, error.detail)
    return made


def _place(made: Line, fields: dict[str, Any]) -> None:
    prefix, number = _text(fields, "prefix"), _text(fields, "number")
    if bool(prefix) == bool(number):
        wrong("missing_number", "A row names a prefix or a number, one of them.")
    made.prefix, made.text = prefix_of(prefix) if prefix else "", number


def _said(fields: dict[str, Any], zone: ZoneInfo, latest: datetime) -> Said:
    only(fields, FIELDS)
    kind = _text(fields, "kind")
    if kind not in KINDS:
        wrong("unknown_kind" if kind else "missing_kind", f"The kind is one of {', '.join(KINDS)}.")
    since, until = _day(fields, "from", zone), _day(fields, "until", zone)
    if since is not None and since > latest:
        wrong("too_far", f"The day lies more than {AHEAD.days} days ahead.")
    if since is not None and until is not None and until <= since:
        wrong("bad_period", "The row ends before it begins.")
    return Said(
        kind, _name(fields, "provider"), _name(fields, "content"), _text(fields, "purpose"),
        _text(fields, "licence"), _text(fields, "signature"), since, until,
    )


def _suits(made: Line, kind: Kind) -> None:
    if (kind in {"trunk", "plain"}) is bool(made.prefix):
        wrong("wrong_kind", "Trunks and plain numbers have a number, codes, ports and service numbers a prefix.")
    if kind in _STARTS and not made.prefix.startswith(_STARTS[kind]):
        wrong("wrong_kind", f"A {kind} begins with {' or '.join(_STARTS[kind])}.")


def _name(fields: dict[str, Any], side: str) -> Name | None:
    name, number = _text(fields, side), _text(fields, f"{side}_company")
    if not name:
        if number:
            wrong(f"missing_{side}", f"There is a registration number, and no name of the {side}.")
        return None
    return Name(company_name(name), company_number(number, _text(fields, "country") or HOME) if number else None)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and name in {"prefix", "number"}:
        value = str(value)
    if value is None:
        return ""
    if not isinstance(value, str):
        wrong(f"{name}_wrong_type", f"The field {name} must be text.")
    if len(value) > _LONGEST or not value.isprintable():
        wrong(f"bad_{name}", f"The field {name} has at most {_LONGEST} characters, all of which can be printed.")
    return value.strip()


def _day(fields: dict[str, Any], name: str, zone: ZoneInfo) -> datetime | None:
    """The moment of a day (its midnight there) or time; None where none is given."""
    text = _text(fields, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        if not 1980 <= moment.year <= 2200:
            raise ValueError
    except (ValueError, OverflowError):
        wrong("bad_time", f"The field {name} is a day such as 2026-01-01, or a time with its zone.")
    return moment

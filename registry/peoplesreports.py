"""What people report: calls and texts with all that RULES §4 asks, checked for what is missing, told of by reference.

Rules of this room:
- Whoever reports proved the number that was called: by a code, or because the text came from it.
- What can be read is taken; what is missing is named and sends it back (rule 86) until its sender completes it. Nothing
  goes to whom it is about without the sender's consent to pass it on, and never who sent it (rule 90).
- Nobody reports a call from the own number; the same text twice within a minute counts once.
- A reference opens a report for its sender alone; for all others there is none.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from registry import reports
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.handling import Handling, Tools, move
from registry.handlingmoves import move_of
from registry.keys import FIRST_EPOCH
from registry.logs import without_numbers
from registry.naming import LETTERS
from registry.numbering.provinces import load_provinces
from registry.registrations import holder_since
from registry.report_rows import CATEGORIES, CHANNELS, HIDDEN
from registry.routing import begin_again_inside
from registry.sealing import unseal_one, unseal_text
from registry.times import from_micros, iso, to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from registry.access import Actor
    from registry.interfaces import Clock, Shelf
    from registry.sealing import SealedNumber
    from registry.store import Store
    from registry.store.engine import Row

SOURCE = "people"
MALICIOUS = ("bombing", "ring_once", "threats")  # RULES §5
UNLAWFUL = ("fraud", "invoices", "illegal_finance", "pornography", "gambling", "rumours")
MISSING = ("caller", "description", "consent")  # what a report may lack, in the order in which it is asked for
_LETTERS_OF = str.maketrans("0123456789abcdef", LETTERS[:16])  # no id of ours is taken for a number
_TWICE = timedelta(minutes=1)
_SPEECHLESS = frozenset({"ring_once", "bombing"})  # nothing was said
_MESSAGES = "messages"
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Told:
    """What a person says of one call or text. `harassment`: a category of preferences, or one of MALICIOUS, UNLAWFUL;
    `id`: what makes the same form sent twice one report."""

    id: str
    channel: str
    mode: str
    harassment: str
    at: datetime
    caller: str = ""
    duration: int | None = None
    enterprise: str = ""
    province: str = ""
    description: str = ""
    consent: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it: the handling with its reference, the verdict; `again`: it was there already."""

    handling: Handling
    verdict: str
    missing: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """A report as its sender sees it: `caller` sealed, `moves` its steps (place, at, actor, action, state, note)."""

    handling: Handling
    kind: str
    enterprise: str
    province: str
    missing: tuple[str, ...]
    description: str
    answer: str
    duration: int | None
    moves: tuple[Row, ...] = field(default=())


def class_of(harassment: str) -> str:
    """The class of a type of harassment (RULES §5): commercial, malicious, unlawful."""
    return "malicious" if harassment in MALICIOUS else "unlawful" if harassment in UNLAWFUL else "commercial"


def missing_of(told: Told) -> tuple[str, ...]:
    """What a report lacks to be complete (rule 86): a text's sender, what was said or written, the consent."""
    lacks = {
        "caller": told.channel == _MESSAGES and not told.caller.strip(),
        "description": told.mode not in _SPEECHLESS and not told.description.strip(),
        "consent": not told.consent,
    }
    return tuple(name for name in MISSING if lacks[name])


def take(tools: Tools, *, told: Told, reporter: SealedNumber, country: str, shelf: Shelf | None = None) -> Taken:
    """Take a person's report in, judge it and begin its handling; one that is there already is answered with again.

    Raises InvalidInputError (own_caller, unknown_province, what `report_rows` has against a field), ConflictError
    said_already, TooManyError.
    """
    _check(told)
    missing, stored = missing_of(told), tools.store.peoples_reports
    same, id_ = _same(tools, told, reporter), _id(tools, told, reporter)

    def beside(row: dict[str, Any]) -> dict[str, Any]:
        if row["caller"] == row["called"]:
            raise InvalidInputError("A call from the own number cannot be reported.", code="own_caller")
        if stored.said_since(same, since=row["received"] - int(_TWICE.total_seconds() * 1_000_000)):
            raise ConflictError("The same was reported a moment ago.", code="said_already")
        stored.add(
            source=row["source"], source_id=row["source_id"], reporter=reporter, kind=_kind(told),
            enterprise=without_numbers(told.enterprise.strip())[:_LONGEST_NAME], province=told.province,
            consent=int(told.consent), missing=",".join(missing), same=same, received=row["received"],
            **{"class": class_of(told.harassment)},
        )
        return {"class": class_of(told.harassment), "province": told.province, "missing": missing}

    result = reports.take_one(
        tools.store, tools.keys, tools.clock, tools.plan, tools.rulebooks, source=SOURCE, kind="people",
        fields=_fields(tools, told, reporter, id_), country=country, reporter=reporter, shelf=shelf, zone=tools.zone,
        beside=beside,
    )  # fmt: skip
    found = tools.store.handling.of_report(SOURCE, id_)
    if found is None:
        raise NotFoundError("There is no such report.", code="no_such_report")
    return Taken(found, result.verdict or found.verdict, missing, again=result.result == "duplicate")


def own_report(tools: Tools, *, reference: str, reporter: SealedNumber) -> Own:
    """A report for its sender. Raises NotFoundError no_such_report, also for somebody else's and a holder's before."""
    found = tools.store.handling.of_reference(reference)
    if found is None or _reporter(tools, found) != reporter or found.received < holder_since(tools.store, reporter):
        raise NotFoundError("There is no such report.", code="no_such_report")
    row = tools.store.peoples_reports.report(found.source, found.source_id)
    beyond = tools.store.peoples_reports.one(found.source, found.source_id) or {}
    key = tools.keys.derive("at-rest", "report", FIRST_EPOCH)
    said = row["description"] if row else None
    return Own(
        found, beyond.get("kind") or "", beyond.get("enterprise") or "", beyond.get("province") or "",
        tuple(name for name in (beyond.get("missing") or "").split(",") if name),
        unseal_text(key, said) if said else "", unseal_text(key, found.answer) if found.answer else "",
        row["duration"] if row else None,
        tuple(tools.store.handling.moves(found.source, found.source_id)),
    )  # fmt: skip


def complete(
    tools: Tools, *, reference: str, reporter: SealedNumber, actor: Actor, country: str, caller: str = "",
    description: str = "", consent: bool = False, shelf: Shelf | None = None,
) -> Handling:
    """Give what was missing; a report that is complete then goes its way, judged anew.

    Raises NotFoundError no_such_report, ConflictError no_such_move, InvalidInputError still_missing with what it is,
    own_caller, and what `report_rows` has against a field.
    """  # fmt: skip
    own = own_report(tools, reference=reference, reporter=reporter)
    move_of("complete", own.handling.state, "person")
    given = {"caller": caller.strip(), "description": description.strip(), "consent": "yes" if consent else ""}
    for name in own.missing:
        if not given[name]:
            raise InvalidInputError("Something is still missing.", code="still_missing", field=name)
    stored = tools.store.peoples_reports.report(SOURCE, own.handling.source_id)
    assert stored is not None
    fresh = reports.read_again(
        tools.store, tools.keys, tools.clock, tools.plan, tools.rulebooks, source=SOURCE, kind="people",
        fields=_completed(tools, own, stored, given), country=country, shelf=shelf,
    )  # fmt: skip
    if fresh["caller"] == fresh["called"]:
        raise InvalidInputError("A call from the own number cannot be reported.", code="own_caller")
    written = {
        name: fresh[name] for name in ("caller", "description", "verdict", "reason", "rule", "rulebook")
    }
    with tools.store.writing(about=f"report {reference}"):
        found = own_report(tools, reference=reference, reporter=reporter).handling
        move_of("complete", found.state, "person")
        tools.store.peoples_reports.complete(SOURCE, found.source_id, consent=1, missing="", report=written)
        extra = {"class": found.class_, "province": found.province}
        begin_again_inside(tools, {**stored, **written, **extra}, found, actor=actor.name)
    return own_report(tools, reference=reference, reporter=reporter).handling


def turn(tools: Tools, *, reference: str, reporter: SealedNumber, actor: Actor, action: str, note: str) -> Handling:
    """Reopen, appeal or close the own report. Raises NotFoundError no_such_report, ConflictError no_such_move."""
    own_report(tools, reference=reference, reporter=reporter)
    if action == "complete":
        raise ConflictError("A report is completed by what it lacks.", code="no_such_move")
    return move(tools, reference=reference, action=action, maker="person", actor=actor, note=note)


def purge(store: Store, clock: Clock, *, most: int = 1000) -> int:
    """Erase what people said beyond reports that are gone, and that texts came yesterday; how many rows."""
    erased, count = 0, most
    while count == most:
        with store.writing(about="peoples reports purge"):
            count = store.peoples_reports.purge(most=most)
        erased += count
    with store.writing(about="peoples reports purge"):
        store.peoples_reports.forget_texts(before=to_micros(clock.now() - timedelta(days=2)))
    return erased


def _check(told: Told) -> None:
    if told.province and told.province not in load_provinces().names[1:]:
        raise InvalidInputError("There is no such province.", code="unknown_province")
    if told.harassment not in CATEGORIES and class_of(told.harassment) == "commercial":
        raise InvalidInputError("There is no such type of harassment.", code="unknown_category")


def _kind(told: Told) -> str:
    """What the category of a report's row cannot say."""
    return told.harassment if class_of(told.harassment) != "commercial" else ""


def _fields(tools: Tools, told: Told, reporter: SealedNumber, id_: str) -> dict[str, Any]:
    said = {
        "id": id_, "called": unseal_one(tools.keys.at_rest, reporter).e164,
        "caller": told.caller.strip() or HIDDEN, "channel": told.channel, "mode": told.mode,
        "category": told.harassment if told.harassment in CATEGORIES else "other", "at": iso(told.at),
        "duration": told.duration, "description": told.description,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value not in (None, "")}


def _completed(tools: Tools, own: Own, stored: Row, given: dict[str, str]) -> dict[str, Any]:
    """The fields of a report as they are with what was missing."""
    at_rest = tools.keys.at_rest
    caller = unseal_one(at_rest, stored["caller"]) if stored["caller"] else None
    told = Told(
        own.handling.source_id, next(slug for slug, value in CHANNELS.items() if value == stored["channel"]),
        stored["mode"] or "", next(slug for slug, value in CATEGORIES.items() if value == stored["category"]),
        from_micros(stored["at"]), duration=stored["duration"],
        description=given["description"] if "description" in own.missing else own.description,
        caller=given["caller"] if "caller" in own.missing else (_typed(caller) if caller else ""),
    )  # fmt: skip
    return _fields(tools, told, stored["called"], own.handling.source_id)


def _id(tools: Tools, told: Told, reporter: SealedNumber) -> str:
    """The id of a report: of its sender alone, whatever the form says."""
    key = tools.keys.derive("at-rest", "same-report", FIRST_EPOCH)
    return hashlib.blake2b(reporter + told.id.encode(), key=key, digest_size=12).hexdigest().translate(_LETTERS_OF)


def _typed(caller: Any) -> str:
    """A number as it can be read again."""
    return str(caller.e164) if caller.kind == 1 else str(caller.digits)


def _same(tools: Tools, told: Told, reporter: SealedNumber) -> bytes:
    """What stands for a text of a person: the same for the same text, telling nothing without the key."""
    text = " ".join(unicodedata.normalize("NFKC", told.description).casefold().split()) or iso(told.at)
    said = "\0".join((told.channel, "".join(filter(str.isdigit, told.caller)), text)).encode()
    key = tools.keys.derive("at-rest", "same-report", FIRST_EPOCH)
    return hashlib.blake2b(reporter + said, key=key, digest_size=16).digest()


def _reporter(tools: Tools, found: Handling) -> bytes | None:
    row = tools.store.peoples_reports.report(found.source, found.source_id)
    return row["reporter"] if row and found.source == SOURCE else None

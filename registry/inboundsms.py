"""Reports that come as text messages: `number*text`, read, taken in once, and answered in the sender's language.

Rules of this room:
- Only the gateway speaks here: it signs as we do (`outside.sms.signature`), within five minutes of our clock; a message
  has one id, and counts once however often it is sent.
- The number that a text came from is proved by that (RULES §4); who sends often is heard no more for a while, and gets
  no answers, which would cost the sender's neighbour.
- What could not be read is answered with how it is written; nothing of what was said stands in a log or an error.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from registry import consequences, limits, peoplesreports
from registry.errors import ConflictError, InvalidInputError, NotFoundError, SignInRequiredError, TooManyError
from registry.keys import FIRST_EPOCH
from registry.numbers import parse_one
from registry.outside.sms import signature
from registry.peoplesreports import Told
from registry.sealing import seal_one
from registry.times import to_micros

if TYPE_CHECKING:
    from datetime import datetime

    from registry.handling import Tools
    from registry.interfaces import Shelf
    from registry.measures import Measure
    from registry.numbers import Number
    from registry.sealing import SealedNumber

OLDEST_S = 300  # what was signed longer ago, or will be, is not taken
TEXTS_AN_HOUR = 20  # of one sender
Kind = Literal["taken", "returned", "again", "state", "unreadable", "refused"]
_SHAPE = re.compile(r"\s*([^*]{0,40}?)\s*\*\s*(.*)", re.DOTALL)
_REFERENCE = re.compile(r"[bcdfghjkmnpqrstvwxz]{12}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_STARS = str.maketrans({"＊": "*", "﹡": "*", "✱": "*", "∗": "*"})
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a text: whom to answer, in which language; `code`: why it was refused, `state`: of a report, and the
    newest `measure` that came of it."""

    kind: Kind
    number: Number
    language: str
    reference: str = ""
    code: str = ""
    state: str = ""
    missing: tuple[str, ...] = ()
    measure: Measure | None = None


def must_be_signed(tools: Tools, *, timestamp: str, signed: str, body: bytes) -> None:
    """Raises SignInRequiredError bad_signature for what our gateway did not sign just now."""
    key = tools.keys.derive("log", "sms-gateway", FIRST_EPOCH)
    right = hmac.compare_digest(signature(key, timestamp, body).encode(), signed.encode("utf-8", "replace"))
    seconds = int(timestamp) if timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12 else 0
    if not right or abs(tools.clock.now().timestamp() - seconds) > OLDEST_S:
        raise SignInRequiredError("The message is not signed by the gateway's key just now.", code="bad_signature")


def take_text(
    tools: Tools, *, message: str, sender: str, text: str, at: datetime, country: str, shelf: Shelf | None = None
) -> Answered | None:
    """Take one text in; None for one that came before, which is not answered again.

    Raises InvalidInputError for a sender that is no subscriber's number, TooManyError for one that sends often.
    """
    number = parse_one(sender, tools.plan, country=country)
    reporter = seal_one(tools.keys.at_rest, number)
    name = hashlib.blake2b(message.encode(), key=tools.keys.derive("log", "sms-in", FIRST_EPOCH), digest_size=16)
    if tools.store.peoples_reports.has_seen(name.digest()):
        return None
    own = limits.subject_of(tools.keys, b"sms-in:" + reporter)
    limits.spend(tools.store, tools.clock, name="sms-in", subject=own, most=TEXTS_AN_HOUR, per_s=3600)
    found = _answered(tools, number, reporter, name.hexdigest(), text, at, country, shelf)
    with tools.store.writing(about="sms"):  # last, so that what breaks off is taken when it is sent again
        fresh = tools.store.peoples_reports.see_text(name.digest(), at=to_micros(tools.clock.now()))
    return found if fresh else None


def _answered(
    tools: Tools, number: Number, reporter: SealedNumber, id_: str, text: str, at: datetime, country: str,
    shelf: Shelf | None,
) -> Answered:
    """What a text is answered with."""
    said = unicodedata.normalize("NFKC", text.translate(_STARS)).strip()
    language = "zh_CN" if _HAN.search(text) or not re.search("[A-Za-z]{3}", text) else "en"
    if _REFERENCE.fullmatch(said.lower()):
        return _state(tools, Answered("state", number, language, said.lower()), reporter)
    shape = _SHAPE.fullmatch(said)
    if shape is None or not shape.group(1):
        return Answered("unreadable", number, language)
    told = Told(
        id_, "messages", "", "other", min(at, tools.clock.now()), shape.group(1),
        description=text.translate(_STARS).partition("*")[2].strip()[:_LONGEST], consent=True,
    )
    try:
        taken = peoplesreports.take(tools, told=told, reporter=reporter, country=country, shelf=shelf)
    except (InvalidInputError, ConflictError) as error:
        return Answered("refused", number, language, code=error.code)
    except TooManyError:
        return Answered("refused", number, language, code="too_many")
    kind: Kind = "again" if taken.again else "returned" if taken.missing else "taken"
    return Answered(kind, number, language, taken.handling.reference, missing=taken.missing)


def moment_of(tools: Tools, at: datetime | None) -> datetime:
    """When a text came by the gateway; now where it does not say, or says what cannot be."""
    now = tools.clock.now()
    return at if at is not None and now - timedelta(days=7) < at <= now else now


def _state(tools: Tools, asked: Answered, reporter: SealedNumber) -> Answered:
    try:
        own = peoplesreports.own_report(tools, reference=asked.reference, reporter=reporter)
    except NotFoundError:
        return Answered("refused", asked.number, asked.language, code="no_such_report")
    measure = consequences.newest_of(tools.store, [own.handling]).get(asked.reference)
    return replace(asked, state=own.handling.state, measure=measure)

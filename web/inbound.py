"""The text message gateway's way in: reports as `number*text`, each answered by one text.

Rules of this room: only what the gateway signed is read (`registry.inboundsms`); the answer to the gateway says nothing
of what was said; a text that could not be sent loses no report.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from flask import Blueprint, Response, request
from flask_babel import force_locale
from flask_babel import gettext as _

from registry import inboundsms
from registry.errors import UnavailableError
from registry.inboundsms import Answered
from web import guard, measurewords
from web.api import edge
from web.current import registry_of
from web.reporting import tools_of
from web.reportwords import MISSING, NEXT, PROBLEMS, STATES

blueprint = Blueprint("inbound", __name__)


class InboundText(msgspec.Struct, forbid_unknown_fields=True, rename={"sender": "from"}):
    """A text that somebody sent: the gateway's id of it, the sender in E.164, what it says, when it came."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    sender: Annotated[str, msgspec.Meta(max_length=64)]
    text: Annotated[str, msgspec.Meta(max_length=4000)]
    at: datetime | None = None
    to: str = ""


class Received(msgspec.Struct):
    """What came of it: taken, returned, again, state, unreadable, refused, repeated; whether an answer went out."""

    result: str
    answered: bool


@blueprint.post("/gateway/sms")
@guard.public
def receive() -> Response:
    """Take one text in that the gateway signed."""
    registry, tools = registry_of(), tools_of()
    inboundsms.must_be_signed(
        tools, timestamp=request.headers.get("Decline-Call-Timestamp", ""),
        signed=request.headers.get("Decline-Call-Signature", ""), body=request.get_data(),
    )
    said = edge.read(InboundText)
    at = said.at if said.at is None or said.at.tzinfo else None
    found = inboundsms.take_text(
        tools, message=said.id, sender=said.sender, text=said.text, at=inboundsms.moment_of(tools, at),
        country=registry.settings.numbers.country, shelf=registry.shelf,
    )
    if found is None:
        return edge.answer(Received("repeated", answered=False))
    with force_locale(found.language):
        text = _sentence(found)
    try:
        registry.sms.send(found.number, text)
    except UnavailableError:  # it is on record all the same
        return edge.answer(Received(found.kind, answered=False))
    return edge.answer(Received(found.kind, answered=True))


def _sentence(found: Answered) -> str:
    """What the sender of a text is told."""
    name = found.reference
    if found.kind == "taken":
        return str(_("Your report was accepted. Reference %(name)s; send it to us to see how it stands.", name=name))
    if found.kind == "again":
        return str(_("We have this report already. Reference %(name)s.", name=name))
    if found.kind == "returned":
        lacks = str(_(", ")).join(str(MISSING[each]) for each in found.missing)
        return str(_("Reference %(name)s. Missing: %(what)s. Please complete it on our site.", name=name, what=lacks))
    if found.kind == "state":
        return f"{name}{_(': ')}{STATES[found.state][1]}{_('.')} {NEXT[found.state]}{_of_measure(found)}"
    if found.kind == "unreadable":
        return str(_("We could not read this. Please send: number*text, for example 1069000012*Loans within minutes."))
    if found.code == "no_such_report":
        return str(_("There is no such report from your number."))
    if found.code == "too_many":
        return str(_("That was too often today. Please try again tomorrow."))
    if found.code in PROBLEMS:
        return str(PROBLEMS[found.code])
    return str(_("The number before the * cannot be read. Please send: number*text, with all its digits."))


def _of_measure(found: Answered) -> str:
    """The measure that came of a report, and how it stands."""
    if found.measure is None:
        return ""
    what, stands = measurewords.MEASURES[found.measure.kind], measurewords.STATES[found.measure.state][1]
    return f" {_('Measure against the caller')}{_(': ')}{what}{_(', ')}{stands}{_('.')}"

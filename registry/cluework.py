"""How a batch of clues gets to its department: reviewed by one, sent by another, fetched or handed over, acknowledged.

Rules of this room:
- Whoever reviewed a batch does not send it. A look into the package is an act with a reason, in the trail (rule 115).
- A department has no account: it fetches its package once, by an address and a code that go separate ways; the code is
  random, kept as a hash, ends by its time or a few wrong guesses, and what fetches with it signs the receipt.
- A receipt says when, who and under which number of theirs; until there is one for crime, an alarm rings.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry.access import token_hash
from registry.cluemaking import Office, packed_inside, signed
from registry.clues import Batch, batch_of, department_called, keep, must, said
from registry.cluestates import WAYS, due_after, move_of
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_ids
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.store import Store

CODE_DAYS = 7  # how long a package may be fetched [D]
GUESSES = 5
_GROUPS, _GROUP = 5, 4  # letters: 85 bits
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch that is on its way, and the code that is told once ("" where it goes by hand)."""

    batch: Batch
    code: str = ""


def assign(office: Office, *, actor: Actor, batch: str, department: str, reason: str) -> Batch:
    """Say to which department a batch goes that none was known for; its package is made anew.

    Raises NotFoundError no_such_batch, no_such_department, ConflictError clue_done_already, clue_exists.
    """
    why, to, store = said(reason), department_called(department).department, office.store
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "assign")
        if found.department:
            raise ConflictError("This batch has its department.", code="clue_done_already", state=found.state)
        clues = [replace(each, department=to) for each in store.clues.of_batch(batch)]
        if any(store.clues.has_subject(each) for each in clues):
            raise ConflictError("The department was told of this already.", code="clue_exists")
        store.clues.put(clues)
        made = signed(office, replace(found, department=to), clues, fallen=store.clues.fallen(to))
        return _kept(store, office.clock, made, actor, "assign", why)


def review(store: Store, clock: Clock, *, actor: Actor, batch: str, note: str = "") -> Batch:
    """Say that a batch was looked at and may go. Raises NotFoundError no_such_batch, ConflictError clue_done_already,
    no_department."""
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "review")
        if not found.department:
            raise ConflictError("First say to which department it goes.", code="no_department")
        return _kept(store, clock, replace(found, state="reviewed", reviewed_by=actor.name), actor, "review", note)


def discard(store: Store, clock: Clock, *, actor: Actor, batch: str, reason: str) -> Batch:
    """Take a batch back before it is sent: the clockwork makes another one of what stands then.

    Raises NotFoundError no_such_batch, ConflictError clue_done_already, InvalidInputError no_reason.
    """
    why = said(reason)
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "discard")
        store.clues.set_free(batch)
        return _kept(store, clock, replace(found, state="discarded"), actor, "discard", why)


def send(store: Store, clock: Clock, *, actor: Actor, batch: str, way: str, reason: str) -> Sent:
    """Send a batch: by a code with which the department fetches it, or by hand (the reason says how and to whom).

    Raises NotFoundError no_such_batch, ConflictError clue_too_early, clue_done_already, NotAllowedError own_proposal,
    InvalidInputError bad_way, no_reason.
    """
    why = said(reason)
    if way not in WAYS:
        raise InvalidInputError("It goes by link or by hand.", code="bad_way")
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "send")
        if found.reviewed_by == actor.name:
            raise NotAllowedError("Somebody else sends what you reviewed.", code="own_proposal")
        made = replace(found, state="sent", sent=clock.now(), way=way)
        code = _new_code(store, clock, batch) if way == "link" else ""
        return Sent(_kept(store, clock, made, actor, "send", why), code)


def link(store: Store, clock: Clock, *, actor: Actor, batch: str, reason: str) -> Sent:
    """Another code for a batch that was sent; the one before counts no longer. Raises as `send`."""
    why = said(reason)
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "link")
        code = _new_code(store, clock, batch)
        return Sent(_kept(store, clock, found, actor, "link", why), code)


def download(office: Office, *, actor: Actor, batch: str, reason: str) -> tuple[Batch, bytes]:
    """The package for somebody of the office, who says what for. Raises as `send`, ConflictError package_changed."""
    why, store = said(reason), office.store
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "download")
        content = packed_inside(office, found)
        return _kept(store, office.clock, found, actor, "download", why), content


def fetch(office: Office, *, batch: str, code: str, receiver: str, file_number: str) -> tuple[Batch, bytes]:
    """The package for a department, which signs for it. Raises InvalidInputError no_receiver; NotFoundError
    fetch_wrong, whatever was wrong: the batch, the code, its time, or too many guesses."""
    who, number = _named(receiver, file_number)
    store, clock, content = office.store, office.clock, b""
    with store.writing(about="clues"):
        row, found = store.clues.code(batch), store.clues.batch(batch)
        if row and found and _counts(row, clock.now()):
            if hmac.compare_digest(token_hash(_plain(code)), row["code"]):
                content = packed_inside(office, found)
                store.clues.set_code(batch, code=None)
                if found.state == "sent":
                    found = replace(found, state="received", received=clock.now(), receiver=who, file_number=number)
                found = _moved(store, clock, found, f"department:{found.department}", "fetch", who)
            else:
                store.clues.set_code(batch, code=row["code"], until=row["code_until"], guesses=row["guesses"] + 1)
    if not found or not content:
        raise NotFoundError("Nothing can be fetched with this code.", code="fetch_wrong")
    return found, content


def receive(
    store: Store, clock: Clock, *, actor: Actor, batch: str, at: datetime, receiver: str, file_number: str
) -> Batch:
    """Keep a department's receipt. Raises NotFoundError no_such_batch, ConflictError clue_too_early (not sent yet),
    clue_done_already, InvalidInputError no_receiver, bad_date (before it was sent, or in the future)."""
    who, number = _named(receiver, file_number)
    with store.writing(about="clues"):
        found = _moving(store, actor, batch, "receive")
        if at > clock.now() or (found.sent is not None and at < found.sent):
            raise InvalidInputError("A receipt is given after it was sent, and not in the future.", code="bad_date")
        store.clues.set_code(batch, code=None)
        made = replace(found, state="received", received=at, receiver=who, file_number=number)
        return _kept(store, clock, made, actor, "receive", who)


def _moving(store: Store, actor: Actor, batch: str, action: str) -> Batch:
    """A batch that somebody may move so."""
    found = batch_of(store, batch)
    must(actor, move_of(action, found.state).needs)
    return found


def _kept(store: Store, clock: Clock, made: Batch, actor: Actor, action: str, note: str) -> Batch:
    return _moved(store, clock, made, actor.name, action, without_numbers(note.strip())[:500])


def _moved(store: Store, clock: Clock, made: Batch, actor: str, action: str, note: str) -> Batch:
    """Keep a move; a deadline begins where the state is another one than before."""
    before = store.clues.batch(made.batch)
    if before is not None and before.state != made.state:
        made = replace(made, due=due_after(made.state, made.kind, clock.now()))
    store.clues.put_batch(made)
    keep(store, clock, made, actor, action, note)
    return made


def _named(receiver: str, file_number: str) -> tuple[str, str]:
    who = without_numbers(receiver.strip())[:_LONGEST]
    if not who:
        raise InvalidInputError("Please say who received it.", code="no_receiver")
    return who, file_number.strip()[:_LONGEST]


def _new_code(store: Store, clock: Clock, batch: str) -> str:
    code = "-".join(new_ids(_GROUPS, _GROUP))
    until = to_micros(clock.now() + timedelta(days=CODE_DAYS))
    store.clues.set_code(batch, code=token_hash(_plain(code)), until=until)
    return code


def _plain(code: str) -> str:
    return "".join(letter for letter in code.lower() if letter.isalpha())


def _counts(row: Any, now: datetime) -> bool:
    return bool(row["code"]) and from_micros(row["code_until"]) > now and row["guesses"] < GUESSES

"""Receipts: the signed proof of what a telemarketer asked and was answered, and of the answer for one number of it.

Rules of this room:
- A receipt says who asked, on whose behalf, for what, when, by which edition and rulebook, what came in and went out
  (SHA-256), how many got which verdict, until when it holds, and the root over one leaf for each distinct number
  (`leaves.py`). It holds no number.
- Whoever has the receipt file has its salt key, which opens nothing of other receipts; with it and a number the leaf is
  found again. A proof is about one number and shows nothing of the others.
- Checking needs the file and a public key alone; it says in words which check failed.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry import leaves, naming, receiptkeys, scrubfiles
from registry.envelopes import Envelope, seal
from registry.errors import ConflictError, NotFoundError
from registry.keys import FIRST_EPOCH
from registry.leaves import VERDICTS, Leaves
from registry.numbers import Number
from registry.outside.sealedfile import SealedReader
from registry.receiptforms import FORMAT, TREE, Facts, Payload, Proof, ProofFile, Receipt, ReceiptFile, Tree
from registry.sealing import block
from registry.times import to_micros

if TYPE_CHECKING:
    from registry.interfaces import Clock, Shelf
    from registry.keys import KeyRing
    from registry.receiptkeys import ReceiptKeys
    from registry.scrub import LineAnswer
    from registry.store import Store

_MOST_REASONS = 255
_AT_ONCE = 200


# issuing


def issue(
    store: Store, clock: Clock, shelf: Shelf, keys: KeyRing, signing: ReceiptKeys, work: Path, *, facts: Facts,
    distinct: Iterable[NDArray[np.void]], kinds: Sequence[LineAnswer], receipt: str = "",
) -> Receipt:
    """Issue the receipt of a scrub: as `make` makes it, and written."""
    receiptkeys.note(store, clock, signing)
    made = make(clock, shelf, keys, signing, work, facts=facts, distinct=distinct, kinds=kinds, receipt=receipt)
    with store.writing(about=f"receipts of {made.party}"):
        store.receipts.put(made)
    return made


def make(
    clock: Clock, shelf: Shelf, keys: KeyRing, signing: ReceiptKeys, work: Path, *, facts: Facts,
    distinct: Iterable[NDArray[np.void]], kinds: Sequence[LineAnswer], receipt: str = "",
    seen: Callable[[float], None] = lambda _share: None,
) -> Receipt:
    """The receipt of a scrub, its leaves on the shelf; it counts when it is written (`store.receipts.put`), and its key
    is to be noted before (`receiptkeys.note`).

    `distinct` as `Spool.distinct()` gives it, `kinds` the different answers; `work` is a folder for what passes
    through, sealed. `receipt`: an id that was given to it before; `seen` is told how much is done, 0 to 1, and what
    it raises ends the work.
    """
    name = receipt or new_id()
    reasons = _reasons(kinds)
    answers = [_answer(kind, reasons) for kind in kinds]
    place = leaves_name(name)
    with scrubfiles.sealed_at(work, scrubfiles.key_of(keys, place)) as (path, writer):
        size, root = leaves.write(
            leaves.kept_rows(distinct, answers), writer, work, at_rest=keys.at_rest, salt_key=salt_key(keys, name),
            seen=seen,
        )
        writer.close()
        shelf.put(place, path)
    now = clock.now()
    said = {name: int(facts.counts.get(name, 0)) for name in ("allowed", "declined", "invalid")}
    payload = Payload(
        FORMAT, name, now, facts.party, facts.on_behalf, facts.campaign, facts.channel, facts.category, facts.at,
        facts.valid_until, facts.edition, facts.rulebook, facts.input, facts.result, facts.lines,
        said | {"distinct": size}, tuple(reasons), Tree(TREE, size, root.hex()), facts.sandbox,
    )
    envelope = msgspec.json.encode(seal(msgspec.json.encode(payload), signing)).decode()
    return Receipt(
        name, facts.party.id, facts.scrub, facts.campaign, facts.on_behalf.id if facts.on_behalf else "",
        facts.channel, facts.category, facts.at, facts.valid_until, now, size, facts.sandbox,
        facts.kept_until or facts.valid_until, envelope,
    )


def new_id() -> str:
    """A fresh id of a receipt."""
    return naming.new_id(24)


def salt_key(keys: KeyRing, receipt: str) -> bytes:
    """The key that salts the leaves of one receipt, and no other's."""
    return keys.derive("receipt-salt", receipt, FIRST_EPOCH)


def leaves_name(receipt: str) -> str:
    """Where the leaves of a receipt lie on the shelf."""
    return f"receipts/{receipt}"


def _reasons(kinds: Iterable[LineAnswer]) -> list[str]:
    found = list(dict.fromkeys(kind.reason for kind in kinds if kind.verdict in VERDICTS))
    assert len(found) <= _MOST_REASONS
    return found


def _answer(kind: LineAnswer, reasons: Sequence[str]) -> tuple[int, int, int]:
    """Verdict, reason and until of a leaf; all 0 for lines that were no number."""
    if kind.verdict not in VERDICTS:
        return 0, 0, 0
    until = int(kind.until.timestamp()) if kind.until else 0
    return VERDICTS.index(kind.verdict), reasons.index(kind.reason), until


def distrust(store: Store, signing: ReceiptKeys, *, keyid: str) -> int:
    """Believe a key no longer that others may have: what it signed here is signed again by the newest, word for word;
    how many.

    Whoever holds one of these fetches it again. Raises ConflictError receipt_key_signs, receipt_key_there (its file
    is), NotFoundError no_such_key.
    """
    if keyid == signing.public[0].keyid:
        raise ConflictError("This key signs just now; exchange it first.", code="receipt_key_signs")
    if any(key.keyid == keyid for key in signing.public):
        raise ConflictError("The file of this key is still there; remove it first.", code="receipt_key_there")
    if all(row["keyid"] != keyid for row in store.receipt_keys.all()):
        raise NotFoundError("There is no such receipt key.", code="no_such_key")
    count = 0
    while found := store.receipts.signed_by(keyid, limit=_AT_ONCE):
        with store.writing(about="receipts that are signed again"):
            for name, text in found:
                payload = base64.b64decode(msgspec.json.decode(text, type=Envelope).payload)
                store.receipts.replace_envelope(name, msgspec.json.encode(seal(payload, signing)).decode())
        count += len(found)
    with store.writing(about="receipt keys"):
        store.receipt_keys.remove(keyid)
    return count


# reading


def receipt_of(store: Store, *, party: str, receipt: str, sandbox: bool = False) -> Receipt:
    """A party's receipt; with `sandbox` only one of the sandbox. Raises NotFoundError no_such_receipt, also for another
    party's."""
    found = store.receipts.receipt(receipt)
    if found is None or found.party != party or (sandbox and not found.sandbox):
        raise NotFoundError("There is no such receipt.", code="no_such_receipt")
    return found


def receipts_of(
    store: Store, *, party: str, before: datetime | None = None, limit: int = 50, sandbox: bool = False
) -> tuple[Receipt, ...]:
    """A party's receipts, newest first, those issued before a moment; with `sandbox` those of the sandbox alone."""
    until = to_micros(before) if before is not None else 1 << 62
    return store.receipts.of_party(party, before=until, limit=limit, sandbox=sandbox)


def file_of(keys: KeyRing, receipt: Receipt) -> bytes:
    """The file that its telemarketer keeps, as JSON."""
    envelope = msgspec.json.decode(receipt.envelope, type=Envelope)
    key = base64.b64encode(salt_key(keys, receipt.receipt)).decode()
    return msgspec.json.format(msgspec.json.encode(ReceiptFile(envelope, key)), indent=1)


def payload_of(receipt: Receipt) -> Payload:
    """What a stored receipt says."""
    envelope = msgspec.json.decode(receipt.envelope, type=Envelope)
    return msgspec.json.decode(base64.b64decode(envelope.payload), type=Payload)


@contextmanager
def leaves_of(shelf: Shelf, keys: KeyRing, receipt: Receipt) -> Iterator[Leaves]:
    """The leaves of a receipt. Raises NotFoundError leaves_erased."""
    place = leaves_name(receipt.receipt)
    if shelf.size(place) is None:
        raise NotFoundError("The answers of this receipt were erased.", code="leaves_erased")
    with shelf.open(place) as file:
        reader = io.BufferedReader(SealedReader(file, scrubfiles.key_of(keys, place)))
        yield Leaves(reader, receipt.size, keys.at_rest, salt_key(keys, receipt.receipt))


def prove(shelf: Shelf, keys: KeyRing, *, receipt: Receipt, number: Number) -> bytes:
    """The proof file of the answer for one number, as JSON. Raises NotFoundError not_in_receipt, leaves_erased."""
    with leaves_of(shelf, keys, receipt) as kept:
        leaf = kept.find(np.frombuffer(block(number), np.uint8).reshape(1, -1))[0]
        if leaf is None:
            raise NotFoundError("This receipt says nothing of this number.", code="not_in_receipt")
        entry, path = kept.proof(leaf.place)
    proof = Proof(leaf.place, entry.hex(), tuple(node.hex() for node in path))
    envelope = msgspec.json.decode(receipt.envelope, type=Envelope)
    return msgspec.json.format(msgspec.json.encode(ProofFile(envelope, proof)), indent=1)


def erase_due(store: Store, clock: Clock, shelf: Shelf, *, limit: int = 100) -> int:
    """Erase the leaves of receipts whose time is over; how many. What was signed stays."""
    now = to_micros(clock.now())
    with store.reading():
        due = store.receipts.due(at=now, limit=limit)
    for name in due:
        shelf.delete(leaves_name(name))
        with store.writing(about=f"receipt {name}"):
            store.receipts.erased(name)
    return len(due)

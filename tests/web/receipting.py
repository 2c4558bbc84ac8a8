"""A telemarketer that holds a receipt, for tests of what comes after."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from registry import receipts, scrubjobs
from registry.access import Actor
from registry.assembly import Registry
from registry.numbers import Number
from registry.preferences import Category, Channel
from registry.receiptforms import Facts, Organisation, Receipt, Stream
from registry.scrub import LineAnswer
from registry.scrubjobs import Ask
from registry.sealing import seal_many

FIRST = 8613900000000
ASKED = 6  # numbers from FIRST on; every other is declined
ROW = np.dtype([("sealed", "V16"), ("which", "<u4")])


def with_receipt(registry: Registry, party: str) -> tuple[str, Receipt]:
    """A scrub of a party that was done, and its receipt."""
    found = registry.store.parties.party(party)
    assert found is not None
    job = scrubjobs.begin(
        registry.store, registry.clock, registry.settings.scrubs, actor=Actor("member", party=found),
        ask=Ask(Channel.CALLS, Category.LOAN, "autumn"), name="list.csv", origin="page",
    )
    receipt = issued(registry, party, job.scrub)
    with registry.store.writing():
        registry.store.scrub_jobs.change(job.scrub, states=("uploading",), state="done", receipt=receipt.receipt)
    return job.scrub, receipt


def issued(registry: Registry, party: str, scrub: str = "", **changed: object) -> Receipt:
    """A receipt over ASKED numbers."""
    now = registry.clock.now()
    until = now + timedelta(days=7)
    kinds = (LineAnswer("allowed", "no_recorded_will", "34", until),
             LineAnswer("declined", "everything_declined", "49(7)", until))  # fmt: skip
    rows = np.empty(ASKED, ROW)
    sealed = seal_many(registry.keys.at_rest, np.arange(FIRST, FIRST + ASKED, dtype=np.uint64))
    rows["sealed"], rows["which"] = sealed.view("V16")[:, 0], np.arange(ASKED) % 2
    facts = Facts(
        scrub, Organisation(party, "贷款公司", "Loans Ltd"), "autumn", "calls", "loan", now, until, 12, "2026",
        Stream("aa" * 32, 10), Stream("bb" * 32, 20), 7, {"allowed": 3, "declined": 3, "invalid": 1},
    )
    folder = Path(registry.instance) / "work"
    folder.mkdir(exist_ok=True)
    return receipts.issue(
        registry.store, registry.clock, registry.shelf, registry.keys, registry.receipt_keys, folder,
        facts=replace(facts, **changed), distinct=[rows], kinds=kinds,  # type: ignore[arg-type]
    )


def proof(registry: Registry, receipt: Receipt, place: int = 1) -> bytes:
    """The proof file of one of the numbers."""
    return receipts.prove(registry.shelf, registry.keys, receipt=receipt, number=Number(1, FIRST + place))

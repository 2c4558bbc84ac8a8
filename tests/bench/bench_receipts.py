"""Receipts: made for a million distinct numbers, looked into, and one answer proved; files sealed as in earnest."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from registry import receipts
from registry.calllists.spool import ROW
from registry.keys import KeyRing
from registry.numbering import draw_numbers, load_plan
from registry.numbers import Number
from registry.outside.shelf import FolderShelf
from registry.receiptforms import Facts, Organisation, Stream
from registry.receiptkeys import ReceiptKeys
from registry.scrub import LineAnswer
from registry.sealing import blocks, seal_many
from tests.doubles import FakeClock

BAR_S = 8.0
_NUMBERS = 1_000_000
_LOOKED_UP = 5_000


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """Measure, value, bar, met."""
    count = min(rows, _NUMBERS)
    keys, clock = KeyRing({1: bytes(range(32))}), FakeClock(datetime(2026, 11, 23, 2, tzinfo=UTC))
    digits = draw_numbers(load_plan(), count, seed)
    distinct = np.empty(count, ROW)
    distinct["sealed"] = seal_many(keys.at_rest, digits).view("V16")[:, 0]
    distinct["which"] = np.random.default_rng(seed).integers(0, 2, count)
    until = clock.now() + timedelta(days=7)
    kinds = [LineAnswer("allowed", "no_recorded_will", "34", until), LineAnswer("declined", "no_consent", "11", until)]
    facts = Facts(
        "scrub", Organisation("acme"), "autumn", "calls", "loan", clock.now(), until, 1, "2026", Stream("", 0),
        Stream("", 0), count, {"allowed": count},
    )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        work.mkdir()
        shelf = FolderShelf(Path(folder) / "shelf")
        began = time.perf_counter()
        made = receipts.make(
            clock, shelf, keys, ReceiptKeys([bytes(32)]), work, facts=facts, distinct=np.array_split(distinct, 16),
            kinds=kinds,
        )
        took = time.perf_counter() - began
        with receipts.leaves_of(shelf, keys, made) as kept:
            began = time.perf_counter()
            found = kept.find(blocks(digits[:_LOOKED_UP]))
            pace = len(found) / (time.perf_counter() - began)
        began = time.perf_counter()
        receipts.prove(shelf, keys, receipt=made, number=Number(1, int(digits[0])))
        proved = time.perf_counter() - began
    return [
        (f"receipt for {count:,} distinct numbers", f"{took:.2f} s", f"<= {BAR_S:.0f} s", took <= BAR_S),
        ("answers looked up in it, as reports need them", f"{pace:,.0f}/s", ">= 5,000/s", pace >= 5_000),
        ("proof of one of them", f"{1000 * proved:.0f} ms", "<= 100 ms", proved <= 0.1),
    ]

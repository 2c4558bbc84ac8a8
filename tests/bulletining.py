"""Handlings drawn by a seed for bulletins, and the quarters that are known from before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from registry.keys import KeyRing
from registry.numbering import NumberPlan, draw_numbers
from registry.sealing import seal_many
from registry.store import Store
from registry.times import to_micros

KNOWN: list[dict[str, Any]] = msgspec.json.decode((Path(__file__).parent / "known_quarters.json").read_bytes())
MODES = ("human", "recorded", "ring_once", "bombing")
CARRIERS = ("cmcc", "cucc", "ctcc", "mvno")
_MOVED = ("", "", "", "", "violation", "unfounded", "not_ours")


def rows(
    plan: NumberPlan, keys: KeyRing, count: int, seed: int, *, first: datetime, days: float
) -> Iterator[dict[str, Any]]:
    """Columns of handling: half calls, a third of the callers ports, one in fifty held, received over some days."""
    random = np.random.default_rng(seed)
    plain = seal_many(keys.at_rest, draw_numbers(plan, max(count // 3, 10), seed))
    ports = np.array([int(f"106{900 + n % 40}{n:06}") for n in range(max(count // 10, 10))], dtype=np.uint64)
    coded = seal_many(keys.at_rest, ports, 2)
    picks = random.integers(0, 1 << 30, (count, 6)).tolist()
    start, span = to_micros(first), int(timedelta(days=days).total_seconds() * 1_000_000)
    for place, (b, c, d, e, f, g) in enumerate(picks):
        at = start + place * span // count
        sealed = coded[b % len(coded)] if c % 3 == 0 else plain[b % len(plain)]
        yield {
            "source": "people", "source_id": f"{seed}-{place}", "reference": f"{seed}-{place}", "state": "forwarded",
            "desk": "", "received": at, "at": at, "class": "malicious" if d % 40 == 0 else "commercial",
            "kind": "call" if e % 2 else "message", "channel": 0 if e % 2 else 2, "category": (f % 17) - 1,
            "mode": MODES[d % 4] if e % 2 else "", "caller": None if g % 30 == 0 else bytes(sealed), "caller_kind": 0,
            "province": ("", "beijing", "hebei", "hunan")[g % 4], "carrier": CARRIERS[b % 4],
            "provider": f"e{f % 17}" if c % 2 else "", "content": "", "resource": "", "rulebook": "2026",
            "verdict": "violation", "reason": "", "due": 0, "late": 0, "escalated": 0, "outcome": _MOVED[c % 7],
            "answer": None, "held": "bombing" if f % 50 == 0 else "", "cluster": "", "case_id": "", "closed": 0,
            "updated": at,
        }  # fmt: skip


def fill(store: Store, given: Iterator[dict[str, Any]]) -> None:
    """Insert handlings."""
    chunk: list[dict[str, Any]] = []
    for row in given:
        chunk.append(row)
        if len(chunk) == 50_000:
            _insert(store, chunk)
            chunk = []
    _insert(store, chunk)


def _insert(store: Store, chunk: list[dict[str, Any]]) -> None:
    if chunk:
        names = ", ".join(chunk[0])
        marks = ", ".join(f":{name}" for name in chunk[0])
        with store.writing():
            store.engine.run_many(f"INSERT INTO handling ({names}) VALUES ({marks})", chunk)

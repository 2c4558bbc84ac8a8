"""Reports that gather into cases, per second, on top of judging; and how soon an officer's queue answers among many."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from registry.gathering import CHUNK, Gatherer, gather
from registry.keys import FIRST_EPOCH, KeyRing
from registry.numbering import load_plan
from registry.numbering.holidays import load_holidays
from registry.numbers import parse_caller
from registry.sealing import seal_one, seal_text
from registry.settings import CaseSettings
from registry.store import Store
from registry.store.cases import SORTS
from registry.store.engine import SqliteEngine
from registry.times import to_micros
from registry.workdays import Calendar
from tests.doubles import FakeClock

BAR, QUEUE_BAR_MS = 2_000, 200
_REPORTS = 40_000
_CASES = 20_000
_ENTERPRISES = 400
_TEXTS = 2_000


def pile(store: Store, keys: KeyRing, reports: int, seed: int, now: int) -> None:
    """Reports of many enterprises, callers and texts, as taking in and routing leave them."""
    random, plan = np.random.default_rng(seed), load_plan()
    callers = [seal_one(keys.at_rest, parse_caller(f"138{n:08}", plan)) for n in range(4000)]
    key = keys.derive("at-rest", "report", FIRST_EPOCH)
    signs = [chr(sign) for sign in random.integers(0x4E00, 0x9FA5, 3000)]
    texts = ["".join(signs[place] for place in random.integers(0, 3000, 40)) for _ in range(_TEXTS)]
    picks = random.integers(0, 1 << 30, (reports, 3)).tolist()
    rows = (_row(place, a, b, c, callers, texts, key, now) for place, (a, b, c) in enumerate(picks))
    for part in iter(lambda: list(itertools.islice(rows, CHUNK)), []):
        with store.writing():
            store.engine.run_many(
                """INSERT INTO report (source, source_id, batch, line, called, caller, channel, category, content, at,
                    description, received, verdict, reason, rule, rulebook)
                VALUES (:source, :source_id, 'b', 1, :caller, :caller, 2, 0, 0, :at, :description, :at, :verdict,
                    'everything_declined', '49(7)', '2026')""",
                part,
            )
            store.engine.run_many(
                """INSERT INTO handling (source, source_id, reference, state, desk, received, at, class, kind, channel,
                    category, mode, caller, caller_kind, province, carrier, provider, content, resource, rulebook,
                    verdict, reason, due, late, escalated, outcome, answer, held, cluster, case_id, closed, updated,
                    undated) VALUES (:source, :source_id, :source_id, 'accepted', '', :at, :at, 'commercial',
                    'message', 2, :category, '', :caller, 1, '', 'cmcc', :enterprise, '', '', '2026', :verdict,
                    'everything_declined', 0, 0, 0, '', NULL, '', '', '', 0, :at, 0)""",
                part,
            )


def _row(
    place: int, a: int, b: int, c: int, callers: list[Any], texts: list[str], key: bytes, now: int
) -> dict[str, Any]:
    caller = a % len(callers)
    text = f"{texts[b % len(texts)]} {b % 97}" if b % 3 else ""
    return {
        "source": "cmcc", "source_id": f"r{place}", "caller": callers[caller], "at": now + place, "category": c % 16,
        "description": seal_text(key, text) if text else None, "verdict": "allowed" if c % 4 == 0 else "violation",
        "enterprise": f"e_{caller % _ENTERPRISES}" if caller % 10 else "",
    }  # fmt: skip


STATES = ("open", "ordered", "warned", "fined", "published", "closed", "credit_filed")


def file_cases(store: Store, rows: int, now: int) -> None:
    """Cases in all states, of all industries, assigned to some."""
    with store.writing():
        store.engine.run_many(
            """INSERT INTO case_file VALUES (:case_id, :enterprise, :state, 'campaign', :category, 'message', :at, :at,
                :due, :assigned, :n, 3, :at, :at, '', '', 0, '', :at, 0, 0, 0, 0)""",
            ({"case_id": f"c{place}", "enterprise": f"e_{place % _ENTERPRISES}", "state": STATES[place % 7],
              "category": place % 16, "at": now + place, "due": now + place * 1000 if place % 7 < 5 else 0,
              "assigned": f"m{place % 9}" if place % 3 else "", "n": place % 700} for place in range(rows)),
        )  # fmt: skip


def queue_ms(store: Store, rows: int, now: int) -> float:
    """The 95th percentile of what the queue takes, over all filters and orders, in ms, with `rows` cases beside."""
    file_cases(store, rows, now)
    filters: list[dict[str, Any]] = [
        {}, {"assigned": "m4"}, {"assigned": ""}, {"category": 3}, {"kind": "call"}, {"overdue_at": now + 10**7},
        {"enterprise": "e_7"}, {"proposed_only": True}, {"category": 3, "assigned": "m4", "kind": "message"},
    ]  # fmt: skip
    took = []
    for picked, sort, after in itertools.product(filters, SORTS, (0, 500)):
        for wanted in (STATES[:5], STATES[:1], ()):
            began = time.perf_counter()
            store.cases.queue(states=wanted, sort=sort, descending=bool(after), limit=51, after=after, **picked)
            store.cases.counts()
            store.cases.overdue(at=now + 10**7)
            took.append((time.perf_counter() - began) * 1000)
    return float(np.percentile(took, 95))


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """(measure, value, bar, passed); `rows` bounds how many reports gather."""
    keys, clock = KeyRing({1: bytes(range(32))}), FakeClock()
    count = min(rows, _REPORTS)
    with tempfile.TemporaryDirectory(prefix="decline-bench-") as folder:
        store = Store(SqliteEngine(Path(folder) / "registry.db"))
        store.migrate(at=0)
        pile(store, keys, count, seed, to_micros(clock.now()))
        clock.advance(7200)
        began = time.perf_counter()
        done = gather(Gatherer(store, clock, keys, CaseSettings(), Calendar(load_holidays(), "Asia/Shanghai")))
        speed = count / (time.perf_counter() - began)
        assert done["looked"] == count
        late = queue_ms(store, _CASES, to_micros(clock.now()))
        store.close()
    return [
        (f"reports gathered into cases per second ({done['cases']} cases)", f"{speed:,.0f}", f">= {BAR:,}",
         speed >= BAR),
        (f"officers' queue among {_CASES:,} cases, any filter, p95 ms", f"{late:.0f}", f"<= {QUEUE_BAR_MS}",
         late <= QUEUE_BAR_MS),
    ]  # fmt: skip

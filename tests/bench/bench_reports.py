"""Reports taken in, judged, stored and routed, per second: from an upload's bytes to the answers, SQLite, one core; and
how many a second are routed alone."""

from __future__ import annotations

import io
import json
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from registry.decisions import ZONE
from registry.handling import Tools
from registry.keys import KeyRing
from registry.numbering import NumberPlan, draw_numbers, load_plan
from registry.preferences import Category, Channel
from registry.readers import read
from registry.registrations import load_many
from registry.report_rows import FIELDS, MODES
from registry.reports import CHUNK, Intake, stream_in
from registry.routing import begin_inside
from registry.rulebook import load_rulebooks
from registry.sealing import seal_many
from registry.store import Store
from registry.store.engine import SqliteEngine
from registry.times import iso
from tests.doubles import FakeClock

BAR = 5_000
ROUTED_BAR = 2_000
_REPORTS = 60_000
_REGISTERED = 200_000


def written(plan: NumberPlan, reports: int, seed: int) -> bytes:
    """An upload as NDJSON: half of the called numbers registered, callers of every kind, one row in fifty broken."""
    random = np.random.default_rng(seed)
    called = draw_numbers(plan, 2 * _REGISTERED, seed)[random.integers(0, 2 * _REGISTERED, reports)].tolist()
    callers = [f"0{area}{n}" for area in (10, 21, 755) for n in random.integers(60_000_000, 70_000_000, 300).tolist()]
    callers += [f"106{n}" for n in random.integers(10**8, 10**9, 300).tolist()] + ["95588", "4008123123", "hidden"]
    channels, categories = [c.slug for c in Channel], [c.slug for c in Category]
    start = datetime(2026, 10, 1, tzinfo=UTC)
    picks = random.integers(0, 1 << 30, (reports, 6)).tolist()
    lines = []
    for place, (a, b, c, d, e, f) in enumerate(picks):
        row = {
            "id": f"{seed}-{place}", "called": f"+{called[place]}", "caller": callers[a % len(callers)],
            "channel": channels[b % 3], "category": categories[c % 16], "content": "commercial",
            "at": iso(start + timedelta(seconds=d % 4_000_000)), "duration": e % 600, "mode": MODES[f % 4],
            "telemarketer": f"tm{a % 50}" if b % 2 else "某某公司", "description": "推销贷款，拒绝后又打来。",
        }  # fmt: skip
        if place % 50 == 0:
            row["duration"] = -1
        lines.append(json.dumps(row, ensure_ascii=False))
    return "\n".join(lines).encode()


def prepared(folder: Path, plan: NumberPlan, keys: KeyRing, clock: FakeClock, seed: int) -> Store:
    """A store with registrations and telemarketers."""
    store = Store(SqliteEngine(folder / "registry.db"))
    store.migrate(at=0)
    sealed = seal_many(keys.at_rest, draw_numbers(plan, 2 * _REGISTERED, seed)[:_REGISTERED])
    masks = np.full(_REGISTERED, 0xFFFF)
    since = np.full(_REGISTERED, int(datetime(2026, 9, 1, tzinfo=UTC).timestamp()) * 1_000_000)
    load_many(
        store, clock, sealed=sealed, calls=masks, robocalls=masks, messages=masks, quiet=np.zeros_like(masks),
        source="bench", at=since,
    )  # fmt: skip
    with store.writing():
        for place in range(50):
            store.engine.run(
                """INSERT INTO party (party, ordinal, kind, name_zh, name_en, state, scope, licensed, created)
                VALUES (:party, :ordinal, 'telemarketer', :party, :party, 'active', 'home', 1, 0)""",
                party=f"tm{place}", ordinal=place + 1,
            )  # fmt: skip
    return store


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """(measure, value, bar, passed); `rows` bounds how many reports are sent."""
    plan, keys, clock = load_plan(), KeyRing({1: bytes(range(32))}), FakeClock(datetime(2026, 11, 23, tzinfo=UTC))
    content = written(plan, min(rows, _REPORTS), seed)
    with tempfile.TemporaryDirectory(prefix="decline-bench-") as folder:
        store = prepared(Path(folder), plan, keys, clock, seed)
        whole: Intake | None = None
        began = time.perf_counter()
        for result in stream_in(
            store, keys, clock, plan, load_rulebooks(), source="bench", kind="carrier",
            rows=read(io.BytesIO(content), format="ndjson", columns=FIELDS),
        ):  # fmt: skip
            if isinstance(result, Intake):
                whole = result
        speed = min(rows, _REPORTS) / (time.perf_counter() - began)
        routed, alone = _routed(Tools(store, clock, keys, plan, load_rulebooks(), ZONE))
        store.close()
    assert whole is not None
    assert whole.rows == whole.accepted + whole.duplicates + whole.quarantined == min(rows, _REPORTS)
    name = f"reports taken in, judged and stored, per second ({whole.verdicts.get('violation', 0):,} violations)"
    return [
        (name, f"{speed:,.0f}", f">= {BAR:,}", speed >= BAR),
        (f"reports routed to who answers for them, per second ({routed:,})", f"{alone:,.0f}", f">= {ROUTED_BAR:,}",
         alone >= ROUTED_BAR),
    ]


def _routed(tools: Tools) -> tuple[int, float]:
    """Route all violations anew, as chunks of people's reports; how many, and how many a second."""
    engine = tools.store.engine
    rows = engine.rows("SELECT * FROM report WHERE verdict = 'violation'")
    with tools.store.writing():
        engine.run("DELETE FROM handling_move")
        engine.run("DELETE FROM handling")
    began = time.perf_counter()
    for start in range(0, len(rows), CHUNK):
        with tools.store.writing(about="reports bench"):
            begin_inside(tools, rows[start : start + CHUNK], kind="people")
    return len(rows), len(rows) / (time.perf_counter() - began)

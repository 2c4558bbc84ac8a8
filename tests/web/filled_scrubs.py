"""A telemarketer's scrubs in every state, and the pages that show them."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from registry import scrubfiles, scrubjobs
from registry.access import Actor
from registry.assembly import Registry
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, Part
from registry.times import to_micros
from tests.web.scrubbing import finish

LIST = (
    "姓名,手机,备注\n"
    "王芳,13800138000,第一\n"
    "李雷,139 0013 9000,第二\n"
    "张三,abc,\n"
    "赵六,13800138000,again\n"
).encode()
ASK = Ask(Channel.CALLS, Category.LOAN, campaign="Autumn", wanted="手机")


def begun(registry: Registry, party: str, content: bytes = LIST, **more: Any) -> str:
    """A scrub whose list came."""
    found = registry.store.parties.party(party)
    assert found is not None
    actor = Actor("member", party=found)
    job = scrubjobs.begin(
        registry.store, registry.clock, registry.settings.scrubs, actor=actor, ask=replace(ASK, **more),
        name="list.csv", origin="page",
    )
    size, sha256 = scrubfiles.store_part(
        registry.shelf, registry.keys, Path(registry.instance) / "work", name=scrubfiles.part_name(job.scrub, 1),
        source=[content], length=None, most=10**9,
    )
    scrubjobs.add_part(registry.store, job=job, part=Part(1, size, sha256))
    return job.scrub


def submitted(registry: Registry, party: str, **more: Any) -> str:
    """A scrub that waits."""
    scrub = begun(registry, party, **more)
    job = scrubjobs.job_of(registry.store, party=party, scrub=scrub)
    scrubjobs.submit(registry.store, registry.clock, registry.settings.scrubs, job=job)
    return scrub


def done(registry: Registry, scrub: str) -> bytes:
    """Finish a scrub that waits; its result."""
    content = finish(registry, scrub)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    counts = Counter(f"{row['verdict']}/{row['reason']}" for row in rows)
    now = registry.clock.now()
    changed(
        registry, scrub, "done", lines=len(rows), counts=json.dumps(counts), started=to_micros(now) - 900_000,
        finished=to_micros(now), valid_until=to_micros(now + timedelta(days=7)), edition=5, rulebook="2026",
        distinct_numbers=2, charged=2,
    )
    return content


def changed(registry: Registry, scrub: str, was: str, /, **values: Any) -> None:
    """Change a scrub that is in a state."""
    with registry.store.writing():
        assert registry.store.scrub_jobs.change(scrub, states=(was,), **values)


def scrubs_of(registry: Registry, party: str) -> dict[str, str]:
    """One scrub in each state, by a word for it."""
    now = to_micros(registry.clock.now())
    made = {
        "uploading": begun(registry, party), "waiting": submitted(registry, party, campaign="Spring"),
        "running": submitted(registry, party), "held": submitted(registry, party),
        "done": submitted(registry, party), "ending": submitted(registry, party, campaign="Winter"),
        "failed": submitted(registry, party), "cancelled": begun(registry, party),
    }  # fmt: skip
    changed(registry, made["running"], "waiting", state="running", started=now - 4_000_000, read=20, lines=1234)
    changed(registry, made["held"], "waiting", lane="held")
    changed(registry, made["failed"], "waiting", state="failed", problem="two_number_columns")
    changed(registry, made["cancelled"], "uploading", state="cancelled", finished=now)
    for name in ("done", "ending"):
        done(registry, made[name])
    changed(
        registry, made["ending"], "done", valid_until=now + 2 * 86_400_000_000, problem="quota_reached",
        finished=now - 5 * 86_400_000_000, changes='{"declined": 12, "allowed": 3, "same": 1500, "new": 7, "gone": 0}',
    )
    return made


def scrub_pages(made: dict[str, str]) -> list[tuple[str, str]]:
    """(endpoint, address) of every page about scrubs."""
    states = ("waiting", "running", "held", "done", "ending", "failed", "cancelled")
    return [
        ("scrubs.overview", "/party/scrubs"), ("scrubs.history", "/party/scrubs/history?state=done"),
        *(("scrubs.one", f"/party/scrubs/{made[state]}") for state in states),
        ("scrubasking.new", "/party/scrubs/new"), ("scrubasking.ask", f"/party/scrubs/{made['uploading']}/ask"),
        ("checking.quick", "/party/check"), ("scrubs.balance", "/party/balance"),
    ]  # fmt: skip

"""A scrub as telemarketers have it: call list and result sealed, numbers metered and watched, a receipt signed.

The registry is a real one in a folder of its own, but for its registrations, which are in the index alone.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from registry import parties, scrubbases, scrubfiles, scrubjobs
from registry.access import Actor
from registry.assembly import Registry, assemble, prepare
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, Part
from registry.store.editions import BaseRow
from registry.times import to_micros
from sync.listfiles import digest
from sync.scrubbing import scrub_due
from tests.bench.bench_publish import alone
from tests.bench.scrub_data import CallList, Mix, make_index

HERE = "bench_scrub_jobs"
TURNS = 3
PIECE = 1 << 20
# lists of numbers that were thought up have to pass for real ones, and are looked at all the same
SETTINGS = """\
[scrubs.tiers.basic]
day = 500000000
epoch = 500000000

[guard]
unevenness = 0.000001
hits_low = 0.000001
hits_high = 1000
meets = 0.000001
remainder_share = 1
dense_share = 1
"""
Row = tuple[str, str, str, bool]


def prepared(folder: Path) -> Registry:
    """An empty registry in a folder."""
    (folder / "settings.toml").write_text(SETTINGS)
    prepare(folder)
    return assemble(folder)


def opened(folder: Path, registrations: int, seed: int) -> Registry:
    """A registry with one edition, the index of its base, and a telemarketer."""
    registry = prepared(folder)
    now = to_micros(registry.clock.now())
    parties.add_party(
        registry.store, registry.clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme"
    )
    base = BaseRow(1, registrations, "[]", now)
    with registry.store.writing():
        registry.store.editions.insert(edition=1, state="published", opened=now, published=now)
        registry.store.editions.put_base(base)
    path = folder / "index"
    make_index(path, registry.plan, registrations, seed, key=registry.keys.at_rest)
    registry.shelf.put(scrubbases.name_of(base, digest(path)), path)
    path.unlink()
    return registry


def send(registry: Registry, path: Path) -> None:
    """A scrub of a call list, as the API makes it."""
    party = registry.store.parties.party("acme")
    assert party is not None
    job = scrubjobs.begin(
        registry.store, registry.clock, registry.settings.scrubs, ask=Ask(Channel.CALLS, Category.LOAN),
        actor=Actor("key", party=party, key="k", scopes=frozenset({"scrub"})), name="list.csv", origin="api",
    )
    with path.open("rb") as file:
        size, sha256 = scrubfiles.store_part(
            registry.shelf, registry.keys, registry.instance / "work", name=scrubfiles.part_name(job.scrub, 1),
            source=iter(lambda: file.read(PIECE), b""), length=path.stat().st_size,
            most=registry.settings.scrubs.max_bytes,
        )
    scrubjobs.add_part(registry.store, job=job, part=Part(1, size, sha256))
    scrubjobs.submit(registry.store, registry.clock, registry.settings.scrubs, job=job)


def job_step(folder: str, lines: str, registrations: str, seed: str) -> dict[str, Any]:
    """Call lists of different numbers sent, and checked by the clockwork's job: seconds of the quickest of each."""
    registry = opened(Path(folder), int(registrations), int(seed))
    sent, checked, load = [], [], os.getloadavg()[0]
    for turn in range(TURNS):
        path = Path(folder) / "list.csv"
        CallList(registry.plan, int(lines), int(registrations), int(seed), Mix(), turn).write(path)
        start = time.perf_counter()
        send(registry, path)
        middle = time.perf_counter()
        counts = scrub_due(registry)
        checked.append(time.perf_counter() - middle)
        sent.append(middle - start)
        assert counts == {"scrubs": 1, "lines": int(lines)}, counts
    registry.close()
    return {"sent": min(sent), "checked": min(checked), "load": load}


def measure(rows: int, seed: int) -> list[Row]:
    """The rows of the table: measure, value, bar, met. `rows`: registrations; the list has a tenth of it."""
    home = Path(__file__).parents[2] / ".bench"
    home.mkdir(exist_ok=True)
    lines = rows // 10
    with tempfile.TemporaryDirectory(prefix="scrubs-", dir=home) as folder:
        job = alone("job_step", folder, lines, rows, seed, module=HERE)
    return [
        (
            f"scrub of {lines:,} lines against {rows:,} as a job: sealed, metered, watched, with its receipt",
            f"{job['checked']:.2f} s ({lines / job['checked'] / 1e6:.2f} M lines/s; load before it {job['load']:.1f}); "
            f"to take the list in: {job['sent']:.2f} s", "stated", True,
        ),
    ]  # fmt: skip

"""`decline-call demo`: synthetic registrations, two carriers that follow over HTTP, reports arriving.

Rules of this room: everything that is drawn follows from one seed; it uses only what any operator and carrier would use
(the same commands, the same API); numbers are valid under the plan and belong to nobody we know.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import requests

from registry import parties, registrations
from registry.assembly import Registry, assemble, prepare
from registry.numbering import draw_numbers
from registry.preferences import EVERYTHING, Category, Preference, quiet_of
from registry.sealing import seal_many
from registry.times import iso
from web.processes import Programs, local_url, start_programs, wait_until_up, welcome

CARRIERS = (("cmcc", "中国移动", "China Mobile"), ("ctcc", "中国电信", "China Telecom"))
EVERYTHING_SHARE = 0.95
OTHER_PREFERENCES = 200
REPORTS_EVERY = 3.0
REPORTS_AT_ONCE = 20


@dataclass(frozen=True)
class Demo:
    """What the demo drew: its registry's folder, the numbers, the carriers' keys."""

    instance: Path
    digits: npt.NDArray[np.uint64]
    secrets: dict[str, str]


def draw_preferences(count: int, seed: int) -> list[npt.NDArray[np.int64]]:
    """Columns calls, robocalls, messages, quiet (int64[count]): 95 % decline everything, the rest spread over 200."""
    random = np.random.default_rng(seed)
    masks = random.integers(1, 0x10000, (OTHER_PREFERENCES, 3)).tolist()
    evening = quiet_of(hours=range(21, 24))
    others = [Preference(c, r, m, evening if i % 2 else 0) for i, (c, r, m) in enumerate(masks)]
    table = np.array([[p.calls, p.robocalls, p.messages, p.quiet] for p in (EVERYTHING, *others)], dtype=np.int64)
    which = np.where(random.random(count) < EVERYTHING_SHARE, 0, random.integers(1, OTHER_PREFERENCES + 1, count))
    return [np.ascontiguousarray(column) for column in table[which].T]


def load_registrations(registry: Registry, digits: npt.NDArray[np.uint64], seed: int) -> None:
    """Load the drawn registrations, once."""
    began = time.monotonic()
    calls, robocalls, messages, quiet = draw_preferences(len(digits), seed)
    registrations.load_many(
        registry.store,
        registry.clock,
        sealed=seal_many(registry.keys.at_rest, digits),
        calls=calls,
        robocalls=robocalls,
        messages=messages,
        quiet=quiet,
        source="demo",
    )
    click.echo(f"{len(digits):,} registrations loaded in {time.monotonic() - began:.1f} s.")


def _key(registry: Registry, folder: Path, party: str) -> str:
    """The demo's API key of a carrier, kept in a file with mode 600 for the next start."""
    path = folder / f"{party}.key"
    if not path.exists():
        _id, secret = parties.issue_key(
            registry.store, registry.clock, party=party, scopes=("feed", "reports"), label="demo"
        )
        path.touch(mode=0o600)
        path.write_text(secret)
    return path.read_text().strip()


def fill(instance: Path, *, count: int, seed: int) -> Demo:
    """Load registrations and carriers into a prepared instance; a second start finds them there."""
    registry = assemble(instance)
    folder = instance / "demo"
    folder.mkdir(exist_ok=True)
    try:
        digits = draw_numbers(registry.plan, count, seed)
        if not (folder / "loaded").exists():
            for party, name_zh, name_en in CARRIERS:
                parties.add_party(
                    registry.store,
                    registry.clock,
                    party=party,
                    kind="carrier",
                    name_zh=name_zh,
                    name_en=name_en,
                    scope="home",
                )
            load_registrations(registry, digits, seed)
            (folder / "loaded").write_text(f"{count} {seed}\n")
        return Demo(instance, digits, {party: _key(registry, folder, party) for party, _zh, _en in CARRIERS})
    finally:
        registry.close()


def draw_reports(own: npt.NDArray[np.uint64], now: str, random: np.random.Generator) -> str:
    """A few reports about calls just made to a carrier's own numbers (u64[n] digits), as NDJSON."""
    rows = [
        {
            "id": secrets.token_hex(8),
            "called": f"+{called}",
            "caller": f"+86{1710000_0000 + int(random.integers(0, 500))}",
            "channel": random.choice(["calls", "robocalls", "messages"]),
            "category": Category(int(random.choice([0, 0, 0, 1, 2, 2, 3, 5, 10]))).slug,
            "at": now,
            "duration": int(random.integers(1, 90)),
        }
        for called in random.choice(own, REPORTS_AT_ONCE)
    ]
    return "\n".join(json.dumps(row) for row in rows)


def send_reports(demo: Demo, url: str, seed: int, stop: threading.Event) -> None:
    """Send reports of both carriers every few seconds until told to stop."""
    registry = assemble(demo.instance)
    random = np.random.default_rng(seed + 1)
    served = registry.plan.carriers_of(demo.digits)
    while not stop.wait(REPORTS_EVERY):
        for party, secret in demo.secrets.items():
            own = demo.digits[served == registry.plan.carriers.index(party)]
            body = draw_reports(own, iso(registry.clock.now() - timedelta(seconds=1)), random)
            try:
                requests.post(
                    f"{url}/api/v1/reports",
                    data=body.encode(),
                    timeout=10,
                    headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/x-ndjson"},
                )
            except requests.RequestException:
                continue  # the site is stopping or busy; the next round comes
    registry.close()


def start_follower(programs: Programs, demo: Demo, url: str, party: str) -> Path:
    """Start the reference client of one carrier as its own program; its state folder."""
    folder = demo.instance / "demo"
    root = folder / f"{party}.root.json"
    if not root.exists():
        made = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "sync", "--instance", str(demo.instance), "root", party],
            check=True,
            capture_output=True,
        )
        root.write_bytes(made.stdout)
    state = folder / party
    programs.start(
        f"carrier {party}",
        [
            "sync",
            "follow",
            f"{url}/api/v1/feeds/{party}",
            "--state",
            str(state),
            "--root",
            str(root),
            "--key-file",
            str(folder / f"{party}.key"),
            "--every",
            "10",
        ],
        log=folder / f"{party}.log",
    )
    return state


def run_demo(instance: Path, *, count: int, seed: int) -> int:
    """Fill the instance where needed, start everything, stay until Ctrl-C; the exit code."""
    token = prepare(instance)
    demo = fill(instance, count=count, seed=seed)
    registry = assemble(instance)
    registry.close()
    url = local_url(registry.settings)
    programs, stop = Programs(), threading.Event()
    sender = threading.Thread(target=send_reports, args=(demo, url, seed, stop), daemon=True)
    try:
        start_programs(programs, instance)
        wait_until_up(f"{url}/healthz", programs)
        states = [start_follower(programs, demo, url, party) for party, _zh, _en in CARRIERS]
        sender.start()
        welcome(instance, registry.settings, token)
        for state in states:
            click.echo(
                f"A carrier's list:     decline-sync lookup {state} +{demo.digits[0]} --channel calls --category loan"
            )
        return programs.wait()
    finally:
        stop.set()
        programs.stop()
        if sender.is_alive():
            sender.join(5)

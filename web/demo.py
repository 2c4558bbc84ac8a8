"""`decline-call demo`: synthetic registrations, two carriers that follow over HTTP, reports arriving, a telemarketer.

Rules of this room: everything that is drawn follows from one seed; it uses only what any operator and carrier would use
(the same commands, the same API); numbers are valid under the plan and belong to nobody we know.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import requests

from registry import parties, registrations
from registry.assembly import Registry, assemble, prepare
from registry.naming import new_id
from registry.numbering import draw_numbers
from registry.preferences import EVERYTHING, Category, Preference, quiet_of
from registry.sealing import seal_many
from registry.settings import load
from registry.times import iso, to_micros
from web.demo_seller import LIST, add_seller, write_list
from web.processes import Programs, start_programs, wait_until_up, welcome

CARRIERS = (("cmcc", "中国移动", "China Mobile"), ("ctcc", "中国电信", "China Telecom"))
EVERYTHING_SHARE = 0.95
OTHER_PREFERENCES = 200
REPORTS_EVERY = 3.0
REPORTS_AT_ONCE = 20
NEIGHBOURS = 0.3
DAYS = 30


@dataclass(frozen=True)
class Demo:
    """What the demo drew: its registry's folder, by carrier the numbers and the API key; how its telemarketer signs in,
    and a call list to try."""

    instance: Path
    numbers: dict[str, npt.NDArray[np.uint64]]  # digits, by the carrier that serves them
    secrets: dict[str, str]
    seller: tuple[str, str]  # email, password
    call_list: Path


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
    """Load the drawn registrations as if they had come over the last DAYS days, more of them each day."""
    began = time.monotonic()
    calls, robocalls, messages, quiet = draw_preferences(len(digits), seed)
    age = DAYS * 86_400 * (1 - np.linspace(0, 1, len(digits)) ** 0.6) + 300
    registrations.load_many(
        registry.store, registry.clock, sealed=seal_many(registry.keys.at_rest, digits), calls=calls,
        robocalls=robocalls, messages=messages, quiet=quiet, source="demo",
        at=to_micros(registry.clock.now()) - (age * 1e6).astype(np.int64),
    )  # fmt: skip
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
        for party, name_zh, name_en in CARRIERS:
            if registry.store.parties.party(party) is None:
                parties.add_party(
                    registry.store, registry.clock, party=party, kind="carrier", name_zh=name_zh, name_en=name_en
                )
        if not (folder / "loaded").exists():
            load_registrations(registry, digits, seed)
            (folder / "loaded").write_text(f"{count} {seed}\n")
        served = registry.plan.carriers_of(digits)
        return Demo(
            instance,
            {party: digits[served == registry.plan.carriers.index(party)] for party, _zh, _en in CARRIERS},
            {party: _key(registry, folder, party) for party, _zh, _en in CARRIERS},
            add_seller(registry, folder),
            write_list(registry, digits, folder / LIST, seed),
        )
    finally:
        registry.close()


def draw_reports(own: npt.NDArray[np.uint64], random: np.random.Generator) -> str:
    """A few reports about calls just made to a carrier's own numbers (u64[n] digits), as NDJSON.

    Some go to a neighbouring number, which nobody may have registered.
    """
    called = random.choice(own, REPORTS_AT_ONCE) ^ (random.random(REPORTS_AT_ONCE) < NEIGHBOURS).astype(np.uint64)
    rows = [
        {
            "id": new_id(),
            "called": f"+{number}",
            "caller": f"+86{1710000_0000 + int(random.integers(0, 500))}",
            "channel": str(random.choice(["calls", "robocalls", "messages"])),
            "category": Category(int(random.choice([0, 0, 0, 1, 2, 2, 3, 5, 10]))).slug,
            "at": iso(datetime.now(UTC) - timedelta(seconds=1)),
            "duration": int(random.integers(1, 90)),
        }
        for number in called
    ]
    return "\n".join(json.dumps(row) for row in rows)


def send_reports(demo: Demo, url: str, seed: int, stop: threading.Event) -> None:
    """Send reports of both carriers every few seconds until told to stop."""
    random = np.random.default_rng(seed + 1)
    while not stop.wait(REPORTS_EVERY):
        for party, secret in demo.secrets.items():
            headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/x-ndjson"}
            body = draw_reports(demo.numbers[party], random).encode()
            with suppress(requests.RequestException):  # the site is stopping or busy; the next round comes
                requests.post(f"{url}/api/v1/reports", data=body, timeout=10, headers=headers)


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
    settings = load(instance / "settings.toml")
    demo = fill(instance, count=count, seed=seed)
    url = settings.site.local_url
    programs, stop = Programs(), threading.Event()
    sender = threading.Thread(target=send_reports, args=(demo, url, seed, stop), daemon=True)
    programs.catch_signals()
    try:
        start_programs(programs, instance, logs=instance / "demo")
        wait_until_up(f"{url}/healthz", programs)
        states = {party: start_follower(programs, demo, url, party) for party, _zh, _en in CARRIERS}
        sender.start()
        welcome(instance, settings, token)
        for party, state in states.items():
            asked = f"{state} +{demo.numbers[party][0]} --channel calls --category loan"
            click.echo(f"Ask {party}'s list:      decline-sync lookup {asked}")
        email, password = demo.seller
        click.echo(f"Check call lists:     {url}/sign-in  as {email}, password {password}")
        click.echo(f"A list to try:        {demo.call_list}")
        click.echo(f"Logs:                 {instance / 'demo'}")
        return programs.wait()
    finally:
        stop.set()
        programs.stop()
        if sender.is_alive():
            sender.join(5)

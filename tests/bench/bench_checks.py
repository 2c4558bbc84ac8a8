"""Checks over HTTP: 1,000 numbers a call by eight clients, against the real server on two cores.

The clients run in a process of their own and share the cores with the server, as in the other benchmarks.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from registry import parties, sealing
from registry.assembly import assemble
from registry.numbering import load_plan
from registry.numbering.draw import draw_numbers
from tests.web.serving import serving

CLIENTS, NUMBERS, CALLS = 8, 1_000, 400
REGISTERED, SHARE = 1_000_000, 0.3  # how many are registered, and how many of a call list of those
WARM_UP = 40
BAR_PER_SECOND, BAR_MS = 20_000, 400
SETTINGS = """\
[site]
port = {port}
bcrypt_cost = 4

[scrubs.tiers.basic]
day = 50000000
epoch = 50000000

[guard]  # it looks at all of it, and finds nothing: drawn numbers are what it is there to stop
sequence_share = 1.0
dense_share = 1.0
remainder_share = 1.0
unassigned_share = 1.0
unevenness = 1e-9
hits_low = 1e-9
hits_high = 1000.0
meets = 1e-9
overlap_share = 1.0
"""


def fill(folder: Path, digits: np.ndarray, seed: int) -> str:
    """Register numbers and add a telemarketer; its key."""
    registry, random = assemble(folder), np.random.default_rng(seed)
    sealed = sealing.seal_many(registry.keys.at_rest, digits)
    masks = random.choice([0xFFFF, 1, 2, 0b1100, 0x8000], (len(digits), 3), p=[0.6, 0.1, 0.1, 0.1, 0.1])
    quiet = random.choice([0, 0xE000FF, 1 << 31], len(digits), p=[0.8, 0.15, 0.05])
    rows = [
        {"number": number.tobytes(), "calls": int(a), "robocalls": int(b), "messages": int(c), "quiet": int(q)}
        for number, (a, b, c), q in zip(sealed, masks, quiet)
    ]
    with registry.store.writing():
        registry.store.engine.run_many(
            """INSERT INTO registration (number, state, calls, robocalls, messages, quiet, source, language, since,
                expires, version)
            VALUES (:number, 'active', :calls, :robocalls, :messages, :quiet, 'web', 'en', 1, 0, 1)""", rows,
        )
        registry.store.engine.run_many(
            """INSERT INTO registration_history (number, version, state, calls, robocalls, messages, quiet, event,
                source, at)
            VALUES (:number, 1, 'active', :calls, :robocalls, :messages, :quiet, 'registered', 'web', 1)""", rows,
        )
    parties.add_party(
        registry.store, registry.clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme"
    )
    _id, key = parties.issue_key(registry.store, registry.clock, party="acme", scopes=["check"], label="bench")
    registry.close()
    return key


def bodies(known: np.ndarray, seed: int, count: int) -> list[bytes]:
    """Calls of different numbers, some of them registered."""
    random = np.random.default_rng(seed)
    others = np.array(draw_numbers(load_plan(), 500_000, seed=seed + 1), np.uint64)
    made = []
    for _ in range(count):
        of_known = random.choice(known, int(NUMBERS * SHARE))
        texts = [str(each)[2:] for each in np.append(of_known, random.choice(others, NUMBERS - len(of_known)))]
        made.append(json.dumps({"channel": "calls", "category": "loan", "numbers": texts}).encode())
    return made


def drive(port: int, key: str, calls: list[bytes]) -> tuple[float, list[float]]:
    """All calls by eight clients: seconds in all, seconds of each."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    waiting, lock = iter(calls), threading.Lock()

    def client(_: int) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        took = []
        try:
            while True:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    return took
                began = time.perf_counter()
                connection.request("POST", "/api/v1/checks", body, headers)
                answer = connection.getresponse()
                said = answer.read()
                took.append(time.perf_counter() - began)
                assert answer.status == 200, said
                assert said.count(b'"verdict"') == NUMBERS
        finally:
            connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        took = list(clients.map(client, range(CLIENTS)))
    return time.perf_counter() - began, [each for share in took for each in share]


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """Numbers per second and the 99th percentile of one call, over HTTP."""
    digits = np.array(draw_numbers(load_plan(), min(rows, REGISTERED), seed=seed), np.uint64)
    calls = bodies(digits, seed, CALLS + WARM_UP)
    with tempfile.TemporaryDirectory() as folder:
        instance = Path(folder) / "instance"
        with serving(instance, settings=SETTINGS) as site:
            key = fill(instance, digits, seed)
            drive(site.port, key, calls[:WARM_UP])
            seconds, took = drive(site.port, key, calls[WARM_UP:])
    per_second = NUMBERS * len(took) / seconds
    p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
    name = f"checks API, {NUMBERS:,} numbers a call, {CLIENTS} clients, {len(digits):,} registrations, 2 cores"
    return [
        (f"{name}: numbers per second", f"{per_second:,.0f}", f">= {BAR_PER_SECOND:,}", per_second >= BAR_PER_SECOND),
        (f"{name}: p99 of one call", f"{p99:.0f} ms (median {p50:.0f})", f"<= {BAR_MS} ms", bool(p99 <= BAR_MS)),
    ]

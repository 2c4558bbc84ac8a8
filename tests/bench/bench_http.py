"""Registrations over HTTP: a code asked for and confirmed, by eight clients against the real server on two cores.

The texts are read where the embedded gateway shows them: on the site's standard output.
"""

from __future__ import annotations

import http.client
import json
import re
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from tests.web.serving import serving

CLIENTS = 8
MOST = 3000  # registrations; more tell nothing new
WARM_UP = 100
BAR_PER_SECOND, BAR_MS = 150, 250
SETTINGS = """\
[site]
port = {port}
bcrypt_cost = 4

[codes]
per_address_hour = 1000000
in_all_minute = 1000000
"""
_TEXT = re.compile(r"\[text message to (\d{3}\*{4}\d{4})\]\D*(\d{6})")


class Phones:
    """What the phones show: the newest code per masked number."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._codes: dict[str, str] = {}
        self._changed = threading.Condition()
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: Iterator[str]) -> None:
        for line in lines:
            if found := _TEXT.search(line):
                with self._changed:
                    self._codes[found.group(1)] = found.group(2)
                    self._changed.notify_all()

    def code(self, number: str) -> str:
        """The code that was sent to a number, once it is there."""
        masked = f"{number[:3]}****{number[-4:]}"
        with self._changed:
            assert self._changed.wait_for(lambda: masked in self._codes, timeout=20), "no text message came"
            return self._codes.pop(masked)


def post(connection: http.client.HTTPConnection, path: str, body: dict[str, Any], status: int) -> None:
    """One POST that must succeed."""
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == status, said


def register(connection: http.client.HTTPConnection, phones: Phones, number: str) -> float:
    """Ask for a code and confirm it; seconds that both requests took together."""
    began = time.perf_counter()
    post(connection, "/api/v1/codes", {"number": number, "purpose": "register"}, 202)
    asked = time.perf_counter() - began
    code = phones.code(number)
    began = time.perf_counter()
    body = {"number": number, "code": code, "preference": "everything"}
    post(connection, "/api/v1/registrations", body, 201)
    return asked + time.perf_counter() - began


def drive(port: int, phones: Phones, numbers: list[str]) -> tuple[float, list[float]]:
    """All numbers by eight clients: seconds in all, seconds of each."""

    def client(share: list[str]) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            return [register(connection, phones, number) for number in share]
        finally:
            connection.close()

    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        took = list(clients.map(client, [numbers[place::CLIENTS] for place in range(CLIENTS)]))
    return time.perf_counter() - began, [each for share in took for each in share]


def draw(count: int, seed: int) -> list[str]:
    """Mobile numbers that stay apart when masked."""
    random = np.random.default_rng(seed)
    prefixes = ["138", "139", "150", "186", "189"]
    tails = [f"{prefix}0013{tail:04d}" for prefix in prefixes for tail in range(10_000)]
    return [tails[place] for place in random.choice(len(tails), count, replace=False)]


def measure(rows: int, seed: int) -> list[tuple[str, str, str, bool]]:
    """Registrations per second and the 99th percentile of one, over HTTP."""
    numbers = draw(WARM_UP + min(rows, MOST), seed)
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "instance", settings=SETTINGS) as site:
        assert site.child.stdout
        phones = Phones(iter(site.child.stdout))
        drive(site.port, phones, numbers[:WARM_UP])
        seconds, took = drive(site.port, phones, numbers[WARM_UP:])
    per_second = len(took) / seconds
    p50, p99 = np.percentile(np.array(took) * 1000, [50, 99])
    name = f"registrations (code asked + confirmed) over HTTP, {CLIENTS} clients, 2 cores"
    return [
        (f"{name}: per second", f"{per_second:.0f}", f">= {BAR_PER_SECOND}", per_second >= BAR_PER_SECOND),
        (f"{name}: p99 of one", f"{p99:.0f} ms (median {p50:.0f})", f"<= {BAR_MS} ms", bool(p99 <= BAR_MS)),
    ]

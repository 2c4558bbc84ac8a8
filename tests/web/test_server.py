"""The server as its own program: quick to start, quick to stop, streams in both directions."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from registry import parties
from registry.assembly import assemble
from registry.vitals import figures
from tests.web.serving import Site, serving

pytestmark = pytest.mark.processes

CONTENT = bytes(range(256)) * 40_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serving(tmp_path_factory.mktemp("site") / "instance") as running:
        yield running


@pytest.fixture(scope="module")
def headers(site: Site) -> dict[str, str]:
    registry = assemble(site.folder)
    parties.add_party(
        registry.store, registry.clock, party="cmcc", kind="carrier", name_zh="移动", name_en="Mobile", scope="home"
    )
    _id, secret = parties.issue_key(
        registry.store, registry.clock, party="cmcc", scopes=("feed", "reports"), label="test"
    )
    registry.shelf.put("feeds/cmcc/lists/1-full.parquet", CONTENT)
    registry.close()
    return {"Authorization": f"Bearer {secret}"}


def test_the_first_answer_comes_within_three_seconds(site: Site) -> None:
    assert site.seconds < 3


def test_a_large_file_arrives_whole_and_in_parts(site: Site, headers: dict[str, str]) -> None:
    url = f"{site.url}/api/v1/feeds/cmcc/lists/1-full.parquet"
    with requests.Session() as session:
        assert session.get(url, headers=headers, timeout=10).content == CONTENT
        part = session.get(url, headers={**headers, "Range": "bytes=5000000-5000999"}, timeout=10)
        assert part.status_code == 206
        assert part.content == CONTENT[5_000_000:5_001_000]
        assert session.head(url, headers=headers, timeout=10).headers["Content-Length"] == str(len(CONTENT))
        assert session.get(url, headers=headers, timeout=10).content == CONTENT


def rows(count: int) -> Iterator[bytes]:
    for place in range(count):
        yield json.dumps({
            "id": f"r{place}", "called": "+8613800138000", "caller": "+8617100000001", "channel": "calls",
            "category": "loan", "at": "2026-05-11T09:00:00+08:00",
        }).encode() + b"\n"


def test_reports_stream_in_and_their_results_stream_out(site: Site, headers: dict[str, str]) -> None:
    answer = requests.post(
        f"{site.url}/api/v1/reports", data=rows(20_000), timeout=60,
        headers={**headers, "Content-Type": "application/x-ndjson", "Accept": "application/x-ndjson"},
    )
    said = answer.text.splitlines()
    assert len(said) == 20_001
    assert json.loads(said[-1])["accepted"] == 20_000


def test_a_large_body_without_a_key_is_refused_before_it_is_read(site: Site) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
    connection.putrequest("POST", "/api/v1/reports")
    connection.putheader("Content-Type", "application/x-ndjson")
    connection.putheader("Content-Length", str(10**10))
    connection.endheaders()
    connection.send(b"{}\n")
    answer = connection.getresponse()
    assert answer.status == 401
    assert json.loads(answer.read())["code"] == "key_missing"
    connection.close()


def test_nothing_that_people_send_reaches_the_log(site: Site) -> None:
    requests.get(f"{site.url}/nothing/13800138000?number=13800138000", timeout=10)
    requests.post(f"{site.url}/api/v1/codes", json={"number": "+86 138 0013 8000"}, timeout=10)
    raw = socket.create_connection(("127.0.0.1", site.port))
    raw.sendall(b"GET /13800138000 NONSENSE/13800138000\r\nX-13800138000\r\n\r\n")
    raw.recv(1000)
    raw.close()
    time.sleep(0.2)
    log = site.log()
    assert '"route": "/api/v1/codes"' in log
    assert "13800138000" not in log
    assert "0013" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_three_seconds_also_with_idle_clients(tmp_path: Path, number: int) -> None:
    with serving(tmp_path / "instance") as site, ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
        kept = stack.enter_context(closing(http.client.HTTPConnection("127.0.0.1", site.port)))
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        assert site.stop(number) < 3
        assert site.child.returncode == 0


def test_what_was_counted_is_written_when_it_stops(tmp_path: Path) -> None:
    with serving(tmp_path / "instance") as site:
        for place in range(8):
            requests.post(f"{site.url}/api/v1/codes", json={"number": f"1380013800{place}"}, timeout=10)
        site.stop()
        registry = assemble(site.folder)
        assert figures(registry.store, registry.clock).texts["sms_sent"] == 8
        registry.close()


def test_an_answer_under_way_is_finished_when_it_stops(tmp_path: Path) -> None:
    with serving(tmp_path / "instance") as site:
        found: list[int] = []
        asking = threading.Thread(
            target=lambda: found.append(
                requests.post(f"{site.url}/api/v1/codes", json={"number": "13800138000"}, timeout=10).status_code
            )
        )
        asking.start()
        time.sleep(0.01)
        site.stop()
        asking.join()
        assert found in ([202], [503])

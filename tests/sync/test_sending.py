"""`decline-sync report` against a real HTTP server: streamed, safe to repeat, each row's outcome, each refusal."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from registry.errors import InvalidInputError, NotAllowedError, RegistryError, UnavailableError
from sync.__main__ import main
from sync.sending import Outcome, RowOutcome, send

SUMMARY = {"batch": "b", "rows": 3, "accepted": 1, "duplicates": 1, "quarantined": 1, "cut": ""}
ANSWER = [
    {"line": 1, "result": "accepted", "verdict": "violation", "reason": "everything_declined", "rule": "49(7)"},
    {"line": 2, "result": "duplicate"},
    {"line": 3, "result": "quarantined", "reason": "not_json"},
    SUMMARY,
]


class Desk:
    """A server that keeps what it was sent and answers what it is told to."""

    def __init__(self) -> None:
        self.status, self.answer = 200, b"".join(json.dumps(each).encode() + b"\n" for each in ANSWER)
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                desk.requests.append((self.path, dict(self.headers), body))
                self.send_response(desk.status)
                self.send_header("Content-Length", str(len(desk.answer)))
                self.end_headers()
                self.wfile.write(desk.answer)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def desk() -> Iterator[Desk]:
    found = Desk()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "calls.ndjson"
    path.write_text('{"id": "1"}\n{"id": "1"}\n{\n')
    return path


def outcome(desk: Desk, file: Path) -> list[Any]:
    return list(send(file, url=desk.url + "/", key="dc_k"))


def test_every_row_and_the_sum_come_back(desk: Desk, file: Path) -> None:
    assert outcome(desk, file) == [
        RowOutcome(1, "accepted", "violation", "49(7)"),
        RowOutcome(2, "duplicate", "", ""),
        RowOutcome(3, "quarantined", "not_json", ""),
        Outcome(3, 1, 1, 1, ""),
    ]
    path, headers, body = desk.requests[0]
    assert path == "/api/v1/reports"
    assert headers["Authorization"] == "Bearer dc_k"
    assert headers["Content-Type"] == "application/x-ndjson"
    assert body == file.read_bytes()


def test_the_same_file_is_sent_under_the_same_idempotency_key(desk: Desk, file: Path) -> None:
    outcome(desk, file)
    outcome(desk, file)
    file.write_text("{}\n")
    outcome(desk, file)
    first, second, third = (headers["Idempotency-Key"] for _, headers, _ in desk.requests)
    assert first == second != third


NAMES = {"a.csv.gz": "text/csv", "a.json": "application/json", "a.csv": "text/csv", "a.jsonl": "application/x-ndjson"}


@pytest.mark.parametrize(("name", "kind"), NAMES.items())
def test_a_file_says_by_its_name_what_it_is(desk: Desk, tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"id\n1\n") if name.endswith(".gz") else b"id\n1\n")
    outcome(desk, path)
    _, headers, body = desk.requests[0]
    assert headers["Content-Type"] == kind
    assert headers.get("Content-Encoding") == ("gzip" if name.endswith(".gz") else None)
    assert body == path.read_bytes()


def test_a_name_that_says_nothing_is_refused_before_anything_is_sent(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "calls.xls").write_bytes(b"")
    with pytest.raises(InvalidInputError) as caught:
        outcome(desk, tmp_path / "calls.xls")
    assert caught.value.code == "unknown_format"
    assert desk.requests == []


@pytest.mark.parametrize(
    ("status", "answer", "kind", "code"),
    [
        (401, b"{}", NotAllowedError, "key_refused"),
        (403, b"{}", NotAllowedError, "key_refused"),
        (422, b'{"detail": "There is no such column."}', InvalidInputError, "refused"),
        (413, b"<html>", InvalidInputError, "refused"),
        (429, b"{}", UnavailableError, "registry_away"),
        (503, b"{}", UnavailableError, "registry_away"),
        (200, b"<html>\n", UnavailableError, "bad_answer"),
    ],
)
def test_refusals_are_told_apart(
    desk: Desk, file: Path, status: int, answer: bytes, kind: type[RegistryError], code: str
) -> None:
    desk.status, desk.answer = status, answer
    with pytest.raises(kind) as caught:
        outcome(desk, file)
    assert caught.value.code == code


def test_a_registry_that_is_away_is_said_to_be(file: Path) -> None:
    with pytest.raises(UnavailableError):
        list(send(file, url="http://127.0.0.1:9", key="dc_k"))


def test_the_command_prints_the_sum_and_what_waits_in_quarantine(desk: Desk, file: Path) -> None:
    arguments = ["report", str(file), "--url", desk.url, "--key", "dc_k"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert result.stdout == (
        "line 3: quarantined, not_json\n3 rows: 1 accepted, 1 duplicates, 1 quarantined\n"
        "  accepted, violation: 1\n  duplicate: 1\n  quarantined, not_json: 1\n"
    )
    assert "line 1: accepted, violation, rule 49(7)" in CliRunner().invoke(main, [*arguments, "--every-row"]).stdout
    desk.answer = json.dumps({**SUMMARY, "cut": "gzip ended early"}).encode()
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stderr) == (1, "The file ended early: gzip ended early. [file_cut]\n")
    assert CliRunner().invoke(main, arguments[:4], env={"DECLINE_CALL_KEY": ""}).exit_code == 2


def test_number_events_are_sent_alike_to_their_own_resource(desk: Desk, file: Path) -> None:
    desk.answer = b'{"line": 1, "result": "accepted", "verdict": "recycled"}\n' + json.dumps(SUMMARY).encode() + b"\n"
    key_file = file.with_name("key")
    key_file.write_text("dc_k\n")
    arguments = ["number-events", str(file), "--url", desk.url, "--key-file", str(key_file), "--every-row"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    assert "line 1: accepted, recycled\n" in result.stdout
    path, headers, body = desk.requests[0]
    assert (path, headers["Authorization"], body) == ("/api/v1/number-events", "Bearer dc_k", file.read_bytes())

"""Text messages out: the embedded gateway's file, and the HTTP gateway against a real server on loopback."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from registry.errors import UnavailableError
from registry.numbers import Number
from registry.outside import http, sms
from registry.outside.clock import SystemClock

NUMBER = Number(1, 8613800138000)
KEY = bytes(range(32))


def test_the_clock_of_the_machine_is_aware_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(now - datetime.now(UTC)) < timedelta(seconds=5)


# the embedded gateway


def test_a_message_is_shown_masked_and_kept(tmp_path: Path) -> None:
    terminal = io.StringIO()
    gateway = sms.ConsoleGateway(tmp_path, terminal)
    assert gateway.messages() == []
    gateway.send(NUMBER, "123456 是您的验证码\n第二行")
    assert terminal.getvalue() == "[text message to 138****8000] 123456 是您的验证码\n第二行\n"
    (message,) = gateway.messages()
    assert (message.number, message.text) == ("138****8000", "123456 是您的验证码\n第二行")
    assert datetime.fromisoformat(message.at).utcoffset() == timedelta(0)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["dev-messages.lock", "dev-messages.ndjson"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert "13800138000" not in files[1].read_text(encoding="utf-8")


def test_it_writes_to_the_terminal_of_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sms.ConsoleGateway(tmp_path).send(NUMBER, "hello")
    assert capsys.readouterr().out == "[text message to 138****8000] hello\n"


def test_a_terminal_that_went_away_loses_no_message(tmp_path: Path) -> None:
    terminal = io.StringIO()
    terminal.close()
    gateway = sms.ConsoleGateway(tmp_path, terminal)
    gateway.send(NUMBER, "hello")
    assert len(gateway.messages()) == 1


def test_the_last_five_hundred_are_kept_and_the_file_stays_small(tmp_path: Path) -> None:
    gateway = sms.ConsoleGateway(tmp_path, io.StringIO())
    for i in range(3000):
        gateway.send(NUMBER, f"{i} " + "x" * 200)
    assert [int(message.text.split()[0]) for message in gateway.messages()] == list(range(2500, 3000))
    file = tmp_path / "dev-messages.ndjson"
    assert file.stat().st_size < 500_000
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


SENDER = """
import io, sys
from pathlib import Path
from registry.numbers import Number
from registry.outside.sms import ConsoleGateway
gateway = ConsoleGateway(Path(sys.argv[1]), io.StringIO())
for i in range(400):
    gateway.send(Number(1, 8613800138000), f"{sys.argv[2]} {i} " + "y" * 900)
"""


def test_several_programs_write_one_file_without_losing_a_line(tmp_path: Path) -> None:
    programs = [subprocess.Popen([sys.executable, "-c", SENDER, str(tmp_path), str(n)]) for n in range(3)]
    assert [program.wait(60) for program in programs] == [0, 0, 0]
    gateway = sms.ConsoleGateway(tmp_path)
    messages = gateway.messages()
    assert len(messages) == sms.KEPT
    for program in range(3):
        own = [int(m.text.split()[1]) for m in messages if m.text.startswith(f"{program} ")]
        assert own == list(range(400 - len(own), 400)), "the last ones of each, in order"


def test_a_line_that_a_crash_cut_is_passed_over(tmp_path: Path) -> None:
    gateway = sms.ConsoleGateway(tmp_path, io.StringIO())
    gateway.send(NUMBER, "first")
    with (tmp_path / "dev-messages.ndjson").open("ab") as file:
        file.write(b'{"at": "2026\n{}\n[1]\n\xff\n')
    gateway.send(NUMBER, "second")
    assert [message.text for message in gateway.messages()] == ["first", "second"]


def test_a_folder_that_is_gone_makes_it_unavailable(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        sms.ConsoleGateway(tmp_path / "gone", io.StringIO()).send(NUMBER, "hello")
    assert caught.value.code == "gateway_down"


# the HTTP gateway


class Receiver:
    """A gateway on loopback that plays a list of answers (the last one for ever) and remembers what it was asked."""

    def __init__(self, *answers: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((dict(self.headers), body))
                play = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                play(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/messages"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def answer(status: int, body: bytes = b"{}", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def play(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return play


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def dawdle(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(0.5)
    handler.close_connection = True


Serve = Callable[..., tuple[Receiver, sms.HttpGateway]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    monkeypatch.setattr(http, "_BACKOFF_S", 0.01)
    started: list[Receiver] = []
    gateways: list[sms.HttpGateway] = []

    def start(*answers: Callable[[BaseHTTPRequestHandler], None], timeout: float = 2, retries: int = 2) -> Any:
        started.append(Receiver(*answers))
        gateways.append(sms.HttpGateway(started[-1].url, key=KEY, timeout=timeout, retries=retries))
        return started[-1], gateways[-1]

    yield start
    for gateway in gateways:
        gateway.close()
    for receiver in started:
        receiver.close()


def refused(gateway: sms.HttpGateway) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        gateway.send(NUMBER, "123456 is your code")
    assert "138" not in caught.value.detail
    return caught.value


def test_a_message_goes_out_as_signed_json(serve: Serve) -> None:
    receiver, gateway = serve(answer(202))
    gateway.send(NUMBER, "123456 是您的验证码")
    ((headers, body),) = receiver.requests
    said = json.loads(body)
    assert {**said, "id": ""} == {"id": "", "to": "+8613800138000", "text": "123456 是您的验证码"}
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("decline-call/")
    assert headers["Idempotency-Key"] == said["id"]
    stamp = headers["Decline-Call-Timestamp"]
    assert abs(int(stamp) - time.time()) < 10
    signed = hmac.new(KEY, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["Decline-Call-Signature"] == f"sha256={signed}" == sms.signature(KEY, stamp, body)


def test_every_message_has_an_id_of_its_own(serve: Serve) -> None:
    receiver, gateway = serve(answer(200))
    for _ in range(3):
        gateway.send(NUMBER, "same text")
    assert len({headers["Idempotency-Key"] for headers, _body in receiver.requests}) == 3


@pytest.mark.parametrize("first", [answer(500), answer(503), answer(429, Retry_After="0"), hang_up, dawdle])
def test_what_fails_for_now_is_tried_again_with_the_same_id(
    serve: Serve, first: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    receiver, gateway = serve(first, first, answer(200), timeout=0.2)
    gateway.send(NUMBER, "hello")
    assert len(receiver.requests) == 3
    assert len({(headers["Idempotency-Key"], body) for headers, body in receiver.requests}) == 1


@pytest.mark.parametrize("always", [answer(500), answer(429), hang_up, dawdle])
def test_after_the_last_try_the_gateway_is_down(
    serve: Serve, always: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    receiver, gateway = serve(always, timeout=0.2)
    assert refused(gateway).code == "gateway_down"
    assert len(receiver.requests) == 3


def test_no_retries_means_one_try(serve: Serve) -> None:
    receiver, gateway = serve(answer(500), retries=0)
    assert refused(gateway).code == "gateway_down"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 301, 302, 307, 304])
def test_a_refusal_is_not_tried_again_and_a_redirect_not_followed(serve: Serve, status: int) -> None:
    receiver, gateway = serve(answer(status, b"", Location="/elsewhere"), answer(200))
    assert refused(gateway).code == "gateway_refused"
    assert len(receiver.requests) == 1


def test_a_gateway_that_says_wait_for_an_hour_is_not_waited_for_so_long(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_LONGEST_WAIT_S", 0.1)
    _receiver, gateway = serve(answer(503, Retry_After="3600"))
    began = time.monotonic()
    assert refused(gateway).code == "gateway_down"
    assert time.monotonic() - began < 2


def test_nonsense_in_an_answer_is_no_reason_to_fail(serve: Serve) -> None:
    _receiver, gateway = serve(answer(200, b"\xff<html>" * 50_000), answer(200, b"not json"), answer(204, b""))
    for _ in range(3):
        gateway.send(NUMBER, "hello")


def test_an_answer_that_breaks_off_after_its_status_was_an_answer(serve: Serve) -> None:
    receiver, gateway = serve(answer(200, b"short", Content_Length="5000"), answer(500), timeout=0.2)
    gateway.send(NUMBER, "hello")
    assert len(receiver.requests) == 1, "taken is taken: a second try would send it twice"


def test_a_wait_that_makes_no_sense_is_the_gateway_being_down(serve: Serve) -> None:
    _receiver, gateway = serve(answer(503, Retry_After="soon"))
    assert refused(gateway).code == "gateway_down"


def test_a_gateway_that_is_not_there_is_down() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gateway = sms.HttpGateway(f"http://127.0.0.1:{taken.getsockname()[1]}/", key=KEY, timeout=0.5, retries=1)
        assert refused(gateway).code == "gateway_down"
        gateway.close()


def test_cookies_of_a_gateway_are_not_kept(serve: Serve) -> None:
    receiver, gateway = serve(answer(200, b"", Set_Cookie="track=1; Path=/"), answer(200))
    gateway.send(NUMBER, "a")
    gateway.send(NUMBER, "b")
    assert "Cookie" not in receiver.requests[1][0]


def test_threads_share_one_gateway(serve: Serve) -> None:
    receiver, gateway = serve(answer(200))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: gateway.send(NUMBER, str(i)), range(40)))
    assert sorted(int(json.loads(body)["text"]) for _headers, body in receiver.requests) == list(range(40))


def test_a_post_without_an_id_is_not_repeated(serve: Serve) -> None:
    receiver, _gateway = serve(answer(500))
    with http.session(1, 3) as plain:
        assert plain.post(receiver.url, data=b"x").status_code == 500
    assert len(receiver.requests) == 1

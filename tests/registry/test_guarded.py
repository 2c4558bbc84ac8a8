"""The guarded way out: which addresses are asked, that names cannot be rebound, and what answers are taken."""

from __future__ import annotations

import gzip
import socket
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from registry.errors import InvalidInputError
from registry.outside.guarded import NotReachedError, Patience, Way, check_address, is_public
from tests.answering import Asked, answering, certified

QUICK = Patience(connect_s=2, read_s=2, whole_s=5, most_bytes=100_000)
INSIDE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1",
    "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1", "fc00::1", "fd12:3456::1", "fe80::1",
    "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1", "100::1",
)  # fmt: skip
OUTSIDE = ("8.8.8.8", "1.1.1.1", "114.114.114.114", "2400:3200::1", "2606:4700:4700::1111", "64:ff9b::808:808",
           "::ffff:8.8.8.8")  # fmt: skip


def way(allow_private: bool = True, patience: Patience = QUICK, **names: str) -> Way:
    """A way that resolves some names as it is told, and dials for real."""

    def resolve(host: str, port: int) -> list[str]:
        if host in names:
            return names[host].split()
        return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    return Way(allow_private=allow_private, patience=patience, resolve=resolve)


def refusal(made: Way, address: str, **how: Any) -> str:
    with made, pytest.raises(NotReachedError) as caught:
        made.ask("GET", address, headers={}, **how)
    return caught.value.slug


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://example.com/", "bad_address"), ("ftp://example.com/", "bad_address"), ("https://", "bad_address"),
        ("https://u:p@example.com/", "bad_address"), ("https://example.com/#a", "bad_address"),
        ("https://example.com:0/", "bad_address"), ("https://exa mple.com/", "bad_address"),
        ("https://[", "bad_address"),
        ("https://example.com\\@evil.example/", "bad_address"), ("https://x/" + "a" * 2000, "bad_address"),
        ("https://127.0.0.1/", "private_address"), ("https://[::1]/", "private_address"),
        ("https://[::ffff:10.0.0.1]/x", "private_address"),
    ],
)  # fmt: skip
def test_what_its_text_shows_is_refused_at_once(address: str, code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_address(address, allow_private=False)
    assert refused.value.code == code


def test_a_name_that_leads_inside_is_refused_whatever_it_is_written_like() -> None:
    with answering() as server:
        for host in ("localhost", "127.1", "0x7f000001", "2130706433"):
            assert refusal(way(allow_private=False), server.address(host, "https")) == "private_address"
        inside = way(allow_private=False, **{"evil.example": "8.8.8.8 127.0.0.1"})
        assert refusal(inside, server.address("evil.example", "https")) == "private_address"
        assert server.asked == []


def test_a_name_is_resolved_once_and_what_was_judged_is_dialled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certified(tmp_path, "hooks.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    lookups: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:  # public while it is judged, inside when asked again
        lookups.append(host)
        return ["203.0.114.1"] if len(lookups) == 1 else ["127.0.0.1"]

    dialled: list[Any] = []

    def no_network(address: Any, timeout: float) -> Any:
        dialled.append(address)
        raise OSError("unreachable")

    with answering(tls=tls) as server:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "create_connection", no_network)
            made = Way(allow_private=False, patience=QUICK, resolve=rebinding)
            assert refusal(made, server.address("hooks.example", "https")) == "no_answer"
        assert dialled == [("203.0.114.1", server.port)]
        made = Way(allow_private=False, patience=QUICK, resolve=rebinding)
        assert refusal(made, server.address("hooks.example", "https")) == "private_address"
        assert server.asked == []
    assert lookups == ["hooks.example"] * 2


def test_the_certificate_and_the_host_are_those_of_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, trusted = certified(tmp_path, "hooks.example")
    names = {"hooks.example": "127.0.0.1", "other.example": "127.0.0.1"}
    with answering(tls=tls) as server:
        assert refusal(way(**names), server.address("hooks.example", "https")) == "bad_certificate"  # nobody's we trust
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        with way(**names) as made:
            for _again in range(2):
                assert made.ask("POST", server.address("hooks.example", "https"), headers={}, body=b"x").status == 204
        assert refusal(way(**names), server.address("other.example", "https")) == "bad_certificate"
    assert [asked.headers["host"] for asked in server.asked] == [f"hooks.example:{server.port}"] * 2


def test_plain_http_goes_to_this_machine_only_and_only_where_a_setting_says_so() -> None:
    with answering() as server:
        with way() as made:
            assert made.ask("GET", server.address(), headers={}).status == 204
        assert refusal(way(allow_private=False), server.address()) == "bad_address"
        assert refusal(way(**{"lan.example": "10.0.0.7"}), server.address("lan.example")) == "private_address"
        assert refusal(way(**{"far.example": "8.8.8.8"}), server.address("far.example")) == "private_address"


def test_neither_redirects_nor_proxies_nor_passwords_of_the_machine_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    elsewhere = {"Location": "http://127.0.0.1:9/", "Set-Cookie": "a=b"}
    with answering(lambda _asked, _handler: (302, elsewhere, b"")) as server, way() as made:
        assert [made.ask("GET", server.address(), headers={}).status for _ in range(2)] == [302, 302]
    assert not any({"authorization", "cookie"} & set(asked.headers) for asked in server.asked)


@pytest.mark.parametrize("content", [b"", b"a" * 90_000])
def test_gzip_is_unpacked_also_in_several_members(content: bytes) -> None:
    packed = gzip.compress(content[:40_000]) + gzip.compress(content[40_000:])
    headers = {"Content-Encoding": "gzip", "ETag": "x"}
    with answering(lambda _asked, _handler: (200, headers, packed)) as server, way() as made:
        answer = made.ask("GET", server.address(), headers={})
    assert (answer.body, answer.headers["etag"]) == (content, "x")


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused() -> None:
    bomb = gzip.compress(b"\0" * 90_000_000, 9)
    assert len(bomb) < QUICK.most_bytes
    with answering(lambda _asked, _handler: (200, {"Content-Encoding": "gzip"}, bomb)) as server:
        assert refusal(way(), server.address()) == "too_big"


@pytest.mark.parametrize(
    ("headers", "body", "slug"),
    [
        ({"Content-Encoding": "gzip"}, gzip.compress(b"a" * 500, mtime=0)[:-9], "cut_short"),
        ({"Content-Encoding": "gzip"}, b"no gzip at all", "bad_encoding"),
        ({"Content-Encoding": "br"}, b"x", "bad_encoding"),
        ({"Content-Length": "500"}, b"short", "cut_short"),
        ({}, b"x" * 100_001, "too_big"),
    ],
)
def test_answers_that_cannot_be_taken_are_refused(headers: dict[str, str], body: bytes, slug: str) -> None:
    def reply(_asked: Asked, handler: BaseHTTPRequestHandler) -> Any:
        handler.close_connection = True
        return 200, headers, body

    with answering(reply) as server:
        assert refusal(way(), server.address()) == slug


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_who_drips_is_cut_off_in_the_end(drip: bytes) -> None:
    def reply(_asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(drip)
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    with answering(reply) as server:
        assert refusal(way(patience=Patience(1, 1, 0.3, 1000)), server.address()) == "too_slow"


def test_the_status_counts_alone_where_nobody_wants_the_body() -> None:
    def reply(_asked: Asked, handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000)

    with answering(reply) as server, way() as made:
        assert made.ask("POST", server.address(), headers={}, body=b"{}", want_body=False).status == 200


def test_nobody_there_is_no_answer() -> None:
    assert refusal(way(), "http://127.0.0.1:9/") == "no_answer"
    assert refusal(way(**{"nowhere.example": ""}), "https://nowhere.example/") == "no_such_host"

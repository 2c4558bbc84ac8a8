"""Pulled reports: HTTP outboxes, with everything that goes wrong with servers."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry import audit, leases, outboxes, quarantine
from registry.errors import InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.settings import OutboxSettings, Settings
from registry.store import Store
from sync import outbox
from sync.ingest import ingest_due
from tests.answering import Asked, Reply, answering, certified
from tests.doubles import FakeClock
from tests.sync.pulling import Server, World, box, ndjson, report, set_box


@pytest.fixture
def world(sqlite_store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any, tmp_path: Path) -> World:
    return World(sqlite_store, keys, clock, plan, rulebooks, tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def pulled(world: World, server: Server) -> World:
    set_box(world, server.address)
    return world


def test_pages_are_fetched_one_after_the_other_and_the_cursor_stays_at_the_end(pulled: World, server: Server) -> None:
    server.page("", [report(1), report(2, category="yachts")], "a")
    server.page("a", [report(3), report(1)], "b")
    server.page("b", [], "b", ETag='"e1"')
    counts = pulled.run()
    assert (counts["pages"], counts["rows"], counts["accepted"]) == (3, 4, 2)
    assert (counts["duplicates"], counts["quarantined"]) == (1, 1)
    assert (box(pulled).position, box(pulled).etag, box(pulled).failures) == ("b", '"e1"', 0)
    assert pulled.run() == {}
    pulled.clock.advance(61)
    assert pulled.run() == {}
    assert server.asked == [("", ""), ("a", ""), ("b", ""), ("b", '"e1"')]
    server.page("b", [report(4)], "c", ETag='"e2"')
    server.page("c", [], None)
    pulled.clock.advance(61)
    assert pulled.run()["accepted"] == 1
    assert box(pulled).position == "c"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"rows": {}}', b'{"next": "x"}', b'{"rows": [], "next": []}', b'{"rows": [1']
)
def test_a_bad_page_is_quarantined_whole_once_and_the_cursor_stays(pulled: World, server: Server, body: bytes) -> None:
    server.page("", [report(1)], "a")
    server.pages["a"] = (200, {}, body)
    assert pulled.run()["failed"] == 1
    assert (box(pulled).position, box(pulled).failure, box(pulled).failures) == ("a", "bad_page", 1)
    pulled.clock.advance(86_400)
    assert pulled.run()["failed"] == 1
    (held,) = quarantine.rows_of(pulled.store, pulled.registry.keys, source="cmcc")
    assert (held.reason, held.raw) == ("bad_page", body.decode() or " ")
    server.page("a", [report(2)], "b")
    server.page("b", [], "b")
    pulled.clock.advance(86_400)
    assert pulled.run()["accepted"] == 1
    assert (box(pulled).position, box(pulled).failures) == ("b", 0)


def test_bad_rows_of_a_good_page_are_quarantined_one_by_one(pulled: World, server: Server) -> None:
    server.page("", [report(1), 5, None, report(2, at="never")], None)
    counts = pulled.run()
    assert (counts["rows"], counts["accepted"], counts["quarantined"]) == (4, 1, 3)


def test_every_failure_waits_longer_and_a_server_may_ask_for_more(pulled: World, server: Server) -> None:
    waits = []
    for _ in range(9):
        assert pulled.run()["failed"] == 1
        now = pulled.clock.now().timestamp()
        waits.append(round(box(pulled).next / 1e6 - now))
        pulled.clock.advance(waits[-1])
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert box(pulled).failure == "http_404"
    server.pages[""] = (503, {"Retry-After": "7200"}, b"")
    pulled.run()
    assert round(box(pulled).next / 1e6 - pulled.clock.now().timestamp()) == 7200


def test_redirects_are_not_followed(pulled: World, server: Server) -> None:
    server.pages[""] = (302, {"Location": "http://127.0.0.1:9/"}, b"")
    assert pulled.run()["failed"] == 1
    assert box(pulled).failure == "redirected"


def test_a_page_that_is_cut_short_or_endless_is_a_failure(pulled: World, server: Server) -> None:
    server.pages[""] = (200, {"Content-Encoding": "gzip"}, gzip.compress(ndjson(1))[:-12])
    assert pulled.run()["failed"] == 1
    pulled.clock.advance(86_400)
    limited = OutboxSettings(allow_private=True, page_bytes=1000)
    pulled.registry.settings = Settings(outboxes=limited)
    server.page("", [report(place) for place in range(50)], None)
    assert pulled.run()["failed"] == 1
    assert box(pulled).failure == "too_big"
    assert pulled.totals() == (0, 0, 0, 0)


def test_a_server_that_is_away_is_asked_again_later(world: World) -> None:
    set_box(world, "http://127.0.0.1:9/x")
    assert world.run() == {"failed": 1}
    assert box(world).failure == "no_answer"


def test_a_crash_before_the_cursor_moved_counts_no_row_twice(
    pulled: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.page("", [report(1), report(2)], "a")
    server.page("a", [], "a")
    with monkeypatch.context() as patch:
        patch.setattr(pulled.store.reports, "move_outbox", lambda _box: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pulled.run()
    pulled.run()
    assert pulled.totals() == (2, 2, 0, 0)
    assert box(pulled).position == "a"


def test_an_address_that_an_officer_changes_starts_from_its_beginning(pulled: World, server: Server) -> None:
    server.page("", [report(1)], "a")
    server.page("a", [], "a")
    pulled.run()
    set_box(pulled, server.address, every=120)
    assert box(pulled).position == "a"
    set_box(pulled, server.address + "2", every=120)
    assert box(pulled).position == ""


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://x/", "gopher://x", "https://u:p@x/", "http://", "x", "http://a b/", "http://["]
)
def test_only_plain_http_addresses_are_taken(world: World, address: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        set_box(world, address)
    assert refused.value.code == "bad_address"


def test_a_pace_that_makes_no_sense_is_refused(world: World) -> None:
    for every in (0, 9, 86_401):
        with pytest.raises(InvalidInputError):
            set_box(world, "", every=every)




def state(world: World) -> outboxes.OutboxState:
    return outboxes.states(world.store, world.clock, world.registry.settings.outboxes)[0]


def test_a_credential_goes_along_is_stored_sealed_and_goes_to_no_other_host(pulled: World, server: Server) -> None:
    server.page("", [report(1)], None)
    set_box(pulled, server.address, token="s3cret-token")
    pulled.run()
    set_box(pulled, server.address, every=120)
    pulled.clock.advance(121)
    pulled.run()
    assert server.credentials == ["Bearer s3cret-token"] * 2
    row = pulled.store.engine.row("SELECT * FROM outbox")
    assert row is not None
    assert b"s3cret" not in row["credential"]
    assert "s3cret" not in str(audit.entries(pulled.store)) + repr(state(pulled))
    assert state(pulled).credential
    with answering(lambda _asked, _handler: (200, {}, b'{"rows": []}')) as other:
        set_box(pulled, other.address())
        pulled.run()
        assert "authorization" not in other.asked[0].headers
    assert not state(pulled).credential
    set_box(pulled, server.address, token="again")
    set_box(pulled, server.address, token="")
    assert not state(pulled).credential
    with pytest.raises(InvalidInputError, match="bearer token"):
        set_box(pulled, server.address, token="a b\r\nX: y")


def test_after_five_failures_the_circuit_is_open_then_probed_and_closed_by_a_good_answer(
    pulled: World, server: Server
) -> None:
    seen = []
    for _ in range(6):
        seen.append(state(pulled).circuit)
        pulled.run()
        asked = len(server.asked)
        assert pulled.run() == {}, "nothing is asked before its time"
        assert len(server.asked) == asked
        if state(pulled).circuit == "open":
            seen.append("open")
        pulled.clock.advance((state(pulled).next - pulled.clock.now()).total_seconds())
    assert seen == ["closed"] * 5 + ["open", "half_open", "open"]
    assert (state(pulled).failures, state(pulled).failure, state(pulled).answered) == (6, "http_404", None)
    server.page("", [report(1)], None)
    assert pulled.run()["accepted"] == 1
    assert (state(pulled).circuit, state(pulled).failures, state(pulled).answered) == ("closed", 0, pulled.clock.now())


def test_addresses_inside_are_refused_when_they_are_set_and_when_they_are_asked(pulled: World, server: Server) -> None:
    pulled.registry.settings = Settings()
    for address in (server.address, "https://127.0.0.1/x", "https://[::1]/"):
        with pytest.raises(InvalidInputError):
            set_box(pulled, address)
    set_box(pulled, f"https://localhost:{server.server.server_port}/")
    assert pulled.run() == {"failed": 1}
    assert box(pulled).failure == "private_address"
    set_box(pulled, "https://outbox.example/")
    pulled.clock.advance(60)
    assert ingest_due(pulled.registry, resolve=lambda _host, _port: ["10.1.2.3"]) == {"failed": 1}
    assert server.asked == []


def test_an_outbox_behind_tls_is_asked_under_its_own_name(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certified(tmp_path, "outbox.example")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
    page = gzip.compress(json.dumps({"rows": [report(1)], "next": None}).encode())
    with answering(lambda _asked, _handler: (200, {"Content-Encoding": "gzip"}, page), tls=tls) as server:
        set_box(world, server.address("outbox.example", "https"))
        assert ingest_due(world.registry, resolve=lambda _host, _port: ["127.0.0.1"])["accepted"] == 1
    assert server.asked[0].headers["accept-encoding"] == "gzip"


def test_a_page_that_unpacks_to_more_than_it_may_costs_nothing(pulled: World, server: Server) -> None:
    server.pages[""] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 80_000_000))
    pulled.registry.settings = Settings(outboxes=OutboxSettings(allow_private=True, page_bytes=1_000_000))
    assert pulled.run()["failed"] == 1
    assert (box(pulled).failure, box(pulled).position, pulled.totals()) == ("too_big", "", (0, 0, 0, 0))


def test_what_has_more_pages_than_fit_into_a_turn_goes_on_at_once(
    pulled: World, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_PAGES", 2)
    for place in range(5):
        server.page(str(place) if place else "", [report(place)], str(place + 1) if place < 4 else "end")
    server.page("end", [], "end")
    assert [pulled.run()["pages"] for _ in range(3)] == [2, 2, 2]
    assert pulled.totals() == (5, 5, 0, 0)
    assert pulled.run() == {}


def test_a_slow_carrier_delays_no_other(world: World) -> None:
    quick = threading.Event()
    seen: list[bool] = []

    def slow(_asked: Asked, _handler: Any) -> Reply:
        seen.append(quick.wait(5))
        return 200, {}, b'{"rows": []}'

    def brisk(_asked: Asked, _handler: Any) -> Reply:
        quick.set()
        return 200, {}, b'{"rows": []}'

    with answering(slow) as first, answering(brisk) as second:
        set_box(world, first.address())
        set_box(world, second.address(), source="ftc", kind="ftc")
        assert world.run()["pages"] == 2
    assert seen == [True]


def test_two_clockworks_work_on_different_carriers_at_once(world: World) -> None:
    both = threading.Barrier(2, timeout=5)
    asked: list[str] = []

    def meet(path: Asked, _handler: Any) -> Reply:
        asked.append(path.path)
        both.wait()
        return 200, {}, json.dumps({"rows": [report(len(asked))]}).encode()

    world.registry.settings = Settings(outboxes=OutboxSettings(allow_private=True, threads=1))
    with answering(meet) as server:
        set_box(world, server.address() + "/cmcc")
        set_box(world, server.address() + "/other", source="ftc")
        outcomes: list[dict[str, int]] = []
        threads = [threading.Thread(target=lambda: outcomes.append(world.run())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [outcome["pages"] for outcome in outcomes] == [1, 1]
    assert sorted(asked) == ["/in/cmcc", "/in/other"]
    assert leases.holders(world.store) == set()


def test_a_carrier_that_another_clockwork_works_on_is_left_alone(pulled: World, server: Server) -> None:
    server.page("", [report(1)], None)
    leases.take(pulled.store, pulled.clock, lease="source cmcc", holder="other", seconds=60)
    assert pulled.run() == {}
    assert server.asked == []
    pulled.clock.advance(61)
    assert pulled.run()["accepted"] == 1


def test_an_outbox_that_is_removed_is_asked_no_more_and_strangers_get_none(pulled: World, server: Server) -> None:
    outboxes.remove_outbox(pulled.store, pulled.clock, actor="member:1", source="cmcc")
    assert pulled.run() == {}
    assert server.asked == []
    with pytest.raises(NotFoundError):
        outboxes.remove_outbox(pulled.store, pulled.clock, actor="member:1", source="cmcc")
    with pytest.raises(NotFoundError):
        set_box(pulled, server.address, source="stranger")

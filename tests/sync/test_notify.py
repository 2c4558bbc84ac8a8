"""Events told to real endpoints on loopback: signed, at least once, each endpoint for itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from registry import leases, parties, webhook_events, webhooks
from registry.errors import ConflictError
from registry.keys import KeyRing
from registry.settings import Settings, WebhookSettings
from registry.store import Store
from registry.times import to_micros
from registry.webhook_events import EVENTS
from sync import sharing
from sync.notify import notify_due
from sync.publish import publish_once
from tests.answering import Asked, Reply, answering, certified
from tests.doubles import FakeClock
from tests.sync.town import Town


class Room:
    """A registry with two carriers, which may be told on loopback."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock, **settings: Any) -> None:
        given = {"allow_private": True, "threads": 4, "connect_s": 2, "read_s": 5, "whole_s": 5, **settings}
        self.registry: Any = SimpleNamespace(
            store=store, keys=keys, clock=clock, settings=Settings(webhooks=WebhookSettings(**given))
        )
        self.store, self.keys, self.clock = store, keys, clock
        for party in ("cmcc", "ctcc"):
            parties.add_party(store, clock, party=party, kind="carrier", name_zh="运营商", name_en=party)

    def add(self, url: str, party: str = "cmcc") -> tuple[str, str]:
        made, secret = webhooks.add_endpoint(
            self.store, self.keys, self.clock, self.registry.settings.webhooks, party=party, url=url, events=EVENTS
        )
        return made.endpoint, secret

    def emit(self, party: str = "cmcc", **data: Any) -> str:
        with self.store.writing():
            event = webhook_events.emit(self.store, self.clock, type="edition.published", party=party, data=data)
        assert event
        return event

    def run(self, **how: Any) -> dict[str, int]:
        return notify_due(self.registry, **how)

    def states(self, endpoint: str) -> list[tuple[str, int, str]]:
        return [(each.state, each.status, each.failure) for each in self.store.webhooks.deliveries(endpoint)]


@pytest.fixture
def room(sqlite_store: Store, keys: KeyRing, clock: FakeClock) -> Room:
    return Room(sqlite_store, keys, clock)


def status(code: int, **headers: str) -> Callable[[Asked, BaseHTTPRequestHandler], Reply]:
    return lambda _asked, _handler: (code, {name.replace("_", "-"): value for name, value in headers.items()}, b"")


def test_an_event_arrives_signed_and_is_told_once(store: Store, keys: KeyRing, clock: FakeClock) -> None:
    room = Room(store, keys, clock)
    with answering() as server:
        endpoint, secret = room.add(server.address())
        event = room.emit(edition=7)
        assert room.run() == {"delivered": 1}
        assert room.run() == {}
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/in", "application/json")
    assert json.loads(asked.body) == {
        "type": "edition.published", "timestamp": "2026-11-23T02:00:00Z", "data": {"edition": 7},
    }  # fmt: skip
    assert asked.headers["webhook-id"] == event
    signed = f"{event}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert asked.headers["webhook-signature"] == f"v1,{expected}"
    assert room.states(endpoint) == [("delivered", 204, "")]
    assert leases.holders(store) == set()


def test_a_slow_endpoint_delays_no_other_also_not_what_becomes_due_meanwhile(room: Room) -> None:
    first, second = threading.Event(), threading.Event()
    seen: list[bool] = []

    def quick(asked: Asked, _handler: BaseHTTPRequestHandler) -> Reply:
        (second if json.loads(asked.body)["data"]["edition"] == 2 else first).set()
        return 204, {}, b""

    def slow(_asked: Asked, _handler: BaseHTTPRequestHandler) -> Reply:
        seen.append(first.wait(4))
        with room.store.writing():
            webhook_events.emit(
                room.store, room.clock, type="edition.published", party="ctcc", data={"edition": 2}
            )
        seen.append(second.wait(4))
        return 204, {}, b""

    room.registry.settings = Settings(webhooks=WebhookSettings(allow_private=True, every_s=1))
    with answering(slow) as sluggish, answering(quick) as brisk:
        room.add(sluggish.address())
        room.add(brisk.address(), "ctcc")
        room.emit(edition=1)
        room.emit("ctcc", edition=1)
        assert room.run() == {"delivered": 3}
    assert seen == [True, True]


def test_endpoints_that_fail_never_take_all_the_threads(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "LOOK_S", 0.02)
    inside, most, guard = 0, 0, threading.Lock()
    good = threading.Event()

    def failing(_asked: Asked, _handler: BaseHTTPRequestHandler) -> Reply:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        good.wait(4)
        with guard:
            inside -= 1
        return 500, {}, b""

    def well(_asked: Asked, _handler: BaseHTTPRequestHandler) -> Reply:
        good.set()
        return 204, {}, b""

    with answering(failing) as bad, answering(well) as fine:
        for _ in range(6):
            endpoint, _secret = room.add(bad.address())
            with room.store.writing():
                room.store.webhooks.stand(endpoint, next=0, failures=3, failure="http_500")
        room.emit()
        room.add(fine.address(), "ctcc")
        room.emit("ctcc")
        assert room.run() == {"delivered": 1, "failed": 6}
    assert most <= 2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (status(500), (0, "http_500")), (status(404), (0, "http_404")),
        (status(302, Location="https://elsewhere.example/"), (0, "redirected")),
        (status(429, Retry_After="3600"), (3600, "http_429")), (status(410), (0, "http_410")),
    ],
)
def test_every_other_answer_is_a_failure_that_is_tried_again_later(
    room: Room, reply: Any, said: tuple[int, str]
) -> None:
    with answering(reply) as server:
        endpoint, _secret = room.add(server.address())
        event = room.emit(edition=1)
        assert room.run() == {"failed": 1}
        (code, failure), wait = (room.states(endpoint)[0][1:], said[0])
        assert (code, failure) == (int(said[1][-3:]) if said[1][-3:].isdigit() else 302, said[1])
        if failure == "http_410":
            assert room.states(endpoint)[0][0] == "dead"
            return
        server.reply = status(200)
        room.clock.advance(max(wait - 1, 0))
        assert room.run() == {}
        room.clock.advance(20)
        assert room.run() == {"delivered": 1}
        assert [asked.headers["webhook-id"] for asked in server.asked] == [event, event]
        assert len({asked.headers["webhook-timestamp"] for asked in server.asked}) == 2


def test_the_rest_waits_where_an_endpoint_can_not_take_it_now_and_goes_on_where_one_message_was_wrong(
    room: Room,
) -> None:
    def picky(asked: Asked, _handler: BaseHTTPRequestHandler) -> Reply:
        return (400 if json.loads(asked.body)["data"]["edition"] == 1 else 200), {}, b""

    with answering(status(503)) as busy, answering(picky) as server:
        one, _secret = room.add(busy.address())
        other, _secret = room.add(server.address(), "ctcc")
        for edition in range(3):
            room.emit(edition=edition)
            room.emit("ctcc", edition=edition)
        assert room.run() == {"failed": 2, "delivered": 2}
        assert len(busy.asked) == 1
    assert sorted(state for state, *_rest in room.states(one)) == ["waiting"] * 3
    assert sorted(state for state, *_rest in room.states(other)) == ["delivered", "delivered", "waiting"]


def test_nobody_there_and_names_that_lead_inside_are_failures(room: Room) -> None:
    endpoint, _secret = room.add("http://127.0.0.1:9/")
    room.emit()
    assert room.run() == {"failed": 1}
    assert room.states(endpoint) == [("waiting", 0, "no_answer")]
    with answering() as server:
        closed = Settings(webhooks=WebhookSettings())
        room.registry.settings = closed
        rebound, _secret = room.add("https://hooks.example/", "ctcc")
        local, _secret = room.add(f"https://localhost:{server.port}/", "ctcc")
        room.emit("ctcc")
        lookups: list[str] = []

        def rebinding(host: str, port: int) -> list[str]:
            lookups.append(host)
            return ["127.0.0.1"] if host == "localhost" or len(lookups) > 1 else ["169.254.169.254"]

        assert room.run(resolve=rebinding) == {"failed": 2}
        assert server.asked == []
    assert room.states(rebound) == room.states(local) == [("waiting", 0, "private_address")]


def test_https_endpoints_are_asked_under_their_own_name(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls, trusted = certified(tmp_path, "hooks.example")
    with answering(tls=tls) as server:
        endpoint, _secret = room.add(server.address("hooks.example", "https"))
        room.emit()
        assert room.run(resolve=lambda _host, _port: ["127.0.0.1"]) == {"failed": 1}
        assert room.states(endpoint) == [("waiting", 0, "bad_certificate")]
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        room.clock.advance(60)
        assert room.run(resolve=lambda _host, _port: ["127.0.0.1"]) == {"delivered": 1}
        assert server.asked[0].headers["host"] == f"hooks.example:{server.port}"


def test_an_attempt_whose_end_was_not_kept_is_made_again_under_the_same_id(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering() as server:
        room.add(server.address())
        event = room.emit()
        with monkeypatch.context() as patch:
            patch.setattr(webhooks, "settle", lambda *_given, **_more: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                room.run()
        assert room.run() == {"delivered": 1}
        assert [asked.headers["webhook-id"] for asked in server.asked] == [event, event]


def test_clockworks_beside_each_other_share_endpoints_and_tell_each_event_once(room: Room) -> None:
    with answering() as server:
        for _ in range(6):
            room.add(server.address())
        events = [room.emit(edition=edition) for edition in range(5)]
        outcomes: list[dict[str, int]] = []
        threads = [threading.Thread(target=lambda: outcomes.append(room.run())) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(outcome.get("delivered", 0) for outcome in outcomes) == 30
        told = sorted(asked.headers["webhook-id"] for asked in server.asked)
    assert told == sorted(events * 6)


def test_a_clockwork_that_stops_leaves_the_rest_to_the_next(room: Room) -> None:
    def stopping() -> None:
        raise ConflictError("The clockwork stops; the next one goes on.", code="stopping")

    with answering() as server:
        room.add(server.address())
        for edition in range(5):
            room.emit(edition=edition)
        with pytest.raises(ConflictError):
            room.run(keep=stopping)
        assert len(server.asked) == 1
        assert leases.holders(room.store) == set()
        assert room.run() == {"delivered": 4}


def test_what_another_holds_is_left_alone(room: Room) -> None:
    with answering() as server:
        endpoint, _secret = room.add(server.address())
        room.emit()
        leases.take(room.store, room.clock, lease=f"webhook {endpoint}", holder="other", seconds=60)
        assert room.run() == {}
        room.clock.advance(61)
        assert room.run() == {"delivered": 1}
        assert len(server.asked) == 1


def test_a_new_edition_in_a_feed_is_told_of_with_its_content_root(small_town: Town) -> None:
    added, _secret = webhooks.add_endpoint(
        small_town.store, small_town.keys, small_town.clock, WebhookSettings(), party="cmcc",
        url="https://hooks.example/", events=EVENTS,
    )  # fmt: skip
    small_town.load(24)
    publish_once(small_town)
    publish_once(small_town)
    (due,) = small_town.store.webhooks.due(added.endpoint, now=to_micros(small_town.clock.now()), limit=9)
    said = json.loads(due.body)
    row = small_town.store.feeds.edition(recipient="cmcc", edition=1)
    assert row is not None
    assert said["type"] == "edition.published"
    assert said["data"] == {
        "edition": 1, "kind": row.kind, "rows": row.rows, "bytes": row.size, "entries": row.entries,
        "content_root": row.content_root.hex(),
    }  # fmt: skip


def test_the_check_in_the_carriers_guide_takes_ours_and_nothing_else(room: Room) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "carriers.md").read_text()
    (code,) = [each for each in re.findall(r"```python\n(.*?)```", guide, re.DOTALL) if "is_ours" in each]
    assert len(code.strip().splitlines()) <= 10
    scope: dict[str, Any] = {}
    exec(code, scope)
    is_ours = scope["is_ours"]
    room.clock.moment = datetime.now(UTC)
    with answering() as server:
        endpoint, first = room.add(server.address())
        room.emit(edition=1)
        room.run()
        second = webhooks.rotate_secret(
            room.store, room.keys, room.clock, room.registry.settings.webhooks, party="cmcc", endpoint=endpoint
        )
        room.emit(edition=2)
        room.run()
        before, after = server.asked
    assert is_ours(before.headers, before.body, first)
    assert not is_ours(before.headers, before.body, second)
    assert is_ours(after.headers, after.body, first)
    assert is_ours(after.headers, after.body, second)
    assert not is_ours(after.headers, after.body.replace(b"2", b"3"), first)
    assert not is_ours({**after.headers, "webhook-timestamp": "1700000000"}, after.body, first)

"""Webhooks: endpoints and secrets, events in the transaction of what they tell of, attempts, dead letters."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from registry import audit, parties, quarantine, reports, webhook_events, webhooks
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.readers.rows import Row
from registry.settings import WebhookSettings
from registry.store import Store
from registry.store.webhooks import Delivery, Due
from registry.times import to_micros
from registry.webhook_events import EDITION_PUBLISHED, EVENTS, KEY_ROTATED, QUARANTINE_ADDED, REPORT_JUDGED
from tests.doubles import FakeClock

SETTINGS = WebhookSettings()
URL = "https://hooks.example/in?token=abc"


class Room:
    """Two carriers and a registry's means of telling them."""

    def __init__(self, store: Store, keys: KeyRing, clock: FakeClock) -> None:
        self.store, self.keys, self.clock = store, keys, clock
        for party in ("cmcc", "ctcc"):
            parties.add_party(store, clock, party=party, kind="carrier", name_zh="运营商", name_en=party)

    def add(self, party: str = "cmcc", events: Any = EVENTS, **other: Any) -> tuple[webhooks.Endpoint, str]:
        given = {"url": URL, "events": tuple(events), **other}
        return webhooks.add_endpoint(self.store, self.keys, self.clock, SETTINGS, party=party, **given)

    def emit(self, type: str = EDITION_PUBLISHED, party: str = "cmcc", **data: Any) -> str | None:
        with self.store.writing():
            return webhook_events.emit(self.store, self.clock, type=type, party=party, data=data)

    def due(self, endpoint: str) -> list[Due]:
        return self.store.webhooks.due(endpoint, now=to_micros(self.clock.now()), limit=100)

    def due_endpoints(self) -> list[tuple[str, int]]:
        return self.store.webhooks.due_endpoints(to_micros(self.clock.now()))

    def try_once(self, endpoint: str, status: int = 0, failure: str = "no_answer", asked_s: int = 0) -> None:
        row = self.store.webhooks.endpoint(endpoint)
        assert row is not None
        webhooks.settle(
            self.store, self.clock, SETTINGS, endpoint=row, due=self.due(endpoint)[0], status=status, failure=failure,
            asked_s=asked_s,
        )  # fmt: skip

    def deliveries(self, endpoint: str, state: str = "") -> tuple[Delivery, ...]:
        return self.store.webhooks.deliveries(endpoint, state=state)


@pytest.fixture
def room(store: Store, keys: KeyRing, clock: FakeClock) -> Room:
    return Room(store, keys, clock)


def test_an_event_goes_to_who_wants_it_and_to_nobody_else(room: Room) -> None:
    mine, _secret = room.add()
    other, _secret = room.add("ctcc", [KEY_ROTATED])
    off, _secret = room.add("cmcc")
    webhooks.change_endpoint(
        room.store, room.keys, room.clock, SETTINGS, party="cmcc", endpoint=off.endpoint, active=False
    )
    event = room.emit(edition=7, rows=3)
    assert event
    assert room.emit(EDITION_PUBLISHED, "ctcc", edition=7) is None
    everybody = room.emit(KEY_ROTATED, "", epoch=2)
    assert [due.event for due in room.due(mine.endpoint)] == sorted([event, everybody or ""])
    assert [due.event for due in room.due(other.endpoint)] == [everybody]
    assert room.due(off.endpoint) == []
    body = json.loads(next(due.body for due in room.due(mine.endpoint) if due.event == event))
    assert body == {"type": "edition.published", "timestamp": "2026-11-23T02:00:00Z", "data": {"edition": 7, "rows": 3}}


def test_an_event_that_is_rolled_back_was_never_there(room: Room) -> None:
    mine, _secret = room.add()
    with pytest.raises(KeyError), room.store.writing():
        webhook_events.emit(room.store, room.clock, type=EDITION_PUBLISHED, party="cmcc", data={})
        raise KeyError("stop")
    assert room.deliveries(mine.endpoint) == ()
    with pytest.raises(ValueError, match="no such event"):
        room.emit("edition.imagined")


def test_a_suspended_party_is_told_nothing(room: Room) -> None:
    room.add()
    assert room.emit(edition=1)
    assert len(room.due_endpoints()) == 1
    parties.set_party_state(room.store, room.clock, party="cmcc", state="suspended")
    assert room.emit(edition=2) is None
    assert room.due_endpoints() == []


def test_new_keys_are_told_of_once_and_the_first_are_no_news(room: Room) -> None:
    mine, _secret = room.add()
    assert [webhook_events.tell_of_keys(room.store, room.clock, epoch=epoch) for epoch in (1, 1, 2, 2, 3)] == [
        False, False, True, False, True,
    ]  # fmt: skip
    assert [json.loads(due.body)["data"] for due in room.due(mine.endpoint)].count({"epoch": 2}) == 1


def test_a_signature_is_what_standard_webhooks_says() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = webhook_events.signature(secret, event="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_and_addresses_are_stored_sealed_and_both_secrets_sign_while_one_is_rotated(room: Room) -> None:
    mine, first = room.add()
    second = webhooks.rotate_secret(
        room.store, room.keys, room.clock, SETTINGS, party="cmcc", endpoint=mine.endpoint
    )
    row = room.store.webhooks.endpoint(mine.endpoint)
    assert row is not None
    stored = row.secret + row.url + (row.old_secret or b"")
    for shown in (first, second, "hooks.example", first.removeprefix("whsec_")):
        assert shown.encode() not in stored
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    assert webhooks.valid_secrets(room.keys, row, now=room.clock.now()) == (second, first)
    said = webhook_events.headers((second, first), event="msg_1", timestamp=5, body=b"x")
    signatures = said["webhook-signature"].split(" ")
    for secret, signature in zip((second, first), signatures):
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.digest(key, b"msg_1.5.x", hashlib.sha256)).decode()
        assert signature == f"v1,{expected}"
    room.clock.advance(hours=SETTINGS.rotation_hours, seconds=1)
    assert webhooks.valid_secrets(room.keys, row, now=room.clock.now()) == (second,)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"url": "http://hooks.example/"}, "bad_address"), ({"url": "https://10.0.0.1/"}, "private_address"),
        ({"events": []}, "bad_events"), ({"events": ["edition.imagined"]}, "bad_events"),
        ({"label": "x" * 61}, "bad_label"), ({"label": "a\nb"}, "bad_label"),
    ],
)
def test_an_endpoint_that_makes_no_sense_is_refused(room: Room, given: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        room.add(**given)
    assert refused.value.code == code
    assert room.store.webhooks.endpoints() == ()


def test_a_party_has_ten_endpoints_and_touches_no_other_partys(room: Room) -> None:
    mine, _secret = room.add()
    for _ in range(9):
        room.add()
    with pytest.raises(ConflictError):
        room.add()
    for act in (
        lambda: webhooks.remove_endpoint(room.store, room.clock, party="ctcc", endpoint=mine.endpoint),
        lambda: webhooks.send_test(room.store, room.clock, party="ctcc", endpoint=mine.endpoint),
        lambda: webhooks.deliveries_of(room.store, party="ctcc", endpoint=mine.endpoint),
        lambda: webhooks.rotate_secret(
            room.store, room.keys, room.clock, SETTINGS, party="ctcc", endpoint=mine.endpoint
        ),
    ):
        with pytest.raises(NotFoundError):
            act()


def test_changes_are_kept_in_the_audit_trail_without_the_address(room: Room) -> None:
    mine, _secret = room.add(actor="member:1")
    webhooks.change_endpoint(
        room.store, room.keys, room.clock, SETTINGS, party="cmcc", endpoint=mine.endpoint, label="second",
        events=[KEY_ROTATED], url="https://other.example/x", actor="member:1",
    )  # fmt: skip
    webhooks.remove_endpoint(room.store, room.clock, party="cmcc", endpoint=mine.endpoint, actor="member:1")
    entries = audit.entries(room.store, most=3)[::-1]
    assert [entry.action for entry in entries] == ["webhook_added", "webhook_changed", "webhook_removed"]
    assert entries[1].facts["host"] == "other.example"
    assert "token" not in "".join(entry.detail for entry in entries)
    assert audit.verify(room.store)[1] is None


def test_attempts_come_later_and_later_until_the_letter_is_dead_after_a_day(room: Room) -> None:
    mine, _secret = room.add()
    room.emit(edition=1)
    began, attempts = room.clock.now(), 0
    waits = []
    while room.deliveries(mine.endpoint, "waiting"):
        attempts += 1
        room.try_once(mine.endpoint)
        (delivery,) = room.deliveries(mine.endpoint)
        waits.append((delivery.due - to_micros(room.clock.now())) // 1_000_000)
        room.clock.moment = max(room.clock.moment, began + timedelta(microseconds=delivery.due - to_micros(began)))
    assert waits[:5] == [10, 30, 90, 270, 810]
    assert max(waits) == 4 * 3600
    assert room.clock.now() - began == timedelta(hours=24)
    assert attempts == 14
    (dead,) = room.deliveries(mine.endpoint, "dead")
    assert (dead.attempts, dead.failure, dead.status) == (14, "no_answer", 0)
    assert room.store.vitals.tallies() == {"webhook_failed": 14, "webhook_dead": 1}


def test_jitter_moves_an_attempt_by_a_quarter() -> None:
    assert [webhooks.wait_s(3, chance) for chance in (0, 0.5, 0.999)] == [67.5, 90, pytest.approx(112.5, abs=0.1)]


def test_an_endpoint_that_fails_is_left_alone_for_a_while_and_asks_for_its_own_wait(room: Room) -> None:
    mine, _secret = room.add()
    for edition in range(3):
        room.emit(edition=edition)
    pauses = []
    for _ in range(9):
        room.try_once(mine.endpoint, 503, "http_503")
        row = room.store.webhooks.endpoint(mine.endpoint)
        assert row is not None
        pauses.append((row.next - to_micros(room.clock.now())) // 1_000_000)
        assert room.due_endpoints() == []
        room.clock.advance(hours=1)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    room.try_once(mine.endpoint, 429, "http_429", asked_s=1200)
    room.clock.advance(seconds=1199)
    assert room.due_endpoints() == []
    room.clock.advance(seconds=2)
    room.try_once(mine.endpoint, 200, "")
    assert room.due_endpoints() == [(mine.endpoint, 0)]


def test_what_waited_behind_a_dead_endpoint_for_a_day_is_dead_too_but_not_what_came_later(room: Room) -> None:
    mine, _secret = room.add()
    for edition in range(5):
        room.emit(edition=edition)
    room.clock.advance(hours=20)
    room.emit(edition=6)
    room.clock.advance(hours=5)
    room.try_once(mine.endpoint)
    assert len(room.deliveries(mine.endpoint, "dead")) == 5
    assert len(room.deliveries(mine.endpoint, "waiting")) == 1
    assert room.store.webhooks.figures()[2] == 5


def test_what_waited_for_us_and_not_for_the_endpoint_is_delivered_however_late(room: Room) -> None:
    mine, _secret = room.add()
    room.emit(edition=1)
    room.clock.advance(days=3)
    room.try_once(mine.endpoint, 204, "")
    assert room.deliveries(mine.endpoint)[0].state == "delivered"


def test_an_endpoint_that_says_gone_is_switched_off_and_on_again_by_its_owner(room: Room) -> None:
    mine, _secret = room.add()
    for edition in range(2):
        room.emit(edition=edition)
    room.try_once(mine.endpoint, 410, "http_410")
    assert [each.state for each in room.deliveries(mine.endpoint)] == ["dead", "dead"]
    assert webhooks.endpoint_of(room.store, room.keys, party="cmcc", endpoint=mine.endpoint).state == "gone"
    assert room.emit(edition=3) is None
    event = room.deliveries(mine.endpoint)[0].event
    with pytest.raises(ConflictError) as refused:
        webhooks.resend(room.store, room.clock, party="cmcc", endpoint=mine.endpoint, event=event)
    assert refused.value.code == "endpoint_off"
    webhooks.change_endpoint(
        room.store, room.keys, room.clock, SETTINGS, party="cmcc", endpoint=mine.endpoint, active=True
    )
    webhooks.resend(room.store, room.clock, party="cmcc", endpoint=mine.endpoint, event=event)
    assert [due.event for due in room.due(mine.endpoint)] == [event]


def test_a_dead_letter_is_sent_again_under_its_old_id_for_another_day(room: Room) -> None:
    mine, _secret = room.add()
    event = room.emit(edition=1)
    room.clock.advance(hours=25)
    room.try_once(mine.endpoint)
    assert room.store.webhooks.dead_letters(party="cmcc")[0].event == event
    assert room.store.webhooks.dead_letters(party="ctcc") == ()
    assert event
    webhooks.resend(room.store, room.clock, party="cmcc", endpoint=mine.endpoint, event=event)
    with pytest.raises(ConflictError):
        webhooks.resend(room.store, room.clock, party="cmcc", endpoint=mine.endpoint, event=event)
    assert room.due_endpoints() == [(mine.endpoint, 1)]
    room.try_once(mine.endpoint)
    assert room.deliveries(mine.endpoint)[0].state == "waiting"
    with pytest.raises(NotFoundError):
        webhooks.resend(room.store, room.clock, party="cmcc", endpoint=mine.endpoint, event="msg_none")


def test_one_test_event_at_a_time_is_sent_on_request(room: Room) -> None:
    mine, _secret = room.add("cmcc", [KEY_ROTATED])
    webhooks.send_test(room.store, room.clock, party="cmcc", endpoint=mine.endpoint)
    with pytest.raises(ConflictError):
        webhooks.send_test(room.store, room.clock, party="cmcc", endpoint=mine.endpoint)
    assert json.loads(room.due(mine.endpoint)[0].body)["type"] == "endpoint.test"


def test_old_deliveries_and_events_of_nobody_are_deleted(room: Room) -> None:
    mine, _secret = room.add()
    other, _secret = room.add("ctcc")
    room.emit(edition=1)
    room.emit(KEY_ROTATED, "", epoch=2)
    room.try_once(mine.endpoint, 200, "")
    room.try_once(mine.endpoint, 200, "")
    webhooks.remove_endpoint(room.store, room.clock, party="ctcc", endpoint=other.endpoint)
    assert webhooks.purge(room.store, room.clock, SETTINGS) == 0
    room.clock.advance(days=SETTINGS.kept_days, seconds=1)
    assert webhooks.purge(room.store, room.clock, SETTINGS) == 2
    assert room.store.engine.rows("SELECT * FROM webhook_event") == []


def test_a_batch_of_reports_is_one_event_whatever_its_size_and_no_event_holds_a_number(
    room: Room, plan: Any, rulebooks: Any
) -> None:
    mine, _secret = room.add()

    def row(line: int, **changes: Any) -> Row:
        fields = {"id": f"r{line}", "called": "13800138000", "caller": "02066668888", "category": "loan",
                  "at": "2026-11-23T09:00:00+08:00", **changes}  # fmt: skip
        return Row(line, json.dumps(fields).encode(), fields)

    rows = [row(line) for line in range(1, 2500)] + [row(9000, category="yachts"), row(9001, at="never")]
    for _again in range(2):
        reports.take_in(
            room.store, room.keys, room.clock, plan, rulebooks, source="cmcc", kind="carrier", rows=rows,
            idempotency="once",
        )  # fmt: skip
    quarantine.hold(
        room.store, room.keys, room.clock, source="cmcc", raw=b"<html>13800138000", format="outbox", reason="bad_page",
        detail="",
    )  # fmt: skip
    bodies = [json.loads(due.body) for due in room.due(mine.endpoint)]
    judged = [body["data"] for body in bodies if body["type"] == REPORT_JUDGED]
    held = [body["data"] for body in bodies if body["type"] == QUARANTINE_ADDED]
    assert len(judged) == 1
    assert (judged[0]["rows"], judged[0]["accepted"], judged[0]["quarantined"]) == (2501, 2499, 2)
    assert sum(judged[0]["verdicts"].values()) == 2499
    assert sorted(tuple(each["reasons"]) for each in held) == [("bad_page",), ("unknown_category", "bad_time")]
    assert "13800138000" not in json.dumps(bodies)
    reports.take_one(
        room.store, room.keys, room.clock, plan, rulebooks, source="cmcc", kind="carrier",
        fields=row(9002).fields,
    )  # fmt: skip
    assert len(room.due(mine.endpoint)) == 4

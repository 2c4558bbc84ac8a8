"""Scrubs over the API: lists sent at once and in parts, idempotency, states, cancelling, again, deleting, refusals."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.assembly import Registry
from registry.settings import parse
from tests.doubles import FakeClock, MemoryShelf
from tests.web.conftest import Carrier
from tests.web.scrubbing import QUERY, Telemarketer, finish
from web.application import create_app

Problem = Callable[[Any, int], dict[str, Any]]
LIST = b"name,phone\nLi,13800138000\nWang,13900139000\nnobody,call me\n"
ASK = {"channel": "messages", "category": "travel", "campaign": "autumn", "name": "list.csv"}


@pytest.fixture
def acme(client: FlaskClient, carrier: Carrier) -> Telemarketer:
    return Telemarketer(client, carrier("acme", "scrub", kind="telemarketer"))


def digest_of(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def test_a_call_list_sent_at_once_waits_for_its_turn(acme: Telemarketer, shelf: MemoryShelf) -> None:
    answer = acme.send(LIST, {**QUERY, "campaign": "autumn", "column": "phone", "name": "list.csv"})
    assert answer.status_code == 202, answer.text
    said = answer.get_json()
    assert (said["state"], said["size"], said["campaign"], said["column"]) == ("waiting", len(LIST), "autumn", "phone")
    assert said["result"] is None
    assert answer.headers["Location"] == f"/api/v1/scrubs/{said['scrub']}"
    assert acme.client.get(answer.headers["Location"], headers=acme.headers).get_json() == said
    assert not any(b"13800138000" in content for content in shelf.files.values())


def test_a_call_list_comes_in_parts_in_any_order_and_is_submitted(acme: Telemarketer, registry: Registry) -> None:
    begun = acme.post(body=ASK)
    assert begun.status_code == 201
    scrub = begun.get_json()["scrub"]
    assert begun.get_json()["state"] == "uploading"
    pieces = [LIST[:20], LIST[20:35], LIST[35:]]
    for part in (3, 1, 2):
        answer = acme.put(scrub, part, pieces[part - 1], **{"Content-Digest": digest_of(pieces[part - 1])})
        assert answer.status_code == 200, answer.text
        assert answer.get_json()["sha256"] == hashlib.sha256(pieces[part - 1]).hexdigest()
    acme.put(scrub, 2, pieces[1])  # sent again
    said = acme.get(f"/{scrub}/parts").get_json()
    assert [(each["part"], each["size"]) for each in said["parts"]] == [(1, 20), (2, 15), (3, len(LIST) - 35)]
    submitted = acme.post(f"/{scrub}/submission")
    assert (submitted.status_code, submitted.get_json()["state"]) == (202, "waiting")
    assert acme.post(f"/{scrub}/submission").get_json() == submitted.get_json()
    assert finish(registry, scrub).startswith(b"name,phone,")


def test_the_same_idempotency_key_finds_the_scrub_and_refuses_another_ask(
    acme: Telemarketer, problem: Problem
) -> None:
    key = {"Idempotency-Key": "mine-7"}
    first = acme.send(LIST, **key).get_json()["scrub"]
    assert acme.send(LIST, **key).get_json()["scrub"] == first
    assert len(acme.get().get_json()["scrubs"]) == 1
    other = acme.send(LIST, {**QUERY, "channel": "messages"}, **key)
    assert problem(other, 409)["code"] == "idempotency_reused"


def test_a_body_that_broke_off_or_is_not_what_was_announced_leaves_nothing(
    acme: Telemarketer, problem: Problem, shelf: MemoryShelf
) -> None:
    scrub = acme.post(body=ASK).get_json()["scrub"]
    longer = acme.put(scrub, 1, LIST, length=len(LIST) + 9)
    assert problem(longer, 422)["code"] == "upload_cut"
    wrong = acme.put(scrub, 1, LIST, **{"Content-Digest": digest_of(b"other")})
    assert problem(wrong, 422)["code"] == "digest_mismatch"
    assert problem(acme.put(scrub, 1, LIST, **{"Content-Digest": "sha-256=:AAAA:"}), 422)["code"] == "bad_digest"
    assert problem(acme.send(LIST, **{"Content-Digest": digest_of(b"other")}), 422)["code"] == "digest_mismatch"
    assert acme.get(f"/{scrub}/parts").get_json() == {"parts": [], "size": 0}
    assert not shelf.files
    assert {each["state"] for each in acme.get().get_json()["scrubs"]} == {"deleted", "uploading"}


def test_a_stream_that_broke_off_goes_on_under_its_idempotency_key(acme: Telemarketer, problem: Problem) -> None:
    key = {"Idempotency-Key": "mine-8"}
    assert problem(acme.send(LIST, length=9999, **key), 422)["code"] == "upload_cut"
    answer = acme.send(LIST, **key)
    assert (answer.status_code, answer.get_json()["state"]) == (202, "waiting")
    assert len(acme.get().get_json()["scrubs"]) == 1


def test_nothing_and_too_much_are_refused(
    registry: Registry, carrier: Carrier, problem: Problem, shelf: MemoryShelf
) -> None:
    small = replace(registry, settings=parse("[scrubs]\nmax_bytes = 30\n[site]\nbcrypt_cost = 4\n"))
    acme = Telemarketer(create_app(small).test_client(), carrier("acme", "scrub", kind="telemarketer"))
    assert problem(acme.send(LIST), 413)["code"] == "too_large"
    assert problem(acme.send(b""), 422)["code"] == "empty_list"
    scrub = acme.post(body=ASK).get_json()["scrub"]
    assert problem(acme.post(f"/{scrub}/submission"), 422)["code"] == "empty_list"
    assert acme.put(scrub, 1, LIST[:20]).status_code == 200
    assert problem(acme.put(scrub, 2, LIST[20:40]), 413)["code"] == "too_large"
    assert acme.put(scrub, 1, LIST[:30]).status_code == 200
    assert len(shelf.files) == 1


def test_parts_need_a_length_and_a_number_and_come_before_the_submission(
    acme: Telemarketer, problem: Problem
) -> None:
    scrub = acme.post(body=ASK).get_json()["scrub"]
    assert problem(acme.put(scrub, 0, LIST), 422)["code"] == "bad_part"
    assert problem(acme.put(scrub, 10_001, LIST), 422)["code"] == "bad_part"
    assert problem(acme.put(scrub, 1, LIST, **{"Content-Encoding": "gzip"}), 415)
    acme.put(scrub, 2, LIST)
    assert problem(acme.post(f"/{scrub}/submission"), 409)["code"] == "parts_missing"
    acme.put(scrub, 1, LIST)
    acme.post(f"/{scrub}/submission")
    assert problem(acme.put(scrub, 3, LIST), 409)["code"] == "not_uploading"


def test_a_part_that_comes_while_the_list_is_submitted_changes_nothing(
    acme: Telemarketer, registry: Registry, problem: Problem, shelf: MemoryShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrub = acme.post(body=ASK).get_json()["scrub"]
    acme.put(scrub, 1, LIST)
    put = shelf.put

    def slowly(name: str, content: Any) -> None:
        put(name, content)
        monkeypatch.undo()
        assert acme.post(f"/{scrub}/submission").status_code == 202

    monkeypatch.setattr(shelf, "put", slowly)
    late = acme.put(scrub, 1, b"phone\n13800138001\n")
    assert problem(late, 409)["code"] == "not_uploading"
    assert b"Wang" in finish(registry, scrub)
    assert len([name for name in shelf.files if "/part-" in name]) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"channel": "calls"}, "bad_query"),
        ({**QUERY, "category": "pigeons"}, "bad_query"),
        ({**QUERY, "country": "cn"}, "bad_query"),
        ({**QUERY, "at": "tomorrow"}, "bad_query"),
        ({**QUERY, "at": "2020-01-01T10:00:00Z"}, "bad_time"),
        ({**QUERY, "colour": "red"}, "bad_query"),
    ],
)
def test_an_ask_that_is_wrong_is_refused_before_the_body_is_read(
    acme: Telemarketer, problem: Problem, query: dict[str, str], code: str
) -> None:
    assert problem(acme.send(LIST, query), 422)["code"] == code
    assert acme.get().get_json()["scrubs"] == []


def test_a_scrub_of_another_party_is_as_one_that_does_not_exist(
    acme: Telemarketer, carrier: Carrier, problem: Problem
) -> None:
    scrub = acme.send(LIST).get_json()["scrub"]
    rival = Telemarketer(acme.client, carrier("rival", "scrub", kind="telemarketer"))
    answers = [
        rival.get(f"/{scrub}"), rival.get(f"/{scrub}/parts"), rival.get(f"/{scrub}/result"), rival.put(scrub, 1, LIST),
        rival.post(f"/{scrub}/submission"), rival.post(f"/{scrub}/cancellation"), rival.post(f"/{scrub}/again"),
        rival.client.delete(f"/api/v1/scrubs/{scrub}", headers=rival.headers),
    ]  # fmt: skip
    unknown = problem(rival.get("/nosuchscrub"), 404)
    for answer in answers:
        said = problem(answer, 404)
        assert (said["code"], said["detail"]) == (unknown["code"], unknown["detail"]) == (
            "no_such_scrub", "There is no such scrub.",
        )
    assert rival.get().get_json() == {"scrubs": [], "next": None}
    assert acme.get(f"/{scrub}").get_json()["state"] == "waiting"


def test_a_scrub_that_waits_is_stopped_once(acme: Telemarketer, problem: Problem) -> None:
    scrub = acme.send(LIST).get_json()["scrub"]
    assert acme.post(f"/{scrub}/cancellation").get_json()["state"] == "cancelled"
    assert problem(acme.post(f"/{scrub}/cancellation"), 409)["code"] == "scrub_ended"
    assert problem(acme.get(f"/{scrub}/result"), 409)["state"] == "cancelled"


def test_who_deletes_a_scrub_stops_it_or_takes_its_files_away(
    acme: Telemarketer, registry: Registry, problem: Problem, shelf: MemoryShelf
) -> None:
    def delete(scrub: str) -> int:
        status: int = acme.client.delete(f"/api/v1/scrubs/{scrub}", headers=acme.headers).status_code
        return status

    waits, done = acme.send(LIST).get_json()["scrub"], acme.send(LIST).get_json()["scrub"]
    finish(registry, done)
    assert [delete(waits), delete(done), delete(done)] == [204, 204, 204]
    assert not shelf.files
    assert [each["state"] for each in acme.get().get_json()["scrubs"]] == ["deleted", "deleted"]
    assert problem(acme.get(f"/{done}/result"), 404)["code"] == "result_deleted"
    assert acme.get(f"/{done}").get_json()["lines"] == 3


def test_the_same_list_is_checked_again_while_it_is_kept(
    acme: Telemarketer, registry: Registry, problem: Problem
) -> None:
    scrub = acme.post(body=ASK).get_json()["scrub"]
    assert problem(acme.post(f"/{scrub}/again"), 409)["code"] == "not_submitted"
    acme.put(scrub, 1, LIST[:20])
    acme.put(scrub, 2, LIST[20:])
    acme.post(f"/{scrub}/submission")
    first = finish(registry, scrub)
    made = acme.post(f"/{scrub}/again", **{"Idempotency-Key": "again-1"})
    assert made.status_code == 202
    said = made.get_json()
    assert (said["again"], said["state"], said["campaign"], said["channel"]) == (
        scrub, "waiting", "autumn", "messages",
    )
    assert acme.post(f"/{scrub}/again", **{"Idempotency-Key": "again-1"}).get_json()["scrub"] == said["scrub"]
    assert finish(registry, said["scrub"]) == first
    acme.client.delete(f"/api/v1/scrubs/{scrub}", headers=acme.headers)
    assert problem(acme.post(f"/{scrub}/again"), 404)["code"] == "call_list_deleted"


def test_scrubs_are_listed_newest_first_page_by_page(acme: Telemarketer, clock: FakeClock, problem: Problem) -> None:
    made = []
    for _ in range(5):
        made.append(acme.send(LIST).get_json()["scrub"])
        clock.advance(1)
    seen, before = [], ""
    for _ in range(3):
        page = acme.get(f"?limit=2{before}").get_json()
        seen += [each["scrub"] for each in page["scrubs"]]
        before = f"&before={page['next']}"
    assert seen == made[::-1]
    assert page["next"] is None
    assert problem(acme.get("?limit=0"), 422)["code"] == "bad_query"


def test_a_key_that_only_reads_follows_scrubs_and_makes_none(
    acme: Telemarketer, carrier: Carrier, problem: Problem
) -> None:
    scrub = acme.send(LIST).get_json()["scrub"]
    reader = Telemarketer(acme.client, carrier("acme", "read", kind="telemarketer"))
    assert reader.get(f"/{scrub}").status_code == reader.get().status_code == 200
    for answer in (reader.send(LIST), reader.get(f"/{scrub}/result"), reader.post(f"/{scrub}/cancellation")):
        assert problem(answer, 403)["code"] == "scope_missing"

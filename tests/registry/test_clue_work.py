"""How a batch of clues goes: looked at by one and sent by another, fetched once, acknowledged, answered, settled."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from registry import clueanswers, cluemaking, clues, cluestates, cluework
from registry.access import SYSTEM
from registry.clueanswers import Answer
from registry.cluepackages import check
from registry.clues import Batch
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, RegistryError
from registry.keys import KeyRing
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.clueing import SIGNING, Desk, Q
from tests.registry.gatheringup import member


@pytest.fixture
def desk(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Desk:
    made = Desk(store, keys, clock, plan)
    made.fall(4)
    return made


def made(desk: Desk) -> Batch:
    found = cluemaking.make(desk.office, actor=SYSTEM, quarter=Q, topic="nfra")
    assert found is not None
    return found


def sent(desk: Desk, *, way: str = "hand") -> cluework.Sent:
    batch = made(desk).batch
    cluework.review(desk.store, desk.clock, actor=desk.ann, batch=batch)
    return cluework.send(desk.store, desk.clock, actor=desk.bea, batch=batch, way=way, reason="机要")


def received(desk: Desk) -> str:
    batch = sent(desk).batch.batch
    receive(desk, batch)
    return batch


def receive(desk: Desk, batch: str) -> Batch:
    return cluework.receive(desk.store, desk.clock, actor=desk.ann, batch=batch, at=desk.clock.now(), receiver="李处",
                            file_number="金监函〔2026〕8号")  # fmt: skip


def names(desk: Desk, batch: str) -> list[str]:
    return [each.clue for each in desk.store.clues.of_batch(batch)]


def refused(code: str, act: Callable[[], object]) -> None:
    with pytest.raises(RegistryError) as caught:
        act()
    assert caught.value.code == code


def test_one_looks_at_a_batch_and_another_sends_it(desk: Desk) -> None:
    batch, store, clock = made(desk).batch, desk.store, desk.clock
    both = member("decider", "ann", clock)
    refused("not_allowed", lambda: cluework.review(store, clock, actor=desk.bea, batch=batch))
    refused("clue_too_early", lambda: cluework.send(store, clock, actor=desk.bea, batch=batch, way="hand", reason="x"))
    cluework.review(store, clock, actor=desk.ann, batch=batch, note="看过")
    refused("clue_done_already", lambda: cluework.review(store, clock, actor=desk.ann, batch=batch))
    refused("own_proposal", lambda: cluework.send(store, clock, actor=both, batch=batch, way="hand", reason="x"))
    refused("no_reason", lambda: cluework.send(store, clock, actor=desk.bea, batch=batch, way="hand", reason=" "))
    refused("bad_way", lambda: cluework.send(store, clock, actor=desk.bea, batch=batch, way="owl", reason="x"))
    done = cluework.send(store, clock, actor=desk.bea, batch=batch, way="hand", reason="机要")
    assert (done.batch.state, done.code) == ("sent", "")
    assert done.batch.due == clock.now() + timedelta(days=10)
    refused(
        "clue_done_already", lambda: cluework.send(store, clock, actor=desk.bea, batch=batch, way="hand", reason="x")
    )
    refused("clue_done_already", lambda: cluework.discard(store, clock, actor=desk.bea, batch=batch, reason="x"))
    assert [row["action"] for row in store.clues.moves(batch)] == ["make", "review", "send"]
    trail = [entry.action for entry in store.audit.newest(before=None, most=9)]
    assert trail[:3] == ["clues_send", "clues_review", "clues_make"]


def test_a_receipt_before_it_was_sent_or_at_no_time_of_it_is_refused(desk: Desk) -> None:
    batch, clock = made(desk).batch, desk.clock
    refused("clue_too_early", lambda: receive(desk, batch))
    cluework.review(desk.store, clock, actor=desk.ann, batch=batch)
    cluework.send(desk.store, clock, actor=desk.bea, batch=batch, way="hand", reason="机要")
    for at, who, code in (
        (clock.now() + timedelta(days=1), "李处", "bad_date"), (clock.now() - timedelta(days=1), "李处", "bad_date"),
        (clock.now(), " ", "no_receiver"),
    ):  # fmt: skip
        refused(code, lambda at=at, who=who: cluework.receive(  # type: ignore[misc]
            desk.store, clock, actor=desk.ann, batch=batch, at=at, receiver=who, file_number=""))  # fmt: skip
    done = receive(desk, batch)
    assert (done.state, done.receiver, done.file_number) == ("received", "李处", "金监函〔2026〕8号")
    refused("clue_done_already", lambda: receive(desk, batch))


def test_a_department_fetches_its_package_once_and_signs_for_it(desk: Desk) -> None:
    done = sent(desk, way="link")
    batch = done.batch.batch

    def fetch(code: str, who: str = "李处") -> tuple[Batch, bytes]:
        return cluework.fetch(desk.office, batch=batch, code=code, receiver=who, file_number="8")

    assert not any(letter.isdigit() for letter in done.code)
    refused("fetch_wrong", lambda: fetch("bcdf-bcdf-bcdf-bcdf-bcdf"))
    refused("no_receiver", lambda: fetch(done.code, ""))
    refused("fetch_wrong", lambda: cluework.fetch(desk.office, batch="x", code=done.code, receiver="x", file_number=""))
    found, content = fetch(f" {done.code.upper()} ")
    assert (found.state, found.receiver) == ("received", "李处")
    assert check(content, SIGNING.public).payload.batch == batch
    assert desk.store.clues.moves(batch)[-1]["actor"] == "department:nfra"
    refused("fetch_wrong", lambda: fetch(done.code))
    again = cluework.link(desk.store, desk.clock, actor=desk.bea, batch=batch, reason="下载中断")
    assert fetch(again.code)[1] == content


def test_a_code_ends_by_its_time_or_by_wrong_guesses(desk: Desk) -> None:
    done = sent(desk, way="link")
    batch = done.batch.batch

    def fetch(code: str) -> object:
        return cluework.fetch(desk.office, batch=batch, code=code, receiver="李处", file_number="")

    for _ in range(cluework.GUESSES):
        refused("fetch_wrong", lambda: fetch("wrong"))
    refused("fetch_wrong", lambda: fetch(done.code))
    again = cluework.link(desk.store, desk.clock, actor=desk.bea, batch=batch, reason="猜错")
    desk.clock.advance(days=cluework.CODE_DAYS)
    refused("fetch_wrong", lambda: fetch(again.code))


def test_a_look_into_a_package_has_a_reason_and_stands_in_the_trail(desk: Desk) -> None:
    batch = made(desk).batch
    refused("clue_too_early", lambda: cluework.download(desk.office, actor=desk.bea, batch=batch, reason="x"))
    cluework.review(desk.store, desk.clock, actor=desk.ann, batch=batch)
    refused("not_allowed", lambda: cluework.download(desk.office, actor=desk.ann, batch=batch, reason="x"))
    refused("no_reason", lambda: cluework.download(desk.office, actor=desk.bea, batch=batch, reason=""))
    _found, content = cluework.download(desk.office, actor=desk.bea, batch=batch, reason="送机要室")
    assert check(content, SIGNING.public).payload.clues == 4
    assert desk.store.clues.moves(batch)[-1]["note"] == "送机要室"


def test_crime_is_sent_by_one_person_and_rings_until_its_receipt(desk: Desk) -> None:
    desk.crime()
    batch = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert batch is not None
    assert batch.due == desk.clock.now() + timedelta(hours=1)
    done = cluework.send(desk.store, desk.clock, actor=desk.bea, batch=batch.batch, way="link", reason="公安")
    assert [each.batch for each in desk.store.clues.unreceived("urgent")] == [batch.batch]
    cluework.fetch(desk.office, batch=batch.batch, code=done.code, receiver="王警官", file_number="")
    assert desk.store.clues.unreceived("urgent") == ()


def test_answers_are_taken_one_by_one_and_what_is_wrong_is_said_of_each(desk: Desk) -> None:
    batch = received(desk)
    first, second, third, fourth = names(desk, batch)
    told = clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=batch, answers=[
        Answer(first, "accepted"), Answer(first, "accepted"), Answer(second, "returned"),
        Answer(second, "returned", note="管辖"), Answer("nowhere", "accepted"), Answer(third, "perhaps"),
        Answer(third, "transferred", "nfra"), Answer(third, "transferred", "moon"), Answer(third, "transferred", "mps"),
        Answer(third, "punished"), Answer(first, "punished", note="罚款"), Answer(first, "punished"),
    ])  # fmt: skip
    assert [each.error.code if each.error else "" for each in told] == [
        "", "answered_already", "no_reason", "", "not_in_batch", "bad_result", "same_department",
        "no_such_department", "", "not_accepted", "", "settled_already",
    ]  # fmt: skip
    found = clues.batch_of(desk.store, batch)
    assert (found.answered, found.settled, found.state) == (3, 3, "received")
    (passed,) = desk.store.clues.waiting("mps")
    assert passed.facts == desk.store.clues.these(batch, [third])[third].facts
    clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=batch, answers=[Answer(fourth, "accepted")])
    assert clues.batch_of(desk.store, batch).state == "answered"
    assert clues.batch_of(desk.store, batch).due == desk.clock.now() + timedelta(days=90)
    clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=batch, answers=[Answer(fourth, "unfounded")])
    done = clues.batch_of(desk.store, batch)
    assert (done.state, done.due, done.settled) == ("closed", None, 4)
    refused("clue_done_already", lambda: clueanswers.answer_all(
        desk.store, desk.clock, actor=desk.ann, batch=batch, result="accepted"))  # fmt: skip
    results = desk.store.clues.results(department="nfra")
    assert results == {"punished": 1, "returned": 1, "transferred": 1, "unfounded": 1}


def test_what_a_department_passed_on_reaches_the_other_with_its_next_package(desk: Desk) -> None:
    batch = received(desk)
    first, second, *_others = names(desk, batch)
    answers = [Answer(first, "transferred", "mps"), Answer(second, "transferred", "moe")]
    clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=batch, answers=answers)
    urgent = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    addendum = cluemaking.make_addendum(desk.office, actor=desk.ann, department="moe")
    assert urgent is not None
    assert (urgent.department, urgent.clues, addendum.department, addendum.clues) == ("mps", 1, "moe", 1)
    cluework.discard(desk.store, desk.clock, actor=desk.bea, batch=addendum.batch, reason="有误")
    assert desk.store.clues.waiting_counts() == {"moe": 1}


def test_no_answer_is_taken_before_the_receipt_or_for_no_batch(desk: Desk) -> None:
    batch = sent(desk).batch.batch
    (name, *_others) = names(desk, batch)
    for which, error in ((batch, ConflictError), ("x", NotFoundError)):
        with pytest.raises(error):
            clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=which, answers=[Answer(name, "accepted")])
    receive(desk, batch)
    with pytest.raises(InvalidInputError):
        clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=batch, answers=[Answer("", "")] * 20_001)
    with pytest.raises(NotAllowedError):
        clueanswers.answer(desk.store, desk.clock, actor=desk.bea, batch=batch, answers=[Answer(name, "accepted")])


def test_all_clues_are_answered_at_once_but_for_those_that_were(desk: Desk) -> None:
    batch = received(desk)
    (first, *_others) = names(desk, batch)
    back = Answer(first, "returned", note="重复")
    clueanswers.answer(desk.store, desk.clock, actor=desk.ann, batch=batch, answers=[back])
    for result, state in (("accepted", "answered"), ("punished", "closed")):
        told = clueanswers.answer_all(desk.store, desk.clock, actor=desk.ann, batch=batch, result=result)
        assert [each.error for each in told] == [None] * 3
        assert clues.batch_of(desk.store, batch).state == state


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_the_file_of_a_department_is_read_in_both_languages(encoding: str) -> None:
    text = "clue,kind,result,department,note\r\nb,report,受理,,\r\nc,report,,,\r\nd,report,Transferred,MPS,刑案\r\n"
    found = clueanswers.read_answers(io.BytesIO(text.encode(encoding)))
    assert found == [Answer("b", "accepted", line=2), Answer("d", "transferred", "mps", "刑案", 4)]
    with pytest.raises(InvalidInputError) as caught:
        clueanswers.read_answers(io.BytesIO(b"a;b\n1;2\n"))
    assert caught.value.code == "csv_header"


def test_every_state_but_the_last_has_a_deadline_and_a_way_on(clock: FakeClock) -> None:
    for state in cluestates.STATES:
        ends = state in ("closed", "discarded")
        assert (cluestates.due_after(state, "quarter", clock.now()) is None) == ends
        assert ends or any(state in move.origins for move in cluestates.MOVES)

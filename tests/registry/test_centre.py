"""The report centre's desk: the queue in its order under any filter, single moves, answers of its own, many at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest

from registry import audit, centre, centrequeue, heldreports, peoplesreports
from registry.access import Actor
from registry.centrequeue import Place, Wanted, from_letters, to_letters
from registry.deskwork import Answer
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.handling import CLASSES, Handling
from registry.handlingmoves import State
from registry.keys import KeyRing
from registry.numbering.provinces import load_provinces
from registry.numbers import parse_one
from registry.sealing import seal_one
from registry.store import Store, facets
from registry.store.migrations.facets import PACKED
from tests.doubles import FakeClock
from tests.registry.gatheringup import member
from tests.registry.test_handling import Centre

STATES = ("accepted", "forwarded", "returned", "told", "closed", "reopened")
Matches = Callable[[Handling], bool]


@pytest.fixture
def office(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> Centre:
    return Centre(store, keys, clock, plan, rulebooks)


@pytest.fixture
def intake(clock: FakeClock) -> Actor:
    return member("intake", "ines", clock)


def draw(store: Store, clock: FakeClock, count: int = 60) -> list[Handling]:
    """Reports of all kinds, some with equal deadlines and moments."""
    chance, now, made = random.Random(7), clock.now(), []
    for place in range(count):
        state, channel = chance.choice(STATES), chance.choice((0, 1, 2))
        due = None if state in ("closed", "returned") else now + timedelta(days=chance.randrange(-3, 6))
        letters = "".join("bcdfghjkmn"[int(digit)] for digit in f"{place * 7919 % 1_000_000:012}"[::-1])
        made.append(Handling(
            "people", f"s{place}", letters, state, chance.choice(("", "cmcc", "sender")),
            now - timedelta(hours=chance.randrange(9)), now, chance.choice(("commercial", "malicious", "unlawful")),
            "message" if channel == 2 else "call", channel, chance.randrange(-1, 4), "", None, 0,
            chance.choice(("", "beijing", "hunan")), chance.choice(("cmcc", "ctcc")), "", "", "", "2026", "violation",
            "", due, now, late=chance.randrange(2), held=chance.choice(("", "", "bombing", "same_text")),
            undated=due is None and chance.random() < 0.5,
        ))  # fmt: skip
    with store.writing():
        store.handling.add(made)
    return made


def singles(now: Any) -> Iterator[tuple[dict[str, Any], Matches]]:
    """Each filter, with what it means."""
    yield {}, lambda _each: True
    yield {"state": "worked"}, lambda each: each.state not in ("told", "closed")
    yield {"where": "centre"}, lambda each: not each.desk
    yield {"where": "desk"}, lambda each: bool(each.desk)
    yield {"late": "overdue"}, lambda each: each.due is not None and each.due <= now
    yield {"late": "once"}, lambda each: each.late > 0
    yield {"held": "held"}, lambda each: bool(each.held)
    yield {"held": "not_held"}, lambda each: not each.held
    yield {"undated": True}, lambda each: each.undated
    yield {"reference": "bbbbbb"}, lambda each: each.reference.startswith("bbbbbb")
    yield {"reference": "kcd"}, lambda _each: True  # too short to find anything
    for name, value in (("state", "forwarded"), ("desk", "sender"), ("class_", "unlawful"), ("kind", "call"),
                        ("channel", 0), ("category", -1), ("province", "hunan"), ("carrier", "ctcc"),
                        ("held", "bombing")):  # fmt: skip
        yield {name: value}, lambda each, name=name, value=value: getattr(each, name) == value  # type: ignore[misc]


def in_order(reports: list[Handling]) -> list[str]:
    """What is due first on top, then the newest."""
    dated = sorted((each for each in reports if each.due), key=lambda each: (each.due, each.reference))
    rest = sorted((each for each in reports if not each.due), key=lambda each: (each.received, each.reference))
    return [each.reference for each in (*dated, *reversed(rest))]


def walk(store: Store, clock: FakeClock, wanted: Wanted, limit: int) -> list[str]:
    """The references of all pages, one after the other."""
    after, found = None, list[str]()
    while True:
        page = centrequeue.queue(store, clock, wanted, after=after, limit=limit)
        found += [each.reference for each in page.reports]
        if page.more is None:
            return found
        after = Place.read(page.more.written)
        assert after == page.more


def test_any_filter_and_any_two_give_what_they_say_due_first_page_by_page(store: Store, clock: FakeClock) -> None:
    made, filters = draw(store, clock), list(singles(clock.now()))
    for place, (first, is_first) in enumerate(filters):
        for second, is_second in filters[place::3]:
            matching = [each for each in made if is_first(each) and is_second(each)]
            wanted = Wanted(**(first | second))
            if not first.keys() & second.keys() or first == second:
                assert walk(store, clock, wanted, 20) == in_order(matching), wanted
                assert centrequeue.queue(store, clock, wanted).count == len(matching), wanted


def test_what_the_queue_filters_by_is_packed_alike_by_every_statement(store: Store, clock: FakeClock) -> None:
    made = draw(store, clock, 40)
    with store.writing():
        store.handling.change("people", made[0].source_id, state="appealed", due=0, late=0, undated=1, outcome="x")
        store.gathering.hold([(each.source, each.source_id) for each in made], "bombing")
        store.gathering.set_clusters({"source": "people", "source_id": each.source_id, "cluster": "t"} for each in made)
    for decision in ("release", "dismiss"):
        wave = store.centre.waves(limit=1)[0]
        with store.writing():
            store.centre.decide(wave, at=1, actor="system", decision=decision, reason="x",
                                state="closed" if decision == "dismiss" else "")  # fmt: skip
    with store.writing():
        kept = store.engine.rows("SELECT source_id, facets FROM handling ORDER BY source_id")
        store.engine.run(f"UPDATE handling SET facets = {PACKED}")
        assert store.engine.rows("SELECT source_id, facets FROM handling ORDER BY source_id") == kept
    assert len({row["facets"] for row in kept}) > 20


def test_every_word_has_its_place_in_what_is_packed() -> None:
    assert set(facets.STATES) == set(get_args(State))
    assert facets.STATES[facets.FIRST_OVER :] == ("told", "closed")
    assert (facets.PROVINCES[1:], facets.CLASSES) == (load_provinces().names[1:], CLASSES)
    assert facets.HELD[1:] == heldreports.HELD
    assert facets.packed({"province": "atlantis", "state": "nonsense"})[1] == facets.mask_of("province") | 15


def test_a_page_begins_where_the_one_before_ended_whatever_was_moved_meanwhile(store: Store, clock: FakeClock) -> None:
    made = draw(store, clock)
    first = centrequeue.queue(store, clock, Wanted(), limit=10)
    with store.writing():
        store.handling.change("people", first.reports[0].source_id, due=0)
    second = centrequeue.queue(store, clock, Wanted(), after=first.more, limit=10)
    assert [each.reference for each in second.reports] == in_order(made)[10:20]
    assert second.count is None
    for text in ("", "due", "due--b", "due-123-b", "rest-bcd-", "rest-bcd-é", "other-bcd-b", f"due-{'b' * 14}-b"):
        assert Place.read(text) is None
    assert from_letters(to_letters(1_790_000_000_000_000)) == 1_790_000_000_000_000


def test_counts_stop_and_what_is_to_do_is_said(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = draw(store, clock)
    standing = centrequeue.standing(store, clock)
    assert standing == centrequeue.Standing(
        sum(each.state in centrequeue.HERE and not each.desk for each in made),
        sum(each.due is not None and each.due <= clock.now() for each in made),
        sum(bool(each.held) and each.state != "closed" for each in made), sum(each.undated for each in made),
    )  # fmt: skip
    monkeypatch.setattr(centrequeue, "MOST_COUNTED", 5)
    assert centrequeue.queue(store, clock, Wanted(), limit=3).count == 6
    assert centrequeue.standing(store, clock).overdue == 6


# moves


def test_what_nobody_answers_for_the_centre_finds_out_and_answers_whole(office: Centre, intake: Actor) -> None:
    found = office.come(office.row(None))[0]
    assert (found.state, found.desk) == ("accepted", "")
    done = centre.answer(office.tools, actor=intake, reference=found.reference, seen=found.updated,
                         said=Answer("violation", "other", "号码已转交公安机关"))  # fmt: skip
    assert (done.state, done.outcome) == ("fed_back", "violation")
    actions = [row["action"] for row in office.store.handling.moves(found.source, found.source_id)]
    assert actions == ["accept", "find_violation", "measure", "feed_back"]
    assert centre.act(office.tools, actor=intake, reference=found.reference, action="tell").state == "told"
    assert audit.entries(office.store)[0].action == "report_tell"


def test_the_centre_answers_for_a_desk_that_does_not_and_disowns_for_nobody(office: Centre, intake: Actor) -> None:
    office.port("10690001", office.sender)
    found = office.come(office.row("1069000155"))[0]
    with pytest.raises(NotAllowedError):
        centre.answer(office.tools, actor=intake, reference=found.reference, said=Answer("not_ours"))
    said = Answer("unfounded", "", "查无实据")
    done = centre.answer(office.tools, actor=intake, reference=found.reference, said=said)
    assert (done.state, done.desk) == ("fed_back", "sender")
    with pytest.raises(ConflictError) as refused:
        centre.answer(office.tools, actor=intake, reference=found.reference, said=said)
    assert refused.value.code == "no_such_move"


def test_of_two_officers_on_one_report_the_second_is_told_and_changes_nothing(office: Centre, intake: Actor) -> None:
    found = office.come(office.row(None))[0]
    office.clock.advance(seconds=1)
    first = centre.act(office.tools, actor=intake, reference=found.reference, action="forward", desk="cmcc",
                       seen=found.updated)  # fmt: skip
    for action, more in (("forward", {"desk": "sender"}), ("return", {"note": "x"}), ("close", {})):
        with pytest.raises(ConflictError) as refused:
            centre.act(office.tools, actor=intake, reference=found.reference, action=action, seen=found.updated, **more)  # type: ignore[arg-type]
        assert refused.value.code == "moved_meanwhile"
    with pytest.raises(ConflictError):
        centre.answer(office.tools, actor=intake, reference=found.reference, said=Answer("unfounded", "", "没有"),
                      seen=found.updated)  # fmt: skip
    assert office.store.handling.of_reference(found.reference) == first


def test_a_decision_on_a_report_in_another_state_or_on_none_is_refused(office: Centre, intake: Actor) -> None:
    found = office.come(office.row(None))[0]
    for action, code in (("tell", "no_such_move"), ("reopen", "no_such_move"), ("accept", "no_such_move")):
        with pytest.raises(ConflictError) as refused:
            centre.act(office.tools, actor=intake, reference=found.reference, action=action)
        assert refused.value.code == code
    for action in ("dismiss", "find_violation", "appeal", ""):
        with pytest.raises(InvalidInputError):
            centre.act(office.tools, actor=intake, reference=found.reference, action=action)
    with pytest.raises(NotFoundError):
        centre.act(office.tools, actor=intake, reference="bbbbbbbbbbbb", action="close")
    with pytest.raises(ConflictError) as refused:
        office.move(found, "dismiss")
    assert refused.value.code == "not_held"
    assert office.store.handling.of_reference(found.reference) == found


def test_a_report_goes_to_a_desk_by_name_and_to_nobody_without_one(office: Centre, intake: Actor) -> None:
    found = office.come(office.row(None))[0]
    for desk in ("", "nobody", "没有账号的公司"):
        with pytest.raises(InvalidInputError) as refused:
            centre.act(office.tools, actor=intake, reference=found.reference, action="forward", desk=desk)
        assert refused.value.code == "no_desk"
    party = office.store.parties.party("sender")
    assert party is not None
    assert centre.party_called(office.store, " sender ") == "sender"
    on = centre.act(office.tools, actor=intake, reference=found.reference, action="forward", desk=party.name_zh)
    assert (on.state, on.desk) == ("forwarded", "sender")


def test_a_person_reads_what_is_missing_and_completes_it(office: Centre, intake: Actor) -> None:
    mine = seal_one(office.tools.keys.at_rest, parse_one("13800138000", office.tools.plan))
    told = peoplesreports.Told("1", "calls", "human", "loan", office.clock.now(), "17100000002", None, "", "", "喂",
                               consent=True)  # fmt: skip
    reference = peoplesreports.take(office.tools, told=told, reporter=mine, country="CN").handling.reference
    for note, missing in ((" ", ("description",)), ("说清楚些", ()), ("说清楚些", ("nonsense",))):
        with pytest.raises(InvalidInputError) as refused:
            centre.act(office.tools, actor=intake, reference=reference, action="return", note=note, missing=missing)
        assert refused.value.code == "no_note"
    back = centre.act(office.tools, actor=intake, reference=reference, action="return", note="对方说了什么？",
                      missing=("description",))  # fmt: skip
    assert (back.state, back.due) == ("returned", None)
    own = peoplesreports.own_report(office.tools, reference=reference, reporter=mine)
    assert (own.missing, own.moves[-1]["note"]) == (("description",), "对方说了什么？")
    person = Actor("person", role="person")
    done = peoplesreports.complete(office.tools, reference=reference, reporter=mine, actor=person, country="CN",
                                   description="推销贷款")  # fmt: skip
    assert done.state == "accepted"
    assert peoplesreports.own_report(office.tools, reference=reference, reporter=mine).description == "推销贷款"


def test_of_many_each_is_taken_or_refused_by_itself(office: Centre, intake: Actor) -> None:
    one, two, three = office.come(office.row(None), office.row(None), office.row(None))
    office.move(two, "forward", desk="cmcc")
    names = [one.reference, two.reference, "bbbbbbbbbbbb", one.reference, three.reference]
    results = centre.act_on_many(office.tools, actor=intake, references=names, action="forward", desk="sender")
    assert [(each.state, each.error) for each in results] == [
        ("forwarded", ""), ("", "no_such_move"), ("", "no_such_report"), ("forwarded", ""),
    ]  # fmt: skip
    assert [office.store.handling.of_reference(each.reference).desk for each in (one, two, three)] == [  # type: ignore[union-attr]
        "sender", "cmcc", "sender",
    ]  # fmt: skip
    refused = centre.act_on_many(office.tools, actor=intake, references=[one.reference], action="tell")
    assert refused[0].error == "no_such_action"
    closed = centre.act_on_many(office.tools, actor=intake, references=[one.reference], action="close")
    assert closed[0].error == "no_such_move"

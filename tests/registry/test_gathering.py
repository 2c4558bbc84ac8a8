"""Tests of how upheld reports come together, of what evades, and of what must not count."""

from __future__ import annotations

from typing import Any

import pytest

from registry.keys import KeyRing
from registry.likeness import Likeness, alike
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.gatheringup import TEXT, Pile


@pytest.fixture
def pile(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Pile:
    return Pile(store, keys, clock, plan)


def test_one_caller_makes_a_case_at_the_threshold_and_not_below(pile: Pile) -> None:
    one = pile.enterprise("甲公司")
    pile.fall(9, enterprise=one)
    assert pile.gather()["cases"] == 0
    pile.fall(1, enterprise=one)
    assert pile.gather() == {"looked": 1, "held": 0, "counted": 1, "cases": 1}
    assert pile.cases() == [(one, "campaign", 10)]
    pile.fall(5, enterprise=one)
    pile.gather()
    assert pile.cases() == [(one, "campaign", 15)]


def test_nearly_one_text_ties_numbers_together_and_another_text_does_not(pile: Pile) -> None:
    for place in range(10):
        pile.fall(1, caller=f"1380013800{place}", text=f"{TEXT} 编号{place}{place}87 ！")
    pile.fall(9, caller="13900139000", text="本周六到店试驾新车，前五十名有礼，地址在城东车市")
    pile.gather()
    assert pile.cases() == [("", "campaign", 10)]


def test_who_stays_just_under_the_threshold_with_each_number_is_found(pile: Pile) -> None:
    evader, honest = pile.enterprise("躲避公司"), pile.enterprise("老实公司")
    for place in range(2):
        pile.fall(9, enterprise=evader, caller=f"1380013800{place}")
    pile.fall(9, enterprise=honest, caller="13900139000")
    pile.gather()
    assert pile.cases() == [(evader, "just_under", 18)]


def test_who_spreads_over_many_numbers_is_found_by_the_sum(pile: Pile) -> None:
    evader = pile.enterprise("分散公司")
    for place in range(5):
        pile.fall(2, enterprise=evader, caller=f"1380013800{place}")
    pile.gather()
    assert pile.cases() == [(evader, "spread", 10)]


def test_many_people_with_one_text_in_an_hour_are_held_for_review_and_not_counted(pile: Pile) -> None:
    innocent = pile.enterprise("无辜公司")
    for place in range(15):
        pile.fall(1, enterprise=innocent, source="people", text=TEXT)
        if place % 3 == 0:
            pile.gather(later=120)
    counts = pile.gather()
    assert pile.cases() == []
    assert counts["counted"] == 0
    held = pile.store.engine.row("SELECT COUNT(*) AS n FROM handling WHERE held = 'bombing'")
    assert held == {"n": 15}


def test_people_who_report_one_campaign_over_days_are_no_bombing(pile: Pile) -> None:
    sender = pile.enterprise("发送公司")
    for _ in range(10):
        pile.fall(1, enterprise=sender, source="people", text=TEXT)
        pile.gather(later=1800)
    pile.gather()
    assert pile.cases() == [(sender, "campaign", 10)]


def test_the_same_text_twice_a_minute_from_one_person_counts_once(pile: Pile) -> None:
    for wait in (20, 20, 100):
        pile.fall(1, source="people", person="one", text=TEXT)
        pile.clock.advance(wait)
    assert pile.gather()["counted"] == 1
    pile.fall(1, source="people", person="one", text=TEXT)
    assert pile.gather()["counted"] == 1


def test_what_was_reported_before_a_number_was_recycled_stays_out(pile: Pile) -> None:
    old = pile.fall(12)[0]
    pile.clock.advance(60)
    with pile.store.writing():
        pile.store.engine.run(
            """INSERT INTO number_event (source, source_id, event, batch, line, number, kind, at, giver,
                taker, received, state, reason, other, settled, actor, note)
            SELECT 'cmcc', 'e', 'e', 'b', 1, caller, 'recycled', at + 1, '', '', received, 'done', '', '', 0, '', ''
            FROM report WHERE source_id = :id""",
            id=old.source_id,
        )
    assert pile.gather()["counted"] == 0
    pile.fall(10)
    pile.gather()
    assert pile.cases() == [("", "campaign", 10)]


def test_what_was_allowed_or_found_unfounded_does_not_count_and_is_taken_back(pile: Pile) -> None:
    pile.fall(12, verdict="allowed")
    assert pile.gather()["counted"] == 0
    fallen = pile.fall(11)
    pile.gather()
    assert pile.cases() == [("", "campaign", 11)]
    with pile.store.writing():
        pile.store.handling.change(fallen[0].source, fallen[0].source_id, outcome="unfounded",
                                   updated=int(pile.clock.now().timestamp() * 1_000_000))  # fmt: skip
    pile.gather()
    assert pile.cases() == [("", "campaign", 10)]


def test_gathering_goes_on_where_it_stopped_and_counts_nothing_twice(pile: Pile) -> None:
    pile.fall(12, text=TEXT)
    pile.gather()
    assert pile.gather() == {"looked": 0, "held": 0, "counted": 0, "cases": 0}
    with pile.store.writing():
        pile.store.gathering.set_mark("count", (-1, "", ""))
    assert pile.gather()["counted"] == 0
    assert pile.cases() == [("", "campaign", 12)]


def test_signatures_tell_texts_apart_and_nothing_without_the_key(keys: KeyRing) -> None:
    own, other = Likeness(keys), Likeness(KeyRing(masters={1: bytes(32)}))
    first, second = own.signature(TEXT), own.signature(TEXT + " 回复7788")
    far, foreign = own.signature("您好，本楼盘周末开盘，诚邀您到场品鉴样板间"), other.signature(TEXT)
    assert first is not None
    assert second is not None
    assert far is not None
    assert foreign is not None
    assert alike(first, second) >= 70
    assert alike(first, far) < 30
    assert alike(first, foreign) < 30
    assert own.signature("短 123") is None

"""What is held: seen wave by wave, released or closed as a whole with a reason, and not held again for the same."""

from __future__ import annotations

from typing import Any

import pytest

from registry import audit, heldreports
from registry.access import Actor
from registry.errors import InvalidInputError, NotFoundError
from registry.keys import KeyRing
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.gatheringup import TEXT, Pile, member


@pytest.fixture
def pile(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Pile:
    return Pile(store, keys, clock, plan)


@pytest.fixture
def innocent(pile: Pile) -> str:
    """A company against which a wave of twelve people is held."""
    found = pile.enterprise("无辜公司")
    pile.fall(12, enterprise=found, source="people", text=TEXT)
    pile.gather()
    return found


def decide(pile: Pile, actor: Actor, decision: str, reason: str = "核实过", **which: str) -> int:
    wave = heldreports.waves(pile.store)[0]
    named = {"held": wave.held, "cluster": wave.cluster, "enterprise": wave.enterprise} | which
    return heldreports.decide(pile.store, pile.clock, actor=actor, decision=decision, reason=reason, **named)


def states(pile: Pile) -> list[tuple[str, str]]:
    rows = pile.store.engine.rows("SELECT DISTINCT state, held FROM handling ORDER BY state, held")
    return [(row["state"], row["held"]) for row in rows]


def test_a_wave_is_seen_as_one_and_counts_only_once_it_is_released(pile: Pile, innocent: str) -> None:
    (wave,) = heldreports.waves(pile.store)
    assert (wave.held, wave.enterprise, wave.reports, wave.reporters) == ("bombing", innocent, 12, 12)
    assert pile.cases() == []
    actor = member("intake", "ines", pile.clock)
    assert decide(pile, actor, "release", "都是真的，13912345678 打来") == 12
    assert heldreports.waves(pile.store) == []
    assert pile.gather()["counted"] == 12
    assert pile.cases() == [(innocent, "campaign", 12)]
    (review,) = heldreports.reviews(pile.store)
    assert (review.action, review.reports, review.reporters, review.actor) == ("release", 12, 12, actor.name)
    entry = audit.entries(pile.store)[-1]
    assert "13912345678" not in review.reason + entry.detail
    assert any(entry.action == "held_release" for entry in audit.entries(pile.store))
    assert pile.store.handling.moves("people", "r1")[-1]["action"] == "release"


def test_a_wave_that_is_closed_never_counts(pile: Pile, innocent: str) -> None:
    assert decide(pile, member("officer", "olaf", pile.clock), "dismiss") == 12
    assert states(pile) == [("closed", "bombing")]
    pile.gather()
    assert pile.cases() == []
    move = pile.store.handling.moves("people", "r3")[-1]
    assert (move["action"], move["state"], move["note"]) == ("dismiss", "closed", "核实过")
    assert innocent


def test_what_was_released_is_not_held_again_and_what_comes_after_is(pile: Pile, innocent: str) -> None:
    actor = member("intake", "ines", pile.clock)
    decide(pile, actor, "release")
    pile.clock.advance(1)
    pile.fall(1, enterprise=innocent, source="people", text=TEXT)
    pile.gather(later=60)
    assert states(pile) == [("accepted", "")]
    pile.fall(6, enterprise=innocent, source="people", text=TEXT)
    pile.gather()
    assert [wave.reports for wave in heldreports.waves(pile.store)] == [7]
    pile.gather()
    assert pile.cases() == [(innocent, "campaign", 12)]


def test_what_one_person_sent_twice_a_minute_waits_for_somebody_too(pile: Pile) -> None:
    pile.fall(2, source="people", person="one", text=TEXT)
    pile.gather()
    (wave,) = heldreports.waves(pile.store)
    assert (wave.held, wave.enterprise, wave.reports, wave.reporters) == ("same_text", "", 1, 1)
    assert decide(pile, member("intake", "ines", pile.clock), "release") == 1
    pile.fall(1, source="people", person="two", text=TEXT)
    assert pile.gather()["counted"] == 2


def test_a_decision_needs_a_reason_and_a_wave_that_waits(pile: Pile, innocent: str) -> None:
    actor = member("intake", "ines", pile.clock)
    for decision, reason, code in (("release", " ", "no_reason"), ("forget", "x", "bad_decision")):
        with pytest.raises(InvalidInputError) as refused:
            decide(pile, actor, decision, reason)
        assert refused.value.code == code
    for which in ({"enterprise": "e_other"}, {"cluster": "t_other"}, {"held": "same_text"}, {"held": ""}):
        with pytest.raises(NotFoundError):
            decide(pile, actor, "release", **which)
    wave = heldreports.waves(pile.store)[0]
    decide(pile, actor, "dismiss")
    with pytest.raises(NotFoundError) as gone:
        heldreports.decide(pile.store, pile.clock, actor=actor, held=wave.held, cluster=wave.cluster,
                           enterprise=wave.enterprise, decision="release", reason="x")  # fmt: skip
    assert gone.value.code == "no_such_wave"
    assert innocent

"""The published table of situations and answers, and that one contact and many get the same ones."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.decisions import (
    REASONS,
    STEPS,
    CallerKind,
    ConsentTerm,
    Contact,
    Content,
    Facts,
    Standing,
    decide,
    decide_many,
    facts_of,
    steps_allow,
)
from registry.errors import UnavailableError
from registry.numbering import NumberPlan
from registry.preferences import EVERYTHING, NIGHT, Category, Channel, Preference, category_of, channel_of, quiet_of
from registry.rulebook import Rulebook, Rulebooks

VECTORS = Path(__file__).parents[1] / "vectors" / "decisions.jsonl"
ROWS = [json.loads(line) for line in VECTORS.read_text(encoding="utf-8").splitlines()]


def masks(said: Any) -> tuple[int, int, int]:
    if said == "everything":
        return EVERYTHING.calls, EVERYTHING.robocalls, EVERYTHING.messages
    found = [0, 0, 0]
    for channel, categories in said.items():
        if channel != "quiet":
            slugs = [c.slug for c in Category] if categories == "all" else categories
            found[channel_of(channel)] = sum(category_of(slug).bit for slug in slugs)
    return found[0], found[1], found[2]


def preference(said: Any) -> Preference | None:
    if said is None:
        return None
    return Preference(*masks(said), quiet_of(**said["quiet"]) if "quiet" in said else 0)


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def standing(said: dict[str, Any]) -> Standing:
    return Standing(
        preference=preference(said.get("preference")),
        since=moment(said.get("since")),
        before=preference(said.get("before")),
        consents=tuple(
            ConsentTerm(
                *masks(term["masks"]), decided=datetime.fromisoformat(term["decided"]), until=moment(term.get("until")),
                most=term.get("most", 0), valid=term.get("valid", True),
            )
            for term in said.get("consents", ())
        ),
        allowed=masks(said["allowed"]) if "allowed" in said else None,
        denied=masks(said["denied"]) if "denied" in said else None,
        refused=said.get("refused", False),
    )  # fmt: skip


def contact(said: dict[str, Any]) -> Contact:
    return Contact(
        at=datetime.fromisoformat(said["at"]),
        channel=channel_of(said["channel"]), category=category_of(said["category"]),
        content=Content[said["content"].upper()], caller=CallerKind[said["caller"].upper()],
        telemarketer=said["telemarketer"], licensed=said["licensed"], recent_5min=said.get("recent_5min", 0),
        recent_24h=said.get("recent_24h", 0), in_period=said.get("in_period", 0),
    )  # fmt: skip


def rulebook_of(row: dict[str, Any], rulebooks: Rulebooks) -> Rulebook:
    found = rulebooks.named(row["rulebook"])
    if row.get("consent_beats_refusal"):
        found = msgspec.structs.replace(found, consent=msgspec.structs.replace(found.consent, beats_refusal=True))
    return found


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['id']} {row['note']}" for row in ROWS])
def test_the_published_table_of_answers_holds(row: dict[str, Any], rulebooks: Rulebooks, plan: NumberPlan) -> None:
    answer = decide(
        contact(row["contact"]), standing(row["standing"]), rulebook_of(row, rulebooks),
        holidays=plan.holidays, asker=row["asker"],
    )  # fmt: skip
    said = {"allow": answer.allow, "violation": answer.violation, "reason": answer.reason, "rule": answer.rule}
    assert said == row["answer"]
    assert answer.rulebook == row["rulebook"]


def test_the_table_has_every_reason_and_at_least_150_situations() -> None:
    assert len(ROWS) >= 150
    assert {row["answer"]["reason"] for row in ROWS} == set(REASONS)
    assert {row["rulebook"] for row in ROWS} == {"2015", "2020-draft", "2026"}
    assert {step.place for step in STEPS} == set(range(1, 11))


def test_every_situation_that_blocks_has_a_neighbour_that_passes_and_the_other_way_round() -> None:
    for place in range(1, 11):
        reasons = {step.reason for step in STEPS if step.place == place}
        inside = [row for row in ROWS if row["answer"]["reason"] in reasons]
        assert inside
        outcome = inside[0]["answer"]["allow"]
        assert any(
            row["answer"]["allow"] != outcome
            for row in ROWS
            if row["contact"]["channel"] == inside[0]["contact"]["channel"]
        )


FLAGS = {field.name: st.integers(0, 1) for field in fields(Facts)} | {
    "content": st.sampled_from([0, 0, 0, 1, 2]),
    "caller": st.sampled_from([0, 0, 0, *range(9)]),
    "channel": st.integers(0, 2),
    "category": st.integers(0, 15),
    "licensed": st.sampled_from([1, 1, 1, 0]),
    **{name: st.sampled_from([0, 0xFFFF, 1, 0x8000, 0x5555]) for name in ("declined", "declined_before")},
    **{name: st.sampled_from([0, 0, 0, 0xFFFF, 1]) for name in ("allowed", "denied")},
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.fixed_dictionaries(FLAGS), min_size=1, max_size=60))
def test_one_and_many_give_the_same_answer(drawn: list[dict[str, int]]) -> None:
    one = [next(i for i, step in enumerate(STEPS) if step.holds(Facts(**facts))) for facts in drawn]
    arrays = {name: np.array([facts[name] for facts in drawn], np.int64) for name in drawn[0]}
    assert decide_many(Facts(**arrays), len(drawn)).tolist() == one


def test_many_may_share_single_values(rulebooks: Rulebooks, plan: NumberPlan) -> None:
    at = datetime(2026, 11, 23, 2, tzinfo=UTC)
    facts = facts_of(Contact(at, Channel.CALLS, Category.LOAN), Standing(), rulebooks.at(at), holidays=plan.holidays)
    facts.declined = np.array([0, 1, 0xFFFF, 2], np.uint16)
    answers = decide_many(facts, 4)
    assert [STEPS[i].reason for i in answers] == [
        "no_recorded_will", "category_declined", "everything_declined", "no_recorded_will",
    ]  # fmt: skip
    assert steps_allow()[answers].tolist() == [True, False, False, True]


def test_quiet_time_says_when_it_ends(rulebooks: Rulebooks, plan: NumberPlan) -> None:
    late = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    asked = Contact(late, Channel.CALLS, Category.LOAN)
    night = Standing(Preference(0, 0, 0, NIGHT))
    answer = decide(asked, night, rulebooks.at(late), holidays=plan.holidays, asker="telemarketer")
    assert answer.reason == "quiet_hours"
    assert answer.next_allowed == datetime(2026, 11, 24, 0, 0, tzinfo=UTC)  # 08:00 in Beijing


def test_a_person_who_is_always_quiet_has_no_next_time(rulebooks: Rulebooks, plan: NumberPlan) -> None:
    at = datetime(2026, 11, 23, 2, tzinfo=UTC)
    always = Standing(Preference(0, 0, 0, quiet_of(hours=range(24))))
    answer = decide(Contact(at, Channel.CALLS, Category.LOAN), always, rulebooks.at(at), holidays=plan.holidays)
    assert answer.next_allowed is None


def test_a_year_without_a_calendar_is_refused_only_where_holidays_matter(
    rulebooks: Rulebooks, plan: NumberPlan
) -> None:
    at = datetime(2090, 1, 3, 2, tzinfo=UTC)
    asked = Contact(at, Channel.CALLS, Category.LOAN)
    assert not decide(asked, Standing(EVERYTHING), rulebooks.at(at), holidays=plan.holidays).allow
    with pytest.raises(UnavailableError):
        holidays = Standing(Preference(0, 0, 0, quiet_of(holidays=True)))
        decide(asked, holidays, rulebooks.at(at), holidays=plan.holidays)

"""The published table of situations and answers, and that one contact and many get the same ones."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.decisions import (
    PERIODS,
    REASONS,
    STEPS,
    Asker,
    CallerKind,
    ConsentTerm,
    Contact,
    Content,
    Facts,
    Standing,
    Step,
    decide,
    decide_many,
    facts_of,
    steps_allow,
)
from registry.errors import UnavailableError
from registry.numbering import Holidays, NumberPlan
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
                most=term.get("most", 0), per=term.get("per", "month"), valid=term.get("valid", True),
            )
            for term in said.get("consents", ())
        ),
        allowed=masks(said["allowed"]) if "allowed" in said else None,
        denied=masks(said["denied"]) if "denied" in said else None,
        refused=said.get("refused", False),
        unanswered=masks(said["unanswered"]) if "unanswered" in said else None,
    )  # fmt: skip


def contact(said: dict[str, Any]) -> Contact:
    return Contact(
        at=datetime.fromisoformat(said["at"]),
        channel=channel_of(said["channel"]), category=category_of(said["category"]),
        content=Content[said["content"].upper()], caller=CallerKind[said["caller"].upper()],
        telemarketer=said["telemarketer"], licensed=said["licensed"], recent_5min=said.get("recent_5min", 0),
        recent_24h=said.get("recent_24h", 0), in_period=tuple(said.get("in_period", (0, 0, 0))),
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


def values_of(row: dict[str, Any]) -> dict[str, str]:
    """What a situation says, value by value."""
    parts = {"rulebook": row["rulebook"], "asker": row["asker"], "switch": row.get("consent_beats_refusal", False)}
    return {name: json.dumps(value) for name, value in (parts | row["contact"] | row["standing"]).items()}


@pytest.mark.parametrize("step", STEPS, ids=[step.reason for step in STEPS])
def test_every_reason_has_a_neighbour_with_the_other_answer_that_differs_in_one_value(step: Step) -> None:
    inside = [values_of(row) for row in ROWS if row["answer"]["reason"] == step.reason]
    across = [values_of(row) for row in ROWS if row["answer"]["allow"] != step.allow]
    assert any(
        sum(here.get(name) != there.get(name) for name in here.keys() | there.keys()) == 1
        for here in inside
        for there in across
    )


def test_every_situation_has_a_name_of_its_own_and_says_what_it_is() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert all(row["note"] for row in ROWS)


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


PREFERENCES = st.one_of(
    st.none(),
    st.builds(
        Preference, *[st.sampled_from([0, 0, 1, 0x8001, 0xFFFF])] * 3,
        st.sampled_from([0, NIGHT, 1 << 31, 0b1100000 << 24, 0xFFFFFF]),
    ),
)
MASKS = st.none() | st.tuples(*[st.sampled_from([0, 1, 0x8001, 0xFFFF])] * 3)
DAY = datetime(2026, 11, 23, 2, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 20), timezones=st.just(UTC))
TERMS = st.builds(
    ConsentTerm, *[st.sampled_from([0, 1, 0xFFFF])] * 3, decided=MOMENTS, until=st.none() | MOMENTS,
    most=st.integers(0, 3), per=st.sampled_from(PERIODS), valid=st.booleans(),
)
CONTACTS = st.builds(
    Contact, MOMENTS, st.sampled_from(Channel), st.sampled_from([Category.LOAN, Category.OTHER]),
    st.sampled_from([Content.COMMERCIAL, Content.COMMERCIAL, Content.SERVICE, Content.PUBLIC_INTEREST]),
    st.sampled_from([CallerKind.PLAIN] * 5 + list(CallerKind)), st.just("acme"), st.booleans(),
    recent_5min=st.integers(0, 4), recent_24h=st.integers(0, 6), in_period=st.tuples(*[st.integers(0, 3)] * 3),
)
STANDINGS = st.builds(
    Standing, PREFERENCES, st.none() | MOMENTS, PREFERENCES, st.lists(TERMS, max_size=3).map(tuple), MASKS, MASKS,
    st.booleans(), MASKS,
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CONTACTS, STANDINGS), min_size=1, max_size=20),
    st.sampled_from(["carrier", "telemarketer"]), st.sampled_from(["2015", "2020-draft", "2026"]), st.booleans(),
)
def test_contacts_get_the_same_answers_one_by_one_and_together(
    plan: NumberPlan, rulebooks: Rulebooks, asked: list[tuple[Contact, Standing]], asker: Asker, name: str, beats: bool
) -> None:
    rulebook = rulebook_of({"rulebook": name, "consent_beats_refusal": beats}, rulebooks)
    one = [decide(*pair, rulebook, holidays=plan.holidays, asker=asker) for pair in asked]
    facts = [facts_of(*pair, rulebook, holidays=plan.holidays, asker=asker) for pair in asked]
    columns = {field.name: np.array([getattr(fact, field.name) for fact in facts]) for field in fields(Facts)}
    many = decide_many(Facts(**columns), len(asked))
    assert [STEPS[i].reason for i in many] == [answer.reason for answer in one]
    assert steps_allow()[many].tolist() == [answer.allow for answer in one]
    for (contact, standing), answer in zip(asked, one):
        if answer.next_allowed is not None:
            assert answer.next_allowed > contact.at
            later = replace(contact, at=answer.next_allowed)
            assert decide(later, standing, rulebook, holidays=plan.holidays, asker=asker).allow


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


def test_rest_hours_say_when_they_end(rulebooks: Rulebooks, plan: NumberPlan) -> None:
    late = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    asked = Contact(late, Channel.ROBOCALLS, Category.LOAN)
    answer = decide(asked, Standing(), rulebooks.at(late), holidays=plan.holidays, asker="telemarketer")
    assert (answer.reason, answer.next_allowed) == ("rest_hours", datetime(2026, 11, 24, 0, 0, tzinfo=UTC))


def test_quiet_holidays_end_with_the_holidays(rulebooks: Rulebooks, plan: NumberPlan) -> None:
    at = datetime(2026, 9, 30, 16, 30, tzinfo=UTC)  # 1 October in Beijing
    asked, quiet = Contact(at, Channel.MESSAGES, Category.GAME), Standing(Preference(0, 0, 0, quiet_of(holidays=True)))
    answer = decide(asked, quiet, rulebooks.at(at), holidays=plan.holidays)
    assert answer.next_allowed == datetime(2026, 10, 7, 16, 0, tzinfo=UTC)  # midnight before 8 October


def test_there_is_no_next_time_where_something_else_stands_against_it_then(
    rulebooks: Rulebooks, plan: NumberPlan
) -> None:
    late = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
    ends = ConsentTerm(1, 1, 1, decided=DAY.replace(month=1), until=late.replace(hour=20))
    asked = Contact(late, Channel.MESSAGES, Category.LOAN, telemarketer="acme")
    night = Standing(Preference(0, 0, 0, NIGHT), consents=(ends,))
    answer = decide(asked, night, rulebooks.at(late), holidays=plan.holidays, asker="telemarketer")
    assert (answer.reason, answer.next_allowed) == ("quiet_hours", None)


def test_quiet_time_at_the_end_of_the_calendar_is_still_answered(rulebooks: Rulebooks, plan: NumberPlan) -> None:
    at = datetime(2026, 12, 31, 15, 30, tzinfo=UTC)  # half an hour before a year that the calendar may not know
    years = Holidays(frozenset({2026}), plan.holidays.off, plan.holidays.working)
    quiet = Standing(Preference(0, 0, 0, quiet_of(hours=[23], holidays=True)))
    answer = decide(Contact(at, Channel.CALLS, Category.LOAN), quiet, rulebooks.at(at), holidays=years)
    assert (answer.reason, answer.next_allowed) == ("quiet_hours", None)


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

"""What carriers say of numbers: carried out when it is due, matched, noted, held and decided, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from registry import consents, numberevents, parties, registrations, resellers, serving
from registry.errors import ConflictError, InvalidInputError, NotFoundError
from registry.intake import Intake
from registry.keys import KeyRing
from registry.numbering import NumberPlan
from registry.numbers import Number
from registry.preferences import EVERYTHING, Preference
from registry.readers.rows import Row, Unreadable
from registry.rulebook import Rulebooks
from registry.sealing import SealedNumber, seal_one
from registry.settings import Settings
from registry.store import Store
from registry.times import iso
from tests.doubles import FakeClock

TEXT, DIGITS = "13800138000", 8613800138000  # a range of cmcc
LOANS = Preference(1, 1, 1, 0)
DAY = timedelta(days=1)


@dataclass
class Office:
    """A registry with its carriers, and short ways to tell it of numbers."""

    store: Store
    clock: FakeClock
    keys: KeyRing
    plan: NumberPlan
    rulebooks: Rulebooks
    settings: Settings = field(default_factory=Settings)
    _ids: Iterator[int] = field(default_factory=lambda: iter(range(1, 1000)))

    def __post_init__(self) -> None:
        for party in ("cmcc", "ctcc", "cucc", "snail"):
            parties.add_party(self.store, self.clock, party=party, kind="carrier", name_zh=party, name_en=party)
        parties.add_party(self.store, self.clock, party="acme", kind="telemarketer", name_zh="a", name_en="a")

    @property
    def number(self) -> SealedNumber:
        return seal_one(self.keys.at_rest, Number(1, DIGITS))

    def tell(self, source: str, kind: str, at: datetime | timedelta | None = None, **more: Any) -> str:
        """Take one event in; its id. `at` may count from now."""
        moment = self.clock.now() + at if isinstance(at, timedelta) else at or self.clock.now()
        fields = {"id": f"e{next(self._ids)}", "number": TEXT, "kind": kind, "at": iso(moment), **more}
        result = numberevents.take_one(
            self.store, self.keys, self.clock, self.plan, source=source, fields=fields
        )
        assert result.result == "accepted"
        return str(fields["id"])

    def work(self) -> dict[str, int]:
        done = numberevents.carry_out_due(self.store, self.clock, self.keys, self.plan, self.settings)
        return {state: count for state, count in done.items() if count}

    def came_of(self, id_: str) -> tuple[str, str]:
        (row,) = self.store.engine.rows("SELECT state, reason FROM number_event WHERE source_id = :id", id=id_)
        return row["state"], row["reason"]

    def serves(self) -> str:
        return serving.serving_carrier(self.store, self.plan, DIGITS, self.number)

    def register(self, preference: Preference = EVERYTHING) -> None:
        registrations.register(
            self.store, self.clock, number=self.number, preference=preference, source="web", language="en"
        )

    def events(self) -> list[str]:
        return [event.event for event in registrations.history(self.store, self.number, all_holders=True)]


@pytest.fixture
def office(store: Store, clock: FakeClock, keys: KeyRing, plan: NumberPlan, rulebooks: Rulebooks) -> Office:
    return Office(store, clock, keys, plan, rulebooks)


# porting


def test_a_ported_in_alone_moves_the_number_with_an_overlap_and_the_ported_out_matches_it(office: Office) -> None:
    office.register()
    came = office.tell("ctcc", "ported_in")
    assert office.work() == {"done": 1}
    assert (office.serves(), office.came_of(came)) == ("ctcc", ("done", ""))
    assert office.store.serving.overlaps([office.number]) == {office.number: ["cmcc"]}
    assert office.events() == ["registered", "ported"]
    out, named = office.tell("cmcc", "ported_out"), office.tell("cmcc", "ported_out", to="ctcc")
    assert office.work() == {"matched": 2}
    assert (office.came_of(out), office.came_of(named)) == (("matched", ""), ("matched", ""))
    assert office.events() == ["registered", "ported"]


def test_a_ported_out_moves_the_number_where_it_names_the_taker_and_else_waits_for_its_word(office: Office) -> None:
    office.register()
    out = office.tell("cmcc", "ported_out")
    assert office.work() == {"noted": 1}
    assert (office.serves(), office.came_of(out)) == ("cmcc", ("noted", ""))
    office.tell("cucc", "ported_in")
    assert office.work() == {"done": 1}
    assert office.serves() == "cucc"
    office.clock.advance(days=130)
    office.tell("cucc", "ported_out", to="cmcc")
    assert office.work() == {"done": 1}
    assert office.serves() == "cmcc"
    again = office.tell("cmcc", "ported_in", **{"from": "cucc"})
    office.work()
    assert office.came_of(again)[0] == "matched"


def test_an_event_that_lies_in_the_future_is_carried_out_when_its_time_has_come(office: Office) -> None:
    office.register()
    office.tell("ctcc", "ported_in", at=2 * DAY)
    assert office.work() == {}
    office.clock.advance(days=2)
    assert office.work() == {"done": 1}
    assert office.serves() == "ctcc"


def test_events_are_carried_out_in_the_order_of_their_moments_however_they_came(office: Office) -> None:
    office.register()
    office.tell("ctcc", "deactivated", at=3 * DAY)
    office.tell("ctcc", "ported_in", at=DAY)
    office.clock.advance(days=5)
    assert office.work() == {"done": 2}
    assert office.events() == ["registered", "ported", "deactivated"]


def test_two_carriers_that_claim_one_number_are_held_until_the_first_gives_it_away(office: Office) -> None:
    first = office.tell("ctcc", "ported_in")
    second = office.tell("cucc", "ported_in", at=timedelta(seconds=1))
    office.clock.advance(2)
    assert office.work() == {"done": 1, "held": 1}
    assert (office.came_of(first)[0], office.came_of(second)) == ("done", ("held", "claimed_twice"))
    (seen,) = numberevents.held(office.store, office.keys, office.plan)
    assert (seen.number, seen.source, seen.serving) == ("138****8000", "cucc", "ctcc")
    assert seen.other is not None
    assert (seen.other.source, seen.other.kind) == ("ctcc", "ported_in")
    office.tell("ctcc", "ported_out", to="cucc")
    office.work()
    assert office.serves() == "cucc"
    assert office.came_of(second)[0] == "matched"


def test_after_its_time_in_the_net_a_number_may_be_ported_on_by_the_takers_word_alone(office: Office) -> None:
    office.tell("ctcc", "ported_in")
    office.work()
    office.clock.advance(days=120)
    office.tell("cucc", "ported_in")
    assert office.work() == {"done": 1}
    assert office.serves() == "cucc"


@pytest.mark.parametrize(
    ("source", "kind", "more", "reason"),
    [
        ("cucc", "ported_out", {}, "not_serving"),
        ("cucc", "deactivated", {}, "not_serving"),
        ("cucc", "recycled", {}, "not_serving"),
        ("cucc", "reassigned", {}, "not_serving"),
        ("cucc", "ported_in", {"number": "16700000000"}, "not_portable"),
        ("cmcc", "ported_out", {"number": "16500000000"}, "not_portable"),
    ],
)
def test_a_word_that_cannot_be_is_held_and_changes_nothing(
    office: Office, source: str, kind: str, more: dict[str, Any], reason: str
) -> None:
    office.register(LOANS)
    told = office.tell(source, kind, **more)
    assert office.work() == {"held": 1}
    assert office.came_of(told) == ("held", reason)
    assert (office.serves(), office.events()) == ("cmcc", ["registered"])


def test_words_that_contradict_each_other_are_held(office: Office) -> None:
    office.tell("cmcc", "ported_out", at=-DAY, to="ctcc")
    office.work()
    office.clock.advance(60)
    other = office.tell("cmcc", "ported_out", at=-DAY, to="cucc")
    claim = office.tell("cucc", "ported_in", at=-DAY)
    assert office.work() == {"held": 2}
    assert {office.came_of(claim)[0], office.came_of(other)[0]} == {"held"}
    assert office.serves() == "ctcc"
    early = office.tell("ctcc", "deactivated", at=-10 * DAY)
    given = office.tell("snail", "ported_in", at=200 * DAY, **{"from": "cucc"})
    office.clock.advance(days=200)
    office.work()
    assert office.came_of(early) == ("held", "out_of_order")
    assert office.came_of(given) == ("held", "other_giver")


# the end of a holding


def recycled_office(office: Office) -> None:
    office.register(LOANS)
    consents.allow(office.store, office.clock, office.rulebooks, number=office.number, telemarketer="acme")


def test_a_number_loses_what_its_holder_said_at_the_recycling_date_and_not_before(office: Office) -> None:
    recycled_office(office)
    office.tell("cmcc", "deactivated")
    office.tell("cmcc", "recycled", at=90 * DAY)
    assert office.work() == {"done": 1}
    office.clock.advance(days=89)
    office.work()
    standing = registrations.current(office.store, office.number)
    assert standing is not None
    assert (standing.preference, office.events()) == (LOANS, ["registered", "deactivated"])
    date = office.clock.now() + DAY
    office.clock.advance(days=1, hours=5)
    assert office.work() == {"done": 1}
    assert office.events() == ["registered", "deactivated", "recycled"]
    assert registrations.history(office.store, office.number) == ()
    assert registrations.holder_since(office.store, office.number) == date
    assert office.store.consents.exceptions(office.number) == []
    before = registrations.as_of(office.store, office.number, date - timedelta(seconds=1))
    assert before is not None
    assert before.preference == LOANS


def test_what_the_next_holder_said_before_we_were_told_stays(office: Office) -> None:
    recycled_office(office)
    office.clock.advance(days=100)
    office.register(EVERYTHING)
    consents.deny(office.store, office.clock, office.rulebooks, number=office.number, telemarketer="acme")
    office.clock.advance(days=1)
    office.tell("cmcc", "reassigned", at=-10 * DAY)
    assert office.work() == {"done": 1}
    standing = registrations.current(office.store, office.number)
    assert standing is not None
    assert (standing.state, standing.preference) == ("active", EVERYTHING)
    assert office.events() == ["registered", "recycled", "changed"]
    assert [event.event for event in registrations.history(office.store, office.number)] == ["changed"]
    now = registrations.as_of(office.store, office.number, office.clock.now())
    idle = registrations.as_of(office.store, office.number, office.clock.now() - 5 * DAY)
    assert now is not None
    assert idle is not None
    assert (now.preference, idle.state) == (EVERYTHING, "recycled")
    kinds = [row["kind"] for row in office.store.consents.exceptions(office.number)]
    assert kinds == [2]


def test_the_same_fact_told_of_twice_changes_nothing(office: Office) -> None:
    recycled_office(office)
    for kind in ("deactivated", "deactivated", "recycled", "reassigned"):
        office.clock.advance(60)
        office.tell("cmcc", kind)
    assert office.work() == {"done": 2, "matched": 2}
    assert office.events() == ["registered", "deactivated", "recycled"]


def test_a_host_speaks_for_its_reseller_and_for_nobody_else(office: Office) -> None:
    resellers.set_reseller(office.store, office.clock, party="snail", host="cmcc")
    done = resellers.add_blocks(
        office.store, office.clock, office.plan, reseller="snail", prefixes=[(1, "1650000")]
    )
    assert [line.reason for line in done] == [""]
    for source, state in (("cmcc", "done"), ("snail", "done"), ("ctcc", "held")):
        told = office.tell(source, "deactivated", number={"snail": "16500002", "cmcc": "16500001"}.get(
            source, "16500000") + "000")
        office.work()
        assert office.came_of(told)[0] == state
    office.tell("cmcc", "ported_in", to="snail")
    with pytest.raises(InvalidInputError) as caught:
        office.tell("ctcc", "ported_in", to="snail")
    assert caught.value.code == "not_yours"


# an officer decides


def held_name(office: Office) -> str:
    (seen,) = numberevents.held(office.store, office.keys, office.plan)
    return seen.event


def decide(office: Office, event: str, *, accept: bool, note: str = "The carrier sent the form.") -> None:
    numberevents.decide(
        office.store, office.clock, office.keys, office.plan, office.settings, event=event, accept=accept, note=note,
        actor="member:1",
    )


@pytest.mark.parametrize("accept", [True, False])
def test_an_officer_decides_about_what_is_held_and_the_trail_says_so(office: Office, accept: bool) -> None:
    office.register()
    office.tell("ctcc", "ported_in")
    office.work()
    office.clock.advance(60)
    office.tell("cucc", "ported_in")
    office.work()
    name = held_name(office)
    decide(office, name, accept=accept, note="Called 13800138000: it is theirs.")
    assert office.serves() == ("cucc" if accept else "ctcc")
    seen = numberevents.one(office.store, office.keys, office.plan, name)
    assert (seen.state, "138" in seen.note) == ("done" if accept else "refused", False)
    (entry,) = office.store.engine.rows("SELECT * FROM audit WHERE action LIKE 'number_event.%'")
    assert entry["action"] == f"number_event.{'accepted' if accept else 'refused'}"
    assert TEXT not in entry["detail"]
    with pytest.raises(ConflictError):
        decide(office, name, accept=True)


def test_a_decision_needs_a_reason_and_an_event(office: Office) -> None:
    office.tell("cucc", "recycled")
    office.work()
    with pytest.raises(InvalidInputError):
        decide(office, held_name(office), accept=True, note=" ")
    with pytest.raises(NotFoundError):
        decide(office, "0" * 16, accept=True)
    assert office.store.number_events.counts() == {"held": 1}


def test_an_officer_may_accept_what_lies_before_what_was_done(office: Office) -> None:
    office.register()
    office.tell("ctcc", "ported_in")
    office.work()
    office.tell("cucc", "ported_in", at=-DAY)
    office.work()
    decide(office, held_name(office), accept=True)
    assert office.serves() == "cucc"


# rows


def taken(office: Office, *rows: dict[str, Any], key: str | None = None) -> tuple[list[Any], Intake]:
    parts: list[Row | Unreadable] = [Row(n, repr(row).encode(), row) for n, row in enumerate(rows, 1)]
    *results, last = numberevents.stream_in(
        office.store, office.keys, office.clock, office.plan, source="cmcc", rows=parts, format="ndjson",
        idempotency=key,
    )
    assert isinstance(last, Intake)
    return results, last


def test_rows_are_taken_in_once_and_what_cannot_be_read_waits_in_quarantine(office: Office) -> None:
    good = {"id": "1", "number": TEXT, "kind": "recycled", "at": "2026-11-23T10:00:00+08:00"}
    bad: dict[str, dict[str, Any]] = {
        "missing_id": {"id": ""}, "unknown_kind": {"kind": "lost"}, "missing_kind": {"kind": None},
        "missing_number": {"number": ""}, "number_too_short": {"number": "1380013"}, "bad_time": {"at": "tomorrow"},
        "too_far": {"at": "2028-11-23T10:00:00+08:00"}, "too_old": {"at": "1999-11-23T10:00:00+08:00"},
        "unknown_field": {"called": TEXT}, "no_move": {"to": "ctcc"}, "unknown_to": {"kind": "ported_out", "to": "x"},
        "not_yours": {"kind": "ported_in", "to": "ctcc"}, "same_carrier": {"kind": "ported_out", "to": "cmcc"},
        "missing_at": {"at": None},
    }  # fmt: skip
    wrong = [{**good, "id": f"w{place}", **change} for place, change in enumerate(bad.values())]
    results, counts = taken(office, good, *wrong, {**good, "id": "2"}, good, key="a")
    assert [result.reason for result in results[1:-2]] == list(bad)
    assert (counts.rows, counts.accepted, counts.duplicates, counts.quarantined) == (len(bad) + 3, 2, 1, len(bad))
    again, repeated = taken(office, good, *wrong, {**good, "id": "2"}, good, key="a")
    assert (again, repeated.repeated) == (results, True)
    assert office.work() == {"done": 1, "matched": 1}
    (batch,) = office.store.engine.rows("SELECT about FROM batch")
    assert batch == {"about": "number-events"}


def test_an_id_that_holds_a_number_is_kept_as_a_hash(office: Office) -> None:
    taken(office, {"id": f"mnp-{TEXT}", "number": TEXT, "kind": "deactivated", "at": "2026-11-23T10:00:00+08:00"})
    (row,) = office.store.engine.rows("SELECT source_id FROM number_event")
    assert row["source_id"].startswith("#")

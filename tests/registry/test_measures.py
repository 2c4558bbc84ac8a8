"""Tests of measures and the credit file: notice before the start, two people, appeals that lift at once, orders."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from registry import audit, credit, enterprises, measures, orders, parties, restrictions, webhooks
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.keys import KeyRing
from registry.measures import Measure
from registry.parties import Member
from registry.settings import WebhookSettings
from registry.store import Store
from tests.doubles import FakeClock


def officer(name: str, role: str = "decider") -> Actor:
    return Actor("member", role=role, member=Member(name, "regulator", "", name, role, "active", True), strong=True)


ANNA, BEN = officer("anna", "investigator"), officer("ben")


class Office:
    """A store with two carriers and an enterprise that has an account."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock = store, clock
        kinds = {"cmcc": "carrier", "cucc": "carrier", "acme": "telemarketer", "rival": "telemarketer"}
        for party, kind in kinds.items():
            parties.add_party(store, clock, party=party, kind=kind, name_zh=party, name_en=party)
        self.acme = enterprises.enrol(store, clock, name="甲公司", party="acme").enterprise
        enterprises.enrol(store, clock, name="乙公司", party="rival")

    def proposed(self, kind: str = "suspend_service") -> Measure:
        return measures.propose(
            self.store, self.clock, actor=ANNA, enterprise=self.acme, kind=kind, facts="200 upheld reports in a week"
        )

    def decided(self, kind: str = "suspend_service", days: int | None = 30) -> Measure:
        now = self.clock.now()
        ends = None if days is None else now + timedelta(days=1 + days)
        return measures.decide(
            self.store, self.clock, actor=BEN, measure=self.proposed(kind).measure, starts=now + timedelta(days=1),
            ends=ends,
        )

    def by(self, party: str) -> Actor:
        found = self.store.parties.party(party)
        return Actor("key", party=found, key="k", scopes=frozenset({"desk"}))

    def state(self, made: Measure) -> str:
        return measures.of(self.store, made.measure).state

    def orders(self, made: Measure) -> list[tuple[str, str, bool]]:
        rows = self.store.measures.orders(measure=made.measure)
        return sorted((row["party"], row["step"], bool(row["confirmed"])) for row in rows)


@pytest.fixture
def office(store: Store, clock: FakeClock) -> Office:
    return Office(store, clock)


def test_a_measure_starts_after_its_notice_and_ends_at_its_time_and_carriers_get_both_orders(office: Office) -> None:
    made = office.decided()
    assert made.notified is not None
    assert made.starts is not None
    assert made.notified < made.starts
    assert office.orders(made) == []
    assert measures.run_due(office.store, office.clock) == {"started": 0, "expired": 0}
    office.clock.advance(days=1)
    assert measures.run_due(office.store, office.clock) == {"started": 1, "expired": 0}
    assert office.orders(made) == [("cmcc", "begin", False), ("cucc", "begin", False)]
    for _ in range(2):
        measures.confirm(office.store, office.clock, actor=office.by("cmcc"), measure=made.measure, step="begin")
    office.clock.advance(days=30)
    assert measures.run_due(office.store, office.clock) == {"started": 0, "expired": 1}
    assert office.state(made) == "expired"
    assert office.orders(made) == [
        ("cmcc", "begin", True), ("cmcc", "end", False), ("cucc", "begin", False), ("cucc", "end", False),
    ]  # fmt: skip
    assert audit.verify(office.store)[1] is None


def test_orders_of_a_carrier_go_on_behind_any_of_them_confirmed_or_not(office: Office, keys: KeyRing) -> None:
    made = [office.decided() for _ in range(3)]
    office.clock.advance(days=1)
    measures.run_due(office.store, office.clock)
    measures.confirm(office.store, office.clock, actor=office.by("cmcc"), measure=made[0].measure, step="begin")

    def asked(**more: Any) -> list[orders.Order]:
        return list(orders.orders_of(office.store, office.clock, keys, party="cmcc", **more))

    whole = asked(open_only=False)
    assert {each.measure.measure for each in whole} == {each.measure for each in made}
    assert asked(open_only=False, after=whole[0].cursor) == whole[1:]
    assert asked(open_only=True) == [each for each in whole if each.confirmed is None]
    assert asked(open_only=True, after=whole[-1].cursor) == []


def test_who_proposed_a_measure_does_not_decide_it(office: Office) -> None:
    made, later = office.proposed(), office.clock.now() + timedelta(days=1)
    for step in (
        lambda: measures.decide(office.store, office.clock, actor=ANNA, measure=made.measure, starts=later),
        lambda: measures.refuse(office.store, office.clock, actor=ANNA, measure=made.measure, note="no"),
    ):
        with pytest.raises(NotAllowedError) as raised:
            step()
        assert raised.value.code == "own_proposal"
    assert office.state(made) == "proposed"


def test_a_measure_cannot_start_before_its_notice(office: Office) -> None:
    made = office.proposed()
    for starts, ends, code in [(timedelta(0), None, "no_notice"), (-timedelta(days=1), None, "no_notice"),
                               (timedelta(days=2), timedelta(days=1), "bad_period")]:
        now = office.clock.now()
        with pytest.raises(InvalidInputError) as raised:
            measures.decide(office.store, office.clock, actor=BEN, measure=made.measure, starts=now + starts,
                            ends=None if ends is None else now + ends)
        assert raised.value.code == code


def test_an_appeal_that_is_granted_lifts_the_measure_in_the_same_moment(office: Office) -> None:
    made = office.decided()
    office.clock.advance(days=1)
    measures.run_due(office.store, office.clock)
    measures.appeal(office.store, office.clock, actor=office.by("acme"), measure=made.measure, text="not our port")
    assert office.state(made) == "appealed"
    found = measures.decide_appeal(
        office.store, office.clock, actor=BEN, measure=made.measure, granted=True, note="right"
    )
    assert (found.state, found.ended) == ("lifted", office.clock.now())
    assert ("cucc", "end", False) in office.orders(made)


def test_an_appeal_that_is_rejected_leaves_the_measure_as_it_was(office: Office) -> None:
    made = office.decided(days=None)
    measures.appeal(office.store, office.clock, actor=office.by("acme"), measure=made.measure, text="no")
    rejected = measures.decide_appeal(
        office.store, office.clock, actor=BEN, measure=made.measure, granted=False, note="unfounded"
    )
    assert rejected.state == "notified"
    office.clock.advance(days=1)
    assert measures.run_due(office.store, office.clock)["started"] == 1


def test_an_appeal_that_was_rejected_is_not_made_again_whatever_became_of_the_measure(office: Office) -> None:
    made = office.decided(days=None)

    def again() -> str:
        with pytest.raises(ConflictError) as raised:
            measures.appeal(office.store, office.clock, actor=office.by("acme"), measure=made.measure, text="again")
        return raised.value.code

    measures.appeal(office.store, office.clock, actor=office.by("acme"), measure=made.measure, text="no")
    assert again() == "appealed_before"
    measures.decide_appeal(office.store, office.clock, actor=BEN, measure=made.measure, granted=False, note="unfounded")
    assert again() == "appealed_before"
    office.clock.advance(days=1)
    measures.run_due(office.store, office.clock)
    assert again() == "appealed_before"
    assert (office.state(made), measures.of(office.store, made.measure).appeal) == ("in_force", "no")
    measures.lift(office.store, office.clock, actor=BEN, measure=made.measure, note="enough")
    assert again() == "no_such_move"


@pytest.mark.parametrize("granted", [True, False])
def test_whoever_appealed_alone_is_told_by_an_event_how_that_was_decided(
    office: Office, keys: KeyRing, granted: bool
) -> None:
    at = office.store, office.clock
    for party in ("acme", "cmcc", "rival"):
        webhooks.add_endpoint(
            office.store, keys, office.clock, WebhookSettings(), party=party, url=f"https://{party}.example/",
            events=["measure.appeal_decided"],
        )  # fmt: skip
    made = office.decided()
    measures.appeal(*at, actor=office.by("acme"), measure=made.measure, text="no")
    measures.decide_appeal(*at, actor=BEN, measure=made.measure, granted=granted, note="looked at")
    rows = office.store.engine.rows(
        "SELECT e.body, w.party FROM webhook_event e JOIN webhook_delivery d ON d.event = e.event"
        " JOIN webhook_endpoint w ON w.endpoint = d.endpoint"
    )
    assert [(row["party"], json.loads(row["body"])["data"]) for row in rows] == [
        ("acme", {"measure": made.measure, "kind": "suspend_service", "granted": granted}),
    ]


def test_a_measure_whose_time_came_during_its_appeal_begins_with_orders_once_that_is_rejected(office: Office) -> None:
    made = office.decided(days=None)
    measures.appeal(office.store, office.clock, actor=office.by("acme"), measure=made.measure, text="no")
    office.clock.advance(days=2)
    assert measures.run_due(office.store, office.clock)["started"] == 0
    measures.decide_appeal(office.store, office.clock, actor=BEN, measure=made.measure, granted=False, note="unfounded")
    assert office.orders(made) == []
    assert measures.run_due(office.store, office.clock)["started"] == 1
    assert office.state(made) == "in_force"
    assert office.orders(made) == [("cmcc", "begin", False), ("cucc", "begin", False)]


def test_a_measure_that_is_lifted_before_it_began_is_never_ordered(office: Office) -> None:
    made = office.decided()
    measures.lift(office.store, office.clock, actor=BEN, measure=made.measure, note="a mistake")
    office.clock.advance(days=40)
    assert measures.run_due(office.store, office.clock) == {"started": 0, "expired": 0}
    assert office.orders(made) == []


@pytest.mark.parametrize("what", ["decide", "refuse", "appeal", "lift", "decide_appeal"])
def test_a_decision_on_a_lifted_measure_is_refused(office: Office, what: str) -> None:
    made = office.decided()
    measures.lift(office.store, office.clock, actor=BEN, measure=made.measure, note="a mistake")
    tools: tuple[Any, ...] = (office.store, office.clock)
    more: dict[str, Any] = {
        "decide": {"actor": BEN, "starts": office.clock.now() + timedelta(days=1)},
        "refuse": {"actor": BEN, "note": "x"}, "appeal": {"actor": office.by("acme"), "text": "x"},
        "lift": {"actor": BEN, "note": "x"}, "decide_appeal": {"actor": BEN, "granted": True, "note": "x"},
    }[what]
    with pytest.raises(ConflictError):
        getattr(measures, what)(*tools, measure=made.measure, **more)


def test_nobody_appeals_against_anothers_measure_nor_confirms_anothers_order(office: Office) -> None:
    made = office.decided()
    with pytest.raises(NotFoundError):
        measures.appeal(office.store, office.clock, actor=office.by("rival"), measure=made.measure, text="x")
    office.clock.advance(days=1)
    measures.run_due(office.store, office.clock)
    with pytest.raises(NotFoundError):
        measures.confirm(office.store, office.clock, actor=office.by("rival"), measure=made.measure, step="begin")


def test_a_warning_gives_carriers_no_order_and_facts_keep_no_number(office: Office) -> None:
    made = office.decided("warn")
    office.clock.advance(days=1)
    measures.run_due(office.store, office.clock)
    assert office.orders(made) == []
    said = measures.propose(office.store, office.clock, actor=ANNA, enterprise=office.acme, kind="warn",
                            facts="calls to 13800138000")
    assert "13800138000" not in said.facts
    for kind, facts, code in [("hang", "x", "bad_measure"), ("warn", " ", "no_facts")]:
        with pytest.raises(InvalidInputError) as raised:
            measures.propose(office.store, office.clock, actor=ANNA, enterprise=office.acme, kind=kind, facts=facts)
        assert raised.value.code == code


# the credit file


def test_who_stands_on_a_list_is_restricted_everywhere_until_the_entry_ends(office: Office) -> None:
    now = office.clock.now()
    entry = credit.enter(
        office.store, office.clock, actor=BEN, enterprise=office.acme, kind="bad_operation", text="unlicensed ports",
        public=True, until=now + timedelta(days=365),
    )
    assert credit.restricted(office.store, office.acme, at=now)
    assert not credit.restricted(office.store, office.acme, at=now - timedelta(seconds=1))
    assert not credit.restricted(office.store, office.acme, at=now + timedelta(days=365))
    with pytest.raises(NotAllowedError):
        restrictions.must_be_free(office.store, party="acme", use="scrubs", at=now)
    restrictions.must_be_free(office.store, party="rival", use="scrubs", at=now)
    office.clock.advance(days=1)
    credit.end(office.store, office.clock, actor=BEN, entry=entry.entry)
    assert not credit.restricted(office.store, office.acme, at=office.clock.now())
    assert credit.restricted(office.store, office.acme, at=now)
    with pytest.raises(NotFoundError):
        credit.end(office.store, office.clock, actor=BEN, entry=entry.entry)


def test_the_public_sees_the_public_part_and_offences_are_counted_from_the_file(office: Office) -> None:
    for kind, public in (("violation", True), ("talk", False), ("penalty", True)):
        credit.enter(office.store, office.clock, actor=BEN, enterprise=office.acme, kind=kind, text="x",  # type: ignore[arg-type]
                     public=public)
        office.clock.advance(days=1)
    seen = credit.file_of(office.store, office.acme, public_only=True)
    assert [each.kind for each in seen] == ["penalty", "violation"]
    assert len(credit.file_of(office.store, office.acme, public_only=False)) == 3
    assert credit.offences(office.store, office.acme, before=office.clock.now()) == 2
    assert credit.offences(office.store, office.acme, before=office.clock.now() - timedelta(days=2)) == 1

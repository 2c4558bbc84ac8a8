"""Reports of sandbox parties: about magic numbers alone, and in no figure, tally or page about what is real."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from registry import (
    findings,
    numberevents,
    parties,
    quarantine,
    registrations,
    reports,
    resellers,
    serving,
    vitals,
)
from registry.alarms import alarms
from registry.errors import InvalidInputError
from registry.intake import RowResult
from registry.keys import KeyRing
from registry.numbers import Number, parse_one
from registry.preferences import EVERYTHING
from registry.readers import Row
from registry.reports import Intake, take_in
from registry.sandbox import load
from registry.sealing import seal_one
from registry.settings import Settings
from registry.store import Store
from registry.times import to_micros
from tests.doubles import FakeClock

REAL = "13800138000"


@pytest.fixture
def tools(store: Store, keys: KeyRing, clock: FakeClock, plan: Any, rulebooks: Any) -> tuple[Any, ...]:
    names = {"name_zh": "试", "name_en": "Trial", "kind": "carrier"}
    parties.add_party(store, clock, party="trial", sandbox=True, **names)
    parties.add_party(store, clock, party="cmcc", **names)
    registrations.register(
        store, clock, number=seal_one(keys.at_rest, parse_one(REAL, plan)), preference=EVERYTHING, source="web",
        language="en",
    )
    with store.writing():
        store.engine.run("INSERT INTO edition VALUES (1, 'published', 0, 0, 0, 0)")
    return store, keys, clock, plan, rulebooks


def fields(place: int, called: str, **changes: Any) -> dict[str, Any]:
    said = {
        "id": f"r{place}", "called": called, "caller": "02066668888", "channel": "calls", "category": "loan",
        "at": "2026-11-23T09:00:00+08:00",
    }
    return said | changes


def send(tools: tuple[Any, ...], source: str, *rows: dict[str, Any]) -> Intake:
    read = [Row(place, str(row).encode(), row, typed=True) for place, row in enumerate(rows, 1)]
    return take_in(*tools, source=source, kind="carrier", rows=read)


def test_reports_about_magic_numbers_are_judged_by_what_those_decline(tools: tuple[Any, ...]) -> None:
    magic = {case.id: f"{case.number.digits}"[2:] for case in load().cases}
    done = send(
        tools, "trial",
        fields(1, magic["declines-everything"]),
        fields(2, magic["allows-one-company"], telemarketer="magic-lender"),
        fields(3, magic["never-registered"], content="service"),
        *(fields(place, magic["declines-everything"]) for place in range(4, 12)),  # never too often
    )
    assert (done.accepted, done.quarantined) == (11, 0)
    assert done.verdicts == {"violation": 9, "allowed": 2}


def test_a_sandbox_party_learns_nothing_of_a_real_number(tools: tuple[Any, ...]) -> None:
    done = send(tools, "trial", fields(1, REAL), fields(2, "13800138001"))
    assert (done.accepted, done.reasons) == (0, {"called_not_magic": 2})
    held = quarantine.rows_of(tools[0], tools[1], source="trial", limit=5)
    with pytest.raises(InvalidInputError) as caught:
        quarantine.release(*tools, source="trial", kind="carrier", name=held[0].name)
    assert caught.value.code == "called_not_magic"


def test_nobody_else_can_report_or_register_a_magic_number(tools: tuple[Any, ...]) -> None:
    assert send(tools, "cmcc", fields(1, "15400000001")).reasons == {"called_unassigned": 1}


def test_what_a_sandbox_party_sends_is_in_no_figure(tools: tuple[Any, ...]) -> None:
    store, keys, clock = tools[:3]
    send(tools, "cmcc", fields(1, REAL))
    before = (vitals.figures(store, clock), store.reports.callers(since=0, limit=9), totals(store))
    send(tools, "trial", fields(1, "15400000001"), fields(2, "15400000002"), fields(3, REAL))
    after = (vitals.figures(store, clock), store.reports.callers(since=0, limit=9), totals(store))
    assert before == after
    caller = seal_one(keys.at_rest, Number(1, 862066668888))
    assert store.reports.caller_count(caller) == 1
    assert reports.take_one(*tools, source="trial", kind="carrier", fields=fields(9, "15400000001")).verdict
    assert store.reports.caller_count(caller) == 1


def totals(store: Store) -> tuple[Any, ...]:
    return (
        store.reports.verdicts(since=0), store.reports.quarantine_reasons(),
        store.reports.verdicts_per_day(since=0, until=2**60, offset=0),
    )


def tell(tools: tuple[Any, ...], source: str, number: str, **changes: Any) -> RowResult:
    said = {"id": f"{source} {number[-4:]}", "number": number, "kind": "recycled", "at": "2026-11-23T09:00:00+08:00"}
    return numberevents.take_one(*tools[:4], source=source, fields=said | changes)


def test_number_events_of_a_sandbox_party_are_about_magic_numbers_alone_and_move_nothing(
    tools: tuple[Any, ...],
) -> None:
    store, keys, clock, plan = tools[:4]
    assert tell(tools, "trial", "15400000015").result == "accepted"
    with pytest.raises(InvalidInputError) as caught:
        tell(tools, "trial", REAL)
    assert caught.value.code == "number_not_magic"
    with pytest.raises(InvalidInputError) as caught:
        tell(tools, "cmcc", "15400000015")
    assert caught.value.code == "number_unassigned"
    said = {"kind": "recycled", "at": "2026-11-23T09:00:00+08:00"}
    rows = [Row(place, number.encode(), said | {"id": f"e{place}", "number": number}, typed=True)
            for place, number in enumerate((REAL, "15400000001"), 1)]
    done = numberevents.take_in(store, keys, clock, plan, source="trial", rows=rows)
    assert (done.accepted, done.quarantined) == (1, 1)
    counts = numberevents.carry_out_due(store, clock, keys, plan, Settings())
    assert not any(counts.values())
    assert {row["state"] for row in store.engine.rows("SELECT state FROM number_event")} == {"noted"}
    assert registrations.current(store, seal_one(keys.at_rest, parse_one(REAL, plan))) is not None


def test_a_sandbox_party_takes_no_number_and_is_no_reseller_nor_a_host(tools: tuple[Any, ...]) -> None:
    store, keys, clock, plan = tools[:4]
    number = parse_one(REAL, plan)
    with pytest.raises(InvalidInputError) as caught:
        serving.port(
            store, clock, plan, number=seal_one(keys.at_rest, number), digits=number.digits, carrier="trial",
            source="mnp", overlap=timedelta(0),
        )
    assert caught.value.code == "sandbox_carrier"
    assert serving.serving_carrier(store, plan, number.digits, seal_one(keys.at_rest, number)) == "cmcc"
    with pytest.raises(InvalidInputError) as caught:
        tell(tools, "cmcc", REAL, kind="ported_out", to="trial")
    assert caught.value.code == "unknown_to"
    for party, host in (("trial", "cmcc"), ("cmcc", "trial")):
        with pytest.raises(InvalidInputError) as caught:
            resellers.set_reseller(store, clock, party=party, host=host)
        assert caught.value.code == "bad_host"


def test_what_a_sandbox_party_found_alarms_nobody_and_is_forgotten_in_time(tools: tuple[Any, ...]) -> None:
    store, _keys, clock = tools[:3]
    weak = findings.Findings(lost=3, weakened=2)
    for party in ("trial", "cmcc"):
        findings.note(store, clock, party=party, edition=5, epoch=1, found=weak)
    assert [each.party for each in alarms(store, clock, lag_minutes=10)] == ["cmcc"]
    assert [row.recipient for row in store.findings.newest(limit=9)] == ["cmcc"]
    assert len(store.findings.of("trial", limit=9)) == 1
    with store.writing(about="findings"):
        assert store.findings.forget(before=to_micros(clock.now()) + 1) == 1
    assert len(store.findings.of("cmcc", limit=9)) == 1

"""Tests of bulletins: figures at a cut-off, frozen, recounted by another engine; two people; what was known before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from registry import bulletins, parties
from registry.access import SYSTEM, Actor
from registry.bulletinfigures import PARTS, canonical, digest
from registry.bulletins import Press
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.keys import KeyRing
from registry.quarters import Quarter
from registry.store import Store
from registry.times import to_micros
from tests.bulletining import KNOWN, fill, rows
from tests.doubles import FakeClock

ZONE, Q = "Asia/Shanghai", Quarter(2026, 3)
FIRST, AFTER = Q.bounds(ZONE)
CUTOFF = AFTER + timedelta(days=10)
COUNT = 1500
ANN, BEA, CAT = (Actor("key", key=name) for name in ("ann", "bea", "cat"))


@pytest.fixture
def press(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Press:
    fill(store, rows(plan, keys, COUNT, 7, first=FIRST - timedelta(days=5), days=97))
    return Press(store, clock, keys, plan, ZONE)


def text(press: Press, cutoff: datetime = CUTOFF) -> str:
    return bulletins.compute(press, Q, cutoff)


def change(press: Press, place: int, action: str = "", **values: Any) -> None:
    """Change a report after the cut-off, with the move that did it."""
    found = press.store.handling.of_report("people", f"7-{place}")
    assert found is not None
    later = to_micros(CUTOFF + timedelta(days=1))
    with press.store.writing():
        press.store.handling.change("people", f"7-{place}", updated=later, **values)
        if action:
            press.store.handling.note(found, at=later, actor="x", action=action, state="", note="")


def test_the_same_cut_off_gives_the_same_bytes(press: Press) -> None:
    assert text(press) == text(press)
    made = bulletins.draft(press, actor=ANN, quarter=Q)
    assert made.figures == text(press)
    assert made.sha256 == digest(made.figures)
    assert made.figures == canonical(made.data)
    assert made.is_whole
    assert not replace(made, figures=made.figures + " ").is_whole


def test_what_changes_after_the_cut_off_changes_no_figure(press: Press) -> None:
    before = text(press)
    held = [each["source_id"] for each in press.store.engine.rows("SELECT source_id FROM handling WHERE held <> ''")]
    for place in range(60):
        if f"7-{place}" in held:
            change(press, place, "release", held="")
        else:
            change(press, place, "hold", held="bombing")
    for place in range(60, 120):
        row = press.store.engine.rows(
            "SELECT outcome, held FROM handling WHERE source_id = :id", id=f"7-{place}"
        )[0]
        if row["outcome"] == "":
            change(press, place, "find_unfounded", outcome="unfounded")
    late = [{**row, "source_id": f"late-{n}", "reference": f"late-{n}", "received": to_micros(CUTOFF)}
            for n, row in enumerate(rows(press.plan, press.keys, 40, 9, first=FIRST, days=1))]  # fmt: skip
    fill(press.store, iter(late))
    assert text(press) == before


def test_shares_sum_to_a_hundred_and_no_small_cell_is_shown(press: Press) -> None:
    for channel in bulletins.draft(press, actor=SYSTEM, quarter=Q).data["channels"].values():
        assert set(channel["parts"]) == set(PARTS)
        for part, cells in channel["parts"].items():
            if not cells:
                continue
            assert round(sum(cell["share"] for cell in cells), 1) == 100.0, part
            assert sum(cell["count"] for cell in cells) == channel["total"], part
            assert all(cell["count"] >= 10 for cell in cells if cell["name"] != "small")
        assert len(channel["parts"]["source_province"]) <= 13
        assert all(row["count"] >= 10 for row in channel["segments"])
        assert all(row["count"] >= 10 for listed in channel["enterprises"].values() for row in listed)


def test_a_recount_by_duckdb_over_the_exported_tables_is_equal(press: Press) -> None:
    duckdb = pytest.importorskip("duckdb")
    import pyarrow as pa

    exported = press.store.engine.rows(
        "SELECT received, kind, class, category, mode, carrier, held, provider, outcome, caller FROM handling"
    )
    handling = pa.Table.from_pylist(exported)
    counted = duckdb.connect()
    counted.register("handling", handling)
    where = f"received >= {to_micros(FIRST)} AND received < {to_micros(AFTER)} AND held = ''"
    found = bulletins.draft(press, actor=SYSTEM, quarter=Q).data["channels"]
    for kind in ("call", "message"):
        of_kind = f"FROM handling WHERE {where} AND kind = '{kind}'"
        total = counted.sql(f"SELECT count(*) {of_kind}").fetchall()[0][0]
        assert found[kind]["total"] == total
        by_class = dict(counted.sql(f"SELECT class, count(*) {of_kind} GROUP BY class").fetchall())
        cells = {cell["name"]: cell["count"] for cell in found[kind]["parts"]["class"]}
        assert cells["commercial"] in (by_class["commercial"], None)
        categories = counted.sql(f"SELECT category, count(*) {of_kind} GROUP BY category").fetchall()
        own = sorted(cell["count"] for cell in found[kind]["parts"]["category"])
        assert own == sorted(number for _, number in categories)
        hidden = counted.sql(f"SELECT count(*) {of_kind} AND caller IS NULL").fetchall()[0][0]
        types = {cell["name"]: cell["count"] for cell in found[kind]["parts"]["number_type"]}
        assert types["hidden"] == hidden
        named = counted.sql(f"""SELECT category, provider, count(*) {of_kind} AND provider <> '' AND outcome NOT IN
            ('unfounded', 'not_ours') GROUP BY ALL HAVING count(*) >= 10""").fetchall()
        assert sum(len(listed) for listed in found[kind]["enterprises"].values()) == len(named)


def test_reports_of_a_sandbox_are_not_counted(press: Press) -> None:
    before = text(press)
    parties.add_party(press.store, press.clock, party="trial", kind="carrier", name_zh="试", name_en="Trial",
                      sandbox=True)  # fmt: skip
    more = rows(press.plan, press.keys, 30, 8, first=FIRST, days=1)
    fill(press.store, ({**row, "source": "trial"} for row in more))
    assert text(press) == before


def test_a_cut_off_lies_after_the_quarter_and_before_now(press: Press) -> None:
    for cutoff in (AFTER - timedelta(seconds=1), press.clock.now() + timedelta(seconds=1)):
        with pytest.raises(InvalidInputError) as raised:
            text(press, cutoff)
        assert raised.value.code == "bad_cutoff"


def test_who_drafted_or_submitted_a_bulletin_does_not_publish_it(press: Press) -> None:
    store, clock = press.store, press.clock
    bulletins.draft(press, actor=ANN, quarter=Q)
    with pytest.raises(ConflictError):
        bulletins.publish(store, clock, actor=CAT, quarter=str(Q), version=1)
    bulletins.submit(store, clock, actor=BEA, quarter=str(Q), version=1)
    for actor in (ANN, BEA):
        with pytest.raises(NotAllowedError) as raised:
            bulletins.publish(store, clock, actor=actor, quarter=str(Q), version=1)
        assert raised.value.code == "own_proposal"
    with pytest.raises(NotFoundError):
        bulletins.published_of(store, str(Q))
    bulletins.publish(store, clock, actor=CAT, quarter=str(Q), version=1)
    assert bulletins.published_of(store, str(Q)).published_by == "key:cat"


def test_a_published_bulletin_is_corrected_by_a_new_version_alone(press: Press) -> None:
    store, clock = press.store, press.clock
    first = bulletins.draft(press, actor=ANN, quarter=Q)
    bulletins.submit(store, clock, actor=ANN, quarter=str(Q), version=1)
    bulletins.publish(store, clock, actor=CAT, quarter=str(Q), version=1)
    with pytest.raises(InvalidInputError) as raised:
        bulletins.draft(press, actor=ANN, quarter=Q)
    assert raised.value.code == "correction_unsaid"
    second = bulletins.draft(press, actor=ANN, quarter=Q, cutoff=CUTOFF + timedelta(days=9), note="A later cut-off.")
    assert second.version == 2
    assert bulletins.published_of(store, str(Q)).version == 1
    with store.writing():
        store.bulletins.put(replace(first, figures="{}"))
    assert bulletins.published_of(store, str(Q)).figures == first.figures


def test_a_bulletin_that_is_reviewed_goes_back_before_it_is_drafted_anew(press: Press) -> None:
    store, clock = press.store, press.clock
    bulletins.draft(press, actor=ANN, quarter=Q)
    bulletins.submit(store, clock, actor=ANN, quarter=str(Q), version=1)
    with pytest.raises(ConflictError) as raised:
        bulletins.draft(press, actor=ANN, quarter=Q)
    assert raised.value.code == "in_review"
    bulletins.give_back(store, clock, actor=BEA, quarter=str(Q), version=1)
    assert bulletins.draft(press, actor=ANN, quarter=Q).version == 1


def test_the_clockwork_drafts_once_after_the_usual_cut_off(press: Press, clock: FakeClock) -> None:
    clock.moment = CUTOFF - timedelta(seconds=1)
    assert bulletins.draft_due(press, actor=SYSTEM) == 0
    clock.moment = CUTOFF
    assert bulletins.draft_due(press, actor=SYSTEM) == 1
    assert bulletins.draft_due(press, actor=SYSTEM) == 0


def test_enterprises_are_named_with_the_quarters_in_a_row(press: Press, clock: FakeClock, plan: Any) -> None:
    fill(press.store, rows(plan, press.keys, COUNT, 5, first=Q.before().bounds(ZONE)[0], days=80))
    for actor, quarter in ((ANN, Q.before()), (ANN, Q)):
        bulletins.draft(press, actor=actor, quarter=quarter)
        bulletins.submit(press.store, clock, actor=actor, quarter=str(quarter), version=1)
        bulletins.publish(press.store, clock, actor=CAT, quarter=str(quarter), version=1)
    listed = [row for channel in bulletins.published_of(press.store, str(Q)).data["channels"].values()
              for each in channel["enterprises"].values() for row in each]  # fmt: skip
    assert {row["quarters"] for row in listed} <= {1, 2}
    assert any(row["quarters"] == 2 for row in listed)
    earlier = bulletins.published_of(press.store, str(Q.before())).data["channels"]["call"]["total"]
    now = bulletins.published_of(press.store, str(Q)).data["channels"]["call"]
    assert now["qoq"] == round((now["total"] - earlier) / earlier * 100, 1)


def test_the_quarters_known_from_before_come_out_as_published(store: Store, clock: FakeClock) -> None:
    assert bulletins.import_past(store, clock, actor=SYSTEM, quarters=KNOWN) == 3
    first, second = (bulletins.published_of(store, f"2020-Q{n}").data["channels"] for n in (1, 2))
    assert [(first[kind]["total"], first[kind]["qoq"]) for kind in ("call", "message", "fraud")] == [
        (100_028, -39.9), (58_268, -43.4), (8_732, -56.3),
    ]  # fmt: skip
    assert [(second[kind]["total"], second[kind]["qoq"]) for kind in ("call", "message")] == [
        (166_170, 66.1), (34_001, -41.6),
    ]  # fmt: skip
    shares = bulletins.published_of(store, "2023-Q2").data["channels"]["message"]["parts"]
    assert [cell["share"] for cell in shares["carrier"]] == [67.6, 12.5, 9.7, 7.3, 2.8]
    assert [cell["share"] for cell in shares["category"]][:3] == [36.2, 22.9, 11.9]


def test_changes_that_were_not_said_are_computed_from_what_is_known(store: Store, clock: FakeClock) -> None:
    bare = [{"quarter": each["quarter"], "channels": {kind: {"total": found["total"]} for kind, found
             in each["channels"].items()}} for each in KNOWN]  # fmt: skip
    bulletins.import_past(store, clock, actor=SYSTEM, quarters=bare)
    found = bulletins.published_of(store, "2020-Q2").data["channels"]
    assert (found["call"]["qoq"], found["message"]["qoq"]) == (66.1, -41.6)


@pytest.mark.parametrize("channels", [
    {}, {"fax": {"total": 1}}, {"call": {"total": "1"}}, {"call": {"total": -1}}, None,
    {"call": {"total": 1, "parts": {"carrier": [{"name": "a", "share": 60.0}, {"name": "b", "share": 41.0}]}}},
])  # fmt: skip
def test_past_figures_that_do_not_agree_are_refused(store: Store, clock: FakeClock, channels: Any) -> None:
    with pytest.raises(InvalidInputError) as raised:
        bulletins.import_past(store, clock, actor=SYSTEM, quarters=[{"quarter": "2019-Q1", "channels": channels}])
    assert raised.value.code == "bad_figures"


def test_a_change_that_contradicts_the_totals_is_refused(store: Store, clock: FakeClock) -> None:
    wrong = [KNOWN[0], {"quarter": "2020-Q2", "channels": {"call": {"total": 166_170, "qoq": 50.0}}}]
    with pytest.raises(InvalidInputError):
        bulletins.import_past(store, clock, actor=SYSTEM, quarters=wrong)
    assert not bulletins.published(store)

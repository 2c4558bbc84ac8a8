"""A carrier's pages: how the feed stands, what catching up costs, acknowledgements, days, batches row by row."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from flask import Flask

from registry import parties, quarantine, reports
from registry.assembly import Registry
from registry.readers.rows import Row
from registry.times import iso
from tests.doubles import FakeClock
from tests.web.filled import MINE, Viewers, Visitor, batch_of, member


@pytest.fixture
def owner(app: Flask, viewers: Viewers) -> Visitor:
    return Visitor(app, viewers.tokens["owner"])


def table(page: str, label: str) -> list[list[str]]:
    """The cells of a table's body, by the label of the box around it."""
    found = re.search(rf'aria-label="{label}"><table>(.*?)</table>', page, re.DOTALL)
    assert found, label
    rows = re.findall(r"<tr>(.*?)</tr>", found[1].split("<tbody>")[1], re.DOTALL)
    cells = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


def column(page: str, label: str, place: int = 0) -> list[str]:
    return [row[place] for row in table(page, label)]


# the feed


def test_the_feed_says_how_it_stands_and_until_when_it_holds(owner: Visitor) -> None:
    page = owner.get("/party")
    assert "In sync" in page
    assert "Key epoch" in page
    assert "24 Nov 2026, 10:00:00" in page
    assert "Soon, unless it is renewed" not in page
    assert "lag in minutes" in page


def test_a_feed_that_ends_soon_or_has_ended_says_so(
    app: Flask, registry: Registry, viewers: Viewers, clock: FakeClock
) -> None:
    for hours, words in ((19, "Soon, unless it is renewed"), (6, "Expired")):
        clock.advance(hours=hours)
        assert words in Visitor(app, member(registry, "cmcc", {19: "clerk", 6: "reader"}[hours])).get("/party")


def test_a_damaged_feed_is_named_and_the_rest_of_the_page_stays(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    index = next(name for name in registry.shelf.names("feeds/cmcc/targets/"))
    registry.shelf.put(index, b"{}")
    visitor = Visitor(app, viewers.tokens["owner"])
    for address in ("/party", "/party/editions"):
        assert "Your feed cannot be read" in visitor.get(address)
    assert len(table(visitor.page, "Editions in your feed")) == 5


def test_catching_up_costs_what_the_cheapest_files_weigh(owner: Visitor) -> None:
    page = owner.get("/party/editions?from=2")
    costs = {row[0]: row[1:] for row in table(page, "What catching up costs")}
    assert costs["A minute"] == ["5", "0 B", "0", "0 %", "nothing: it is the newest"]
    assert costs["From edition 2"] == ["2", "1.5 kB", "1", "3 %", "1 roll-up"]
    assert costs["From nothing"] == ["–", "50.3 kB", "2", "103 %", "1 full list, 1 roll-up"]
    costs = {row[0]: row[1:] for row in table(owner.get("/party/editions?from=4"), "What catching up costs")}
    assert costs["From edition 4"] == ["4", "900 B", "1", "1.8 %", "1 change set"]
    assert "No way leads from there" in owner.get("/party/editions?from=99")


def test_editions_sort_and_filter_by_the_address(owner: Visitor) -> None:
    label = "Editions in your feed"
    assert column(owner.get("/party/editions"), label) == ["5", "4", "3", "2", "1"]
    assert 'aria-sort="descending"' in owner.page
    assert column(owner.get("/party/editions?sort=edition"), label) == ["1", "2", "3", "4", "5"]
    assert column(owner.get("/party/editions?kind=full"), label) == ["2"]
    assert "Full list + Changes" in owner.page
    assert column(owner.get("/party/editions?upto=3"), label) == ["3", "2", "1"]
    assert column(owner.get("/party/editions?sort=nonsense&kind=nonsense&upto=-1&after=x"), label)[0] == "5"
    assert "No edition is like this" in owner.get("/party/editions?kind=rollup")


def test_acknowledgements_say_how_long_they_took_and_which_differ(
    app: Flask, registry: Registry, owner: Visitor
) -> None:
    rows = table(owner.get("/party/acknowledgements"), "Acknowledgements")
    assert [(row[0], row[3], row[4]) for row in rows] == [(str(n), "0.1", "agrees") for n in (5, 4, 3, 2, 1)]
    assert "No acknowledgement is like this" in owner.get("/party/acknowledgements?agrees=no")
    other = Visitor(app, member(registry, "ctcc", "owner"))
    assert column(other.get("/party/acknowledgements?agrees=no"), "Acknowledgements", 4) == ["differs"] * 2
    assert column(other.get("/party/acknowledgements?before=2"), "Acknowledgements") == ["1"]


def test_what_changed_is_drawn_said_and_tabled(owner: Visitor) -> None:
    page = owner.get("/party/changes")
    assert page.count("<svg aria-hidden") == 3
    assert "15 changes in 30 days, the most on one day: 15. Your list holds 100 entries." in page
    assert "Keeping up costs 4.4 kB" in page
    assert "0 % of 1 report were violations." in page
    newest = table(page, "Data: Changes in your list")[0]
    assert newest == ["2026-11-23", "15", "100", "5"]


def test_a_party_without_any_history_is_told_what_to_do(app: Flask, registry: Registry, viewers: Viewers) -> None:
    parties.add_party(registry.store, registry.clock, party="cucc", kind="carrier", name_zh="联通", name_en="Unicom")
    visitor = Visitor(app, member(registry, "cucc", "owner"))
    assert "Run the reference client" in visitor.get("/party")
    assert "The first edition comes within a minute" in visitor.get("/party/editions")
    assert "Nothing was acknowledged yet" in visitor.get("/party/acknowledgements")
    assert "<svg aria-hidden" not in visitor.get("/party/changes").split("<main")[1]
    assert "Send them to POST" in visitor.get("/party/reports")


def test_the_menu_shows_the_pages_of_its_section_and_only_what_one_may(
    app: Flask, registry: Registry, viewers: Viewers
) -> None:
    reader = Visitor(app, member(registry, "cmcc", "reader")).get("/party/reports")
    menu = reader.split("<main")[0]
    assert "/party/quarantine" not in menu
    assert "/party/keys" not in menu
    assert "/party/editions" not in menu
    other = Visitor(app, viewers.tokens["seller"]).get("/party").split("<main")[0]
    assert "/party/editions" not in other
    assert "/party/keys" in other


# batches


def test_a_batch_shows_each_row_with_its_verdict_or_what_to_correct(owner: Visitor, viewers: Viewers) -> None:
    assert viewers.batch in owner.get("/party/reports")
    rows = table(owner.get(f"/party/reports/{viewers.batch}"), "Each row")
    assert [row[:3] for row in rows] == [
        ["1", "Accepted", "Allowed"], ["2", "Quarantined", "Correct : line 2"],
        ["3", "Quarantined", "Correct : line 3"],
    ]  # fmt: skip
    assert rows[0][5:7] == ["138****8000", "171****0001"]
    assert MINE not in owner.page
    assert column(owner.get(f"/party/reports/{viewers.batch}?result=allowed"), "Each row") == ["1"]
    assert column(owner.get(f"/party/reports/{viewers.batch}?result=quarantined&after=2"), "Each row") == ["3"]
    assert "No row of this batch has this result." in owner.get(f"/party/reports/{viewers.batch}?result=duplicate")


def test_a_corrected_row_shows_its_verdict_in_its_batch(registry: Registry, owner: Visitor, viewers: Viewers) -> None:
    address = f"/party/reports/{viewers.batch}?result=quarantined"
    fix = re.findall(r'href="(/party/quarantine/[^"]+)"', owner.get(address))[0]
    page = owner.get(fix)
    filled = dict(re.findall(r'<input[^>]* id="(\w+)"[^>]* name="\w+"[^>]* value="([^"]*)"', page))
    owner.post(fix, **{**filled, "category": "loan"})
    assert table(owner.get(address), "Each row")[0][1:3] == ["Released", "Allowed"]


def test_batches_are_filtered_and_paged_by_the_address(
    registry: Registry, owner: Visitor, clock: FakeClock
) -> None:
    fields = {"called": f"+86{MINE}", "caller": "hidden", "channel": "calls", "at": iso(clock.now())}
    for place in range(60):
        clock.advance(seconds=1)
        row = Row(1, b"{}", fields | {"id": f"n{place % 59}"})
        reports.take_in(registry.store, registry.keys, clock, registry.plan, registry.rulebooks, source="cmcc",
                        kind="carrier", rows=[row])
    assert len(table(owner.get("/party/reports"), "Batches")) == 50
    older = re.findall(r'href="(/party/reports\?before=[^"]+)"', owner.page)[0]
    assert len(table(owner.get(older), "Batches")) == 12
    assert "To the start" in owner.page
    assert column(owner.get("/party/reports?only=duplicates"), "Batches", 8) == [batch_of(registry)]
    owner.get("/party/reports?before=nothing", status=404)


def test_the_rows_of_a_batch_come_as_files_with_masked_numbers(app: Flask, owner: Visitor, viewers: Viewers) -> None:
    address = f"/party/reports/{viewers.batch}/rows"
    answer = owner.client.get(f"{address}.ndjson")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{viewers.batch}.ndjson"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [(line["line"], line["result"]) for line in lines] == [
        (1, "accepted"), (2, "quarantined"), (3, "quarantined"),
    ]
    assert lines[0] | {"rule": "", "rulebook": ""} == {
        "line": 1, "result": "accepted", "id": "r1", "called": "138****8000", "caller": "171****0001",
        "channel": "calls", "category": "loan", "at": "2026-11-22T02:00:00Z", "verdict": "allowed",
        "reason": "no_recorded_will", "rule": "", "rulebook": "",
    }  # fmt: skip
    found = list(csv.DictReader(io.StringIO(owner.client.get(f"{address}.csv?result=quarantined").text)))
    assert [row["reason"] for row in found] == ["unknown_category", "not_json"]
    assert owner.client.get(f"{address}.xlsx").status_code == 404


def test_nobody_sees_the_batches_of_another_party(app: Flask, registry: Registry, viewers: Viewers) -> None:
    visitor = Visitor(app, member(registry, "ctcc", "owner"))
    for tail in ("", "/rows.csv", "/rows.ndjson"):
        visitor.get(f"/party/reports/{viewers.batch}{tail}", status=404)


def test_a_batch_tells_what_was_discarded(registry: Registry, owner: Visitor, viewers: Viewers) -> None:
    quarantine.discard(registry.store, registry.clock, source="cmcc", name=viewers.quarantined, note="a test of ours")
    assert "Discarded" in column(owner.get(f"/party/reports/{viewers.batch}"), "Each row", 1)

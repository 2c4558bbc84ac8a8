"""Pages of a party's desk: one answer, many, a CSV file out and in, and that nobody learns who reported."""

from __future__ import annotations

import io

import pytest
from flask import Flask

from registry import audit
from registry.assembly import Registry
from registry.handling import Handling
from tests.doubles import FakeClock
from tests.web.conftest import Carrier
from tests.web.filled import Visitor, member
from tests.web.test_desk_api import CALLED, come


@pytest.fixture
def clerk(app: Flask, registry: Registry, carrier: Carrier) -> Visitor:
    carrier("cmcc")
    come(registry, 3)
    return Visitor(app, member(registry, "cmcc", "clerk"))


def handlings(registry: Registry) -> list[Handling]:
    found = [registry.store.handling.of_report("people", f"d{place}") for place in range(3)]
    return [each for each in found if each is not None]


def test_a_clerk_answers_one_report_and_sees_its_deadline_and_never_who_reported(
    clerk: Visitor, registry: Registry
) -> None:
    page = clerk.get("/party/desk")
    first = handlings(registry)[0]
    assert first.reference in page
    one = clerk.get(f"/party/desk/{first.reference}")
    for seen in (page, one):
        assert not any(word in seen for word in (CALLED, "138****8000", "王先生"))
    assert "135****0001" in page
    assert "13500000001" not in page, "whole only where it is answered (ADR 31)"
    assert "+8613500000001" in one
    assert "Please say which measure you took." in clerk.post(
        f"/party/desk/{first.reference}", status=422, finding="violation", text="Seen to."
    )
    done = clerk.post(f"/party/desk/{first.reference}", finding="violation", measure="stopped", text="Seen to.")
    assert "The report is answered." in done
    assert handlings(registry)[0].state == "fed_back"
    after = clerk.get(f"/party/desk/{first.reference}")
    assert "135****0001" in after
    assert "13500000001" not in after
    assert [(entry.action, entry.subject) for entry in audit.entries(registry.store)
            if entry.action == "caller_seen"] == [("caller_seen", f"report:{first.reference}")] * 2  # fmt: skip


def test_ticked_reports_are_answered_alike_and_late_ones_are_marked(
    clerk: Visitor, registry: Registry, clock: FakeClock
) -> None:
    clock.advance(days=22)
    clerk = Visitor(clerk.client.application, member(registry, "cmcc", "owner"))
    assert "Late" in clerk.get("/party/desk?only=late")
    assert "Tick reports" in clerk.post("/party/desk/answers", finding="unfounded", text="Nothing found.")
    ticked = [each.reference for each in handlings(registry)[:2]]
    clerk.get("/party/desk")
    told = clerk.post("/party/desk/answers", reference=ticked, finding="unfounded", text="Nothing found.")
    assert "2 reports were answered." in told
    assert [each.state for each in handlings(registry)] == ["fed_back", "fed_back", "forwarded"]


def test_a_file_goes_out_and_comes_back_with_answers_and_what_is_wrong_is_said_row_by_row(
    clerk: Visitor, registry: Registry
) -> None:
    clerk.get("/party/desk")
    file = clerk.client.get("/party/desk.csv").get_data(as_text=True)
    head, *lines = file.lstrip("\ufeff").splitlines()
    assert head.endswith("finding,measure,text")
    assert len(lines) == 3
    assert CALLED not in file
    assert "8613500000001" in file
    fetched = next(entry for entry in audit.entries(registry.store) if entry.action == "desk_fetched")
    assert (fetched.subject, fetched.facts) == ("party:cmcc", {"reports": 3})
    first, second, _third = (line.split(",")[0] for line in lines)
    back = f"reference,finding,measure,text\n{first},violation,stopped,已停\n{second},violation,,已停\n{_third},,,\n"
    told = clerk.post("/party/desk/file", file=(io.BytesIO(back.encode("gb18030")), "desk.csv"))
    assert "1 reports were answered." in told
    assert "Please say which measure you took." in told
    wrong = clerk.post("/party/desk/file", file=(io.BytesIO(b"a,b\n1,2\n"), "desk.csv"))
    assert "This is not a CSV file" in wrong
    assert "Please choose a file." in clerk.post("/party/desk/file")


def test_a_reader_and_another_party_see_no_desk(
    app: Flask, clerk: Visitor, registry: Registry, carrier: Carrier
) -> None:
    reference = handlings(registry)[0].reference
    Visitor(app, member(registry, "cmcc", "reader")).get("/party/desk", status=403)
    carrier("ctcc")
    other = Visitor(app, member(registry, "ctcc", "clerk"))
    assert reference not in other.get("/party/desk")
    other.get(f"/party/desk/{reference}", status=404)

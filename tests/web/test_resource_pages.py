"""Pages of number resources: a carrier sends its list and sees what became of it; officers ask who answers, and about
enterprises; no number stands in an address or a log."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from flask import Flask

from registry import credit, enterprises, parties
from registry.access import SYSTEM
from registry.assembly import Registry
from tests.web.filled import Visitor, member
from tests.web.filled_resources import GAP, HEAD, PLAIN, PORT, SUBLET, take

NEW = "port,10690002,,己失信公司,,,,,,,"


@pytest.fixture
def parties_of(registry: Registry) -> None:
    for party, kind in {"cmcc": "carrier", "cucc": "carrier", "acme": "telemarketer", "regulator": "regulator"}.items():
        parties.add_party(registry.store, registry.clock, party=party, kind=kind, name_zh=party, name_en=party)


@pytest.fixture
def cmcc(app: Flask, registry: Registry, parties_of: None) -> Visitor:
    return Visitor(app, member(registry, "cmcc", "owner"))


@pytest.fixture
def auditor(app: Flask, registry: Registry, parties_of: None) -> Visitor:
    return Visitor(app, member(registry, "regulator", "auditor"))


def send(who: Visitor, *rows: str, name: str = "list.csv", status: int = 200, **fields: Any) -> str:
    """Send a list as the form does: the token first, the file last."""
    who.get("/party/resources")
    body = "\n".join([HEAD, *rows, ""]).encode()
    data = {"csrf_token": who.token, "date": "2026-11-23", **fields, "file": (io.BytesIO(body), name)}
    answer = who.client.post("/party/resources", data=data, follow_redirects=True)
    assert answer.status_code == status, answer.get_data(as_text=True)
    who.page, who.address = answer.get_data(as_text=True), answer.request.path
    return who.page


def restrict(registry: Registry, name: str) -> str:
    found = enterprises.enrol(registry.store, registry.clock, name=name).enterprise
    credit.enter(registry.store, registry.clock, actor=SYSTEM, enterprise=found, kind="dishonesty", text="屡次转租",
                 public=True)  # fmt: skip
    return found


def test_a_carrier_sends_its_list_and_sees_each_row_that_was_not_taken(cmcc: Visitor, registry: Registry) -> None:
    restrict(registry, "己失信公司")
    page = send(cmcc, PORT, PLAIN, NEW, "port,955,,甲通信公司,,,,,,,", "plain,,13911112222,甲,,,,,,,")
    assert "This enterprise is restricted and gets nothing new." in page
    assert "a port begins with 106" in page
    assert "13911112222" not in page
    ledger = cmcc.address
    files = {format: cmcc.get(f"{ledger}/rows.{format}") for format in ("csv", "ndjson")}
    rows = list(csv.DictReader(io.StringIO(files["csv"].removeprefix("\ufeff"))))
    assert [(row["line"], row["result"], row["reason"]) for row in rows][:2] == [
        ("4", "held", "restricted"), ("5", "refused", "wrong_kind"),
    ]  # fmt: skip
    assert [json.loads(line)["digits"] for line in files["ndjson"].splitlines()][:2] == ["10690002", "955"]
    shown = cmcc.get("/party/resources")
    assert "10690001" in shown
    assert "138****8000" in shown
    assert "13800138000" not in shown


def test_the_same_list_twice_changes_nothing_and_both_stand_in_the_history(cmcc: Visitor, registry: Registry) -> None:
    send(cmcc, PORT, SUBLET)
    page = send(cmcc, PORT, SUBLET)
    assert "Every row was taken." in page
    assert [(row["added"], row["unchanged"]) for row in registry.store.ledgers.all(carrier="cmcc", limit=9)] in (
        [(0, 2), (2, 0)], [(2, 0), (0, 2)],
    )  # fmt: skip


def test_what_is_wrong_with_a_whole_list_is_said_in_words_and_nothing_is_taken(
    cmcc: Visitor, registry: Registry
) -> None:
    for said, more in {
        "The file&#39;s name ends in": {"name": "list.xlsx"}, "Give the day of the list.": {"date": "tomorrow"},
        "It lies at most a month ahead": {"date": "2027-11-23"},
    }.items():
        assert said in send(cmcc, PORT, status=422, **more)
    assert "No row of this list can be taken." in send(cmcc, status=422)
    send(cmcc, *(f"port,1069{place:04},,甲公司,,,,,,," for place in range(30)))
    assert "A list of a later day was taken in before." in send(cmcc, PORT, date="2026-11-22", status=422)
    assert "29 entries were not ended" in send(cmcc, PORT)
    assert "were not ended" not in send(cmcc, PORT, sure="yes")
    assert len(registry.store.enterprises.of_carrier("cmcc", at=1 << 60)) == 1


def test_a_list_is_its_own_carriers_and_a_form_of_somebody_else_is_refused(
    app: Flask, cmcc: Visitor, registry: Registry
) -> None:
    done = take(registry, PORT, carrier="cucc")
    cmcc.get(f"/party/resources/lists/{done.ledger}", status=404)
    cmcc.get(f"/party/resources/lists/{done.ledger}/rows.csv", status=404)
    cmcc.token = "x"
    data = {"csrf_token": "x", "date": "2026-11-23", "file": (io.BytesIO(HEAD.encode()), "list.csv")}
    assert cmcc.client.post("/party/resources", data=data).status_code == 400
    reader = Visitor(app, member(registry, "cmcc", "reader"))
    assert "Send the list" not in reader.get("/party/resources")
    Visitor(app, member(registry, "acme", "owner")).get("/party/resources", status=403)


def test_an_officer_asks_who_answers_and_no_number_stands_in_an_address_or_log(
    auditor: Visitor, registry: Registry, written: io.StringIO
) -> None:
    take(registry, PORT, SUBLET, GAP, PLAIN)
    auditor.get("/officer/resources")
    page = auditor.post("/officer/resources", number="1069000123456", date="")
    assert auditor.address == "/officer/resources"
    assert "Sublet (rule 75)" in page
    assert "甲通信公司 holds the digits above it; 乙信息公司 sends from it." in page
    page = auditor.post("/officer/resources", number="95501", date="2026-11-23")
    assert "Nobody is known for 2 links of the chain" in page
    page = auditor.post("/officer/resources", number="020-87654321", date="")
    assert "No ledger names it at that time." in page
    assert "Landline · " in page
    assert "Guangdong" in page
    page = auditor.post("/officer/resources", number="13800138000", date="2026-01-15")
    assert "138****8000" in page
    assert "13800138000" not in page + written.getvalue()
    auditor.post("/officer/resources", number="x", date="", status=422)
    assert "Give a day" in auditor.post("/officer/resources", number="95501", date="soon", status=422)
    auditor.get("/officer/resources/r_bcdfghjkmnpqrstv", status=404)


def test_lists_show_sublets_purposes_gaps_and_what_a_carrier_holds(auditor: Visitor, registry: Registry) -> None:
    take(registry, PORT, SUBLET, GAP, days=-3)
    take(registry, PORT, SUBLET.replace("推销", "通知"), GAP)
    pages = {kind: auditor.get(f"/officer/resources?list={kind}&carrier=cmcc") for kind in (
        "sublet", "purpose", "gaps", "carrier", "ledgers"
    )}  # fmt: skip
    assert "Sublet by" in pages["sublet"]
    assert "推销" in pages["purpose"]
    assert "Sending: the provider" in pages["gaps"]
    assert pages["gaps"].count("<tr>") == 2  # the head, and the one that nothing above it fills
    assert pages["carrier"].count("/officer/resources/r_") == 3
    assert pages["ledgers"].count("cmcc") >= 2
    assert "Nothing is like this." in auditor.get("/officer/resources?list=sublet&carrier=cucc")


def test_an_enterprise_is_found_by_name_and_code_and_shows_what_restricts_it(
    auditor: Visitor, registry: Registry
) -> None:
    take(registry, PORT, SUBLET)
    barred = restrict(registry, "乙信息公司")
    assert "乙信息公司" in auditor.get("/officer/enterprises")
    assert "甲通信公司" in auditor.get("/officer/enterprises?q=甲通信有限公司")
    assert "甲通信公司" in auditor.get("/officer/enterprises?q=91110000600037341l")
    assert "No enterprise is called so." in auditor.get("/officer/enterprises?q=%25")
    page = auditor.get(f"/officer/enterprises/{barred}")
    for said in ("List of dishonesty", "no new numbers, codes and ports", "1069000123", "屡次转租"):
        assert said in page
    auditor.get("/officer/enterprises/e_nobody", status=404)

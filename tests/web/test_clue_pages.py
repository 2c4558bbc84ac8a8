"""Pages of clues: who sees and does what, a batch from the first look to its outcome, a department that fetches."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from registry import cluemaking, clues, cluework, parties
from registry.access import SYSTEM
from registry.assembly import REGULATOR, Registry
from registry.cluepackages import check
from registry.receiptkeys import public_keys
from sync.__main__ import main as sync_main
from tests.doubles import FakeClock
from tests.registry.clueing import Desk, Q
from tests.web.filled import Viewers
from tests.web.filled import Visitor as Browser
from tests.web.filled_clues import office_of
from tests.web.visiting import Visitor
from web.commands import main

CALLER = "13800138000"


@pytest.fixture
def desk(registry: Registry) -> Desk:
    """A registry with four upheld loans and two reports of fraud."""
    if registry.store.parties.party(REGULATOR) is None:
        parties.add_party(registry.store, registry.clock, party=REGULATOR, kind="regulator", name_zh="局", name_en="R")
    made = Desk(registry.store, registry.keys, registry.clock, registry.plan)  # type: ignore[arg-type]
    made.office = office_of(registry)
    made.fall(4, caller=CALLER)
    made.crime(2)
    return made


@pytest.fixture
def batch(desk: Desk) -> str:
    found = cluemaking.make(desk.office, actor=SYSTEM, quarter=Q, topic="nfra")
    assert found is not None
    return found.batch


@pytest.fixture
def as_(registry: Registry, client: FlaskClient) -> Callable[[str], Visitor]:
    """A visitor who is a member of a role from now on."""

    def become(role: str) -> Visitor:
        visitor = Visitor(client, lambda: "", headers={"Accept-Language": "en"})
        visitor.become(registry, role, party=REGULATOR)
        return visitor

    return become


def act(visitor: Visitor, batch: str, what: str, **fields: str) -> str:
    """Do something on a batch's page; the page that follows."""
    page = f"/officer/clues/{batch}"
    answer = visitor.submit(f"{page}/do/{what}", page=page, **fields)
    assert answer.status_code == 303, answer.text
    return visitor.get(page).text


def test_a_batch_goes_from_the_first_look_to_its_outcome(
    registry: Registry, batch: str, as_: Callable[[str], Visitor]
) -> None:
    page = act(as_("investigator"), batch, "review", reason="属实")
    assert "To be sent" in page
    assert "You looked at it: somebody else sends it." in page
    assert CALLER not in page
    assert "138****8000" in page
    decider = as_("decider")
    page = act(decider, batch, "send", way="hand", reason="机要交换")
    assert "Sent, no receipt yet" in page
    found = decider.submit(f"/officer/clues/{batch}/package", page=f"/officer/clues/{batch}", reason="送机要室")
    assert found.mimetype == "application/zip"
    assert check(found.data, public_keys(registry.store, registry.receipt_keys)).payload.batch == batch
    worker = as_("investigator")
    assert "A receipt is given after it was sent" in act(worker, batch, "receive", date="2020-01-01", receiver="李处")
    day = f"{registry.clock.now():%Y-%m-%d}"
    assert "Acknowledged" in act(worker, batch, "receive", date=day, receiver="李处", file_number="8")
    listed = registry.store.clues.of_batch(batch)
    home = f"/officer/clues/{batch}"
    done = worker.submit(f"{home}/answers", page=home, which="chosen", clue=[listed[0].clue], result="returned")
    assert "Please say why." in done.text
    worker.submit(f"{home}/answers", page=home, which="all", result="accepted")
    assert "Answered" in worker.get(home).text
    worker.submit(f"{home}/answers", page=home, which="all", result="punished")
    assert clues.batch_of(registry.store, batch).state == "closed"
    overview = worker.get("/officer/clues?state=all").text
    assert "4 of 4 clues that departments have are answered; 4 were punished." in overview
    assert "Taken up 4" in worker.get(home).text


def test_the_file_of_a_department_is_taken_in_and_each_row_that_is_not_is_said(
    registry: Registry, batch: str, as_: Callable[[str], Visitor]
) -> None:
    act(as_("investigator"), batch, "review")
    act(as_("decider"), batch, "send", way="hand", reason="机要")
    worker, home = as_("investigator"), f"/officer/clues/{batch}"
    assert "Other steps come before this one." in send(worker, home, b"clue,result\r\nx,accepted\r\n")
    act(worker, batch, "receive", date=f"{registry.clock.now():%Y-%m-%d}", receiver="李处")
    listed = [each.clue for each in registry.store.clues.of_batch(batch)]
    text = "clue,kind,result,department,note\r\n" + "".join(
        f"{clue},report,{result}\r\n" for clue, result in zip(
            [*listed, "elsewhere"], ["受理,,", "退回,,", ",,", "transferred,mps,刑案", "accepted,,"])
    )  # fmt: skip
    page = send(worker, home, text.encode("utf-8-sig"))
    assert "2 answers were taken." in page
    assert "2 answers were not taken." in page
    assert "There is no such clue in this batch." in page
    assert "Please say why." in page
    assert "This is not a CSV file with the columns" in send(worker, home, b"a,b\r\n1,2\r\n")
    file = (io.BytesIO(text.encode()), "clues.csv")
    assert worker.client.post(f"{home}/file", data={"csrf_token": "made-up", "file": file}).status_code == 400


def send(visitor: Visitor, home: str, content: bytes) -> str:
    file = (io.BytesIO(content), "clues.csv")
    answer = visitor.submit(f"{home}/file", page=home, file=file)
    return answer.text if answer.status_code == 200 else visitor.get(home).text


def test_a_department_fetches_by_a_code_that_is_shown_once(
    registry: Registry, batch: str, as_: Callable[[str], Visitor], client: FlaskClient
) -> None:
    act(as_("investigator"), batch, "review")
    decider = as_("decider")
    page = act(decider, batch, "send", way="link", reason="电话告知")
    code = page.split("<dt>Fetch code</dt><dd><code>")[1].split("</code>")[0]
    assert f"http://localhost/clues/{batch}" in page
    assert code not in decider.get(f"/officer/clues/{batch}").text
    client.delete_cookie("dc_session")
    them = Visitor(client, lambda: "", headers={"Accept-Language": "en"})
    wrong = them.submit(f"/clues/{batch}", code="bcdf", receiver="李处", file_number="8")
    assert wrong.status_code == 422
    assert "Nothing can be fetched with this code" in wrong.text
    assert "Nothing can be fetched" in them.submit("/clues/nothing", code=code, receiver="李处").text
    assert "Please say who received it." in them.submit(f"/clues/{batch}", code=code).text
    found = them.submit(f"/clues/{batch}", code=code, receiver="李处", file_number="8")
    assert found.mimetype == "application/zip"
    assert clues.batch_of(registry.store, batch).receiver == "李处"
    assert "Nothing can be fetched" in them.submit(f"/clues/{batch}", code=code, receiver="李处").text
    for _ in range(20):
        answer = them.submit(f"/clues/{batch}", code=code, receiver="李处")
    assert "too often" in answer.text


def test_who_may_not_send_look_or_answer_is_refused(batch: str, as_: Callable[[str], Visitor]) -> None:
    home = f"/officer/clues/{batch}"
    for role in ("auditor", "publisher"):
        visitor = as_(role)
        assert "To be looked at" in visitor.get(home).text
        assert "It may go" not in visitor.get(home).text
        for path in (f"{home}/do/review", f"{home}/package", f"{home}/answers", f"{home}/file", "/officer/clues/refer"):
            assert visitor.submit(path, page=home, reason="x").status_code == 403
    worker = as_("investigator")
    assert worker.submit(f"{home}/package", page=home, reason="x").status_code == 403
    assert "Your account may not do this." in act(worker, batch, "discard", reason="x")
    assert worker.submit(f"{home}/do/fly", page=home).status_code == 404
    assert worker.get("/officer/clues/nothing").status_code == 404


def test_crime_rings_until_the_police_have_it(desk: Desk, as_: Callable[[str], Visitor]) -> None:
    made = cluemaking.make_urgent(desk.office, actor=SYSTEM)
    assert made is not None
    said = "Crime: the police have not acknowledged 2 clues."
    decider = as_("decider")
    assert said in decider.get("/officer").text
    act(decider, made.batch, "send", way="hand", reason="专人送达")
    assert said in decider.get("/officer/alarms").text
    act(as_("investigator"), made.batch, "receive", date=f"{desk.clock.now():%Y-%m-%d}", receiver="王警官")
    assert said not in as_("decider").get("/officer/alarms").text


def test_a_case_is_referred_and_an_addendum_packed(desk: Desk, as_: Callable[[str], Visitor]) -> None:
    case, worker = desk.case(), as_("investigator")
    worker.submit("/officer/clues/refer", page="/officer/clues", case="nothing", reason="商家")
    assert "There is no such case." in worker.get("/officer/clues").text
    worker.submit("/officer/clues/refer", page="/officer/clues", case=case.case_id, department="samr", reason="商家")
    assert "Waiting for the next package" in worker.get("/officer/clues").text
    made = worker.submit("/officer/clues/addendum", page="/officer/clues", department="samr")
    assert case.case_id in worker.get(made.headers["Location"]).text
    worker.submit("/officer/clues/addendum", page="/officer/clues", department="samr")
    assert "Nothing waits for this department." in worker.get("/officer/clues").text


def test_a_batch_for_nobody_is_given_to_a_department(desk: Desk, as_: Callable[[str], Visitor]) -> None:
    desk.fall(category=7)
    made = cluemaking.make(desk.office, actor=SYSTEM, quarter=Q, topic="home")
    assert made is not None
    worker = as_("investigator")
    assert "No department known" in worker.get("/officer/clues?department=nobody").text
    assert "There is no such department." in act(worker, made.batch, "assign", department="moon", reason="家政")
    page = act(worker, made.batch, "assign", department="samr", reason="家政")
    assert "State Administration for Market Regulation" in page
    assert "It may go" in page


def test_a_department_verifies_its_package_with_the_command(
    registry: Registry, batch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = cluemaking.package_of(office_of(registry), clues.batch_of(registry.store, batch))
    (tmp_path / "good.zip").write_bytes(content)
    (tmp_path / "bad.zip").write_bytes(content.replace(b"tel:+86138", b"tel:+86139"))
    key = public_keys(registry.store, registry.receipt_keys)[0].public
    run = CliRunner().invoke
    done = run(sync_main, ["clues", "verify", str(tmp_path / "good.zip"), "--public-key", key, "--out",
                           str(tmp_path / "out")])  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "National Financial Regulatory Administration" in done.output
    assert (tmp_path / "out" / "clues.csv").read_bytes().startswith(b"\xef\xbb\xbfclue,kind")
    done = run(sync_main, ["clues", "verify", str(tmp_path / "bad.zip"), "--public-key", key])
    assert (done.exit_code, "[package_" in done.output) == (1, True)
    assert run(sync_main, ["clues", "verify", str(tmp_path / "good.zip")]).exit_code == 2


def test_an_earlier_quarter_is_made_by_command(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(main, ["--instance", str(tmp_path / "i"), "prepare"]).exit_code == 0
    done = run(main, ["--instance", str(tmp_path / "i"), "clues", "make", "2025-Q1"])
    assert "0 batches of 2025-Q1." in done.output
    assert run(main, ["--instance", str(tmp_path / "i"), "clues", "make", "2099-Q1"]).exit_code == 1


def test_who_reported_and_whoever_works_on_a_case_see_which_department_knows_of_it(
    registry: Registry, app: Flask, viewers: Viewers, clock: FakeClock
) -> None:
    clock.advance(minutes=10)
    made = cluemaking.make_urgent(office_of(registry), actor=SYSTEM)
    assert made is not None

    def browse(who: str, address: str) -> str:
        return Browser(app, viewers.tokens[who]).get(address)

    assert "Ministry of Public Security" not in browse("mine", f"/my-reports/{viewers.report}")
    desk = Desk(registry.store, registry.keys, clock, registry.plan)  # type: ignore[arg-type]
    cluework.send(registry.store, clock, actor=desk.bea, batch=made.batch, way="hand", reason="专人送达")
    page = browse("mine", f"/my-reports/{viewers.report}")
    assert "Handed to: Ministry of Public Security" in page
    assert "Ministry of Public Security" in browse("auditor", f"/officer/cases/{viewers.case}")  # a report is of fraud
    clues.refer(registry.store, clock, actor=desk.ann, reason="商家", case_id=viewers.case, department="samr")
    page = browse("auditor", f"/officer/cases/{viewers.case}")
    assert "State Administration for Market Regulation Waiting for the next package" in page
    assert "batches of clues for other departments wait for you" in browse("investigator", "/officer")

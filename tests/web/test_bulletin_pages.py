"""Pages of the bulletins: who may do what, what everybody sees, the same figures in every file."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from registry import bulletins
from registry.access import SYSTEM, Actor
from registry.assembly import REGULATOR, Registry
from registry.bulletins import Press
from registry.errors import UnavailableError
from registry.quarters import Quarter
from tests.bulletining import KNOWN, fill, rows
from tests.web.visiting import Visitor
from web import bulletinpdf
from web.bulletins import SCHEMA
from web.commands import main

Q = Quarter(2026, 3)
OTHER = Actor("key", key="other")


@pytest.fixture
def filled(registry: Registry) -> Registry:
    """A registry with a quarter of reports."""
    first = Q.bounds("Asia/Shanghai")[0]
    fill(registry.store, rows(registry.plan, registry.keys, 800, 3, first=first, days=90))
    if registry.store.parties.party(REGULATOR) is None:
        from registry import parties

        parties.add_party(
            registry.store, registry.clock, party=REGULATOR, kind="regulator", name_zh="监管", name_en="R"
        )
    return registry


@pytest.fixture
def published(filled: Registry) -> Registry:
    """The same with its bulletin published and known quarters taken in."""
    press = Press(filled.store, filled.clock, filled.keys, filled.plan, "Asia/Shanghai")
    bulletins.import_past(filled.store, filled.clock, actor=SYSTEM, quarters=KNOWN)
    bulletins.draft(press, actor=SYSTEM, quarter=Q)
    bulletins.submit(filled.store, filled.clock, actor=SYSTEM, quarter=str(Q), version=1)
    bulletins.publish(filled.store, filled.clock, actor=OTHER, quarter=str(Q), version=1)
    return filled


def test_everybody_reads_bulletins_with_charts_and_tables(published: Registry, client: FlaskClient) -> None:
    page = client.get("/bulletins").text
    assert all(quarter in page for quarter in ("2026-Q3", "2023-Q2", "2020-Q1"))
    one = client.get("/bulletins/2026-Q3").text
    assert one.count("<svg aria-hidden") >= 10
    assert one.count("<h1") == 1
    assert "Small cells together" in one or "By industry" in one
    known = client.get("/bulletins/2020-Q1", headers={"Accept-Language": "zh"}).text
    assert "100,028" in known
    assert "-39.9" in known.replace("−", "-")


def test_the_files_hold_the_frozen_figures(published: Registry, client: FlaskClient) -> None:
    found = bulletins.published_of(published.store, str(Q))
    answer = client.get("/bulletins/2026-Q3.json")
    assert answer.data == found.figures.encode()
    assert hashlib.sha256(answer.data).hexdigest() == found.sha256
    listed = list(csv.DictReader(io.StringIO(client.get("/bulletins/2026-Q3.csv").data.decode("utf-8-sig"))))
    totals = {row["channel"]: int(row["count"]) for row in listed if row["part"] == "total"}
    assert totals == {kind: each["total"] for kind, each in found.data["channels"].items()}


def test_every_bulletin_fits_its_schema(published: Registry, client: FlaskClient) -> None:
    import jsonschema_rs

    assert client.get("/bulletins/schema.json").get_json() == SCHEMA
    for quarter in ("2026-Q3", "2020-Q1", "2020-Q2", "2023-Q2"):
        jsonschema_rs.validate(SCHEMA, client.get(f"/bulletins/{quarter}.json").get_json())


def test_a_pdf_is_the_same_byte_for_byte_in_each_language(published: Registry, client: FlaskClient) -> None:
    try:
        bulletinpdf.chinese_font()
    except UnavailableError:
        pytest.skip("no Chinese font is installed")
    made = client.get("/bulletins/2026-Q3.pdf").data
    assert made.startswith(b"%PDF-")
    assert made == client.get("/bulletins/2026-Q3.pdf").data
    assert made != client.get("/bulletins/2026-Q3.pdf", headers={"Accept-Language": "zh"}).data


def test_without_a_chinese_font_the_answer_says_so(
    published: Registry, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulletinpdf, "_FAMILIES", ("No Such Family",))
    bulletinpdf.chinese_font.cache_clear()
    answer = client.get("/bulletins/2026-Q3.pdf")
    bulletinpdf.chinese_font.cache_clear()
    assert answer.status_code == 503
    assert "no Chinese font is installed" in answer.text


@pytest.mark.parametrize(
    "path", ["/bulletins/2026-Q2", "/bulletins/2026-Q3.json?version=9", "/bulletins/2026-Q3.csv?version=x"]
)
def test_what_is_not_published_is_not_there(published: Registry, client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_draft_is_for_the_office_alone(filled: Registry, client: FlaskClient) -> None:
    press = Press(filled.store, filled.clock, filled.keys, filled.plan, "Asia/Shanghai")
    bulletins.draft(press, actor=SYSTEM, quarter=Q)
    assert client.get("/bulletins/2026-Q3").status_code == 404
    assert client.get("/bulletins/2026-Q3.json").status_code == 404
    assert client.get("/officer/bulletins").status_code in (302, 303)


def test_one_publisher_drafts_and_another_one_publishes(
    filled: Registry, client: FlaskClient, code_of: Callable[[], str]
) -> None:
    visitor = Visitor(client, code_of)
    visitor.become(filled, "publisher", party=REGULATOR)
    assert visitor.submit("/officer/bulletins", quarter="2026-Q9", note="").status_code == 400
    assert visitor.submit("/officer/bulletins", quarter="2026-Q4", note="").status_code == 400
    assert visitor.submit("/officer/bulletins", quarter="2026-Q3", note="").status_code == 303
    one = "/officer/bulletins/2026-Q3/1"
    visitor.submit(f"{one}/submit", page=one)
    assert "another publisher publishes it" in visitor.get(one).text
    visitor.submit(f"{one}/publish", page=one)
    assert filled.store.bulletins.of_quarter("2026-Q3")[0].state == "review"
    bulletins.publish(filled.store, filled.clock, actor=OTHER, quarter="2026-Q3", version=1)
    assert client.get("/bulletins/2026-Q3").status_code == 200


def test_an_auditor_reads_drafts_and_moves_none(
    filled: Registry, client: FlaskClient, code_of: Callable[[], str]
) -> None:
    visitor = Visitor(client, code_of)
    visitor.become(filled, "auditor", party=REGULATOR)
    page = visitor.get("/officer/bulletins")
    assert page.status_code == 200
    assert "Draft a bulletin" not in page.text


def test_bulletins_are_drafted_published_and_shown_by_command(tmp_path: Any) -> None:
    from contextlib import closing

    from registry.assembly import assemble, prepare
    from registry.quarters import quarter_of

    prepare(tmp_path / "own")
    with closing(assemble(tmp_path / "own")) as registry:
        now = registry.clock.now()
        quarter = str(quarter_of(now - timedelta(days=11), "Asia/Shanghai").before())

    def call(*words: str) -> Any:
        return CliRunner().invoke(main, ["--instance", str(tmp_path / "own"), *words])

    assert call("bulletin", "draft", quarter).exit_code == 0
    assert '"quarter"' in call("bulletin", "show", quarter).output
    assert call("bulletin", "publish", quarter, "--as", "p@example.org").exit_code == 1
    assert call("officer", "invite", "p@example.org", "--role", "publisher").exit_code == 0
    with closing(assemble(tmp_path / "own")) as registry, registry.store.writing():
        member = registry.store.parties.member_of_email("p@example.org")
        registry.store.parties.start_over(member.member, password="-")
    done = call("bulletin", "publish", quarter, "--as", "p@example.org")
    assert done.exit_code == 0, done.output
    past = tmp_path / "past.json"
    past.write_text('[{"quarter": "2020-Q1", "channels": {"call": {"total": 100028, "qoq": -39.9}}}]')
    assert call("bulletin", "import", str(past)).exit_code == 0
    assert call("bulletin", "import", str(past)).exit_code == 1

"""Ledgers over the API and by command: the whole list goes in, what is wrong is named by row, the own one is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from registry import parties
from registry.assembly import FIRST_OFFICER, Registry, assemble, prepare
from tests.web.conftest import Carrier
from web.commands import main

Headers = dict[str, str]
CSV = (
    "kind,prefix,number,provider,provider_company,from\n"
    "port,10690001,,甲公司,91110000600037341L,2026-01-01\n"
    "plain,,13800138000,乙公司,,2026-02-01\n"
    "port,955,,甲公司,,\n"
)


@pytest.fixture
def cmcc(carrier: Carrier) -> Headers:
    return carrier("cmcc", "resources")


def sent(client: FlaskClient, headers: Headers, registry: Registry, body: str = CSV, **more: str) -> Any:
    day = registry.clock.now().date().isoformat()
    return client.post(
        f"/api/v1/resources?date={day}", data=body.encode(), headers={**headers, "Content-Type": "text/csv", **more}
    )


def test_a_carrier_sends_its_list_and_reads_what_stands_in_it(
    client: FlaskClient, registry: Registry, cmcc: Headers
) -> None:
    done = sent(client, cmcc, registry).get_json()
    assert (done["rows"], done["added"], done["refused"], done["reasons"]) == (3, 2, 1, {"wrong_kind": 1})
    page = client.get("/api/v1/resources?limit=1", headers=cmcc).get_json()
    rest = client.get(f"/api/v1/resources?after={page['next']}", headers=cmcc).get_json()
    found = {each["digits"]: each for each in page["resources"] + rest["resources"]}
    assert set(found) == {"10690001", "+8613800138000"}
    assert found["10690001"]["provider_company"] == "91110000600037341L"
    assert rest["next"] is None
    assert client.get("/api/v1/resources?date=2025-12-01", headers=cmcc).get_json()["resources"] == []


def test_each_row_is_answered_where_that_is_asked_for(client: FlaskClient, registry: Registry, cmcc: Headers) -> None:
    answer = sent(client, cmcc, registry, Accept="application/x-ndjson")
    lines = [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
    assert [each["result"] for each in lines[:-1]] == ["added", "added", "refused"]
    assert lines[-1]["rows"] == 3


def test_a_list_without_a_day_of_another_kind_of_party_or_of_nothing_is_refused(
    client: FlaskClient, registry: Registry, cmcc: Headers, carrier: Carrier, problem: Any
) -> None:
    url, csv = "/api/v1/resources", {"Content-Type": "text/csv"}
    assert problem(client.post(url, data=CSV.encode(), headers={**cmcc, **csv}), 422)["code"] == "bad_day"
    assert problem(sent(client, cmcc, registry, "kind,prefix\n"), 422)["code"] == "empty_ledger"
    assert problem(client.post(url, data=CSV.encode(), headers={**carrier("cucc", "feed"), **csv}), 403)
    assert problem(client.get(f"{url}?after=%FF", headers=cmcc), 422)["code"] == "bad_cursor"


def test_an_operator_imports_a_ledger_by_command(tmp_path: Path) -> None:
    folder, file = tmp_path / "instance", tmp_path / "ledger.csv"
    prepare(folder, officer_email=FIRST_OFFICER)
    registry = assemble(folder)
    parties.add_party(registry.store, registry.clock, party="cmcc", kind="carrier", name_zh="移动", name_en="CMCC")
    day = registry.clock.now().date().isoformat()
    registry.close()
    file.write_text(CSV, encoding="utf-8")
    asked = ["--instance", str(folder), "resources", "import", "cmcc", str(file), "--date", day]
    for added, unchanged in ((2, 0), (0, 2)):
        done = CliRunner().invoke(main, asked)
        assert f"3 rows: {added} added, 0 changed, {unchanged} unchanged, 0 ended, 0 held, 1 refused." in done.output
        assert "line 4: A port begins with 106. [wrong_kind]" in done.output
        assert done.exit_code == 1

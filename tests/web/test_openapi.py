"""The API's document is valid, whole, and readable by people."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

from web.api.messages import ReportRow


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/openapi.json").get_json()
    return found


def test_every_route_of_the_api_is_in_the_document(app: Flask, document: dict[str, Any]) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                assert method.lower() in document["paths"][path], path


def test_every_operation_is_described_in_both_languages_and_names_its_problems(document: dict[str, Any]) -> None:
    names = []
    for path, operations in document["paths"].items():
        for operation in operations.values():
            names.append(operation["operationId"])
            assert re.search(r"[A-Za-z]+ .*· .*[\u4e00-\u9fff]", operation["summary"]), path
            assert any(status.startswith("2") for status in operation["responses"])
            if "security" in operation:
                assert {"401", "403", "429"} <= set(operation["responses"])
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            return [*([node["$ref"]] if "$ref" in node else []), *(r for v in node.values() for r in references(v))]
        return [r for v in node for r in references(v)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_schema_is_valid_json_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"]}
        jsonschema_rs.Draft202012Validator({**whole, **schema})
        assert schema.get("additionalProperties") is False or not name.endswith("Request"), name


def test_an_example_row_of_the_guide_fits_its_schema(document: dict[str, Any]) -> None:
    schema = {"components": document["components"], "$ref": f"#/components/schemas/{ReportRow.__name__}"}
    row = {
        "id": "your-id-1", "called": "+8613800138000", "caller": "+8617100000001", "channel": "calls",
        "category": "loan", "at": "2026-11-23T10:00:00+08:00", "duration": 12, "mode": "human",
    }
    jsonschema_rs.Draft202012Validator(schema).validate(row)


@pytest.mark.parametrize(("language", "words"), [("en", "The API for machines"), ("zh-CN", "举报")])
def test_the_page_shows_every_operation(
    client: FlaskClient, document: dict[str, Any], language: str, words: str
) -> None:
    page = client.get("/api", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert words in page.text
    assert page.text.count("<h1") == 1
    for path in document["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_the_example_of_a_number_event_in_the_guide_fits_its_schema(document: dict[str, Any]) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "carriers.md").read_text(encoding="utf-8")
    example = next(part for part in guide.split("```json\n")[1:] if '"kind"' in part).partition("```")[0]
    schema = {"components": document["components"], "$ref": "#/components/schemas/NumberEventRow"}
    jsonschema_rs.Draft202012Validator(schema).validate(json.loads(example))

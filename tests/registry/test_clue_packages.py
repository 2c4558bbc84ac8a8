"""Packages of clues: the same bytes each time, nothing of who reported, no formula, refused with a byte altered."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from registry import cluemaking, cluepackages
from registry.access import SYSTEM
from registry.cluepackages import COLUMNS, ENVELOPE, NAMES, check
from registry.clues import Batch
from registry.errors import ConflictError, InvalidInputError
from registry.keys import KeyRing
from registry.numbers import parse_one
from registry.receiptkeys import ReceiptKeys
from registry.sealing import seal_one
from registry.store import Store
from tests.doubles import FakeClock
from tests.registry.clueing import IN_Q, SIGNING, Desk, Q

KEYS = SIGNING.public
REPORTER = "13700137000"


@pytest.fixture
def desk(store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Desk:
    return Desk(store, keys, clock, plan)


@pytest.fixture
def alone(sqlite_store: Store, keys: KeyRing, clock: FakeClock, plan: Any) -> Desk:
    return Desk(sqlite_store, keys, clock, plan)


def made(desk: Desk) -> Batch:
    found = cluemaking.make(desk.office, actor=SYSTEM, quarter=Q, topic="nfra")
    assert found is not None
    return found


def package(desk: Desk) -> bytes:
    return cluemaking.package_of(desk.office, made(desk))


def rows_of(raw: bytes, name: str = "clues.csv") -> list[dict[str, str]]:
    text = check(raw, KEYS).files[name].decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_package_says_what_a_clue_is_and_how_to_answer(desk: Desk) -> None:
    provider = desk.enterprise()
    desk.fall(provider=provider, carrier="cmcc")
    desk.fall(caller="106912345678901", mode="", channel=2)
    desk.case()
    raw = package(desk)
    case, first, second = rows_of(raw)
    assert tuple(first) == COLUMNS
    assert (case["kind"], case["reports"], case["caller"]) == ("case", "3", "")
    assert first["caller"] == "tel:+8613800138000"
    assert second["caller"] == "tel:106912345678901;phone-context=+86"
    assert first["provider"] == "某贷款有限公司"
    assert first["result"] == first["note"] == ""
    summary = json.loads(check(raw, KEYS).files["summary.json"])
    assert (summary["clues"], summary["kinds"], summary["department"]["id"]) == (3, {"case": 1, "report": 2}, "nfra")
    assert summary["enterprises"] == [["某贷款有限公司", 2]]
    text = check(raw, KEYS).files["summary.txt"].decode()
    assert "国家金融监督管理总局" in text
    assert "National Financial Regulatory Administration" in text


def test_the_same_clues_give_the_same_bytes_whenever_they_are_packed(desk: Desk) -> None:
    desk.fall(3)
    batch = made(desk)
    first = cluemaking.package_of(desk.office, batch)
    desk.clock.advance(days=30)
    assert cluemaking.package_of(desk.office, batch) == first
    assert cluepackages.sign(
        batch, {name: check(first, KEYS).files[name] for name in NAMES}, 0, SIGNING
    ) == batch.envelope


def test_what_was_signed_is_given_out_or_nothing(desk: Desk) -> None:
    desk.fall(2)
    batch = made(desk)
    with desk.store.writing():
        desk.store.engine.run("UPDATE clue SET facts = '{\"reference\":\"x\"}' WHERE place = 1")
    with pytest.raises(ConflictError) as caught:
        cluemaking.package_of(desk.office, batch)
    assert caught.value.code == "package_changed"


def test_nothing_of_who_reported_is_in_any_file(desk: Desk, keys: KeyRing, plan: Any) -> None:
    (found,) = desk.fall()
    reporter = seal_one(keys.at_rest, parse_one(REPORTER, plan))
    with desk.store.writing():
        desk.store.peoples_reports.add(
            source="people", source_id=found.source_id, reporter=reporter, kind="", enterprise="某公司",
            province="beijing", consent=1, missing="", same=b"s", received=1, **{"class": "commercial"},
        )  # fmt: skip
    raw = package(desk)
    assert rows_of(raw)[0]["named"] == "某公司"
    assert REPORTER.encode() not in raw
    assert reporter not in raw


def test_no_cell_can_be_taken_for_a_formula(desk: Desk) -> None:
    for mode in ("=HYPERLINK(1)", "@x", "+1", "-1"):
        desk.fall(mode=mode)
    assert [row["mode"] for row in rows_of(package(desk))] == ["'=HYPERLINK(1)", "'@x", "'+1", "'-1"]


def test_a_package_with_one_byte_that_is_another_is_refused(alone: Desk) -> None:
    alone.fall()
    raw = package(alone)
    assert check(raw, KEYS).payload.clues == 1
    for place in range(0, len(raw), 7):
        altered = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(InvalidInputError) as caught:
            check(altered, KEYS)
        assert caught.value.code.startswith("package_")


def test_what_is_no_package_is_said_in_so_many_words(alone: Desk) -> None:
    alone.fall()
    raw = package(alone)
    files = {entry.filename: b"" for entry in zipfile.ZipFile(io.BytesIO(raw)).infolist()}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        files = {name: archive.read(name) for name in files}
    receipt = {**json.loads(files[ENVELOPE]), "payloadType": "application/vnd.decline-call.receipt+json"}
    stranger = ReceiptKeys([bytes(32)]).public
    wrong = [
        (b"", KEYS, "package_unreadable"), (b"PK\3\4 no archive", KEYS, "package_unreadable"),
        (raw[:-30], KEYS, "package_unreadable"), (raw, stranger, "package_unsigned"),
        (archived({name: files[name] for name in NAMES}), KEYS, "package_incomplete"),
        (archived({**files, "more.txt": b"x"}), KEYS, "package_incomplete"),
        (archived({**files, ENVELOPE: b"{}"}), KEYS, "package_unreadable"),
        (archived({**files, ENVELOPE: json.dumps(receipt).encode()}), KEYS, "package_type"),
        (archived({**files, "clues.csv": files["clues.csv"] + b"x"}), KEYS, "package_altered"),
        (archived(files, zipfile.ZIP_DEFLATED), KEYS, "package_unreadable"),
    ]  # fmt: skip
    for content, keys, code in wrong:
        with pytest.raises(InvalidInputError) as caught:
            check(content, keys)
        assert caught.value.code == code


def archived(files: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_the_checker_of_the_documentation_agrees(alone: Desk, tmp_path: Path) -> None:
    document = Path(__file__).parents[2] / "docs" / "clues.md"
    (code,) = re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL)
    (tmp_path / "check.py").write_text(code)
    alone.fall()
    raw = package(alone)
    place = raw.index(b"tel:+86") + 8
    altered = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
    for name, content, good in (("a.zip", raw, True), ("b.zip", altered, False)):
        (tmp_path / name).write_bytes(content)
        done = subprocess.run(
            [sys.executable, tmp_path / "check.py", tmp_path / name, KEYS[0].public], capture_output=True, text=True,
            check=False,
        )
        assert (done.returncode == 0) == good, done.stderr


def test_a_quarter_of_many_reports_keeps_their_order(alone: Desk) -> None:
    given = [alone.fall(at=IN_Q.replace(minute=59 - place))[0] for place in range(12)]
    assert [row["reference"] for row in rows_of(package(alone))] == [each.reference for each in reversed(given)]

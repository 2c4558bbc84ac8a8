"""The page on which everybody checks a receipt, and the one on which its owner gets it and proves an answer."""

from __future__ import annotations

import base64
import io
import json
import re

import pytest
from flask import Flask

from registry import parties, receiptchecks, receipts
from registry.assembly import Registry
from registry.receiptforms import Receipt
from tests.web.filled import Visitor, member
from tests.web.receipting import FIRST, issued, proof, with_receipt

LAST = str(FIRST + 5)[2:]


@pytest.fixture
def receipt(registry: Registry) -> Receipt:
    add(registry, "loans")
    return issued(registry, "loans")


def add(registry: Registry, party: str) -> None:
    parties.add_party(
        registry.store, registry.clock, party=party, kind="telemarketer", name_zh="贷款公司", name_en="Loans Ltd"
    )


@pytest.fixture
def anybody(app: Flask) -> Visitor:
    visitor = Visitor(app)
    visitor.get("/verify")
    return visitor


def pasted(visitor: Visitor, raw: bytes, status: int = 200) -> str:
    return visitor.post("/verify", status=status, text=raw.decode())


def sent(visitor: Visitor, raw: bytes, status: int = 200) -> str:
    return visitor.post("/verify", status=status, file=(io.BytesIO(raw), "receipt.json"))


def said(page: str) -> str:
    """The words of a page."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_a_receipt_says_who_asked_when_and_what_came_of_it_and_no_number(
    anybody: Visitor, receipt: Receipt, registry: Registry
) -> None:
    raw = receipts.file_of(registry.keys, receipt)
    for page in (said(sent(anybody, raw)), said(pasted(anybody, raw))):
        assert "The receipt is genuine" in page
        for words in ("Loans Ltd", "loans", "autumn", "3 may be contacted", "3 declined", "1 invalid", receipt.receipt):
            assert words in page
        assert LAST[:7] not in page
        assert json.loads(raw)["salt_key"] not in page


def test_a_proof_shows_its_number_with_the_answer_and_no_other(
    anybody: Visitor, receipt: Receipt, registry: Registry
) -> None:
    page = said(sent(anybody, proof(registry, receipt, 5)))
    assert f"+{FIRST + 5} Answer Declined" in page
    assert "everything_declined" in page
    assert not any(str(FIRST + place) in page for place in range(5))


def test_a_receipt_whose_time_is_over_is_genuine_and_has_ended(
    anybody: Visitor, receipt: Receipt, registry: Registry, clock: object
) -> None:
    clock.advance(days=8)  # type: ignore[attr-defined]
    page = said(sent(anybody, proof(registry, receipt)))
    assert "The receipt is genuine" in page
    assert page.count("has ended") == 2


def test_what_was_altered_or_is_no_receipt_is_told_which_check_failed(
    anybody: Visitor, receipt: Receipt, registry: Registry
) -> None:
    good = json.loads(proof(registry, receipt))
    payload = json.loads(base64.b64decode(good["envelope"]["payload"]))
    payload["counts"]["declined"] = 0
    altered = {"envelope": good["envelope"] | {"payload": base64.b64encode(json.dumps(payload).encode()).decode()}}
    strange = good["envelope"]["signatures"][0] | {"keyid": "00" * 32}
    entry = good["proof"]["entry"]
    other = good | {"proof": good["proof"] | {"entry": entry[:-4] + ("00" if entry[-4:-2] != "00" else "01") + "00"}}
    for whole, words in [
        (altered, "was altered after it was signed"), (other, "The proof was altered"),
        ({"envelope": good["envelope"] | {"signatures": [strange]}}, "no key of this registry"),
        ({"envelope": good["envelope"] | {"payloadType": "application/vnd.in-toto+json"}}, "of another kind"),
        ([1], "cannot be read as a receipt"), ({"envelope": {"payload": 1}}, "cannot be read as a receipt"),
    ]:
        page = said(sent(anybody, json.dumps(whole).encode(), 422))
        assert words in page, words
        assert "genuine." not in page
        assert str(FIRST + 1) not in page
    assert "cannot be read as a receipt" in said(sent(anybody, b"\xff\xfe\x00", 422))
    assert "cannot be read as a receipt" in said(sent(anybody, b"[" * 50_000, 422))
    assert "too large for a receipt" in said(sent(anybody, b" " * 60_500, 422))
    assert "cannot be read as a receipt" in said(anybody.post("/verify", status=422))


def test_a_file_without_end_is_refused_before_it_is_read(anybody: Visitor) -> None:
    assert anybody.client.post("/verify", data={"text": "x" * 70_000}).status_code == 413


def test_the_page_names_the_public_keys_with_their_fingerprints_in_both_languages(
    app: Flask, registry: Registry
) -> None:
    key = registry.receipt_keys.public[0]
    for language, words in (("en", "Check a receipt"), ("zh_CN", "核验回执")):
        page = Visitor(app, language=language).get("/verify")
        assert words in page
        assert key.keyid in page
        assert key.public in page
        assert "<script" not in page


def test_its_owner_sees_a_receipt_downloads_it_and_proves_one_number(app: Flask, registry: Registry) -> None:
    add(registry, "loans")
    scrub, receipt = with_receipt(registry, "loans")
    reader = Visitor(app, member(registry, "loans", "reader"))
    page = said(reader.get(f"/party/scrubs/{scrub}/receipt"))
    assert "Its answers hold until" in page
    assert receipt.receipt in page
    raw = reader.client.get(f"/party/scrubs/{scrub}/receipt.json")
    assert raw.data == receipts.file_of(registry.keys, receipt)
    assert raw.headers["Content-Disposition"] == f'attachment; filename="receipt-{receipt.receipt}.json"'
    reader.get(f"/party/scrubs/{scrub}/receipt")
    answer = reader.post(f"/party/scrubs/{scrub}/proof", number=f"+86 {LAST}")
    checked = receiptchecks.check(answer.encode(), registry.receipt_keys.public, now=registry.clock.now())
    assert checked.answer is not None
    assert checked.answer.number.digits == FIRST + 5
    for number, words in [("", "fill this in"), ("abc", "digits only"), ("13911112222", "says nothing of this number")]:
        assert words in said(reader.post(f"/party/scrubs/{scrub}/proof", status=422, number=number))


def test_nobody_else_gets_a_receipt_or_a_proof_of_it(app: Flask, registry: Registry) -> None:
    add(registry, "loans")
    add(registry, "rival")
    scrub, _receipt = with_receipt(registry, "loans")
    rival = Visitor(app, member(registry, "rival", "owner"))
    for path in (f"/party/scrubs/{scrub}/receipt", f"/party/scrubs/{scrub}/receipt.json"):
        rival.get(path, status=404)
    rival.get("/verify")
    rival.post(f"/party/scrubs/{scrub}/proof", status=404, number=LAST)
    assert "Sign in" in Visitor(app).get(f"/party/scrubs/{scrub}/receipt")


def test_neither_numbers_nor_files_that_were_checked_are_logged_or_kept(
    anybody: Visitor, receipt: Receipt, registry: Registry, written: io.StringIO
) -> None:
    raw, shelved = proof(registry, receipt, 5), set(registry.shelf.names(""))
    tables = _rows(registry)
    sent(anybody, raw)
    pasted(anybody, raw)
    sent(anybody, raw[:-40], 422)
    out = written.getvalue()
    assert "/verify" in out
    for trace in (LAST, json.loads(raw)["proof"]["entry"], json.loads(raw)["envelope"]["payload"][:60]):
        assert trace not in out
    assert set(registry.shelf.names("")) == shelved
    assert _rows(registry) == tables


def _rows(registry: Registry) -> dict[str, int]:
    engine = registry.store.engine
    names = [row["name"] for row in engine.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {name: len(engine.rows(f"SELECT * FROM {name}")) for name in names}

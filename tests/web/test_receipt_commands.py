"""`decline-sync receipt verify`: receipts, results and proofs checked on the telemarketer's machine."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from flask import Flask
from werkzeug.serving import make_server

from registry import receipts
from registry.assembly import Registry
from registry.calllists import files
from registry.calllists.spool import Spool
from registry.calllists.tally import Tally
from registry.decisions import Contact
from registry.preferences import Category, Channel
from registry.receiptforms import Facts, Organisation, Receipt, Stream
from registry.scrub import Lists, Scrubber
from registry.scrubindex import PREFERENCE, index_of, keys_of
from registry.sealing import seal_many
from sync import receiptcommands
from sync.__main__ import main
from tests.web.conftest import Carrier

DECLINED, FREE, OTHER = "13800138000", "13900139000", "17712349876"
CSV = f"name,phone\r\nLi,{DECLINED}\r\nWang,{FREE}\r\nLi,+86 138-0013-8000\r\nZhao,x\r\n".encode()
NDJSON = f'{{"phone": {DECLINED}, "a": {{"b": 1}}}}\nnonsense\n{{"phone": "{FREE}"}}\n'.encode()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.csv.read_csv(io.BytesIO(CSV)), out)
    return out.getvalue()


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [("name", "phone", "note"), ("Li", int(DECLINED), "=1+1"), ("Wang", FREE, ""), ("", "x", ""), ()]:
        sheet.append(row)
    more = book.create_sheet("more")
    more.append(("name", "phone"))
    more.append((None, f"+86 {DECLINED}"))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@dataclass
class Holder:
    """A telemarketer's machine: a folder with a receipt and the result that it is about."""

    registry: Registry
    folder: Path

    def scrubbed(self, content: bytes, name: str = "list.csv") -> Receipt:
        """Have a list checked; result and receipt lie in the folder."""
        registry = self.registry
        at_rest, plan, now = registry.keys.at_rest, registry.plan, registry.clock.now()
        keys = keys_of(seal_many(at_rest, np.array([int(f"86{DECLINED}")], np.uint64)))
        preferences = np.array([(0, 0, 0, 0), (0, 0, 0, 0), (0xFFFF, 0xFFFF, 0xFFFF, 0)], PREFERENCE)
        scrubber = Scrubber(
            registry.store, Lists((index_of(keys, np.full(1, 2, np.uint16), preferences),), 1),
            Contact(now, Channel.CALLS, Category.LOAN, telemarketer="acme"), registry.rulebooks, at_rest=at_rest,
            holidays=plan.holidays, valid=timedelta(days=7),
        )
        found = files.inspect(io.BytesIO(content), name, plan, country="CN")
        tally, work = Tally(), self.folder / "work"
        work.mkdir(exist_ok=True)
        with Spool(work) as spool:
            result = b"".join(
                files.scrub(io.BytesIO(content), found, scrubber, plan, country="CN", spool=spool, tally=tally)
            )
            facts = Facts(
                "scrub", Organisation("acme", "某公司", "Acme"), "autumn", "calls", "loan", now,
                now + timedelta(days=7), 12, "2026", _stream(content), _stream(result), 4,
                {"allowed": 1, "declined": 2, "invalid": 1},
            )
            issued = receipts.issue(
                registry.store, registry.clock, registry.shelf, registry.keys, registry.receipt_keys, work,
                facts=facts, distinct=spool.distinct(), kinds=scrubber.kinds,
            )
        (self.folder / name).write_bytes(result)
        (self.folder / "receipt.json").write_bytes(receipts.file_of(registry.keys, issued))
        return issued

    def verify(self, *options: str, file: str = "receipt.json", typed: str = "", key: bool = True) -> Result:
        """Check a file of the folder, trusting the registry's key; options that are files of the folder are those."""
        there = [str(self.folder / each) if (self.folder / each).is_file() else each for each in options]
        trusted = ["--public-key", self.registry.receipt_keys.public[0].public] if key else []
        command = ["receipt", "verify", str(self.folder / file), *trusted, *there]
        return CliRunner().invoke(main, command, input=typed)


def _stream(content: bytes) -> Stream:
    return Stream(hashlib.sha256(content).hexdigest(), len(content))


@pytest.fixture
def holder(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Holder:
    monkeypatch.setattr(receiptcommands, "SystemClock", lambda: registry.clock)
    folder = tmp_path / "machine"
    folder.mkdir()
    return Holder(registry, folder)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The registry's site on a real port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_receipt_is_checked_with_a_key_alone_and_says_what_it_says(holder: Holder) -> None:
    issued = holder.scrubbed(CSV)
    done = holder.verify()
    assert done.exit_code == 0, done.output
    for words in ("Genuine: signed by", issued.receipt, "Acme (acme)", "1 allowed, 2 declined", "2 distinct", "Holds"):
        assert words in done.output
    assert DECLINED not in done.output


@pytest.mark.parametrize(
    ("name", "content"),
    [("list.csv", CSV), ("list.ndjson", NDJSON), ("list.parquet", parquet()), ("list.xlsx", workbook())],
)
def test_a_result_is_the_one_that_was_signed_and_proves_its_numbers_offline(
    name: str, content: bytes, holder: Holder
) -> None:
    holder.scrubbed(content, name)
    done = holder.verify("--result", name, "--number", "-", "--proof", str(holder.folder / "proof"), typed=DECLINED)
    assert done.exit_code == 0, done.output
    assert "with the answers that were signed" in done.output
    assert f"+86{DECLINED}: declined (everything_declined), holds" in done.output
    shown = holder.verify(file="proof")
    assert f"+86{DECLINED}: declined" in shown.output
    raw = (holder.folder / "proof").read_text()
    assert "salt_key" not in raw
    assert f"{int('86' + FREE):016x}" not in raw
    other = holder.verify("--result", name, "--number", OTHER)
    assert (other.exit_code, "[not_in_receipt]" in other.output) == (1, True)


def test_a_receipt_of_utf_16_with_semicolons_goes_with_its_result(holder: Holder) -> None:
    holder.scrubbed(b"\xff\xfe" + CSV.decode().replace(",", ";").encode("utf-16-le"))
    assert holder.verify("--result", "list.csv", "--number", FREE).exit_code == 0


def test_what_does_not_hold_is_said_so(holder: Holder) -> None:
    holder.scrubbed(CSV)
    result, file = holder.folder / "list.csv", holder.folder / "receipt.json"
    result.write_bytes(result.read_bytes().replace(b"declined", b"allowed "))
    assert "[other_result]" in holder.verify("--result", "list.csv").output
    before = json.loads(file.read_text())
    holder.scrubbed(CSV)
    whole = json.loads(file.read_text())
    file.write_text(json.dumps(whole | {"salt_key": before["salt_key"]}))
    assert "[result_differs]" in holder.verify("--result", "list.csv").output
    file.write_text(json.dumps(whole | {"salt_key": "?"}))
    assert "[no_salt_key]" in holder.verify("--result", "list.csv").output
    file.write_text(json.dumps({"envelope": whole["envelope"]}))
    stranger = CliRunner().invoke(
        main, ["receipt", "verify", str(file), "--public-key", base64.b64encode(bytes(32)).decode()]
    )
    assert (stranger.exit_code, "[receipt_unsigned]" in stranger.output) == (1, True)
    payload = json.loads(base64.b64decode(whole["envelope"]["payload"])) | {"campaign": "winter"}
    whole["envelope"]["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()
    file.write_text(json.dumps(whole))
    assert "[receipt_altered]" in holder.verify().output
    file.write_bytes(b"[" * 300_000)
    assert "[receipt_too_large]" in holder.verify().output


def test_what_is_not_understood_ends_with_2_and_what_is_over_with_3(holder: Holder) -> None:
    holder.scrubbed(CSV)
    assert holder.verify(key=False).exit_code == 2
    assert holder.verify("--number", FREE).exit_code == 2
    assert holder.verify("--proof", "x").exit_code == 2
    assert "[bad_key]" in holder.verify("--public-key", "x").output
    holder.registry.clock.advance(days=8)  # type: ignore[attr-defined]
    over = holder.verify("--result", "list.csv", "--number", FREE)
    assert (over.exit_code, "has ended" in over.output) == (3, True)


def test_keys_and_proofs_are_fetched_from_the_registry_where_it_is_asked(
    holder: Holder, address: str, carrier: Carrier
) -> None:
    headers = carrier("acme", "read", kind="telemarketer")
    (holder.folder / "key").write_text(headers["Authorization"].removeprefix("Bearer "))
    holder.scrubbed(CSV)
    assert holder.verify("--url", address, key=False).exit_code == 0
    done = holder.verify("--url", address, "--key-file", "key", "--number", "-", typed=f"{FREE}\n", key=False)
    assert f"+86{FREE}: allowed" in done.output, done.output
    away = holder.verify("--url", "http://127.0.0.1:9", key=False)
    assert (away.exit_code, "[registry_away]" in away.output) == (4, True)

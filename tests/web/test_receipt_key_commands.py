"""`decline-call receipt-key`, as an operator types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from registry import audit, parties, receiptchecks, receipts
from registry.assembly import Registry, assemble, prepare
from registry.errors import InvalidInputError
from registry.receiptkeys import public_keys
from tests.web.receipting import issued
from web.commands import main


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    prepare(tmp_path / "instance")
    return tmp_path / "instance"


def typed(instance: Path, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["--instance", str(instance), "receipt-key", *arguments])
    return done.exit_code, done.output


def checked(registry: Registry, raw: bytes) -> receiptchecks.Checked:
    return receiptchecks.check(raw, public_keys(registry.store, registry.receipt_keys), now=registry.clock.now())


def test_a_stolen_key_is_exchanged_and_distrusted_and_what_it_signed_is_signed_again(instance: Path) -> None:
    assert "has signed nothing yet" in typed(instance, "list")[1]
    registry = assemble(instance)
    parties.add_party(registry.store, registry.clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="A")
    receipt = issued(registry, "acme")
    old = receipts.file_of(registry.keys, receipt)
    stolen = registry.receipt_keys.public[0].keyid
    code, said = typed(instance, "distrust", stolen)
    assert (code, "signs just now" in said) == (1, True)
    code, said = typed(instance, "rotate")
    assert code == 0
    assert "receipt-2.key signs from now on" in said
    code, said = typed(instance, "list")
    assert [line.split("\t")[2].rpartition(" ")[0][:5] for line in said.splitlines()] == ["since", "since"]
    assert checked(registry, old).key.keyid == stolen
    assert "is still there" in typed(instance, "distrust", stolen)[1]
    (instance / "keys" / "receipt.key").unlink()
    assert "no such receipt key" in typed(instance, "distrust", "00" * 32)[1]
    code, said = typed(instance, "distrust", stolen)
    assert (code, "1 receipts were signed again" in said) == (0, True)
    with pytest.raises(InvalidInputError) as raised:
        checked(registry, old)
    assert raised.value.code == "receipt_unsigned"
    again = receipts.receipt_of(registry.store, party="acme", receipt=receipt.receipt)
    found = checked(registry, receipts.file_of(registry.keys, again))
    assert found.payload == receipts.payload_of(receipt)
    assert found.key == public_keys(registry.store, registry.receipt_keys)[0]
    assert audit.verify(registry.store)[1] is None
    for file in (instance / "keys").iterdir():
        assert file.read_text().strip() not in said
    registry.close()

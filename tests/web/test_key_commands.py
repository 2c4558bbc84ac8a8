"""`decline-call keys` and `root`, as an operator and those who hold root keys type them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from registry import roots
from registry.assembly import assemble, prepare
from sync.publish import publish_once
from web.commands import main


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    prepare(tmp_path / "instance")
    return tmp_path / "instance"


def typed(*arguments: object, instance: Path | None = None) -> tuple[int, str]:
    where = ["--instance", str(instance)] if instance is not None else ["--instance", "/nowhere/at/all"]
    done = CliRunner().invoke(main, [*where, *map(str, arguments)])
    return done.exit_code, done.output


def test_a_key_epoch_is_begun_and_shown_without_its_keys(instance: Path) -> None:
    code, said = typed("keys", "list", instance=instance)
    assert (code, said) == (0, "1\tsince the first day\tcurrent\n")
    code, said = typed("keys", "rotate", instance=instance)
    assert code == 0
    assert "Key epoch 2 begins with the next edition" in said
    code, said = typed("keys", "rotate", instance=instance)
    assert code == 1
    assert "Epoch 1 still runs beside the newest one" in said
    code, said = typed("keys", "list", instance=instance)
    assert "1\tsince the first day\tpublished beside the newest until" in said
    for file in (instance / "keys").iterdir():
        assert file.read_text().strip() not in said
    (instance / "keys" / "master-2.key").unlink()
    assert "its master is NOT here" in typed("keys", "list", instance=instance)[1]


def test_the_ceremony_runs_from_the_first_root_to_one_of_offline_keys(instance: Path, tmp_path: Path) -> None:
    registry = assemble(instance)
    publish_once(registry)
    roots.trusted_root(registry.shelf, registry.signing, registry.clock.now())
    registry.close()
    publics = []
    for name in ("a", "b", "c"):
        code, said = typed("root", "new-key", tmp_path / name)
        assert code == 0
        publics.append(re.findall(r"public key +(\S+)", said)[0])
        assert (tmp_path / name).read_text().strip() not in said
    assert typed("root", "new-key", tmp_path / "a")[0] == 1
    first = re.findall(r"root key +(\S+)", typed("root", "show", instance=instance)[1])[0]
    draft = tmp_path / "draft.json"
    adding = [word for public in publics for word in ("--add-root", public)]
    assert typed(
        "root", "draft", draft, *adding, "--remove-root", first, "--threshold", 2, instance=instance
    )[0] == 0
    assert "Signatures are missing" in typed("root", "publish", draft, instance=instance)[1]
    for key in (instance / "keys" / "feed-root.key", tmp_path / "a", tmp_path / "c"):
        code, said = typed("root", "sign", draft, "--key", key)
        assert code == 0
    assert said.count("(has signed)") == 2
    assert f"also signed  {first}" in said
    code, said = typed("root", "publish", draft, instance=instance)
    assert (code, said) == (0, "Root 2 counts from now on; the next round of publishing brings it to all feeds.\n")
    (instance / "keys" / "feed-root.key").unlink()
    shown = typed("root", "show", instance=instance)[1]
    assert "version 2" in shown
    assert "2 of 3 root keys" in shown
    assert "feed-root.key" not in shown
    registry = assemble(instance)
    publish_once(registry)
    registry.close()

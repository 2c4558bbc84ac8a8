"""The commands for what was lost or damaged, as an operator types them on a real instance."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from registry import audit, leases, parties, registrations, sealing
from registry.assembly import assemble, prepare
from registry.numbering import draw_numbers, load_plan
from sync.__main__ import main

Run = Callable[..., Result]
PLACES = 200


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    """A registry with two carriers and some numbers, published once."""
    folder = tmp_path / "instance"
    prepare(folder)
    with closing(assemble(folder)) as registry:
        for party in ("cmcc", "ctcc"):
            parties.add_party(
                registry.store, registry.clock, party=party, kind="carrier", name_zh=party, name_en=party
            )
    change(folder, 0, PLACES)
    return folder


def change(folder: Path, start: int, stop: int, mask: int = 0xFFFF) -> None:
    with closing(assemble(folder)) as registry:
        digits = draw_numbers(load_plan(), PLACES * 2, 3)[start:stop]
        masks = np.full(len(digits), mask)
        registrations.load_many(
            registry.store, registry.clock, sealed=sealing.seal_many(registry.keys.at_rest, digits), calls=masks,
            robocalls=masks, messages=masks, quiet=np.zeros(len(digits), np.int64), source="load",
        )


@pytest.fixture
def run(instance: Path) -> Run:
    def running(*arguments: str, status: int = 0) -> Result:
        done = CliRunner().invoke(main, ["--instance", str(instance), *arguments])
        assert done.exit_code == status, done.output
        return done

    running("publish")
    return running


def test_a_sound_shelf_is_said_to_be_sound_and_a_damaged_one_is_named(run: Run, instance: Path) -> None:
    assert "files, all as they should be" in run("shelf", "check").stdout
    victim = next((instance / "shelf" / "feeds" / "cmcc" / "lists").iterdir())
    content = bytearray(victim.read_bytes())
    content[-1] ^= 1
    victim.write_bytes(content)
    said = run("shelf", "check", status=1)
    assert said.stdout == f"feeds/cmcc/lists/{victim.name} was altered: decline-sync feed rebuild cmcc\n"
    assert said.stderr == "1 files are not what they should be. [shelf_damaged]\n"
    assert "The feed of cmcc begins anew at edition 2:" in run("feed", "rebuild", "cmcc").stdout
    assert "all as they should be" in run("shelf", "check").stdout
    assert run("feed", "rebuild", "nobody", status=1).stderr.endswith("[no_such_carrier]\n")


def test_a_root_is_brought_back_and_the_base_is_made_anew(run: Run, instance: Path) -> None:
    assert run("shelf", "mend").stdout == "nothing to mend\n"
    (instance / "shelf" / "trust" / "1.root.json").unlink()
    assert run("publish", status=1).stderr.endswith("[root_damaged]\n")
    assert run("shelf", "mend").stdout == "trust/1.root.json\n"
    for path in (instance / "shelf" / "base").iterdir():
        path.write_bytes(b"")
    assert "decline-sync base rebuild" in run("shelf", "check", status=1).stdout
    assert run("base", "rebuild").stdout == f"The base holds {PLACES} numbers, as the tables do.\n"
    assert "all as they should be" in run("shelf", "check").stdout


def test_an_old_backup_is_gone_on_from_only_when_it_is_said_so(run: Run, instance: Path, tmp_path: Path) -> None:
    assert run("editions", "resume", status=1).stderr.endswith("[not_behind]\n")
    shutil.copy(instance / "registry.db", tmp_path / "backup.db")
    change(instance, PLACES - 20, PLACES + 60)
    run("publish")
    for left in instance.glob("registry.db*"):
        left.unlink()
    shutil.copy(tmp_path / "backup.db", instance / "registry.db")
    change(instance, 0, 10, mask=3)
    assert run("publish", status=1).stderr.endswith("[database_behind_shelf]\n")
    said = run("editions", "resume", status=1)
    assert "LOST: what editions 2 to 2 said" in said.stdout
    assert "cmcc: edition 2 of " in said.stdout
    assert said.stderr.endswith("[not_confirmed]\n")
    assert run("editions", "resume", "--yes").stdout.endswith("Edition 3 is published: a full list in every feed.\n")
    assert "all as they should be" in run("shelf", "check").stdout
    with closing(assemble(instance)) as registry:
        assert audit.entries(registry.store, most=1)[0].action == "editions_resumed"
        assert audit.verify(registry.store)[1] is None
        assert {row.edition for row in registry.store.feeds.newest().values()} == {3}


def test_nothing_is_mended_while_a_clockwork_publishes(run: Run, instance: Path) -> None:
    with closing(assemble(instance)) as registry:
        assert leases.take(registry.store, registry.clock, lease="publish", holder="another", seconds=60)
    for command in (("shelf", "mend"), ("feed", "rebuild", "cmcc"), ("base", "rebuild")):
        assert run(*command, status=1).stderr.endswith("[publishing]\n")

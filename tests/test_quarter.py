"""The scripted quarter, small: all that the command checks holds, and its files say nothing that they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.assembly import prepare
from registry.errors import ConflictError
from web.demo_quarter import play
from web.demo_world import Size

SMALL = Size(reports=3_000, people=100, organisations=40)


def test_a_quarter_plays_all_it_checks_holds_and_what_it_writes_holds_no_numbers(tmp_path: Path) -> None:
    """One test, since the playing is what takes long, and what it wrote is where it was played."""
    shown = play(tmp_path / "instance", SMALL, seed=7)
    assert [name for name, holds in shown.checks.items() if not holds] == []
    assert len(shown.checks) >= 46
    assert shown.counts["accepted"] == 3_000
    tables = {path.stem: path.read_text("utf-8") for path in (tmp_path / "instance" / "quarter").glob("*.csv")}
    assert set(tables) == {"report", "handling", "handling_move", "case_file", "case_report", "party"}
    for text in tables.values():
        head = text.splitlines()[0].split(",")
        assert not {"caller", "called", "reporter", "description", "answer"} & set(head)


def test_a_quarter_is_refused_by_a_folder_that_is_in_use(tmp_path: Path) -> None:
    prepare(tmp_path / "instance")
    with pytest.raises(ConflictError) as refused:
        play(tmp_path / "instance", SMALL, seed=7)
    assert refused.value.code == "instance_in_use"

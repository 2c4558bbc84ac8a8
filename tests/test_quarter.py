"""The scripted quarter, small: all that the command checks holds, and its files say nothing that they must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import ConflictError
from web.demo_quarter import play
from web.demo_world import Size


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("quarter") / "instance"


def test_a_quarter_plays_its_evaders_end_as_cases_and_all_totals_are_recounted(instance: Path) -> None:
    shown = play(instance, Size(reports=3_000, people=100, organisations=40), seed=7)
    assert [name for name, holds in shown.checks.items() if not holds] == []
    assert len(shown.checks) >= 25
    assert shown.counts["accepted"] == 3_000


def test_what_the_quarter_writes_holds_no_numbers_and_a_used_folder_is_refused(instance: Path) -> None:
    tables = {path.stem: path.read_text("utf-8") for path in (instance / "quarter").glob("*.csv")}
    assert set(tables) == {"report", "handling", "handling_move", "case_file", "case_report"}
    for text in tables.values():
        head = text.splitlines()[0].split(",")
        assert not {"caller", "called", "reporter", "description", "answer"} & set(head)
    with pytest.raises(ConflictError) as refused:
        play(instance, Size(3_000, 100, 40), seed=7)
    assert refused.value.code == "instance_in_use"

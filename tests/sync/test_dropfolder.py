"""Drop folders: lists laid in come out checked; what is being written, wrong, linked or cut off on the way."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from registry import parties, scrubjobs
from registry.assembly import assemble, prepare
from registry.errors import ConflictError, NotFoundError, RegistryError, UnavailableError
from registry.scrubjobs import ScrubJob
from sync import dropfolder
from sync.__main__ import main
from sync.dropfolder import AskFile, drop_due
from sync.scrubbing import scrub_due
from tests.sync.calling import listed, nothing
from tests.sync.town import Town

ASK = AskFile("calls", "loan", campaign="autumn")
LIST = b"place,phone\n0,13800138000\n1,nobody\n"


class Box:
    """The drop folder of acme, and the clockwork's turns."""

    def __init__(self, town: Town, ask: AskFile | None = ASK) -> None:
        self.town = town
        self.folder = dropfolder.enable(town, "acme", ask)

    def lay(self, name: str, content: bytes = LIST, *, age: float = 5) -> Path:
        path = self.folder / "in" / name
        path.write_bytes(content)
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def turn(self) -> dict[str, int]:
        """Take, check and give out."""
        counts = drop_due(self.town, nothing)
        scrub_due(self.town)
        more = drop_due(self.town, nothing)
        return {name: count + more[name] for name, count in counts.items()}

    def out(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "out").iterdir())

    def text(self, name: str) -> str:
        return (self.folder / "out" / name).read_text()

    def jobs(self) -> tuple[ScrubJob, ...]:
        return scrubjobs.jobs_of(self.town.store, party="acme")

    def hidden(self) -> list[Path]:
        return [path for name in (".taken", ".jobs") for path in (self.folder / name).iterdir()]


@pytest.fixture
def box(small_town: Town) -> Box:
    return Box(small_town)


def test_a_list_laid_in_comes_out_checked_with_its_receipt(box: Box) -> None:
    box.town.load(3)
    path = box.lay("2026-11-23 客户.csv", listed(box.town, 0, 1, 2))
    assert box.turn() == {"taken": 1, "given": 1, "refused": 0}
    assert not path.exists()
    assert box.out() == ["2026-11-23 客户.csv", "2026-11-23 客户.csv.receipt.json"]
    assert box.text(box.out()[0]).startswith("place,phone,verdict,reason,rule,until,next_allowed\n0,")
    assert "envelope" in json.loads(box.text(box.out()[1]))
    [job] = box.jobs()
    assert (job.state, job.origin, job.ask.campaign, job.lines) == ("done", "folder", "autumn", 3)
    assert job.picked_up is not None
    assert box.hidden() == []
    for file in (box.folder, box.folder / "out"):
        assert file.stat().st_mode & 0o777 == 0o700
    assert (box.folder / "out" / box.out()[0]).stat().st_mode & 0o777 == 0o600
    assert box.turn() == {"taken": 0, "given": 0, "refused": 0}


def test_files_that_are_still_being_written_are_left_alone(box: Box) -> None:
    box.lay("young.csv", age=0)
    for name in ("list.csv.part", "list.tmp", "list.csv.filepart", ".hidden.csv", "x.csv.ask.toml"):
        box.lay(name)
    assert box.turn()["taken"] == 0
    assert len(list((box.folder / "in").iterdir())) == 6
    box.lay("young.csv")
    assert box.turn()["taken"] == 1


def test_an_ask_beside_a_list_counts_before_that_of_the_folder(box: Box) -> None:
    box.lay("own.csv", b"who,phone\nnobody,13800138000\n")
    ask = box.lay("own.csv.ask.toml", b'channel = "messages"\ncategory = "travel"\ncolumn = 2\n')
    box.lay("other.csv")
    box.turn()
    asks = {job.name: (job.ask.channel.slug, job.ask.category.slug, job.ask.wanted) for job in box.jobs()}
    assert asks == {"own.csv": ("messages", "travel", "2"), "other.csv": ("calls", "loan", "")}
    assert not ask.exists()


def test_a_list_for_which_nobody_says_what_to_check_it_for_waits_a_minute(small_town: Town) -> None:
    box = Box(small_town, None)
    box.lay("list.csv", age=30)
    assert box.turn() == {"taken": 0, "given": 0, "refused": 0}
    box.lay("list.csv", age=90)
    assert box.turn()["refused"] == 1
    assert box.text("list.csv.problem.txt").endswith("[no_ask]\n")
    assert len(list((box.folder / "refused").iterdir())) == 1


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (b"channel = ", "bad_ask"),
        (b'channel = "calls"', "bad_ask"),
        (b'channel = "pigeon"\ncategory = "loan"', "unknown_channel"),
        (b'channel = "calls"\ncategory = "loan"\ncountry = "china"', "bad_country"),
        (b'channel = "calls"\ncategory = "loan"\non_behalf = "p_unknown"', "bad_on_behalf"),
    ],
)
def test_an_ask_that_is_wrong_is_said_in_a_text_file(box: Box, ask: bytes, code: str) -> None:
    box.lay("list.csv")
    box.lay("list.csv.ask.toml", ask)
    assert box.turn() == {"taken": 0, "given": 0, "refused": 1}
    assert box.text("list.csv.problem.txt").endswith(f"[{code}]\n")
    assert list((box.folder / "in").iterdir()) == []
    assert box.hidden() == []


def test_a_list_that_cannot_be_checked_is_said_in_a_text_file(box: Box) -> None:
    box.lay("empty.csv", b"")
    box.lay("picture.csv", b"name,age\nLi,40\n")
    box.lay("good.csv")
    assert box.turn() == {"taken": 2, "given": 1, "refused": 2}
    assert box.text("empty.csv.problem.txt").endswith("[empty_list]\n")
    assert box.text("picture.csv.problem.txt") == "The list was not checked: no number column. [no_number_column]\n"
    assert "good.csv" in box.out()
    assert not any("138" in box.text(name) for name in box.out() if name.endswith(".txt"))


def test_what_broke_off_while_a_list_was_taken_is_gone_on_with_as_the_same_scrub(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[str] = []

    def once(name: str, of: Any) -> None:
        real = getattr(of, name)

        def breaking(*args: Any, **more: Any) -> Any:
            if name not in broken:
                broken.append(name)
                real(*args, **more)
                raise UnavailableError("The machine went away.", code="database_busy")
            return real(*args, **more)

        monkeypatch.setattr(of, name, breaking)

    for name in ("begin", "add_part", "submit"):
        once(name, scrubjobs)
    box.lay("list.csv")
    for _ in range(3):
        with pytest.raises(UnavailableError):
            drop_due(box.town, nothing)
    assert box.turn() == {"taken": 1, "given": 1, "refused": 0}
    assert len(box.jobs()) == 1
    assert broken == ["begin", "add_part", "submit"]
    assert box.hidden() == []


def test_a_lease_that_is_lost_stops_the_work_and_loses_nothing(box: Box) -> None:
    def lost() -> None:
        raise ConflictError("Somebody else goes on.", code="lease_lost")

    box.lay("list.csv")
    with pytest.raises(RegistryError):
        drop_due(box.town, lost)
    assert box.turn() == {"taken": 1, "given": 1, "refused": 0}
    assert len(box.jobs()) == 1


def test_links_lead_nowhere(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(LIST)
    os.utime(secret, (1, 1))
    (box.folder / "in" / "link.csv").symlink_to(secret)
    (box.folder / "in" / "fine.csv.ask.toml").symlink_to(secret)
    box.lay("fine.csv")
    assert box.turn()["taken"] == 1
    assert "link.csv" not in box.out()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (box.folder / "out").rename(box.folder / "was-out")
    (box.folder / "out").symlink_to(elsewhere)
    box.lay("more.csv")
    assert box.turn() == {"taken": 0, "given": 0, "refused": 0}
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_is_broken_stops_no_other(box: Box) -> None:
    parties.add_party(
        box.town.store, box.town.clock, party="aaa", kind="telemarketer", name_zh="某公司", name_en="First"
    )
    broken = dropfolder.enable(box.town, "aaa", ASK)
    (broken / ".taken").mkdir()
    (broken / ".taken" / "x.mark").write_text("{")
    box.lay("list.csv")
    assert box.turn()["given"] == 1


def test_folders_of_nobody_carriers_and_suspended_parties_are_left_alone(box: Box) -> None:
    with pytest.raises(NotFoundError):
        dropfolder.enable(box.town, "nobody", ASK)
    parties.set_party_state(box.town.store, box.town.clock, party="acme", state="suspended")
    path = box.lay("list.csv")
    assert box.turn() == {"taken": 0, "given": 0, "refused": 0}
    assert path.exists()


def test_results_keep_their_names_apart_and_are_deleted_after_their_time(box: Box) -> None:
    box.lay("list.csv")
    box.turn()
    box.lay("list.csv.gz", gzip.compress(LIST))
    box.turn()
    results = [name for name in box.out() if name.endswith(".csv")]
    assert results == ["list-2.csv", "list.csv"]
    old = time.time() - 24 * 3600 - 60
    os.utime(box.folder / "out" / "list.csv", (old, old))
    box.turn()
    assert "list.csv" not in box.out()
    assert "list-2.csv" in box.out()


def test_a_drop_folder_is_given_and_taken_away_by_command(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    prepare(instance)
    registry = assemble(instance)
    parties.add_party(
        registry.store, registry.clock, party="acme", kind="telemarketer", name_zh="某公司", name_en="Acme"
    )
    registry.close()

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["--instance", str(instance), "dropbox", *arguments])

    made = run("enable", "acme", "--channel", "calls", "--category", "loan", "--campaign", 'the "best"')
    assert made.exit_code == 0, made.output
    folder = instance / "dropbox" / "acme"
    assert (folder / "in").is_dir()
    assert 'campaign = "the \\"best\\""' in (folder / "ask.toml").read_text()
    assert run("enable", "acme", "--channel", "calls").exit_code == 2
    assert run("enable", "regulator").exit_code == 1
    (folder / "in" / "list.csv").write_bytes(LIST)
    assert run("disable", "acme").exit_code == 1
    (folder / "in" / "list.csv").unlink()
    assert run("disable", "acme").exit_code == 0
    assert not folder.exists()
    assert run("disable", "acme").exit_code == 1

"""Workers killed for real (SIGKILL) at every step of a scrub: each scrub ends once, is paid once, proved once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry import receipts, scrubfiles, scrubwork
from registry.meter import Meter
from registry.numbering import NumberPlan
from registry.quotas import balance
from sync import scrubbing, scrubfolders
from sync.scrubbing import scrub_due
from sync.timetable import release_dead
from tests.sync.calling import listed, rows_of, seen, send
from tests.sync.test_killed import town_in
from tests.sync.town import Town

PLACES = 12
STEPS = (
    "taken", "answering", "before the result", "after the result", "before it is paid", "after it is paid",
    "after the receipt", "before the end", "after the end",
)  # fmt: skip


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killing(inner: Callable[..., Any], *, after: bool, when: Callable[..., bool] = lambda *_: True) -> Any:
    """The same, but whoever calls it does not live on."""

    def called(*given: Any, **more: Any) -> Any:
        if not after and when(*given):
            _die()
        done = inner(*given, **more)
        if after and when(*given):
            _die()
        return done

    return called


def _kill_at(step: str, town: Town) -> None:
    after = step.startswith(("after", "taken"))
    owner, name = {
        "taken": (scrubbing.scrubwork, "take_next"), "answering": (Meter, "admit"),
        "before it is paid": (Meter, "close"), "after it is paid": (Meter, "close"),
        "after the receipt": (receipts, "make"), "before the end": (scrubwork, "finish"),
        "after the end": (scrubwork, "finish"),
    }.get(step, (town.shelf, "put"))  # fmt: skip
    is_result = (lambda name, *_: "/result-" in name) if name == "put" else (lambda *_: True)
    setattr(owner, name, _killing(getattr(owner, name), after=after, when=is_result))


def work(folder: str) -> None:
    """For every step: somebody sends a list, and a worker dies at that step."""
    from registry.numbering import load_plan

    scrubwork.MOST_ATTEMPTS = 1_000  # all but the first are taken up again by workers that die, too
    for place, step in enumerate(STEPS):
        child = os.fork()
        if not child:
            town = town_in(Path(folder), load_plan())
            send(town, listed(town, *range(place, place + PLACES)), name=f"{place}.csv")
            _kill_at(step, town)
            release_dead(town)
            scrub_due(town)
            os._exit(0)
        print(step, os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)


@pytest.mark.processes
def test_a_worker_that_is_killed_at_any_step_leaves_a_scrub_that_ends_once(
    tmp_path: Path, plan: NumberPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrubwork, "MOST_ATTEMPTS", 1_000)
    town = town_in(tmp_path, plan)
    town.load(PLACES)
    town.store.close()
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from tests.sync.test_scrub_killed import work; work(sys.argv[1])",
         str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines() == [f"{step} 9" for step in STEPS], done.stderr[-2000:]
    release_dead(town)
    scrub_due(town)
    jobs = town.store.scrub_jobs.of_party("acme", before=1 << 60, limit=50)
    assert len(jobs) == len(STEPS)
    for job in jobs:
        place = int(job.name.removesuffix(".csv"))
        assert seen(town, job).state == "done"
        assert [int(row["place"]) for row in rows_of(town, job)] == list(range(place, place + PLACES))
        assert job.distinct_numbers == PLACES
    party = town.store.parties.party("acme")
    assert party is not None
    assert balance(town.store, town.clock, town.settings, party).epoch.used == PLACES + len(STEPS) - 1
    held = town.store.receipts.of_party("acme", before=1 << 60, limit=50)
    assert {each.receipt for each in held} == {job.receipt for job in jobs}
    assert len(held) == len(jobs)
    scrubfolders.tidy(town)
    scrubfiles.sweep(town.store, town.shelf)
    scrubwork.sweep(town.store, town.shelf)
    assert not [place for place in (tmp_path / "instance" / "work").iterdir() if place.name.startswith("scrub-")]
    assert {name for name in town.shelf.names("scrubs/") if "/result-" in name} == {job.result for job in jobs}
    assert set(town.shelf.names("receipts/")) == {receipts.leaves_name(job.receipt) for job in jobs}
    town.store.close()

"""The watch in the clockwork: a list that looks thought up waits for an officer, and tells nothing on its way."""

from __future__ import annotations

import pytest

from registry import guardalarms
from registry.errors import ConflictError
from registry.quotas import balance
from registry.scrubjobs import must_have_result
from sync import upkeep
from sync.scrubbing import scrub_due
from sync.scrubrun import Watch
from tests.sync.calling import nothing, rolled, rows_of, seen, send
from tests.sync.town import Town

LIST = b"phone\n" + b"".join(b"1380013%04d\n" % place for place in range(1000))


def test_a_list_that_counts_up_waits_for_an_officer_with_no_answer_and_is_done_when_let_go(small_town: Town) -> None:
    town = small_town
    town.load(20)
    rolled(town)
    job = send(town, LIST)
    assert scrub_due(town) == {"put_back": 1}
    found = seen(town, job)
    assert (found.state, found.lane, found.counts, found.charged) == ("waiting", "held", {}, 0)
    assert (found.result, found.receipt) == ("", "")
    with pytest.raises(ConflictError):
        must_have_result(found)
    assert not list(town.shelf.names(f"scrubs/{job.scrub}/result"))
    assert scrub_due(town) == {}
    party = town.store.parties.party("acme")
    assert party is not None
    assert balance(town.store, town.clock, town.settings, party).epoch.used == 0
    [alarm] = guardalarms.open_alarms(town.store)
    guardalarms.decide(
        town.store, town.clock, alarm=alarm.alarm, decision="let_go", note="their own lines", actor="member:o"
    )
    assert scrub_due(town)["scrubs"] == 1
    found = seen(town, job)
    assert (found.state, found.charged, len(rows_of(town, found))) == ("done", 1000, 1000)


def test_a_scrub_that_runs_says_how_far_it_is_and_not_what_was_answered(small_town: Town) -> None:
    town = small_town
    town.load(20)
    rolled(town)
    job = send(town, b"phone\n13800138000\nnothing\n")
    shown = []

    class Shown(Watch):
        def write(self) -> None:
            super().write()
            shown.append((seen(town, job).counts, seen(town, job).lines))

    from sync import scrubbing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scrubbing, "Watch", Shown)
        assert scrub_due(town)["scrubs"] == 1
    assert shown == [({"invalid/letters": 1}, 2)]
    assert seen(town, job).counts == {"invalid/letters": 1, "allowed/no_recorded_will": 1}


def test_the_clockwork_looks_at_checks_together(small_town: Town) -> None:
    assert upkeep.JOBS["guard"].work(small_town, nothing) == {"checks": 0, "alarms": 0}

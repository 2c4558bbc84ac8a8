"""Tests of the watch: what is kept and what never is, who decides, what a decision does, what is compared with what."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from registry import (
    audit,
    charging,
    decoys,
    guardalarms,
    meetings,
    parties,
    quotas,
    registrations,
    sealing,
    signals,
    watch,
    watchtogether,
)
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.guardsettings import GuardSettings
from registry.keys import KeyRing
from registry.meter import Meter
from registry.numbering import NumberPlan
from registry.parties import Party
from registry.preferences import Category, Channel
from registry.profiles import Chooser, Profile, Ranges, Sample, unpacked
from registry.quotakeys import SortedKeys
from registry.quotas import Ledger
from registry.scrubjobs import Ask, ScrubJob
from registry.settings import Settings
from registry.store import Store
from registry.watch import Ruling, Watch
from tests.doubles import FakeClock, MemoryShelf

FIRST = 8_613_800_000_000
EPOCH = 202611


class Room:
    """Some telemarketers and the watch over them."""

    def __init__(self, found: Watch, work: Path) -> None:
        self.watch, self.store, self.work, self.made = found, found.store, work, 0

    def party(self, name: str = "acme") -> Party:
        clock = self.watch.ledger.clock
        return parties.add_party(self.store, clock, party=name, kind="telemarketer", name_zh="某", name_en="A")

    def seal(self, digits: NDArray[np.uint64]) -> NDArray[np.uint8]:
        return sealing.seal_many(self.watch.ledger.keys.at_rest, digits)

    def scrub(self, party: Party, digits: NDArray[np.uint64], job: ScrubJob | None = None) -> tuple[ScrubJob, Ruling]:
        """A scrub that runs; it waits in its lane where it is not let through."""
        now = self.watch.ledger.clock.now()
        if job is None:
            self.made += 1
            job = ScrubJob(f"scrub{self.made}", party.party, "key:x", False, "api", "running", "usual", "list",
                           Ask(Channel.CALLS, Category.LOAN), now, now)  # fmt: skip
            with self.store.writing():
                self.store.scrub_jobs.add(job)
        sample = self.watch.sample()
        with Meter(self.watch.ledger, party=party, scrub=job.scrub, work=self.work, see=sample.see) as meter:
            meter.admit(self.seal(digits))
            ruling = watch.judge(self.watch, job=job, sample=sample, counts={})
            if ruling.lane == "usual":
                meter.close(done=True)
        with self.store.writing():
            self.store.scrub_jobs.change(
                job.scrub, states=("running",), state="done" if ruling.lane == "usual" else "waiting"
            )
        found = self.store.scrub_jobs.job(job.scrub)
        assert found is not None
        return found, ruling

    def again(self, job: ScrubJob) -> ScrubJob:
        """The scrub, taken up once more."""
        with self.store.writing():
            assert self.store.scrub_jobs.change(job.scrub, states=("waiting",), state="running")
        found = self.store.scrub_jobs.job(job.scrub)
        assert found is not None
        return found

    def check(self, party: Party, digits: NDArray[np.uint64]) -> list[bool]:
        return charging.charge_few(self.watch.ledger, party=party, sealed=self.seal(digits)).tolist()

    def used(self, party: Party) -> int:
        ledger = self.watch.ledger
        return quotas.balance(self.store, ledger.clock, ledger.settings, party).epoch.used


def counting_up(numbers: int = 1000, start: int = 0) -> NDArray[np.uint64]:
    return np.arange(start, start + numbers, dtype=np.uint64) + np.uint64(FIRST)


def scattered(numbers: int = 1000, seed: int = 5) -> NDArray[np.uint64]:
    """Numbers as customers of one place have them: some ranges of ten thousand, a fiftieth of each."""
    random = np.random.default_rng(seed)
    groups = random.choice(100, 5, replace=False)
    return np.unique(random.choice(groups, numbers) * 10_000 + random.integers(0, 10_000, numbers)).astype(
        np.uint64
    ) + np.uint64(FIRST)


@pytest.fixture
def room(store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, plan: NumberPlan, tmp_path: Path) -> Room:
    settings = Settings(guard=GuardSettings(subscribers=1000, decoy_ranges=["1380099"]))
    return Room(Watch(Ledger(store, clock, shelf, keys, settings), plan), tmp_path)


# what becomes of a scrub


def test_a_list_that_rings_waits_for_an_officer_and_costs_nothing(room: Room) -> None:
    party = room.party()
    job, ruling = room.scrub(party, counting_up())
    assert (ruling.lane, job.lane, job.state, room.used(party)) == ("held", "held", "waiting", 0)
    [alarm] = guardalarms.open_alarms(room.store)
    assert (alarm.scrub, alarm.kinds[0], alarm.figures["sequence_share"]) == (job.scrub, "sequence", 1.0)
    assert room.scrub(party, scattered())[1] == Ruling("usual")  # its other lists go on
    assert room.scrub(party, counting_up(), room.again(job))[1].lane == "held"
    assert len(guardalarms.open_alarms(room.store)) == 1


def test_what_an_officer_lets_go_is_answered_and_rings_no_more_this_month(room: Room, clock: FakeClock) -> None:
    party = room.party()
    job, _ = room.scrub(party, counting_up())
    [alarm] = guardalarms.open_alarms(room.store)
    decided = guardalarms.decide(
        room.store, clock, alarm=alarm.alarm, decision="let_go", note="their own extensions", actor="member:o"
    )
    assert (decided.decision, decided.note, decided.officer) == ("let_go", "their own extensions", "member:o")
    job = room.again(job)
    assert (job.lane, room.scrub(party, counting_up(), job)[1].lane) == ("usual", "usual")
    assert room.used(party) == 1000
    assert room.scrub(party, counting_up(500, start=5_000))[1].lane == "usual"
    clock.advance(days=10)
    assert room.scrub(party, counting_up(500, start=9_000))[1].lane == "held"


def test_what_an_officer_keeps_slow_is_answered_when_its_time_has_come(room: Room, clock: FakeClock) -> None:
    party = room.party()
    job, _ = room.scrub(party, counting_up())
    [alarm] = guardalarms.open_alarms(room.store)
    guardalarms.decide(room.store, clock, alarm=alarm.alarm, decision="keep_slow", note="perhaps", actor="member:o")
    job = room.again(job)
    assert job.lane == "slow"
    assert room.scrub(party, counting_up(), job)[1].lane == "usual"


def test_what_an_officer_refuses_is_cancelled_for_good(room: Room, clock: FakeClock) -> None:
    job, _ = room.scrub(room.party(), counting_up())
    [alarm] = guardalarms.open_alarms(room.store)
    guardalarms.decide(
        room.store, clock, alarm=alarm.alarm, decision="refuse", note="call +8613800138000", actor="member:o"
    )
    found = room.store.scrub_jobs.job(job.scrub)
    assert found is not None
    assert (found.state, found.problem) == ("cancelled", "refused_by_officer")
    entry = audit.entries(room.store, most=1)[0]
    assert (entry.action, entry.actor, entry.facts["decision"]) == ("guard_decided", "member:o", "refuse")
    assert "138001" not in entry.detail


def test_decisions_need_a_reason_and_are_made_once(room: Room, clock: FakeClock) -> None:
    room.scrub(room.party(), counting_up())
    [alarm] = guardalarms.open_alarms(room.store)

    def decide(decision: str = "let_go", note: str = "why", alarm: str = alarm.alarm) -> None:
        guardalarms.decide(room.store, clock, alarm=alarm, decision=decision, note=note, actor="member:o")

    for wrong in ({"decision": "perhaps"}, {"note": "  "}):
        with pytest.raises(InvalidInputError):
            decide(**wrong)
    with pytest.raises(NotFoundError):
        decide(alarm="nothing")
    decide()
    with pytest.raises(ConflictError):
        decide("refuse")


# checks


def test_a_large_check_that_counts_up_is_not_answered_and_stops_its_party(room: Room, clock: FakeClock) -> None:
    party = room.party()
    for _ in range(2):
        with pytest.raises(NotAllowedError) as raised:
            room.check(party, counting_up(400))
        assert raised.value.code == "held_by_guard"
    assert room.used(party) == 0
    with pytest.raises(NotAllowedError):
        room.check(party, scattered(20))
    [alarm] = guardalarms.open_alarms(room.store)
    guardalarms.decide(room.store, clock, alarm=alarm.alarm, decision="let_go", note="known", actor="member:o")
    assert all(room.check(party, counting_up(400)))


def test_small_checks_are_looked_at_together(room: Room) -> None:
    party = room.party()
    for start in range(0, 400, 20):
        room.check(party, counting_up(20, start=start))
    assert watch.fold_due(room.watch, room.work) == {"checks": 20, "alarms": 1}
    assert room.store.guard.lane("acme") == "held"
    assert watch.fold_due(room.watch, room.work) == {"checks": 0, "alarms": 0}


def test_scrubs_and_checks_of_one_party_count_together(room: Room) -> None:
    party = room.party()
    for start in range(0, 200, 20):
        room.check(party, counting_up(20, start=start))
    watch.fold_due(room.watch, room.work)
    assert not guardalarms.open_alarms(room.store)
    assert room.scrub(party, counting_up(150, start=200))[1].lane == "held"


def test_a_party_that_an_officer_moves_takes_its_waiting_scrubs_along(room: Room, clock: FakeClock) -> None:
    party = room.party()
    guardalarms.move(room.store, clock, party="acme", lane="held", note="asked to explain", actor="member:o")
    job, ruling = room.scrub(party, scattered())
    assert (ruling, job.lane) == (Ruling("held"), "held")
    guardalarms.move(room.store, clock, party="acme", lane="usual", note="explained", actor="member:o")
    assert room.again(job).lane == "usual"
    for wrong in ({"lane": "fast", "note": "x"}, {"lane": "slow", "note": ""}):
        with pytest.raises(InvalidInputError):
            guardalarms.move(room.store, clock, party="acme", actor="member:o", **wrong)


# side by side


def test_young_parties_with_one_list_are_named(room: Room) -> None:
    lists = [scattered(2000, seed=5), scattered(2000, seed=5)[100:], scattered(2000, seed=9)]
    for name, digits in zip(("one", "two", "three"), lists):
        assert room.scrub(room.party(name), digits)[1].lane == "usual"
    assert watchtogether.compare(room.watch) == 2
    assert {alarm.party: alarm.kinds for alarm in guardalarms.open_alarms(room.store)} == {
        "one": ("overlap",), "two": ("overlap",)
    }  # fmt: skip
    assert watchtogether.compare(room.watch) == 0
    assert room.store.guard.lane("one") == "usual"  # it is for an officer to see


# what is kept


def test_nothing_that_is_kept_holds_a_number(room: Room, keys: KeyRing) -> None:
    party, digits = room.party(), counting_up()
    room.scrub(party, scattered())
    room.scrub(party, digits)
    content = room.store.guard.profile("acme", epoch=EPOCH)
    assert content is not None
    assert len(unpacked(sealing.unseal_bytes(room.watch.key, content)).digits) == len(scattered())
    assert scattered()[0].tobytes() not in content
    figures = "".join(row.figures for row in room.store.guard.open_alarms())
    assert not re.search(r"\d{7}", figures)
    assert set(json.loads(figures)) >= {"numbers", "sequence_share", "dense_share"}


def test_profiles_go_with_their_months(room: Room, clock: FakeClock) -> None:
    room.scrub(room.party(), scattered())
    clock.advance(days=30)
    assert watch.forget(room.watch) == 0
    clock.advance(days=31)
    assert watch.forget(room.watch) == 2  # its own, and that of young parties together


# samples


def test_a_sample_keeps_whole_groups_and_all_samples_the_same_ones(keys: KeyRing) -> None:
    chooser, drawn = Chooser(b"key"), np.random.default_rng(3)
    digits = np.unique(drawn.integers(FIRST, FIRST + 40_000_000, 40_000).astype(np.uint64))
    small = Sample(chooser, keys.at_rest, Ranges([], 86), most=1_000)
    for part in np.array_split(drawn.permutation(digits), 23):
        small.see(sealing.seal_many(keys.at_rest, part))
    found = small.profile(unassigned=7)
    assert 0 < len(found.digits) <= 1_000
    assert found.level >= 5
    assert 0.5 < found.numbers / len(digits) < 2
    groups = set((found.digits // np.uint64(10_000)).tolist())
    whole = [digit for digit in digits.tolist() if digit // 10_000 in groups]
    assert found.digits.tolist() == whole
    both = chooser.joined((found, Profile(digits)), most=1_000)
    assert both.digits.tolist() == found.digits.tolist()
    assert unpacked(found.pack()).digits.tolist() == whole


def test_signals_of_a_sample_are_those_of_the_whole() -> None:
    chooser, settings = Chooser(b"key"), GuardSettings()
    digits = np.arange(FIRST, FIRST + 1_000_000, dtype=np.uint64)
    sampled = chooser.joined((Profile(digits),), most=60_000)
    assert sampled.level > 0
    found = signals.look(sampled, settings, chooser)
    assert found.kinds[:2] == ("sequence", "dense")


def test_thresholds_are_settings() -> None:
    chooser, digits = Chooser(b"key"), Profile(np.append(scattered(2000), counting_up(80)))
    digits = replace(digits, digits=np.unique(digits.digits))
    assert not signals.look(digits, GuardSettings(), chooser).kinds
    assert signals.look(digits, GuardSettings(sequence_share=0.03), chooser).kinds == ("sequence",)


# decoys


def test_decoys_are_chosen_by_key_planted_and_lifted(room: Room, keys: KeyRing, plan: NumberPlan) -> None:
    settings, store, clock = room.watch.settings, room.store, room.watch.ledger.clock
    chosen = decoys.chosen(keys, plan, settings)
    assert 400 < len(chosen) < 600
    assert not np.array_equal(chosen, decoys.chosen(KeyRing(masters={1: b"x" * 32}), plan, settings))
    few = replace_ranges(settings, "138009912")
    planted = decoys.plant(store, clock, keys, plan, few)
    assert planted == len(decoys.chosen(keys, plan, few)) > 0
    assert decoys.plant(store, clock, keys, plan, few) == 0
    assert registrations.totals(store)["active"] == planted
    assert decoys.lift(store, clock, keys, plan, few) == planted
    assert registrations.totals(store)["active"] == 0
    for wrong in ("13800", "1990000"[:6], "2000000"):
        with pytest.raises(InvalidInputError):
            decoys.chosen(keys, plan, replace_ranges(settings, wrong))


def replace_ranges(settings: GuardSettings, *ranges: str) -> GuardSettings:
    return GuardSettings(decoy_ranges=list(ranges), subscribers=settings.subscribers)


def test_who_asks_for_numbers_of_a_held_back_range_made_them_up(room: Room) -> None:
    party = room.party()
    asked = np.append(scattered(), np.array([8613800990001, 8613800995000, 8613800999999], np.uint64))
    job, ruling = room.scrub(party, asked)
    assert (ruling.lane, ruling.kinds, job.lane) == ("held", ("decoys",), "held")


def test_numbers_in_use_meet_other_numbers_in_use_oftener_than_their_neighbours_do(room: Room) -> None:
    random = np.random.default_rng(3)
    used = np.sort(random.permutation(100_000)[:40_000].astype(np.uint64) + np.uint64(FIRST))  # two in five
    asked = sealing.blind_many(room.watch.ledger.key, room.seal(random.permutation(used)[:9_000]))
    files = [SortedKeys(np.sort(asked))]
    customers = random.permutation(used)[:9_000]
    drawn = random.integers(FIRST, FIRST + 100_000, 9_000).astype(np.uint64)
    expected, met = meetings.count(room.watch, customers, files)
    assert 2.1 < met / expected < 2.9
    expected, met = meetings.count(room.watch, np.unique(drawn), files)
    assert 0.85 < met / expected < 1.15

"""Tests of scrubs as jobs: what comes in parts, who may see it, what is done twice, what is deleted when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry import organisations, parties, scrubasks, scrubfiles, scrubjobs
from registry.access import Actor
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.keys import KeyRing
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, Part, ScrubJob
from registry.settings import ScrubSettings
from registry.store import Store
from registry.uscc import CompanyNumber
from tests.doubles import FakeClock, MemoryShelf

ASK = Ask(Channel.CALLS, Category.LOAN, campaign="autumn")
SETTINGS = ScrubSettings()


def seller(store: Store, clock: FakeClock, party: str = "acme", kind: str = "telemarketer") -> Actor:
    added = parties.add_party(store, clock, party=party, kind=kind, name_zh="某公司", name_en="Acme")
    return Actor("key", party=added, key="k", scopes=frozenset({"scrub"}))


def begun(store: Store, clock: FakeClock, actor: Actor, **more: str) -> ScrubJob:
    return scrubjobs.begin(store, clock, SETTINGS, actor=actor, ask=ASK, name="list.csv", origin="api", **more)


def sent(store: Store, shelf: MemoryShelf, keys: KeyRing, folder: Path, job: ScrubJob, *pieces: bytes) -> None:
    for number, piece in enumerate(pieces, 1):
        size, digest = scrubfiles.store_part(
            shelf, keys, folder, name=scrubfiles.part_name(job.scrub, number), source=[piece], length=None, most=1000
        )
        scrubjobs.add_part(store, job=job, part=Part(number, size, digest))


def test_a_call_list_that_came_in_parts_reads_as_one(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    job = begun(store, clock, seller(store, clock))
    sent(store, shelf, keys, tmp_path, job, b"13800138000\n138", b"00138001\n")
    job = scrubjobs.submit(store, clock, SETTINGS, job=job)
    assert (job.state, job.size) == ("waiting", 24)
    with scrubfiles.call_list(shelf, keys, job, store.scrub_jobs.parts(job.scrub)) as file:
        assert file.read() == b"13800138000\n13800138001\n"
    assert not any(b"138001380" in content for content in shelf.files.values())


def test_every_column_of_a_scrub_comes_back_as_it_was_written(store: Store, clock: FakeClock) -> None:
    job = begun(store, clock, seller(store, clock))
    full = replace(
        job, scrub="other", ask=replace(ASK, at=clock.now(), on_behalf="p1", wanted="phone"), counts={"allowed/x": 3},
        idempotency="key", valid_until=clock.now(), started=clock.now(), stop=True, found="{}", again="before",
        keep=True,
    )
    with store.writing():
        store.scrub_jobs.add(full)
    assert scrubjobs.job_of(store, party="acme", scrub="other") == full


def test_a_scrub_of_another_party_is_as_one_that_does_not_exist(store: Store, clock: FakeClock) -> None:
    job = begun(store, clock, seller(store, clock))
    seller(store, clock, "rival")
    for party, scrub in [("rival", job.scrub), ("acme", "nothing")]:
        with pytest.raises(NotFoundError) as raised:
            scrubjobs.job_of(store, party=party, scrub=scrub)
        assert raised.value.code == "no_such_scrub"


def test_only_a_telemarketer_may_begin_a_scrub(store: Store, clock: FakeClock) -> None:
    with pytest.raises(NotAllowedError):
        begun(store, clock, seller(store, clock, "unicom", "carrier"))


def test_the_same_idempotency_key_finds_the_scrub_that_it_began(store: Store, clock: FakeClock) -> None:
    actor = seller(store, clock)
    job = begun(store, clock, actor, idempotency="one")
    assert begun(store, clock, actor, idempotency="one") == job
    assert begun(store, clock, actor).scrub != job.scrub
    with pytest.raises(ConflictError) as raised:
        scrubjobs.begin(store, clock, SETTINGS, actor=actor, ask=replace(ASK, campaign="other"), name="list.csv",
                        origin="api", idempotency="one")
    assert raised.value.code == "idempotency_reused"


def test_an_upload_that_was_cut_leaves_nothing_behind(shelf: MemoryShelf, keys: KeyRing, tmp_path: Path) -> None:
    for pieces, length, code in [([b"138"], 4, "upload_cut"), ([b"x" * 600, b"x" * 600], None, "too_large")]:
        with pytest.raises(InvalidInputError) as raised:
            scrubfiles.store_part(
                shelf, keys, tmp_path, name="scrubs/a/part-00001", source=pieces, length=length, most=1000
            )
        assert raised.value.code == code
    assert not shelf.files
    assert not list(tmp_path.iterdir())


def test_a_call_list_with_a_part_missing_is_not_submitted(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    job = begun(store, clock, seller(store, clock))
    with pytest.raises(InvalidInputError):
        scrubjobs.submit(store, clock, SETTINGS, job=job)
    scrubjobs.add_part(store, job=job, part=Part(2, 5, "00"))
    with pytest.raises(ConflictError) as raised:
        scrubjobs.submit(store, clock, SETTINGS, job=job)
    assert raised.value.code == "parts_missing"
    sent(store, shelf, keys, tmp_path, job, b"1", b"2")
    first = scrubjobs.submit(store, clock, SETTINGS, job=job)
    assert scrubjobs.submit(store, clock, SETTINGS, job=job) == first
    with pytest.raises(ConflictError):
        scrubjobs.add_part(store, job=job, part=Part(3, 5, "00"))


def test_a_scrub_that_waits_is_cancelled_at_once_and_its_files_go(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    actor = seller(store, clock)
    job = begun(store, clock, actor)
    sent(store, shelf, keys, tmp_path, job, b"13800138000\n")
    assert scrubjobs.cancel(store, clock, job=job, actor=actor).state == "cancelled"
    with pytest.raises(ConflictError):
        scrubjobs.cancel(store, clock, job=job, actor=actor)
    assert scrubfiles.delete_due(store, clock, shelf) == 1
    assert not shelf.files
    with pytest.raises(NotFoundError):
        scrubjobs.must_have_result(scrubjobs.job_of(store, party="acme", scrub=job.scrub))


def test_files_are_deleted_a_day_after_the_result_was_fetched_and_after_thirty_days_at_most(
    store: Store, clock: FakeClock, shelf: MemoryShelf
) -> None:
    job = begun(store, clock, seller(store, clock))
    with store.writing():
        store.scrub_jobs.change(job.scrub, states=("uploading",), state="done")
    for days, hours in [(1, 24), (29.5, 12)]:
        clock.moment = job.created + timedelta(days=days)
        with store.writing():
            store.scrub_jobs.change(job.scrub, states=("done",), picked_up=0, expires=scrubjobs.to_micros(job.expires))
        scrubjobs.picked_up(store, clock, SETTINGS, job=scrubjobs.job_of(store, party="acme", scrub=job.scrub))
        found = scrubjobs.job_of(store, party="acme", scrub=job.scrub)
        assert found.expires - clock.now() == timedelta(hours=hours)
    assert scrubfiles.delete_due(store, clock, shelf) == 0
    clock.moment = job.expires
    assert scrubfiles.delete_due(store, clock, shelf) == 1


def test_the_name_of_a_file_keeps_no_number_and_no_folder(store: Store, clock: FakeClock) -> None:
    job = scrubjobs.begin(
        store, clock, SETTINGS, actor=seller(store, clock), ask=ASK, name="C:\\lists\\13800138000.csv", origin="page"
    )
    assert "13800138000" not in job.name
    assert "lists" not in job.name


def test_what_a_scrub_is_asked_for_may_be_said_after_its_list_came_and_not_once_it_waits(
    store: Store, clock: FakeClock, shelf: MemoryShelf, keys: KeyRing, tmp_path: Path
) -> None:
    job = begun(store, clock, seller(store, clock))
    sent(store, shelf, keys, tmp_path, job, b"13800138000\n")
    bank = organisations.add_principal(
        store, clock, party="acme", name="Some Bank", company=CompanyNumber("US", "12-3")
    ).principal
    ask = Ask(Channel.MESSAGES, Category.HOME, "winter", bank, clock.now(), "US", "2")
    scrubasks.wait_for_ask(store, clock, SETTINGS, job=job)
    waits = scrubjobs.job_of(store, party="acme", scrub=job.scrub)
    assert waits.expires == clock.now() + timedelta(hours=SETTINGS.kept_hours)
    job = scrubasks.ask_for(store, clock, SETTINGS, job=waits, ask=ask, found="{}", keep=True)
    assert (job.ask, job.found, job.keep) == (ask, "{}", True)
    assert job.expires == job.created + timedelta(days=SETTINGS.kept_days)
    scrubjobs.submit(store, clock, SETTINGS, job=job)
    with pytest.raises(ConflictError) as raised:
        scrubasks.ask_for(store, clock, SETTINGS, job=job, ask=ASK)
    assert raised.value.code == "not_uploading"


def test_files_that_are_to_be_kept_stay_until_the_answers_end_although_they_were_fetched(
    store: Store, clock: FakeClock
) -> None:
    ends = clock.now() + timedelta(days=7)
    for keep, expires in ((True, ends), (False, clock.now() + timedelta(hours=24))):
        job = replace(begun(store, clock, seller(store, clock, f"acme-{keep}".lower())), scrub=f"done{keep}",
                      state="done", valid_until=ends, keep=keep)
        with store.writing():
            store.scrub_jobs.add(job)
        scrubjobs.picked_up(store, clock, SETTINGS, job=job)
        assert scrubjobs.job_of(store, party=job.party, scrub=job.scrub).expires == expires

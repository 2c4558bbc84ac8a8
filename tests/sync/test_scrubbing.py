"""Scrubs as jobs: answered from base, later editions and tables alike, paid once, by an index that may be replaced."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from registry import receiptchecks, receipts, sandbox, scrubjobs
from registry.decisions import Contact
from registry.errors import NotFoundError
from registry.numbers import Number, parse_many
from registry.preferences import NOTHING, Category, Channel
from registry.quotas import balance
from registry.scrub import answer_one
from registry.scrubbases import newest, sandbox_scrubber, there
from registry.settings import ScrubSettings, Settings, Tier
from registry.standing import standing_of
from sync import indexing, inspection, rolling, scrubrun, upkeep
from sync.publish import publish_once
from sync.scrubbing import scrub_due
from sync.scrubrun import Watch
from tests.sync.calling import (
    ASK,
    HELD,
    listed,
    must_take,
    nothing,
    result_of,
    rolled,
    rows_of,
    seen,
    send,
    sender,
    taken,
)
from tests.sync.town import Town

MAGIC = b"phone\n15400000001\n15400000002\n13800138000\n"


def assert_answers_are_single_checks(town: Town, job: scrubjobs.ScrubJob) -> None:
    contact = Contact(town.clock.now(), ASK.channel, ASK.category, telemarketer=job.party)
    for row in rows_of(town, job):
        standing = standing_of(
            town.store, number=town.number(int(row["place"])), at=contact.at, telemarketer=job.party
        )
        alone = answer_one(
            standing, contact, town.rulebooks, holidays=town.plan.holidays, valid=timedelta(days=7)
        )
        assert (row["verdict"], row["reason"]) == (alone.verdict, alone.reason)


# what is answered


def test_a_call_list_is_answered_by_base_later_editions_and_what_is_not_published(small_town: Town) -> None:
    town = small_town
    town.load(20)
    town.clock.advance(days=60)
    rolled(town)
    town.decline(30)
    town.decline(2, NOTHING)
    publish_once(town)
    town.decline(31)
    town.decline(3, NOTHING)
    jobs = [send(town, listed(town, *range(0, 40)))]
    assert scrub_due(town) == {"scrubs": 1, "lines": 40}
    town.clock.advance(days=60)
    jobs.append(send(town, listed(town, *range(0, 40))))
    assert scrub_due(town) == {"scrubs": 1, "lines": 40}
    assert_answers_are_single_checks(town, jobs[1])
    verdicts = [row["verdict"] for row in rows_of(town, jobs[1])]
    declined = [place for place, verdict in enumerate(verdicts) if verdict == "declined"]
    assert declined == [0, 1, *range(4, 20), 30, 31]
    done = seen(town, jobs[1])
    assert (done.state, done.distinct_numbers, done.edition) == ("done", 40, town.store.editions.newest())
    assert done.verdicts() == {"allowed": 20, "declined": 20, "invalid": 0}
    assert done.valid_until == town.clock.now() + timedelta(days=7)
    assert done.rulebook == town.rulebooks.at(town.clock.now()).name


def test_a_list_in_parts_is_answered_as_one_and_both_digests_are_those_of_the_files(small_town: Town) -> None:
    content = listed(small_town, 1, 2, 3)
    whole = send(small_town, content)
    parted = send(small_town, content[:20], content[20:])
    assert scrub_due(small_town)["scrubs"] == 2
    assert result_of(small_town, whole) == result_of(small_town, parted)
    for job in (whole, parted):
        done = seen(small_town, job)
        assert done.input_sha256 == hashlib.sha256(content).hexdigest()
        assert done.result_sha256 == hashlib.sha256(result_of(small_town, job)).hexdigest()
        assert done.result_size == len(result_of(small_town, job))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"\n\n", "empty_list"), (b"name\nLi\n", "no_number_column"), (b"a,phone\n", "header_only"),
     (b"\x00\x01\x02", "not_a_list"), (b"13800138000,13900139000\n", "two_number_columns")],
)  # fmt: skip
def test_a_list_that_cannot_be_used_fails_in_words_and_is_soon_deleted(
    small_town: Town, content: bytes, code: str
) -> None:
    job = send(small_town, content)
    assert scrub_due(small_town) == {"failed": 1}
    failed = seen(small_town, job)
    assert (failed.state, failed.problem, failed.result) == ("failed", code, "")
    assert failed.expires == small_town.clock.now() + timedelta(hours=24)


def test_a_sandbox_knows_magic_numbers_only_and_nothing_of_the_registry(small_town: Town) -> None:
    job = send(small_town, MAGIC)
    with small_town.store.writing():
        small_town.store.scrub_jobs.change(job.scrub, states=("waiting",), sandbox=1)
    scrub_due(small_town)
    rows = rows_of(small_town, job)
    assert [(row["verdict"], row["reason"]) for row in rows] == [
        ("declined", "everything_declined"), ("allowed", "no_recorded_will"), ("invalid", "unassigned")
    ]


def test_every_magic_number_is_answered_by_the_rule_engine(small_town: Town) -> None:
    magic, plan = sandbox.load(), small_town.plan.with_sandbox()
    for channel in Channel:
        contact = Contact(small_town.clock.now(), channel, Category.LOAN, telemarketer="magic-lender")
        scrubber = sandbox_scrubber(
            small_town.keys, small_town.rulebooks, plan, contact=contact, edition=1, valid=timedelta(days=7)
        )
        found = scrubber.answer(parse_many([case.number.e164 for case in magic.cases], plan))
        for line, case in enumerate(magic.cases):
            standing = magic.asked(case.number, edition=1, at=contact.at, grace=timedelta(seconds=60))
            alone = answer_one(
                standing, contact, small_town.rulebooks, holidays=plan.holidays, valid=timedelta(days=7)
            )
            assert found[line] == alone


# what it costs


def used(town: Town, party: str = "acme") -> int:
    found = town.store.parties.party(party)
    assert found is not None
    return balance(town.store, town.clock, town.settings, found).epoch.used


def test_where_the_quota_is_reached_in_the_middle_the_lines_before_are_served(any_town: Town) -> None:
    any_town.settings = Settings(scrubs=ScrubSettings(tiers={"small": Tier(day=5, epoch=100)}))
    job = send(any_town, listed(any_town, *range(8), 2) + b"9,none\n")
    scrub_due(any_town)
    done = seen(any_town, job)
    assert (done.state, done.problem, done.charged, done.distinct_numbers) == ("done", "quota_reached", 5, 5)
    refused = [place for place, row in enumerate(rows_of(any_town, job)) if row["reason"] == "quota_reached"]
    assert refused == [5, 6, 7]
    assert done.verdicts()["invalid"] == 4
    assert used(any_town) == 5


def test_a_scrub_that_comes_to_nothing_costs_nothing_and_the_same_numbers_cost_once(any_town: Town) -> None:
    town = any_town
    job = send(town, listed(town, *range(6)))
    stopped = Watch(town, must_take(town), HELD)
    scrubjobs.cancel(town.store, town.clock, job=job, actor=sender(town))
    assert scrubrun.work(town, stopped) == {"cancelled": 1}
    assert used(town) == 0
    for _ in range(2):
        again = send(town, listed(town, *range(6)))
        scrub_due(town)
        assert used(town) == 6
    assert (seen(town, again).charged, seen(town, again).distinct_numbers) == (0, 6)
    assert not town.store.quotas.held("acme", epoch=202611, at=0)


def test_a_party_that_an_officer_holds_waits_also_with_lists_that_came_before(any_town: Town) -> None:
    send(any_town, listed(any_town, 1))
    with any_town.store.writing():
        any_town.store.guard.put_lane("acme", lane="held", since=0, by="officer")
    assert taken(any_town) is None
    with any_town.store.writing():
        any_town.store.guard.put_lane("acme", lane="usual", since=0, by="officer")
    assert taken(any_town) is not None


# what it proves


def test_every_answer_of_a_scrub_is_proved_by_its_receipt_and_nothing_else(small_town: Town) -> None:
    town = small_town
    town.load(3)
    town.clock.advance(days=60)
    content = listed(town, *range(6), 3)
    job = send(town, content)
    scrub_due(town)
    done = seen(town, job)
    receipt = receipts.receipt_of(town.store, party="acme", receipt=done.receipt)
    payload = receipts.payload_of(receipt)
    assert (payload.tree.size, payload.lines) == (6, 7)
    assert payload.counts == {"allowed": 4, "declined": 3, "invalid": 0, "distinct": 6}
    assert (payload.input.sha256, payload.input.bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (payload.result.sha256, payload.valid_until) == (done.result_sha256, done.valid_until)
    for place, verdict in enumerate(["declined"] * 3 + ["allowed"] * 3):
        raw = receipts.prove(town.shelf, town.keys, receipt=receipt, number=Number(1, town.digits[place]))
        checked = receiptchecks.check(raw, town.receipt_keys.public, now=town.clock.now())
        assert checked.answer is not None
        assert checked.answer.verdict == verdict
    with pytest.raises(NotFoundError):
        receipts.prove(town.shelf, town.keys, receipt=receipt, number=Number(1, town.digits[9]))


def test_a_receipt_of_the_sandbox_says_so(small_town: Town) -> None:
    job = send(small_town, MAGIC)
    with small_town.store.writing():
        small_town.store.scrub_jobs.change(job.scrub, states=("waiting",), sandbox=1)
    scrub_due(small_town)
    receipt = receipts.receipt_of(small_town.store, party="acme", receipt=seen(small_town, job).receipt)
    assert receipts.payload_of(receipt).sandbox
    assert receipt.size == 2
    assert used(small_town) == 0


# the index


def test_an_index_serves_from_its_file_and_those_before_it_go(small_town: Town) -> None:
    town = small_town
    town.load(10)
    rolled(town)
    old = newest(town.store, town.shelf)
    assert len(old) == 10
    town.decline(20)
    rolled(town)
    assert len(newest(town.store, town.shelf)) == 11
    assert [name for name in town.shelf.names("base/") if name.endswith(".scrub")] == [
        there(town.shelf, town.store.editions.bases()[0])
    ]
    assert int(old.keys[0]) > 0  # whoever has the old one mapped goes on reading it
    assert rolling.drop_old(town) == 0
    assert indexing.make(town, keep=nothing) == 0


def test_a_damaged_index_is_found_and_made_anew(small_town: Town) -> None:
    town = small_town
    town.load(10)
    rolled(town)
    name = there(town.shelf, town.store.editions.bases()[0])
    assert name is not None
    content = town.shelf.get(name)
    town.shelf.put(name, content[:-9] + b"123456789")
    assert [found.name for found in inspection.look(town, keep=nothing)[1]] == [name]
    town.shelf.put(name, content[:-1])
    assert len(newest(town.store, town.shelf)) == 0
    assert scrub_due(town) == {}  # nothing is begun until it is made
    assert upkeep.JOBS["index"].work(town, nothing) == {"indexes": 1}
    assert len(newest(town.store, town.shelf)) == 10

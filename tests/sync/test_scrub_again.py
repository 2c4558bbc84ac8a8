"""Scrubs that are made again: what changed since the last time, who is reminded, and when."""

from __future__ import annotations

import json

from registry import receipts, scrubkeeping, scrubreminders, webhooks
from registry.preferences import NOTHING
from registry.scrubjobs import ScrubJob
from registry.webhook_events import EVENTS
from sync.scrubbing import scrub_due
from tests.sync.calling import listed, seen, send, sender
from tests.sync.town import Town


def again(town: Town, job: ScrubJob) -> ScrubJob:
    return scrubkeeping.again(
        town.store, town.clock, town.settings.scrubs, town.shelf, town.keys, town.instance / "work",
        actor=sender(town), job=seen(town, job),
    )


def checked(town: Town, *places: int) -> ScrubJob:
    job = send(town, listed(town, *places))
    scrub_due(town)
    return seen(town, job)


def reminders(town: Town) -> list[str]:
    found = scrubreminders.due_reminders(town.store, town.clock, town.settings.scrubs, party="acme")
    return [job.scrub for job in found]


def test_a_list_that_is_checked_again_says_how_many_numbers_changed_since(any_town: Town) -> None:
    town = any_town
    town.load(10)
    town.clock.advance(days=60)
    first = checked(town, *range(40))
    assert first.changes == {}
    for place in (1, 2, 3):
        town.decline(place, NOTHING)
    for place in range(20, 25):
        town.decline(place)
    town.clock.advance(days=60)
    second = again(town, first)
    scrub_due(town)
    assert seen(town, second).changes == {"declined": 5, "allowed": 3, "same": 32, "new": 0, "gone": 0}
    third = again(town, second)
    with town.store.writing():
        town.store.scrub_jobs.change(third.scrub, states=("waiting",), again=first.scrub)
    scrub_due(town)
    assert seen(town, third).changes == {"declined": 5, "allowed": 3, "same": 32, "new": 0, "gone": 0}


def test_numbers_that_came_to_a_list_or_left_it_are_told_apart(small_town: Town) -> None:
    first = checked(small_town, 1, 2, 3, 4, 4)
    second = send(small_town, listed(small_town, 3, 4, 5))
    with small_town.store.writing():
        small_town.store.scrub_jobs.change(second.scrub, states=("waiting",), again=first.scrub)
    scrub_due(small_town)
    assert seen(small_town, second).changes == {"declined": 0, "allowed": 0, "same": 2, "new": 1, "gone": 2}


def test_where_the_answers_before_were_erased_nobody_says_what_changed(small_town: Town) -> None:
    first = checked(small_town, 1, 2)
    small_town.shelf.delete(receipts.leaves_name(first.receipt))
    second = again(small_town, first)
    scrub_due(small_town)
    assert (seen(small_town, second).state, seen(small_town, second).changes) == ("done", {})


def test_answers_that_end_soon_are_told_of_once_and_not_where_the_list_was_checked_again(any_town: Town) -> None:
    town, settings = any_town, any_town.settings.scrubs
    job, other = checked(town, 1), send(town, listed(town, 2), name="other.csv")
    scrub_due(town)
    listen(town)
    town.clock.advance(days=3)
    assert reminders(town) == []
    assert scrubreminders.remind(town.store, town.clock, settings) == 0
    town.clock.advance(days=1.5)
    assert sorted(reminders(town)) == sorted([job.scrub, other.scrub])
    again(town, other)
    scrub_due(town)
    assert reminders(town) == [job.scrub]
    assert scrubreminders.remind(town.store, town.clock, settings) == 1
    assert scrubreminders.remind(town.store, town.clock, settings) == 0
    told = [json.loads(row["body"]) for row in town.store.engine.rows("SELECT body FROM webhook_event ORDER BY at")]
    ending = [each["data"] for each in told if each["type"] == "scrub.expiring"]
    assert [data["scrub"] for data in ending] == [job.scrub]
    town.clock.advance(days=5)
    assert job.scrub not in reminders(town)


def test_the_end_of_a_scrub_is_told_to_endpoints_with_its_counts_and_without_numbers(small_town: Town) -> None:
    listen(small_town)
    done = checked(small_town, 1, 2, 3)
    failed = send(small_town, b"name\nLi\n")
    scrub_due(small_town)
    rows = small_town.store.engine.rows("SELECT body FROM webhook_event ORDER BY at, event")
    told = {each["type"]: each["data"] for each in (json.loads(row["body"]) for row in rows)}
    assert told["scrub.done"]["counts"] == {"allowed": 3, "declined": 0, "invalid": 0}
    assert (told["scrub.done"]["scrub"], told["scrub.done"]["receipt"]) == (done.scrub, done.receipt)
    assert told["scrub.failed"] == {"scrub": failed.scrub, "campaign": "autumn", "problem": "no_number_column"}
    assert not any(str(small_town.digits[place]) in row["body"] for row in rows for place in (1, 2, 3))


def listen(town: Town) -> None:
    """Somebody at acme wants to know everything."""
    webhooks.add_endpoint(
        town.store, town.keys, town.clock, town.settings.webhooks, party="acme", url="https://hooks.example/",
        events=EVENTS,
    )

"""Call lists for the tests of scrubs: sent by telemarketers, checked by the job, read back in clear."""

from __future__ import annotations

import csv
import io
from typing import Any

from registry import scrubfiles, scrubjobs
from registry.access import Actor
from registry.preferences import Category, Channel
from registry.scrubjobs import Ask, Part, ScrubJob
from registry.scrubwork import Held, take_next
from sync import indexing, rolling
from sync.publish import publish_once, scratch
from tests.sync.town import Town

HELD, OTHER = Held("one:1:a", 60), Held("one:2:b", 60)
ASK = Ask(Channel.CALLS, Category.LOAN, campaign="autumn")


def sender(town: Town, party: str = "acme") -> Actor:
    found = town.store.parties.party(party)
    assert found is not None
    return Actor("key", party=found, key="k", scopes=frozenset({"scrub"}))


def send(town: Town, *parts: bytes, party: str = "acme", ask: Ask = ASK, name: str = "list.csv") -> ScrubJob:
    """Begin a scrub with a call list in parts, and submit it."""
    settings = town.settings.scrubs
    job = scrubjobs.begin(
        town.store, town.clock, settings, actor=sender(town, party), ask=ask, name=name, origin="api"
    )
    for place, part in enumerate(parts, 1):
        size, digest = scrubfiles.store_part(
            town.shelf, town.keys, town.instance / "work", name=scrubfiles.part_name(job.scrub, place), source=[part],
            length=len(part), most=settings.max_bytes,
        )
        scrubjobs.add_part(town.store, job=job, part=Part(place, size, digest))
    return scrubjobs.submit(town.store, town.clock, settings, job=job)


def seen(town: Town, job: ScrubJob) -> ScrubJob:
    """The scrub as it is now."""
    return scrubjobs.job_of(town.store, party=job.party, scrub=job.scrub)


def result_of(town: Town, job: ScrubJob) -> bytes:
    """The result of a scrub, in clear."""
    with scrubfiles.result(town.shelf, town.keys, seen(town, job)) as file:
        return file.read()


def rows_of(town: Town, job: ScrubJob) -> list[dict[str, Any]]:
    """The result of a scrub of a CSV with a header."""
    return list(csv.DictReader(io.StringIO(result_of(town, job).decode(), newline="")))


def listed(town: Town, *places: int, header: str = "phone") -> bytes:
    """A CSV of the numbers of some places, with the place beside each."""
    lines = [f"place,{header}", *(f"{place},+{town.digits[place]}" for place in places)]
    return ("\n".join(lines) + "\n").encode()


def nothing() -> None:
    """Keeps no lease."""


def rolled(town: Town) -> None:
    """Publish, roll the base forward and make its index."""
    publish_once(town)
    with scratch(town) as folder:
        rolling.roll(town, upto=town.store.editions.newest(), scratch=folder)
    assert indexing.make(town, keep=nothing) == 1


def taken(town: Town, held: Held = HELD) -> ScrubJob | None:
    return take_next(town.store, town.clock, town.settings.scrubs, held=held)


def must_take(town: Town, held: Held = HELD) -> ScrubJob:
    job = taken(town, held)
    assert job is not None
    return job

"""Scrubs as jobs: a call list comes in parts, waits for its turn, is answered, and is deleted when its time is over.

Rules of this room:
- States: uploading -> waiting -> running -> done | failed | cancelled, and from each of them deleted, when the files
  are gone; what was counted stays. A scrub of another party is as one that does not exist.
- A part may be sent again until all are submitted; the same Idempotency-Key finds the scrub that it began.
- What waits in the slow or held lane says so; who works on a scrub holds its lease (`scrubwork.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from registry import audit, scrubfigures
from registry.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from registry.logs import without_numbers
from registry.naming import new_id
from registry.organisations import must_act_for
from registry.preferences import Category, Channel
from registry.restrictions import must_be_free
from registry.times import from_micros, to_micros

if TYPE_CHECKING:
    from registry.access import Actor
    from registry.interfaces import Clock
    from registry.settings import ScrubSettings
    from registry.store import Store

State = Literal["uploading", "waiting", "running", "done", "failed", "cancelled", "deleted"]
OPEN: tuple[State, ...] = ("uploading", "waiting", "running")
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
MOST_PARTS = 10_000
_LONGEST = 80
_LATE, _AHEAD = timedelta(minutes=5), timedelta(days=31)
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a call list is checked for. `at` None: when it is its turn; `wanted`: the column's name or place from 1, or
    "": look for it; `on_behalf`: the principal's id, "" for the telemarketer itself."""

    channel: Channel
    category: Category
    campaign: str = ""
    on_behalf: str = ""
    at: datetime | None = None
    country: str = "CN"
    wanted: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a call list: its number from 1, bytes, SHA-256 (hex), the name of its file where it has its own."""

    part: int
    size: int
    sha256: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class ScrubJob:
    """One scrub. Sizes in bytes; `read`: bytes of the call list that were read; `counts`: lines by verdict/reason, as
    `{"allowed/not_registered": 5}`; `found`: how the call list is laid out (`calllists.files`); `problem`: the code of
    the error that ended it, or `quota_reached`; `again`: the scrub that it repeats; `keep`: the files stay until its
    answers end, also when they were fetched, so that it can be repeated; `attempts`: how often it was begun;
    `not_before`: when its turn comes at the earliest; `reminded`: whether its party was told that its answers end;
    `changes`: since the scrub that it repeats (`scrubchanges`), empty where nobody knows; `permille`: what is done."""

    scrub: str
    party: str
    actor: str
    sandbox: bool
    origin: str  # page, api, folder
    state: str
    lane: str  # usual, slow, held
    name: str
    ask: Ask
    created: datetime
    expires: datetime
    again: str = ""
    idempotency: str = ""
    found: str = ""
    size: int = 0
    read: int = 0
    lines: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    changes: Mapping[str, int] = field(default_factory=dict)
    distinct_numbers: int = 0
    charged: int = 0
    edition: int = 0
    rulebook: str = ""
    valid_until: datetime | None = None
    input_sha256: str = ""
    result_sha256: str = ""
    result: str = ""
    result_size: int = 0
    receipt: str = ""
    problem: str = ""
    stop: bool = False
    submitted: datetime | None = None
    started: datetime | None = None
    finished: datetime | None = None
    picked_up: datetime | None = None
    keep: bool = False
    attempts: int = 0
    not_before: datetime | None = None
    reminded: bool = False
    permille: int = 0

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1; also behind the last line there is some: its receipt is made."""
        if self.state == "done":
            return 1.0
        return self.permille / 1000 if self.permille else min(1.0, self.read / self.size) if self.size else 0.0

    def seconds_left(self, now: datetime) -> float | None:
        """How long the rest will take at the pace so far; None while nobody can say."""
        if self.state != "running" or self.started is None or not self.share:
            return None
        return (now - self.started).total_seconds() * (1 - self.share) / self.share

    def verdicts(self) -> dict[str, int]:
        """Lines by verdict: allowed, declined, invalid."""
        return verdicts_of(self.counts)


def verdicts_of(counts: Mapping[str, int]) -> dict[str, int]:
    """Lines by verdict from lines by verdict and reason."""
    found = dict.fromkeys(("allowed", "declined", "invalid"), 0)
    for kind, count in counts.items():
        found[kind.partition("/")[0]] += count
    return found


# rows

_TIMES = ("valid_until", "submitted", "started", "finished", "picked_up", "not_before")
_FLAGS = ("sandbox", "stop", "keep", "reminded")
_COUNTED = ("counts", "changes")


def columns_of(job: ScrubJob | None) -> dict[str, Any]:
    """The columns of a row of table scrub (their names alone for None); times in Micros, 0: none."""
    names = [part.name for part in (*fields(ScrubJob), *fields(Ask)) if part.name != "ask"]
    if job is None:
        return dict.fromkeys(names)
    row = {name: getattr(job.ask if hasattr(job.ask, name) else job, name) for name in names}
    for name in ("at", "created", "expires", *_TIMES):
        row[name] = to_micros(row[name]) if row[name] is not None else 0
    return row | {
        **{name: json.dumps(dict(getattr(job, name))) for name in _COUNTED},
        "channel": int(job.ask.channel), "category": int(job.ask.category),
        **{name: int(getattr(job, name)) for name in _FLAGS},
    }


def job_from(row: Mapping[str, Any]) -> ScrubJob:
    """The scrub of a row."""
    values = dict(row)
    for name in ("at", *_TIMES):
        values[name] = from_micros(values[name]) if values[name] else None
    values |= {name: bool(values[name]) for name in _FLAGS}
    values |= {"created": from_micros(values["created"]), "expires": from_micros(values["expires"])}
    values |= {name: json.loads(values[name]) for name in _COUNTED}
    values |= {"channel": Channel(values["channel"]), "category": Category(values["category"])}
    ask = Ask(**{part.name: values.pop(part.name) for part in fields(Ask)})
    return ScrubJob(ask=ask, **values)


# use cases


def begin(
    store: Store, clock: Clock, settings: ScrubSettings, *, actor: Actor, ask: Ask, name: str, origin: str,
    idempotency: str = "", again: str = "",
) -> ScrubJob:
    """Begin a scrub, whose call list is to come; the one that the Idempotency-Key began already, if there is one.

    On a page one may say later on whose behalf (`scrubasks`, and `submit` at the latest). Raises NotAllowedError
    not_a_telemarketer, restricted (rule 97), InvalidInputError bad_campaign, bad_country, bad_time, bad_on_behalf,
    ConflictError idempotency_reused.
    """
    party = actor.party
    if party is None or party.kind != "telemarketer" or not party.licensed:
        raise NotAllowedError("Only licensed telemarketers have call lists checked.", code="not_a_telemarketer")
    now = clock.now()
    must_be_free(store, party=party.party, use="scrubs", at=now)
    ask = tidied(ask, now)
    if ask.on_behalf or origin != "page":
        must_act_for(store, party.party, ask.on_behalf, at=ask.at or now)
    job = ScrubJob(
        new_id(24), party.party, actor.name, actor_is_sandbox(actor), origin, "uploading", "usual",
        _file_name(name), ask, now, now + timedelta(days=settings.kept_days), again, idempotency,
    )
    with store.writing(about=f"scrubs of {party.party}"):
        known = store.scrub_jobs.of_idempotency(party.party, idempotency) if idempotency else None
        if known is not None:
            if (known.ask, known.name, known.sandbox) != (ask, job.name, job.sandbox):
                raise ConflictError(
                    "This Idempotency-Key began another scrub already.", code="idempotency_reused"
                )
            return known
        store.scrub_jobs.add(job)
        audit.append(store, clock, actor=actor.name, action="scrub_begun", subject=f"scrub:{job.scrub}",
                     detail={"party": party.party, "origin": origin})
    return job


def tidied(ask: Ask, now: datetime) -> Ask:
    """What is asked, in the form in which it is kept. Raises InvalidInputError bad_campaign, bad_country, bad_time."""
    campaign = without_numbers(ask.campaign.strip())
    if len(campaign) > _LONGEST or not (campaign.isprintable() or not campaign):
        raise InvalidInputError(f"A campaign's name has at most {_LONGEST} characters.", code="bad_campaign")
    if not _COUNTRY.fullmatch(ask.country):
        raise InvalidInputError("A country is two capital letters (ISO 3166).", code="bad_country")
    if ask.at is not None and not now - _LATE <= ask.at <= now + _AHEAD:
        raise InvalidInputError(f"A contact is checked from now on to {_AHEAD.days} days ahead.", code="bad_time")
    at = ask.at.astimezone(UTC) if ask.at is not None else None
    return Ask(ask.channel, ask.category, campaign, ask.on_behalf, at, ask.country, without_numbers(ask.wanted.strip()))


def actor_is_sandbox(actor: Actor) -> bool:
    """Whether what an actor asks is to be tried with magic numbers only."""
    return actor.sandbox


def _file_name(name: str) -> str:
    """A file's name without folders and numbers."""
    last = re.split(r"[/\\]", name)[-1]
    return without_numbers("".join(c for c in last if c.isprintable())[:_LONGEST]) or "call-list"


def add_part(store: Store, *, job: ScrubJob, part: Part) -> Part | None:
    """Note a part whose file is stored; the one that it replaces. Raises ConflictError not_uploading, InvalidInputError
    bad_part."""
    if not 1 <= part.part <= MOST_PARTS:
        raise InvalidInputError(f"Parts are numbered from 1 to {MOST_PARTS}.", code="bad_part")
    with store.writing(about=f"scrub {job.scrub}"):
        must_be(store, job.scrub, "uploading")
        before = next((each for each in store.scrub_jobs.parts(job.scrub) if each.part == part.part), None)
        store.scrub_jobs.put_part(job.scrub, part)
    return before


def submit(store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob) -> ScrubJob:
    """Say that all parts are there: the scrub waits for its turn. Submitted twice is submitted once.

    Raises ConflictError parts_missing, not_uploading, InvalidInputError empty_list, too_large, bad_on_behalf.
    """
    must_act_for(store, job.party, job.ask.on_behalf, at=job.ask.at or clock.now())
    with store.writing(about=f"scrub {job.scrub}"):
        found = store.scrub_jobs.job(job.scrub)
        if found is not None and found.state in ("waiting", "running", "done"):
            return found
        must_be(store, job.scrub, "uploading")
        parts = store.scrub_jobs.parts(job.scrub)
        if [part.part for part in parts] != list(range(1, len(parts) + 1)):
            raise ConflictError("Parts are missing in between; send them first.", code="parts_missing")
        size = sum(part.size for part in parts)
        if not size:
            raise InvalidInputError("The file is empty.", code="empty_list")
        if size > settings.max_bytes:
            raise InvalidInputError("The call list is larger than one may be.", code="too_large")
        store.scrub_jobs.change(
            job.scrub, states=("uploading",), state="waiting", size=size, submitted=to_micros(clock.now())
        )
        return _again(store, job.scrub)


def cancel(store: Store, clock: Clock, *, job: ScrubJob, actor: Actor) -> ScrubJob:
    """Stop a scrub: at once while it waits, at its next block where it runs. Raises ConflictError scrub_ended."""
    with store.writing(about=f"scrub {job.scrub}"):
        now = to_micros(clock.now())
        waiting = store.scrub_jobs.change(
            job.scrub, states=("uploading", "waiting"), state="cancelled", finished=now, expires=now
        )
        if waiting:
            store.vitals.add({scrubfigures.ended("cancelled"): 1})
        elif not store.scrub_jobs.change(job.scrub, states=("running",), stop=1):
            raise ConflictError("This scrub has ended already.", code="scrub_ended")
        audit.append(store, clock, actor=actor.name, action="scrub_cancelled", subject=f"scrub:{job.scrub}")
        return _again(store, job.scrub)


def job_of(store: Store, *, party: str, scrub: str, sandbox: bool = False) -> ScrubJob:
    """A party's scrub; with `sandbox` only one of the sandbox. Raises NotFoundError no_such_scrub, also for another
    party's."""
    found = store.scrub_jobs.job(scrub)
    if found is None or found.party != party or (sandbox and not found.sandbox):
        raise NotFoundError("There is no such scrub.", code="no_such_scrub")
    return found


def jobs_of(
    store: Store, *, party: str, before: datetime | None = None, limit: int = 50, sandbox: bool = False
) -> tuple[ScrubJob, ...]:
    """A party's scrubs, newest first, those begun before a moment; with `sandbox` those of the sandbox alone."""
    until = to_micros(before) if before is not None else 1 << 62
    return store.scrub_jobs.of_party(party, before=until, limit=limit, sandbox=sandbox)


def picked_up(store: Store, clock: Clock, settings: ScrubSettings, *, job: ScrubJob) -> None:
    """Note that the result was fetched: from the first time on the files are kept for a while only."""
    now = clock.now()
    kept = now + timedelta(hours=settings.kept_hours)
    if job.keep and job.valid_until is not None:
        kept = max(kept, job.valid_until)
    expires = min(job.expires, kept)
    if job.picked_up is None:
        with store.writing(about=f"scrub {job.scrub}"):
            store.scrub_jobs.change(
                job.scrub, states=("done",), picked_up=to_micros(now), expires=to_micros(expires)
            )


def must_have_result(job: ScrubJob) -> None:
    """Raises ConflictError not_done (with its state), NotFoundError result_deleted."""
    if job.state == "deleted":
        raise NotFoundError("The result was deleted; its time was over.", code="result_deleted")
    if job.state != "done":
        raise ConflictError("This scrub has no result yet.", code="not_done", state=job.state)


def must_be(store: Store, scrub: str, state: State) -> None:
    """Raises ConflictError not_<state> where a scrub is in another state."""
    found = store.scrub_jobs.job(scrub)
    if found is None or found.state != state:
        raise ConflictError(f"This scrub is not {state} any longer.", code=f"not_{state}")


def _again(store: Store, scrub: str) -> ScrubJob:
    found = store.scrub_jobs.job(scrub)
    assert found is not None
    return found

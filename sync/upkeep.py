"""The jobs of the clockwork, from publishing to erasing what is past its time: how often, what each does.

Rules of this room: a job is given the registry and the means to keep its lease (which also says when to stop); it
returns counts, all 0 where there was nothing to do; whatever it does may be done again. Pointers are renewed by the job
that publishes, because only one may move them at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from registry import (
    access,
    applications,
    bulletins,
    casedeadlines,
    cluemaking,
    consents,
    daycounts,
    deadlines,
    epochs,
    evidence,
    evidencefiles,
    fining,
    gathering,
    jobs,
    limits,
    measures,
    opendata,
    openfiles,
    peakwarnings,
    peoplesreports,
    quotas,
    receipts,
    registrations,
    reports,
    scrubfiles,
    scrubreminders,
    scrubwork,
    verification,
    watch,
    watchtogether,
    webhooks,
    willingness,
)
from registry.handling import Tools
from registry.outside.calendarfile import holidays_of
from registry.outside.peakfile import peaks_of
from registry.settings import Settings
from registry.times import to_micros
from registry.workdays import Calendar
from sync import freshness, indexing, inspection, mark, scrubfolders
from sync.compare import compare_base
from sync.dropfolder import drop_due
from sync.ingest import ingest_due
from sync.moves import moves
from sync.notify import notify_due
from sync.publish import publish_once
from sync.scrubbing import nothing_due, scrub_due

if TYPE_CHECKING:
    from registry.assembly import Registry

Keep = Callable[[], None]
Work = Callable[["Registry", Keep], jobs.Counts]
HOUR_S = 3600
DAY_S = 24 * HOUR_S
GUARD_S = 5  # how soon checks are looked at together
PARTIES_S = 60  # how soon parties are looked at side by side
MEASURES_S = 60  # how soon a measure whose time has come starts or ends
CRIME_S = 60  # how soon the police get to know of crime
DEADLINES_S = 60  # how soon a deadline that ran out is counted, and people are told
FIGURES_S = 300  # how soon figures of desks follow, and warnings are given
INDEX_S = 10  # how soon a new base has its index
ACKNOWLEDGEMENT_DAYS = 400  # how long what carriers said is kept, to answer for any day of a year


@dataclass(frozen=True)
class Job:
    """One job: what it does, every how many seconds, how soon after the start; `rarely`: not again by another process
    before its time has come; `shared`: by several processes at once, which share what there is to do; `idle` says, by
    reading alone, that there is nothing to do: then it is no run."""

    work: Work
    every_s: Callable[[Settings], int]
    first_s: float
    rarely: bool = False
    shared: bool = False
    idle: Callable[[Registry], bool] = lambda _registry: False


def publish(registry: Registry, keep: Keep) -> jobs.Counts:
    """Publish what is pending, and renew the pointers of feeds."""
    return publish_once(registry, keep=keep)


def ingest(registry: Registry, keep: Keep) -> jobs.Counts:
    """Take in carriers' reports from folders and outboxes."""
    return ingest_due(registry, keep=keep)


def notify(registry: Registry, keep: Keep) -> jobs.Counts:
    """Tell parties' endpoints of what happened."""
    return notify_due(registry, keep=keep)


def scrubs(registry: Registry, keep: Keep) -> jobs.Counts:
    """Check the call lists that wait."""
    return scrub_due(registry, keep=keep)


def drop(registry: Registry, keep: Keep) -> jobs.Counts:
    """Take call lists from drop folders, and give out what came of them."""
    return drop_due(registry, keep)


def index(registry: Registry, keep: Keep) -> jobs.Counts:
    """Make the index of the newest base, on which scrubs stand."""
    return {"indexes": indexing.make(registry, keep=keep)}


def tidy(registry: Registry, keep: Keep) -> jobs.Counts:
    """End what time has ended: codes, consents, registrations, sessions, call lists and their results; allowances that
    are whole are not counted."""
    store, clock = registry.store, registry.clock
    counts = {"codes": verification.expire_codes(store, clock)}
    keep()
    counts["consents"] = consents.lapse_due(store, clock, registry.rulebooks)
    keep()
    counts["registrations"] = registrations.expire_due(store, clock)
    counts["sessions"] = access.forget_expired(store, clock)
    limits.forget_spent(store, clock)
    keep()
    counts["reminders"] = scrubreminders.remind(store, clock, registry.settings.scrubs)
    counts["scrubs"] = scrubfiles.delete_due(store, clock, registry.shelf)
    counts["files"] = scrubfolders.tidy(registry)
    return counts


def compare(registry: Registry, keep: Keep) -> jobs.Counts:
    """Compare the base and what editions said since with the tables."""
    return {"compared": compare_base(registry, keep=keep)}


def inspect(registry: Registry, keep: Keep) -> jobs.Counts:
    """Look over the published files: what is missing or was altered is named."""
    return {"inspected": inspection.inspect(registry, keep=keep)}


def sweep(registry: Registry) -> int:
    """Delete files of scrubs and receipts that no row knows; how many. None while the database is behind the shelf:
    what an old backup does not know belongs to the newer one, which may be restored after it."""
    if mark.read(registry.shelf) > registry.store.editions.newest():
        return 0
    return scrubfiles.sweep(registry.store, registry.shelf) + scrubwork.sweep(registry.store, registry.shelf)


def purge(registry: Registry, keep: Keep) -> jobs.Counts:
    """Delete what retention has ended: reports with their evidence and evidence of consents (the rulebook says when),
    list files and metadata nobody needs, single answers behind receipts, old acknowledgements and findings, deliveries
    of webhooks, applications, runs of jobs."""
    store, clock = registry.store, registry.clock
    counts = {"files": freshness.tidy(registry, keep=keep)}
    keep()
    counts["files"] += sweep(registry)
    keep()
    counts["rows"] = sum(reports.purge(store, clock, registry.rulebooks).values())
    counts["rows"] += peoplesreports.purge(store, clock)
    counts["files"] += evidencefiles.purge(store, clock, registry.shelf)
    keep()
    counts["consents"] = evidence.erase_due(store, clock, registry.rulebooks)
    keep()
    while erased := receipts.erase_due(store, clock, registry.shelf):
        counts["files"] += erased
        keep()
    before = to_micros(clock.now() - timedelta(days=ACKNOWLEDGEMENT_DAYS))
    with store.writing(about="acknowledgement"):
        counts["acknowledgements"] = store.feeds.forget_acknowledgements(before=before)
        store.findings.forget(before=before)
    counts["clues"] = cluemaking.purge(store, clock)
    counts["deliveries"] = webhooks.purge(store, clock, registry.settings.webhooks)
    counts["applications"] = applications.purge(store, clock, registry.settings.applications)
    counts["asked"] = quotas.forget(registry.quotas) + watch.forget(registry.watch)
    counts["runs"] = jobs.purge(store, clock, settings=registry.settings.jobs)
    counts["masters"] = epochs.destroy_due(store, clock, registry.keys, registry.settings.keys)  # last: it may raise
    return counts


def gather(registry: Registry, keep: Keep) -> jobs.Counts:
    """Let upheld reports come together, and open the cases that are due."""
    return gathering.gather(registry.gatherer, keep)


def deadlines_due(registry: Registry, keep: Keep) -> jobs.Counts:
    """Count deadlines of reports and cases that ran out, tell people what came of their reports, close what is over; by
    the calendar as it stands in the instance now."""
    plan = replace(registry.plan, holidays=holidays_of(registry.instance))
    tools = Tools(
        registry.store, registry.clock, registry.keys, plan, registry.rulebooks, registry.settings.numbers.zone
    )
    counts = deadlines.run(tools, registry.sms, language=registry.settings.site.default_language, keep=keep)
    calendar = Calendar(plan.holidays, registry.settings.numbers.zone)
    return counts | casedeadlines.run(registry.store, registry.clock, calendar, keep)


def open_data(registry: Registry, keep: Keep) -> jobs.Counts:
    """Count the marks of reported callers, and write the open data of the day and what people decline."""
    store, clock, zone = registry.store, registry.clock, registry.settings.numbers.zone
    counts = opendata.count(store, clock, keep)
    work = registry.instance / "work"
    made = openfiles.publish(store, clock, registry.keys, registry.shelf, work=work, zone=zone)
    keep()
    cells = willingness.publish(store, clock, registry.keys, registry.shelf, keep)
    return counts | {"files": len(made.files) if made else 0, "cells": cells}


def draft_bulletin(registry: Registry, keep: Keep) -> jobs.Counts:
    """Draft the bulletin of the quarter that ended, once its cut-off has passed."""
    keep()
    zone = registry.settings.numbers.zone
    press = bulletins.Press(registry.store, registry.clock, registry.keys, registry.plan, zone)
    return {"bulletins": bulletins.draft_due(press, actor=access.SYSTEM)}


def crime(registry: Registry, keep: Keep) -> jobs.Counts:
    """Pack what the police have to know at once."""
    keep()
    return {"batches": int(cluemaking.make_urgent(_clue_office(registry), actor=access.SYSTEM) is not None)}


def clues(registry: Registry, keep: Keep) -> jobs.Counts:
    """Pack the quarter's clues for departments, once its cut-off has passed; note which stand no longer."""
    made = cluemaking.make_due(_clue_office(registry), keep, actor=access.SYSTEM)
    return {"batches": made, "withdrawn": cluemaking.withdraw(registry.store, registry.clock)}


def _clue_office(registry: Registry) -> cluemaking.Office:
    zone = registry.settings.numbers.zone
    return cluemaking.Office(registry.store, registry.clock, registry.keys, registry.receipt_keys, zone)


def figures(registry: Registry, keep: Keep) -> jobs.Counts:
    """Count reports by day for figures and peaks, and give the warnings whose day has come."""
    store, clock, zone = registry.store, registry.clock, registry.settings.numbers.zone
    counts = {"days": daycounts.count(store, clock, registry.rulebooks, zone=zone, keep=keep)}
    return counts | {"warned": peakwarnings.warn_due(store, clock, peaks_of(registry.instance), zone=zone)}


def guard(registry: Registry, keep: Keep) -> jobs.Counts:
    """Look at what telemarketers ask for in checks, as they come in."""
    return watch.fold_due(registry.watch, registry.instance / "work", keep)


def side_by_side(registry: Registry, keep: Keep) -> jobs.Counts:
    """Look at young telemarketers side by side."""
    return {"alarms": watchtogether.compare(registry.watch, keep)}


def carry_out(registry: Registry, keep: Keep) -> jobs.Counts:
    """Start and end measures whose time has come, for which carriers are given their orders; end fines whose time
    limit is over."""
    keep()
    counts = measures.run_due(registry.store, registry.clock)
    keep()
    return counts | fining.run_due(registry.fines)


JOBS: Mapping[str, Job] = {
    "publish": Job(publish, lambda settings: settings.publish.every_s, 0),
    "ingest": Job(ingest, lambda settings: settings.jobs.ingest_s, 1, shared=True),
    "moves": Job(moves, lambda settings: settings.jobs.moves_s, 2),
    "notify": Job(notify, lambda settings: settings.webhooks.every_s, 2, shared=True),
    "deadlines": Job(deadlines_due, lambda _settings: DEADLINES_S, 5),
    "index": Job(index, lambda _settings: INDEX_S, 3),
    "scrubs": Job(scrubs, lambda settings: settings.scrubs.every_s, 4, shared=True, idle=nothing_due),
    "drop": Job(drop, lambda settings: settings.scrubs.drop_s, 4, shared=True),
    "guard": Job(guard, lambda _settings: GUARD_S, 3),
    "parties": Job(side_by_side, lambda _settings: PARTIES_S, 6),
    "measures": Job(carry_out, lambda _settings: MEASURES_S, 5),
    "gather": Job(gather, lambda settings: settings.cases.every_s, 7),
    "figures": Job(figures, lambda _settings: FIGURES_S, 20),
    "tidy": Job(tidy, lambda settings: settings.jobs.tidy_s, 5),
    "purge": Job(purge, lambda _settings: HOUR_S, 90, rarely=True),
    "open": Job(open_data, lambda _settings: DAY_S, 60, rarely=True),
    "bulletins": Job(draft_bulletin, lambda _settings: HOUR_S, 120, rarely=True),
    "crime": Job(crime, lambda _settings: CRIME_S, 8),
    "clues": Job(clues, lambda _settings: HOUR_S, 140, rarely=True),
    "inspect": Job(inspect, lambda _settings: HOUR_S, 150, rarely=True),
    "compare": Job(compare, lambda settings: settings.jobs.compare_hours * HOUR_S, 180, rarely=True),
}

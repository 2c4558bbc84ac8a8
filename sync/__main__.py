"""`decline-sync`: the clockwork and one round of it, for operators; follow, look up and report, for carriers; have call
lists checked, for telemarketers (`scrubcommands.py`).

Exit codes: 0 done, 1 refused (one line on standard error says why), 2 the command was not understood.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from registry import jobs, logs, roots
from registry.assembly import Registry, assemble
from registry.decisions import REASONS, ZONE, Content, Decision
from registry.errors import ConflictError, FeedError, InvalidInputError, NotFoundError, RegistryError
from registry.findings import Findings
from registry.followers import feed_states
from registry.numbering import load_plan
from registry.numbers import parse_one
from registry.outside.clock import SystemClock
from registry.preferences import category_of, channel_of
from registry.times import from_micros, iso, local
from sync import cluecommands, dropcommands, mending, receiptcommands, scrubcommands, timetable, trying
from sync.follow import Followed, follow_once
from sync.lookup import Lookup
from sync.publish import publish_once
from sync.sending import Outcome, RowOutcome, send
from sync.source import HttpSource
from sync.state import StateFolder

LOUD = {"feed_expired": "The list is kept and goes on blocking, but the feed has EXPIRED."}


class _Refusing(click.Group):
    """A group whose commands end with one line and code 1 where the registry refuses something."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except RegistryError as error:
            click.echo(in_a_line(error), err=True)
            ctx.exit(1)


def in_a_line(error: RegistryError) -> str:
    """An error for a person and a script: its sentence, and its code in brackets."""
    return " ".join(f"{LOUD.get(error.code, '')} {error.detail} [{error.code}]".split())


@click.group(cls=_Refusing, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--instance", type=click.Path(path_type=Path), default=Path("instance"), envvar="DECLINE_CALL_INSTANCE",
    show_default=True, help="The folder of the registry (operators' commands only).",
)
@click.pass_context
def main(context: click.Context, instance: Path) -> None:
    """Publish lists to carriers, and follow them."""
    context.obj = instance


# --- for operators ----------------------------------------------------------------------------------------------------


@main.command()
@click.pass_obj
def run(instance: Path) -> None:
    """Run the clockwork: publish, ingest, tidy, compare, purge; until Ctrl-C. Any number of them may run."""
    logs.configure("json")
    registry = assemble(instance)
    try:
        timetable.run(registry)
    finally:
        registry.close()


@main.command()
@click.pass_obj
def publish(instance: Path) -> None:
    """Publish once now: what is pending becomes the next edition, and every carrier's feed is brought up to it."""
    registry = assemble(instance)
    try:
        counts: dict[str, int] = {}

        def work(hold: jobs.Hold) -> jobs.Counts:
            counts.update(publish_once(registry, keep=hold.keep))
            return counts

        done = jobs.run(
            registry.store, registry.clock, job="publish", holder=timetable.own_name(),
            seconds=registry.settings.jobs.lease_s, work=work,
        )
        if done is None:
            raise ConflictError("A clockwork is publishing just now.", code="publishing")
        if done[1] is not None:
            raise done[1]
        click.echo(", ".join(f"{name} {count}" for name, count in counts.items()))
    finally:
        registry.close()


@main.command()
@click.argument("party")
@click.pass_obj
def root(instance: Path, party: str) -> None:
    """Print the trusted root that PARTY, a carrier, needs to follow its feed; hand it over by a safe way."""
    registry = assemble(instance)
    try:
        if party not in {recipient.party for recipient in registry.store.feeds.recipients()}:
            raise NotFoundError(f"There is no active carrier {party}.", code="no_such_carrier")
        roots.trusted_root(registry.shelf, registry.signing, registry.clock.now())
        newest = roots.newest_root(registry.shelf).version
        click.echo(registry.shelf.get(roots.place(newest)).decode())
    finally:
        registry.close()


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
@click.pass_obj
def status(instance: Path, as_json: bool) -> None:
    """Show what is published, who has acknowledged it, and how the jobs last went."""
    registry = assemble(instance)
    try:
        found = _status(registry)
    finally:
        registry.close()
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for title, rows in found.items():
        click.echo(f"{title}:")
        for row in rows:
            click.echo("  " + "  ".join(f"{name} {value}" for name, value in row.items()))


def _status(registry: Registry) -> dict[str, list[dict[str, object]]]:
    store = registry.store
    return {
        "editions": [
            {
                "edition": row.edition, "state": row.state, "changes": row.changes, "exceptions": row.exceptions,
                "published": iso(from_micros(row.published)) if row.published is not None else "",
            }
            for row in store.editions.latest(limit=5)
        ],
        "feeds": [
            {
                "party": state.party, "scope": state.scope, "edition": state.edition or 0, "entries": state.entries,
                "acknowledged": state.acknowledged or 0, "agrees": state.agrees, "lag_s": state.lag_s,
            }
            for state in feed_states(store, registry.clock, sandbox=True)
        ],
        "jobs": [
            {
                "job": each.job, "outcome": each.outcome, "seconds": each.seconds, "detail": each.detail,
                "started": iso(from_micros(each.started)), **each.counts,
            }
            for each in jobs.last_runs(store)
        ],
    }  # fmt: skip


for _group in (
    *mending.GROUPS, *dropcommands.GROUPS, *trying.COMMANDS, *scrubcommands.COMMANDS, *receiptcommands.GROUPS,
    *cluecommands.GROUPS,
):
    main.add_command(_group)


# --- for carriers -----------------------------------------------------------------------------------------------------


def _key_options(command: Callable[..., None]) -> Callable[..., None]:
    """The two ways to hand over an API key."""
    command = click.option(
        "--key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file with the API key."
    )(command)
    return click.option(
        "--key", envvar="DECLINE_CALL_KEY", help="The API key itself; other users of the machine may see it."
    )(command)


def _key_of(key: str | None, key_file: Path | None) -> str:
    if key_file is not None:
        key = key_file.read_text(encoding="utf-8").strip()
    if not key:
        raise click.UsageError("An API key is needed: --key-file FILE, or DECLINE_CALL_KEY.")
    return key


@main.command()
@click.argument("url")
@click.option("--state", required=True, type=click.Path(file_okay=False, path_type=Path), help="The follower's folder.")
@click.option(
    "--root", "root_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The trusted root; needed the first time.",
)
@_key_options
@click.option("--party", help="Your party id; by default the last part of URL.")
@click.option("--every", type=click.IntRange(1), help="Go on, and look for news every so many seconds.")
@click.option(
    "--verify-hours", type=click.IntRange(1), default=24, show_default=True,
    help="Hash the whole list at the start, and again every so many hours.",
)
def follow(
    url: str, state: Path, root_file: Path | None, key: str | None, key_file: Path | None, party: str | None,
    every: int | None, verify_hours: int,
) -> None:
    """Follow the feed at URL (…/api/v1/feeds/PARTY): verify it, bring the list up to date, acknowledge it."""
    party = party or url.rstrip("/").rpartition("/")[2]
    source, folder = HttpSource(url, _key_of(key, key_file)), StateFolder(state)
    trusted = root_file.read_bytes() if root_file is not None else None
    stop, first, verified = threading.Event(), True, -math.inf
    if every is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stop.set())
    while not stop.is_set():
        try:
            began = time.monotonic()
            due = began - verified >= verify_hours * 3600
            done = follow_once(source, folder, SystemClock(), party=party, root=trusted, verify=due)
            verified = began if due else verified
            if first or done.repaired or done.edition != done.before:
                click.echo(_followed(done))
            if done.acknowledged and not done.agrees:
                click.echo("The registry does NOT agree with this list: call its operators.", err=True)
            if done.epoch < done.newest_epoch:
                click.echo(
                    f"No list key of epoch {done.newest_epoch} could be had: epoch {done.epoch} goes on, for now.",
                    err=True,
                )
        except RegistryError as error:
            if every is None:
                raise
            click.echo(in_a_line(error), err=True)
        first = False
        if every is None or stop.wait(every):
            break
    source.close()


def _followed(done: Followed) -> str:
    told = "acknowledged" if done.acknowledged else "not acknowledged yet"
    again = f", {_repaired(done.found)}" if done.found is not None else ""
    return (
        f"edition {done.before} -> {done.edition}: {done.entries:,} entries, {done.files} files, {done.size:,} bytes"
        f"{again}, {told}"
    )


def _repaired(found: Findings) -> str:
    if found.anew:
        return "it was damaged and was fetched anew"
    return (
        f"it was mended: {found.lost:,} entries were lost, {found.weakened:,} weakened, {found.strengthened:,} too "
        f"strict, {found.foreign:,} foreign, {found.exceptions:,} exceptions wrong"
    )


@main.command()
@click.argument("state", type=click.Path(file_okay=False, path_type=Path))
@click.argument("number")
@click.option("--channel", default="calls", show_default=True, help="calls, robocalls or messages.")
@click.option("--category", default="other", show_default=True, help="The industry: loan, property, insurance…")
@click.option(
    "--content", default="commercial", show_default=True, help="What it is about.",
    type=click.Choice([content.slug for content in Content]),
)
@click.option("--at", "at_text", help="When, as 2026-11-23T10:00+08:00; without an offset in China. By default now.")
@click.option("--party", help="The telemarketer's party id, so that what the person allowed it counts.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def lookup(
    state: Path, number: str, channel: str, category: str, content: str, at_text: str | None, party: str | None,
    as_json: bool,
) -> None:
    """Answer offline from the list in STATE whether a contact to NUMBER may happen, and by which rule."""
    now = SystemClock().now()
    try:
        asked = parse_one(number, load_plan().with_sandbox())
        way, industry = channel_of(channel), category_of(category)
        at = _moment(at_text) if at_text else now
    except InvalidInputError as error:
        raise click.UsageError(error.detail) from error
    found = Lookup.open(StateFolder(state))
    decision = found.decide(
        asked, at=at, channel=way, category=industry, content=Content[content.upper()], party=party
    )
    fresh = found.freshness(now)
    if fresh.expired:
        click.echo(f"{LOUD['feed_expired']} The answer is that of edition {fresh.edition}.", err=True)
    click.echo(_decided(decision, fresh.edition, as_json=as_json))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError("--at takes a moment like 2026-11-23T10:00+08:00.", code="bad_moment") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(ZONE))


def _decided(decision: Decision, edition: int, *, as_json: bool) -> str:
    later = decision.next_allowed
    if as_json:
        said = {
            "allow": decision.allow, "reason": decision.reason, "rule": decision.rule, "rulebook": decision.rulebook,
            "edition": edition, "next_allowed": iso(later) if later is not None else None,
        }
        return json.dumps(said)
    word = "allow" if decision.allow else "block"
    wait = f" (allowed from {local(later, ZONE):%Y-%m-%d %H:%M})" if later is not None else ""
    return (
        f"{word}: {decision.reason}, rule {decision.rule}, rulebook {decision.rulebook}, edition {edition}{wait}\n"
        f"{REASONS[decision.reason].sentence}"
    )


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", required=True, help="The registry's address, as https://registry.example.")
@_key_options
@click.option("--kind", type=click.Choice(["carrier", "ftc"]), default="carrier", show_default=True, help="Whose rows.")
@click.option("--every-row", is_flag=True, help="Print what became of every row, not only of those in quarantine.")
def report(file: Path, url: str, key: str | None, key_file: Path | None, kind: str, every_row: bool) -> None:
    """Send FILE, reports of calls and messages (NDJSON, JSON or CSV, also gzipped); print what became of its rows."""
    _send(send(file, url=url, key=_key_of(key, key_file), query={"kind": kind}), every_row=every_row)


@main.command("number-events")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", required=True, help="The registry's address, as https://registry.example.")
@_key_options
@click.option("--every-row", is_flag=True, help="Print what became of every row, not only of those in quarantine.")
def number_events(file: Path, url: str, key: str | None, key_file: Path | None, every_row: bool) -> None:
    """Send FILE, numbers that were ported, deactivated, recycled or reassigned; print what became of its rows."""
    _send(send(file, url=url, key=_key_of(key, key_file), path="number-events"), every_row=every_row)


def _send(results: Iterator[RowOutcome | Outcome], *, every_row: bool) -> None:
    """Print what became of rows that are sent."""
    words: Counter[str] = Counter()
    for said in results:
        if isinstance(said, Outcome):
            click.echo(
                f"{said.rows} rows: {said.accepted} accepted, {said.duplicates} duplicates, "
                f"{said.quarantined} quarantined"
            )
            for word, count in words.most_common():
                click.echo(f"  {word}: {count}")
            if said.cut:
                raise FeedError(f"The file ended early: {said.cut}.", code="file_cut")
            continue
        words[f"{said.result}, {said.word}" if said.word else said.result] += 1
        if every_row or said.result == "quarantined":
            rule = f", rule {said.rule}" if said.rule else ""
            click.echo(f"line {said.line}: {said.result}, {said.word}{rule}")


if __name__ == "__main__":
    main(prog_name="decline-sync")

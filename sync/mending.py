"""`decline-sync shelf | feed rebuild | base rebuild | editions resume`: what an operator does when something is lost.

Rules of this room: each command says what it found and what it did; all but `shelf check` run under the lease of
publishing and leave an entry in the audit trail; what cannot be taken back asks for --yes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import click

from registry import jobs
from registry.assembly import Registry, assemble
from registry.errors import ConflictError
from registry.times import iso
from sync import inspection, recovery, timetable

ACTOR = "operator:command"
Done = TypeVar("Done")


@click.group("shelf")
def shelf_group() -> None:
    """The files that are published."""


@click.group("feed")
def feed_group() -> None:
    """One carrier's feed."""


@click.group("base")
def base_group() -> None:
    """The registry's own list of all numbers."""


@click.group("editions")
def editions_group() -> None:
    """The count of editions."""


GROUPS = (shelf_group, feed_group, base_group, editions_group)


def _alone(registry: Registry, work: Callable[[Callable[[], None]], Done]) -> Done:
    """Do something under the lease of publishing. Raises ConflictError `publishing`, and what the work raises."""
    done: list[Done] = []

    def job(hold: jobs.Hold) -> jobs.Counts:
        done.append(work(hold.keep))
        return {"mended": 1}

    ran = jobs.run(
        registry.store, registry.clock, job="publish", holder=timetable.own_name(),
        seconds=registry.settings.jobs.lease_s, work=job,
    )
    if ran is None:
        raise ConflictError("A clockwork is publishing just now; try again.", code="publishing")
    if ran[1] is not None:
        raise ran[1]
    return done[0]


@shelf_group.command("check")
@click.pass_obj
def check(instance: Path) -> None:
    """Read every file that is published, and name those that are missing or were altered."""
    with closing(assemble(instance)) as registry:
        looked, found = inspection.look(registry, keep=lambda: None)
    for each in found:
        click.echo(str(each))
    if found:
        raise ConflictError(f"{len(found)} files are not what they should be.", code="shelf_damaged")
    click.echo(f"{looked} files, all as they should be")


@shelf_group.command("mend")
@click.pass_obj
def mend(instance: Path) -> None:
    """Bring the trusted roots back where they are missing or were altered, from the copies in the carriers' feeds."""
    with closing(assemble(instance)) as registry:
        mended = _alone(registry, lambda _keep: recovery.mend_all_roots(registry, actor=ACTOR))
    click.echo("\n".join(mended) or "nothing to mend")


@feed_group.command("rebuild")
@click.argument("party")
@click.pass_obj
def feed_rebuild(instance: Path, party: str) -> None:
    """Begin the feed of PARTY anew with a full list, whatever is left of it; its carrier goes on by itself."""
    with closing(assemble(instance)) as registry:
        index = _alone(registry, lambda keep: recovery.rebuild_feed(registry, party, keep=keep, actor=ACTOR))
    entry = index.edition(index.newest)
    click.echo(f"The feed of {party} begins anew at edition {entry.edition}: {entry.entries:,} entries.")


@base_group.command("rebuild")
@click.pass_obj
def base_rebuild(instance: Path) -> None:
    """Make the base anew from the tables, and compare the two."""
    with closing(assemble(instance)) as registry:
        rows = _alone(registry, lambda keep: recovery.rebuild_base(registry, keep=keep, actor=ACTOR))
    click.echo(f"The base holds {rows:,} numbers, as the tables do.")


@editions_group.command("resume")
@click.option("--yes", is_flag=True, help="Do it. Without, it is only shown what would be lost.")
@click.option(
    "--seen", type=click.IntRange(0), default=0, help="The newest edition that a carrier has, if that is newer still."
)
@click.pass_obj
def editions_resume(instance: Path, yes: bool, seen: int) -> None:
    """After an old backup of the database: go on above every edition that was published. Where a newer backup exists,
    restore that instead: what the lost editions said is lost."""
    with closing(assemble(instance)) as registry:
        lost = recovery.survey(registry, seen=seen)
        click.echo(_told(lost))
        if not yes:
            raise ConflictError("Nothing was done. Restore a newer backup, or say --yes.", code="not_confirmed")
        _alone(registry, lambda keep: recovery.resume(registry, seen=seen, keep=keep, actor=ACTOR))
        newest = registry.store.editions.newest()
    click.echo(f"Edition {newest} is published: a full list in every feed.")


def _told(lost: recovery.Lost) -> str:
    """What an old backup costs, in lines."""
    since = f", claimed {iso(lost.database_at)}" if lost.database_at is not None else ""
    lines = [
        f"The tables know editions up to {lost.database}{since}.",
        f"Published were editions up to {lost.ahead}. LOST: what editions {lost.database + 1} to {lost.ahead} said:",
        "whoever registered, changed or withdrew since then must do so again; reports since then must be sent again.",
    ]
    for each in lost.feeds:
        unknown = "" if each.known else "; the tables do NOT know this carrier: add it again under the same id"
        if each.edition is None:
            lines.append(f"  {each.party}: cannot be read{unknown}")
        else:
            at = iso(each.at) if each.at is not None else ""
            lines.append(f"  {each.party}: edition {each.edition} of {at}, {each.entries:,} entries{unknown}")
    return "\n".join(lines)

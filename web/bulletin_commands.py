"""`decline-call bulletin`: quarterly bulletins from the command line.

Rules of this room: who publishes by command is named, and is not who drafted it; figures are printed as frozen.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click
import msgspec

from registry import bulletins, parties
from registry.access import SYSTEM, Actor
from registry.assembly import Registry, assemble
from registry.bulletins import Press
from registry.errors import NotAllowedError
from registry.quarters import quarter_named


@click.group("bulletin")
def bulletin_group() -> None:
    """Quarterly bulletins: figures of reports, drafted, reviewed, published."""


@bulletin_group.command("draft")
@click.argument("quarter")
@click.option("--note", default="", help="Why a published one is corrected.")
@click.pass_obj
def bulletin_draft(instance: Path, quarter: str, note: str) -> None:
    """Draft the bulletin of QUARTER, such as 2026-Q3, at its usual cut-off."""
    with closing(assemble(instance)) as registry:
        press = Press(registry.store, registry.clock, registry.keys, registry.plan, registry.settings.numbers.zone)
        made = bulletins.draft(press, actor=SYSTEM, quarter=quarter_named(quarter), note=note)
        click.echo(f"{made.quarter} version {made.version}: {made.sha256}")


@bulletin_group.command("show")
@click.argument("quarter")
@click.option("--version", type=int, default=None, help="A version; the newest unless given.")
@click.pass_obj
def bulletin_show(instance: Path, quarter: str, version: int | None) -> None:
    """Print the frozen figures of QUARTER as JSON."""
    with closing(assemble(instance)) as registry:
        named = str(quarter_named(quarter))
        found = registry.store.bulletins.of_quarter(named)
        last = found[0].version if found and version is None else version or 0
        click.echo(bulletins.version_of(registry.store, named, last).figures)


@bulletin_group.command("publish")
@click.argument("quarter")
@click.option("--as", "email", required=True, help="Email of the publisher; not who drafted it.")
@click.pass_obj
def bulletin_publish(instance: Path, quarter: str, email: str) -> None:
    """Publish the newest version of QUARTER; a draft is handed over for review first, in the system's name."""
    with closing(assemble(instance)) as registry:
        actor, named = _publisher(registry, email), str(quarter_named(quarter))
        found = registry.store.bulletins.of_quarter(named)
        version = found[0].version if found else 0
        if found and found[0].state == "draft":
            bulletins.submit(registry.store, registry.clock, actor=SYSTEM, quarter=named, version=version)
        made = bulletins.publish(registry.store, registry.clock, actor=actor, quarter=named, version=version)
        click.echo(f"{made.quarter} version {made.version} is published.")


def _publisher(registry: Registry, email: str) -> Actor:
    member = registry.store.parties.member_of_email(parties.normal_email(email))
    if member is None or member.role != "publisher" or member.state != "active":
        raise NotAllowedError("Only a publisher publishes.", code="not_allowed")
    return Actor("member", role=member.role, member=member, party=registry.store.parties.party(member.party))


@bulletin_group.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def bulletin_import(instance: Path, file: Path) -> None:
    """Take in quarters published before this registry, from a JSON FILE; what contradicts is refused."""
    try:
        given = msgspec.json.decode(file.read_bytes(), type=list[dict[str, object]])
    except msgspec.DecodeError as error:
        raise click.ClickException("The file is not a JSON list of quarters.") from error
    with closing(assemble(instance)) as registry:
        count = bulletins.import_past(registry.store, registry.clock, actor=SYSTEM, quarters=given)
        click.echo(f"{count} quarters taken in.")

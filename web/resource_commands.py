"""`decline-call resources`: ledgers of number resources, taken in from files."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

import click

from registry import ledgers
from registry.assembly import assemble
from registry.errors import InvalidInputError
from registry.ledger_rows import FIELDS
from registry.readers import format_of, read


@click.group("resources")
def resources_group() -> None:
    """Number resources, and who answers for them."""


@resources_group.command("import")
@click.argument("carrier")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day of which it is the whole list."
)
@click.option("--sure", is_flag=True, help="What is missing ends, even if that is more than half of what stands.")
@click.pass_obj
def import_command(instance: Path, carrier: str, file: Path, day: datetime, sure: bool) -> None:
    """Take the ledger of CARRIER in from FILE (CSV, JSON or NDJSON): its whole list as of a day.

    What it no longer names ends on that day. Rows that are refused or held are named on standard error.
    """
    format = format_of(file.name)
    if format is None:
        raise InvalidInputError("The file's name ends in .csv, .json or .ndjson, or one of these and .gz.", code="type")
    with closing(assemble(instance)) as registry, file.open("rb") as stream:
        numbers = registry.settings.numbers
        done, results = ledgers.take_in(
            registry.store, registry.keys, registry.clock, registry.plan, actor="operator", carrier=carrier,
            day=ledgers.day_of(day.date().isoformat(), numbers.zone), country=numbers.country, zone=numbers.zone,
            rows=read(stream, format=format, columns=FIELDS), sure=sure,
        )
    for each in results:
        if each.reason:
            click.echo(f"line {each.line}: {each.detail} [{each.reason}]", err=True)
    click.echo(
        f"{done.rows} rows: {done.added} added, {done.changed} changed, {done.unchanged} unchanged, "
        f"{done.ended} ended, {done.held} held, {done.refused} refused."
    )
    if done.withheld:
        why = "it is more than half; --sure ends them" if done.cut == ledgers.HALF_MISSING else "not all could be told"
        click.echo(f"{done.withheld} entries were not ended: {why}.", err=True)
    if done.held or done.refused or done.withheld:
        raise click.exceptions.Exit(1)

"""`decline-call holidays`: the calendar of working days, looked at and checked."""

from __future__ import annotations

from pathlib import Path

import click

from registry.outside.calendarfile import NAME, holidays_of


@click.group("holidays")
def holidays_group() -> None:
    """The calendar by which working days are counted."""


@holidays_group.command("check")
@click.pass_obj
def check_command(instance: Path) -> None:
    """Say whether holidays.toml of the instance can be used, and which years are known."""
    known = holidays_of(instance)
    where = f"{NAME} of the instance counts" if (instance / NAME).exists() else f"the instance has no {NAME}"
    click.echo(f"Years known: {', '.join(map(str, sorted(known.years)))} ({where}).")


@holidays_group.command("show")
@click.argument("year", type=int)
@click.pass_obj
def show_command(instance: Path, year: int) -> None:
    """The days off and the weekend days worked of YEAR."""
    known = holidays_of(instance)
    if year not in known.years:
        raise click.ClickException(f"The calendar does not know {year}; add a table [{year}] to {NAME}.")
    for word, days in (("off", known.off), ("working", known.working)):
        for day in sorted(day for day in days if day.year == year):
            click.echo(f"{word}\t{day.isoformat()}")

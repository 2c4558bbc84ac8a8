"""`decline-call peaks`: the days of the year on which much is sold, looked at and changed."""

from __future__ import annotations

from pathlib import Path

import click

from registry.outside.peakfile import NAME, peaks_of, set_peak
from registry.peaks import Peak

_PARTS = ("month", "day", "before", "after", "base", "warn")


@click.group("peaks")
def peaks_group() -> None:
    """The days around which reports surge, and before which providers are warned."""


@peaks_group.command("list")
@click.pass_obj
def list_command(instance: Path) -> None:
    """List the peaks: id, day, window, base, when providers are warned, names."""
    for peak in peaks_of(instance):
        click.echo(_said(peak))


@peaks_group.command("set")
@click.argument("peak")
@click.option("--month", type=int, help="Month of the day.")
@click.option("--day", type=int, help="Day of the month; every year must have it.")
@click.option("--before", type=int, help="Days of the window before the day.")
@click.option("--after", type=int, help="Days of the window after the day.")
@click.option("--base", type=int, help="Days before the window that it is measured against.")
@click.option("--warn", type=int, help="Days before the window opens on which providers are warned.")
@click.option("--surge", type=float, help="From so many times the base on somebody had a surge.")
@click.option("--name-zh", help="Name in Chinese.")
@click.option("--name-en", help="Name in English.")
@click.pass_obj
def set_command(instance: Path, /, peak: str, **said: str | float | None) -> None:
    """Change PEAK (its short name, such as june-18), or add one: then every option must be given."""
    changes = {name: value for name, value in said.items() if value is not None}
    every = set_peak(instance, peak, **changes)
    click.echo(_said(next(each for each in every if each.peak == peak)))
    click.echo(f"Written to {NAME} of the instance.")


def _said(peak: Peak) -> str:
    return (
        f"{peak.peak}\t{peak.month:02}-{peak.day:02}\t{peak.before} days before to {peak.after} after\t"
        f"base {peak.base} days\twarned {peak.warn} days before\tsurge from {peak.surge:g}\t"
        f"{peak.name_zh} {peak.name_en}"
    )

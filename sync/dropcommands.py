"""`decline-sync dropbox …`: operators give batch customers a folder for call lists, and take it away."""

from __future__ import annotations

from pathlib import Path

import click

from registry.assembly import assemble
from registry.errors import InvalidInputError
from registry.preferences import Category, Channel
from sync import dropfolder
from sync.dropfolder import AskFile


@click.group("dropbox")
def dropbox() -> None:
    """Drop folders of telemarketers: call lists in, results out."""


@dropbox.command()
@click.argument("party")
@click.option("--channel", type=click.Choice([channel.slug for channel in Channel]), help="How people are contacted.")
@click.option("--category", type=click.Choice([category.slug for category in Category]), help="The industry.")
@click.option("--campaign", default="", help="The campaign's name; it stands in receipts.")
@click.option("--on-behalf", default="", help="The id of the principal that PARTY acts for.")
@click.option("--country", default="CN", show_default=True, help="Reads numbers written without a country.")
@click.option("--column", default="", help="The numbers' column, by name or place from 1.")
@click.pass_obj
def enable(
    instance: Path, party: str, channel: str | None, category: str | None, campaign: str, on_behalf: str, country: str,
    column: str,
) -> None:
    """Make the drop folder of PARTY, and say what lists without an ask file of their own are checked for."""
    if (channel is None) != (category is None):
        raise click.UsageError("--channel and --category belong together.")
    ask = AskFile(channel, category, campaign, on_behalf, country, column) if channel and category else None
    registry = assemble(instance)
    try:
        click.echo(dropfolder.enable(registry, party, ask))
    finally:
        registry.close()


@dropbox.command()
@click.argument("party")
@click.pass_obj
def disable(instance: Path, party: str) -> None:
    """Take the drop folder of PARTY away, where nothing lies in it that is still to be taken or fetched."""
    registry = assemble(instance)
    try:
        left = dropfolder.disable(registry, party)
    finally:
        registry.close()
    if left:
        raise InvalidInputError(f"{left} files lie in the folder still; take them out first.", code="not_empty")
    click.echo("The folder is gone.")


GROUPS = (dropbox,)

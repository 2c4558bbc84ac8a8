"""`decline-call clues`: batches of clues from the command line, for quarters that the clockwork did not make."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from registry import cluemaking
from registry.access import SYSTEM
from registry.assembly import assemble
from registry.quarters import quarter_named


@click.group("clues")
def clues_group() -> None:
    """Clues to other departments, in signed packages."""


@clues_group.command("make")
@click.argument("quarter")
@click.pass_obj
def clues_make(instance: Path, quarter: str) -> None:
    """Make the batches of QUARTER, such as 2026-Q3, that are not made yet, at its cut-off."""
    with closing(assemble(instance)) as registry:
        office = cluemaking.Office(
            registry.store, registry.clock, registry.keys, registry.receipt_keys, registry.settings.numbers.zone
        )
        made = cluemaking.make_quarter(office, lambda: None, actor=SYSTEM, quarter=quarter_named(quarter))
        for each in made:
            click.echo(f"{each.batch}: {each.department or each.topic}, {each.clues} clues")
        click.echo(f"{len(made)} batches of {quarter_named(quarter)}.")

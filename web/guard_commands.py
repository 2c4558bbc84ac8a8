"""`decline-call decoys`: registered numbers that nobody holds, by which guessing gives itself away.

Rules of this room: which numbers are decoys is never printed; only how many were planted or lifted.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from registry import decoys
from registry.assembly import assemble


@click.group("decoys")
def decoys_group() -> None:
    """Registered numbers in ranges that carriers hold back ([guard] decoy_ranges)."""


@decoys_group.command("plant")
@click.pass_obj
def decoys_plant(instance: Path) -> None:
    """Register the decoys of all ranges that the settings name; those that are there stay."""
    with closing(assemble(instance)) as registry:
        planted = decoys.plant(
            registry.store, registry.clock, registry.keys, registry.plan, registry.settings.guard
        )
    click.echo(f"{planted} decoys planted.")


@decoys_group.command("lift")
@click.pass_obj
def decoys_lift(instance: Path) -> None:
    """Withdraw the decoys of all ranges that the settings name, before a range is used or leaves the settings."""
    with closing(assemble(instance)) as registry:
        lifted = decoys.lift(registry.store, registry.clock, registry.keys, registry.plan, registry.settings.guard)
    click.echo(f"{lifted} decoys lifted.")

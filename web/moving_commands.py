"""`decline-call party reseller` and `decline-call party blocks`: how resellers follow, and which numbers they serve."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click

from registry import resellers
from registry.assembly import assemble
from registry.errors import InvalidInputError
from registry.readers import read
from registry.readers.rows import Row

_COLUMNS = frozenset({"prefix"})


@click.command("reseller")
@click.argument("party")
@click.option("--host", default="", help="The carrier in whose network it resells; without it, it is no reseller.")
@click.option(
    "--follows", type=click.Choice(resellers.FOLLOWS), default="self", show_default=True,
    help="How it follows: by its own feed, through its host's, or both.",
)
@click.pass_obj
def reseller_command(instance: Path, party: str, host: str, follows: str) -> None:
    """Make PARTY, a carrier, a reseller of a host; whoever follows differently gets a full list next."""
    with closing(assemble(instance)) as registry:
        done = resellers.set_reseller(registry.store, registry.clock, party=party, host=host, follows=follows)
    where = f"a reseller of {done.host}, follows: {done.follows}" if done.host else "no reseller"
    click.echo(f"{done.party} is {where}.")


@click.command("blocks")
@click.argument("party")
@click.option("--add", multiple=True, metavar="PREFIX", help="A block more: 3 to 8 digits, such as 1650012.")
@click.option("--remove", multiple=True, metavar="PREFIX", help="A block less; its numbers go back to the host.")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file with a column `prefix`: a block more for every row.",
)
@click.pass_obj
def blocks_command(
    instance: Path, party: str, add: tuple[str, ...], remove: tuple[str, ...], file: Path | None
) -> None:
    """The blocks of numbers that PARTY, a reseller, serves: list them, or add and remove some.

    Registered numbers are moved by the clockwork; the carrier that had them keeps them for the overlap.
    """
    with closing(assemble(instance)) as registry:
        store, clock = registry.store, registry.clock
        for prefix in remove:
            resellers.remove_block(store, clock, reseller=party, prefix=prefix)
        asked = [*enumerate(add, 1), *(_prefixes(file) if file is not None else ())]
        done = resellers.add_blocks(store, clock, registry.plan, reseller=party, prefixes=asked) if asked else []
        held = resellers.blocks_of(store, party)
    refused = [line for line in done if line.reason]
    for line in refused:
        click.echo(f"line {line.line}: {line.detail} [{line.reason}]", err=True)
    for block in held:
        click.echo(f"{block.prefix}\t{'moved' if block.moved else 'moving'}")
    if refused:
        raise click.exceptions.Exit(1)


def _prefixes(file: Path) -> Iterator[tuple[int, str]]:
    """The prefixes of a CSV file with their lines. Raises InvalidInputError for a file that is none."""
    with file.open("rb") as stream:
        for row in read(stream, format="csv", columns=_COLUMNS):
            if isinstance(row, Row):
                yield row.line, row.fields.get("prefix", "")
            else:
                raise InvalidInputError(f"Line {row.line} of the file cannot be read.", code=row.reason)

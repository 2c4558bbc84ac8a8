"""`decline-sync clues verify`: check a package of clues, for the department that received it; offline, too.

Rules of this room: as in `receiptcommands`: nothing is believed before the signature was checked; exit codes: 0 it
holds; 1 it does not; 2 not understood; 4 the registry does not answer.
"""

from __future__ import annotations

from pathlib import Path

import click

from registry import cluepackages
from registry.departments import DEPARTMENTS
from registry.errors import UnavailableError
from registry.times import iso
from sync.receiptcommands import AWAY, keys_of


@click.group()
def clues() -> None:
    """Check packages of clues that a department received."""


@clues.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--public-key", "texts", multiple=True, help="A key that you trust, in base64; as often as needed.")
@click.option("--url", default="", help="The registry's address: its public keys are fetched there.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="A folder for the files, once they were checked."
)
@click.pass_context
def verify(context: click.Context, file: Path, texts: tuple[str, ...], url: str, out: Path | None) -> None:
    """Check FILE, a package: whose key signed it, that no byte of it was altered, and what it holds."""
    with file.open("rb") as opened:
        raw = opened.read(cluepackages.MOST_BYTES + 1)
    try:
        checked = cluepackages.check(raw, keys_of(texts, url))
    except UnavailableError as error:
        click.echo(f"{error.detail} [{error.code}]", err=True)
        context.exit(AWAY)
    payload = checked.payload
    to = DEPARTMENTS.get(payload.department)
    click.echo(f"Genuine: signed by the key {checked.key.keyid}")
    click.echo(f"Batch: {payload.batch}, {payload.kind}, {payload.quarter}, part {payload.part}")
    click.echo(f"To: {to.en if to else payload.department}")
    click.echo(f"Cut-off: {iso(payload.cutoff)}")
    click.echo(f"Clues: {payload.clues}, withdrawn: {payload.withdrawn}")
    for each in payload.files:
        click.echo(f"{each.name}: {each.bytes:,} bytes, SHA-256 {each.sha256}")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in checked.files.items():
            (out / name).write_bytes(content)


GROUPS = (clues,)

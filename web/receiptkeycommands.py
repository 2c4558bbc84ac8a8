"""`decline-call receipt-key`: exchange the key that signs receipts, and see which keys did.

Rules of this room: no private key is ever printed; the public half is kept by the database from when it began to sign,
so that the file of an older key may go.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from registry import audit, receiptkeys, receipts
from registry.assembly import Registry, assemble
from registry.outside import keyfile
from registry.receiptkeys import PublicKey
from registry.times import iso
from web.keycommands import ACTOR


@click.group("receipt-key")
def receipt_key_group() -> None:
    """The keys that sign receipts: exchange the one that signs, see which there are."""


@receipt_key_group.command("rotate")
@click.pass_obj
def receipt_key_rotate(instance: Path) -> None:
    """Sign receipts with a new key from now on; what the older ones signed stays good."""
    with closing(assemble(instance)) as registry:
        receiptkeys.note(registry.store, registry.clock, registry.receipt_keys)  # the old one, should it not be yet
        path = keyfile.new_receipt_key(registry.instance / "keys")
        signing = registry.receipt_keys
        receiptkeys.note(registry.store, registry.clock, signing)
        newest = signing.public[0]
        _write_down(registry, "receipt_key_rotated", newest.keyid)
    click.echo(f"{path.name} signs from now on. Back up the folder of keys; files of older receipt keys may go.")
    click.echo(f"Public key {newest.public}\nFingerprint {newest.keyid}")


@receipt_key_group.command("distrust")
@click.argument("fingerprint")
@click.pass_obj
def receipt_key_distrust(instance: Path, fingerprint: str) -> None:
    """Believe the key of a FINGERPRINT no longer: it was stolen. What it signed here is signed again by the newest."""
    with closing(assemble(instance)) as registry:
        receiptkeys.note(registry.store, registry.clock, registry.receipt_keys)
        count = receipts.distrust(registry.store, registry.receipt_keys, keyid=fingerprint)
        _write_down(registry, "receipt_key_distrusted", fingerprint)
    click.echo(f"It is believed no longer. {count} receipts were signed again; who holds them fetches them again.")


@receipt_key_group.command("list")
@click.pass_obj
def receipt_key_list(instance: Path) -> None:
    """Show the public keys that receipts are checked with, the one that signs first."""
    with closing(assemble(instance)) as registry:
        found = receiptkeys.public_keys(registry.store, registry.receipt_keys)
    for key in found:
        click.echo(_line(key))


def _write_down(registry: Registry, action: str, keyid: str) -> None:
    with registry.store.writing():
        audit.append(
            registry.store, registry.clock, actor=ACTOR, action=action, subject=f"receipt-key:{keyid[:16]}"
        )


def _line(key: PublicKey) -> str:
    if key.since is None:
        when = "has signed nothing yet"
    else:
        when = f"since {iso(key.since)}" + (f" until {iso(key.until)}" if key.until is not None else ", signs")
    return f"{key.public}\t{key.keyid}\t{when}"


GROUPS = (receipt_key_group,)

"""`decline-call keys | root`: key epochs of lists, and the ceremony of a new root of trust.

Rules of this room: no key is ever printed but public ones; `root new-key` and `root sign` need no instance, so that
they run on a machine that is on no network.
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import click

from registry import ceremony, epochs, roots
from registry.assembly import assemble
from registry.ceremony import Summary
from registry.epochs import Epoch
from registry.errors import SettingsError
from registry.outside import keyfile

ACTOR = "operator:command"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_WORDS = {
    "current": "current", "overlap": "published beside the newest", "retained": "master kept",
    "over": "over, to be destroyed", "destroyed": "destroyed",
}


@click.group("keys")
def keys_group() -> None:
    """Key epochs of the lists: begin one, see which there are."""


@click.group("root")
def root_group() -> None:
    """The root of trust: which keys count, and until when."""


GROUPS = (keys_group, root_group)


# --- key epochs -------------------------------------------------------------------------------------------------------


@keys_group.command("rotate")
@click.pass_obj
def keys_rotate(instance: Path) -> None:
    """Begin a new key epoch: a new random master; carriers come over by themselves, the old one goes after a while."""
    with closing(assemble(instance)) as registry:
        settings = registry.settings.keys
        began = epochs.rotate(registry.store, registry.clock, registry.keys, settings, actor=ACTOR)
        now = registry.clock.now()
    click.echo(f"Key epoch {began.epoch} begins with the next edition. Back up the folder of keys now.")
    if settings.overlap_days:
        until = now + timedelta(days=settings.overlap_days)
        click.echo(f"Epoch {began.epoch - 1} is published beside it until {_at(until)}.")
    click.echo(f"Its master is destroyed after {_at(now + timedelta(days=settings.retention_days))}.")


@keys_group.command("list")
@click.pass_obj
def keys_list(instance: Path) -> None:
    """Show the key epochs and how each stands; never a key."""
    with closing(assemble(instance)) as registry:
        found = epochs.all_of(registry.store, registry.clock, registry.settings.keys)
        held = set(registry.keys.masters)
    for each in found:
        click.echo(_epoch(each, held=each.epoch in held))


def _epoch(each: Epoch, *, held: bool) -> str:
    words = _WORDS[each.state]
    if each.until is not None:
        words += f" until {_at(each.until)}"
    if each.destroyed is not None:
        words += f" {_at(each.destroyed)}"
    began = _at(each.began) if each.began is not None else "the first day"
    here = "" if held == each.is_delivered else ("\tits master is STILL here" if held else "\tits master is NOT here")
    return f"{each.epoch}\tsince {began}\t{words}{here}"


def _at(moment: object) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


# --- the root of trust ------------------------------------------------------------------------------------------------


@root_group.command("show")
@click.pass_obj
def root_show(instance: Path) -> None:
    """Show the root that counts now: its version, when it ends, how many must sign the next, the ids of its keys."""
    with closing(assemble(instance)) as registry:
        version = roots.newest_root(registry.shelf).version
        said = ceremony.summary(registry.shelf.get(roots.place(version)))
        click.echo(_root(said))
        left = (said.expires - registry.clock.now()).days
        signing = registry.signing
        click.echo(f"days left    {left}{', RENEW IT' if left < ceremony.WARN_DAYS else ''}")
        click.echo(f"signs here   {signing.under(roots.newest_root(registry.shelf)).online.public_key.keyid}")
        if signing.root is not None:
            click.echo("feed-root.key lies on this machine; keep it elsewhere.")


@root_group.command("new-key")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def root_new_key(file: Path) -> None:
    """Make a key in FILE (mode 600) and print its public key and its id. Needs no instance and no network."""
    public, key_id = ceremony.public_of(keyfile.new_key(file))
    click.echo(f"public key   {public}\nid           {key_id}")


@root_group.command("draft")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--add-root", multiple=True, metavar="PUB", help="A root key to be added, by its public key.")
@click.option("--remove-root", multiple=True, metavar="KEYID", help="A root key to be removed, by its id.")
@click.option("--threshold", type=click.IntRange(1), help="How many root keys must sign the next root.")
@click.option("--add-online", multiple=True, metavar="PUB", help="A key that may sign feeds, by its public key.")
@click.option("--remove-online", multiple=True, metavar="KEYID", help="A key that may sign feeds no more, by its id.")
@click.pass_obj
def root_draft(
    instance: Path, out: Path, add_root: tuple[str, ...], remove_root: tuple[str, ...], threshold: int | None,
    add_online: tuple[str, ...], remove_online: tuple[str, ...],
) -> None:
    """Write the next root, unsigned, into OUT; without options the same root, renewed."""
    with closing(assemble(instance)) as registry:
        content = ceremony.draft(
            registry.shelf, registry.clock.now(), add_root=add_root, remove_root=remove_root, threshold=threshold,
            add_online=add_online, remove_online=remove_online,
        )
    _write(out, content)
    click.echo(_root(ceremony.summary(content)))


@root_group.command("sign")
@click.argument("draft", type=_FILE)
@click.option("--key", "key", type=_FILE, required=True, help="The file of a root key.")
def root_sign(draft: Path, key: Path) -> None:
    """Add a signature to DRAFT by the root key in a file; show what was signed. Needs no instance and no network."""
    content = ceremony.sign(draft.read_bytes(), keyfile.read_key(key))
    _write(draft, content)
    click.echo(_root(ceremony.summary(content)))


@root_group.command("publish")
@click.argument("draft", type=_FILE)
@click.option(
    "--compromised", is_flag=True,
    help="Remove online keys at once although feeds are signed by them: for a stolen key. All feeds begin anew.",
)
@click.pass_obj
def root_publish(instance: Path, draft: Path, compromised: bool) -> None:
    """Check that enough keys have signed DRAFT, and make it the root that counts; feeds follow in the next round."""
    with closing(assemble(instance)) as registry:
        said = ceremony.publish(
            registry.store, registry.clock, registry.shelf, registry.signing, content=draft.read_bytes(),
            compromised=compromised, actor=ACTOR,
        )
    click.echo(f"Root {said.version} counts from now on; the next round of publishing brings it to all feeds.")


def _root(said: Summary) -> str:
    lines = [
        f"root         version {said.version}, until {_at(said.expires)}",
        f"to sign      {said.threshold} of {len(said.root_keys)} root keys",
        *[f"root key     {key}{' (has signed)' if key in said.signed_by else ''}" for key in said.root_keys],
        *[f"online key   {key}" for key in said.online_keys],
        *[f"also signed  {key}" for key in said.signed_by if key not in said.root_keys],
    ]
    return "\n".join(lines)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}.", code="not_written") from error

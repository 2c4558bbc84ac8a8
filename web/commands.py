"""`decline-call`: what an operator types. Prepares an instance, starts its programs, keeps parties and keys.

Rules of this room: secrets are printed once and never logged; every command has help and stands in the operators'
guide.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from registry import audit, credentials, parties
from registry.access import ROLES_OF
from registry.assembly import FIRST_OFFICER, REGULATOR, assemble, prepare
from registry.errors import RegistryError
from registry.keys import FIRST_EPOCH
from registry.settings import load
from web import keycommands, receiptkeycommands
from web.bulletin_commands import bulletin_group
from web.calendar_commands import holidays_group
from web.clue_commands import clues_group
from web.demo import run_demo
from web.demo_quarter import quarter_command
from web.guard_commands import decoys_group
from web.joining_commands import application_group, describe_command, invite_command, must_be_tier, tier_command
from web.moving_commands import blocks_command, reseller_command
from web.outgoing_commands import outbox_group, webhook_group
from web.peak_commands import peaks_group
from web.processes import Programs, start_programs, wait_until_up, welcome
from web.resource_commands import resources_group
from web.server import serve


class _Commands(click.Group):
    """Says what the registry refuses in one line, without a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RegistryError as error:
            click.echo(f"decline-call: {error.detail}", err=True)
            raise click.exceptions.Exit(1) from error


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--instance",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("instance"),
    envvar="DECLINE_CALL_INSTANCE",
    show_default=True,
    help="The folder of settings, keys, database and shelf.",
)
@click.pass_context
def main(context: click.Context, instance: Path) -> None:
    """Decline Call (谢绝来电): the registry's own commands."""
    context.obj = instance.resolve()


@main.command("prepare")
@click.option("--officer-email", default=FIRST_OFFICER, show_default=True, help="Sign-in of the first officer.")
@click.pass_obj
def prepare_command(instance: Path, officer_email: str) -> None:
    """Make or complete the instance folder: settings, keys (mode 600), database, first officer."""
    token = prepare(instance, officer_email=officer_email)
    click.echo(f"{instance} is ready.")
    if token:
        click.echo(f"First officer, once: /sign-in/first/{token}")


@main.command("run")
@click.pass_obj
def run_command(instance: Path) -> None:
    """Prepare the instance, then run site and clockwork until Ctrl-C."""
    token = prepare(instance)
    settings = load(instance / "settings.toml")
    programs = Programs()
    programs.catch_signals()
    try:
        start_programs(programs, instance)
        wait_until_up(f"{settings.site.local_url}/healthz", programs)
        welcome(instance, settings, token)
        code = programs.wait()
    finally:
        programs.stop()
    sys.exit(code)


@main.command("site")
@click.pass_obj
def site_command(instance: Path) -> None:
    """Run the site alone (gunicorn), for instances that run the clockwork elsewhere."""
    serve(instance)


@main.group("demo", invoke_without_command=True)
@click.option(
    "--registrations",
    type=click.IntRange(1),
    default=100_000,
    show_default=True,
    help="How many synthetic registrations.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Seed of everything that is drawn.")
@click.pass_context
def demo_group(context: click.Context, registrations: int, seed: int) -> None:
    """A registry full of synthetic numbers, two carriers that follow over HTTP, and reports arriving."""
    if context.invoked_subcommand is None:
        sys.exit(run_demo(context.obj, count=registrations, seed=seed))


demo_group.add_command(quarter_command)


@main.group("party")
def party_group() -> None:
    """Carriers, telemarketers, report centres."""


@party_group.command("add")
@click.argument("party")
@click.option(
    "--kind", type=click.Choice(["carrier", "telemarketer", "centre"]), required=True, help="What the party is."
)
@click.option("--name-zh", required=True, help="Name in Chinese.")
@click.option("--name-en", required=True, help="Name in English.")
@click.option(
    "--scope",
    type=click.Choice(["home", "national"]),
    default="home",
    show_default=True,
    help="What a carrier's feed holds.",
)
@click.option("--sandbox", is_flag=True, help="A carrier that tries its side out: its feed holds magic numbers only.")
@click.option("--tier", default=parties.TIER, show_default=True, help="A telemarketer's licence tier.")
@click.pass_obj
def party_add(
    instance: Path, party: str, kind: str, name_zh: str, name_en: str, scope: str, tier: str, *, sandbox: bool
) -> None:
    """Add a party. PARTY is its short name in URLs and files, such as cmcc."""
    with closing(assemble(instance)) as registry:
        added = parties.add_party(
            registry.store, registry.clock, party=party, kind=kind, name_zh=name_zh, name_en=name_en, scope=scope,
            sandbox=sandbox, tier=must_be_tier(registry, tier),
        )
        click.echo(f"{added.party} ({added.kind}) is number {added.ordinal} in exception files.")


@party_group.command("list")
@click.pass_obj
def party_list(instance: Path) -> None:
    """List the parties: id, kind, state, scope (a telemarketer's tier), names."""
    with closing(assemble(instance)) as registry:
        for party in registry.store.parties.all():
            scope = "sandbox" if party.sandbox else party.tier if party.kind == "telemarketer" else party.scope
            click.echo(f"{party.party}\t{party.kind}\t{party.state}\t{scope}\t{party.name_zh} {party.name_en}")


for command in (reseller_command, blocks_command, describe_command, tier_command, invite_command):
    party_group.add_command(command)


@main.group("officer")
def officer_group() -> None:
    """Members of the regulator."""


@officer_group.command("invite")
@click.argument("email")
@click.option("--name", default="Officer", show_default=True, help="Name shown in the audit trail's pages.")
@click.option(
    "--role", type=click.Choice(ROLES_OF["regulator"]), default="officer", help="What they may do."
)
@click.pass_obj
def officer_invite(instance: Path, email: str, name: str, role: str) -> None:
    """Print a one-time sign-in for EMAIL: a new member, or one who lost password or second factor."""
    with closing(assemble(instance)) as registry:
        store, clock = registry.store, registry.clock
        found = store.parties.member_of_email(parties.normal_email(email))
        member = found or parties.add_member(store, clock, party=REGULATOR, email=email, name=name, role=role)
        click.echo(f"/sign-in/first/{credentials.invite(store, clock, member=member.member)}")


@main.command("sms-key")
@click.pass_obj
def sms_key(instance: Path) -> None:
    """Print the key (hex) that signs what the http gateway is sent, for whoever runs that gateway."""
    with closing(assemble(instance)) as registry:
        click.echo(registry.keys.derive("log", "sms-gateway", FIRST_EPOCH).hex())


@main.group("key")
def key_group() -> None:
    """API keys of parties."""


@key_group.command("issue")
@click.argument("party")
@click.option(
    "--scope", "scopes", multiple=True, required=True, help="What the key may do; may be given several times."
)
@click.option("--label", default="", help="What the key is for.")
@click.option("--sandbox", is_flag=True, help="A telemarketer's key that is answered about magic numbers only.")
@click.pass_obj
def key_issue(instance: Path, party: str, scopes: tuple[str, ...], label: str, *, sandbox: bool) -> None:
    """Issue an API key to PARTY and show it once."""
    with closing(assemble(instance)) as registry:
        _key_id, secret = parties.issue_key(
            registry.store, registry.clock, party=party, scopes=scopes, label=label, sandbox=sandbox
        )
        click.echo(secret)


@key_group.command("revoke")
@click.argument("api_key")
@click.pass_obj
def key_revoke(instance: Path, api_key: str) -> None:
    """Revoke an API key by its id; it stops working at once."""
    with closing(assemble(instance)) as registry:
        parties.revoke_key(registry.store, registry.clock, api_key=api_key)


@main.group("audit")
def audit_group() -> None:
    """The append-only trail of what was done."""


@audit_group.command("verify")
@click.pass_obj
def audit_verify(instance: Path) -> None:
    """Walk the audit trail and check its hash chain."""
    with closing(assemble(instance)) as registry:
        count, bad = audit.verify(registry.store)
    if bad is not None:
        raise click.ClickException(f"entry {bad} of {count} does not follow from the one before")
    click.echo(f"{count} entries, unbroken")


_MORE = (*keycommands.GROUPS, *receiptkeycommands.GROUPS, resources_group, peaks_group, clues_group)
for group in (holidays_group, application_group, bulletin_group, decoys_group, outbox_group, webhook_group, *_MORE):
    main.add_command(group)


if __name__ == "__main__":
    main()

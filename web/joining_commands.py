"""`decline-call application …`, `party describe`, `party tier`: telemarketers who apply, their companies, their tiers.

Rules of this room: as in `commands`; a licence tier is one of the settings'.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from registry import applications, credentials, organisations, parties
from registry.assembly import Registry, assemble
from registry.errors import InvalidInputError
from registry.preferences import Category
from registry.uscc import company_number

OPERATOR = "system"


def must_be_tier(registry: Registry, tier: str) -> str:
    """A licence tier that the settings know. Raises InvalidInputError bad_tier."""
    tiers = registry.settings.scrubs.tiers
    if tier not in tiers:
        raise InvalidInputError(f"There is no licence tier {tier}; there are {', '.join(tiers)}.", code="bad_tier")
    return tier


@click.group("application")
def application_group() -> None:
    """Companies that want a telemarketer's account."""


@application_group.command("list")
@click.option("--state", type=click.Choice(applications.STATES), help="Only those of a state.")
@click.option("--most", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most.")
@click.pass_obj
def list_command(instance: Path, state: str | None, most: int) -> None:
    """List applications, those that wait first: reference, state, when they came, registration number, names."""
    with closing(assemble(instance)) as registry:
        for each in registry.store.applications.all(state=state or "", limit=most):
            names = each.name_zh if each.name_en == each.name_zh else f"{each.name_zh} {each.name_en}"
            click.echo(f"{each.reference}\t{each.state}\t{each.created:%Y-%m-%d %H:%M}Z\t{each.company}\t{names}")


@application_group.command("approve")
@click.argument("reference")
@click.argument("party")
@click.option("--tier", default=parties.TIER, show_default=True, help="The account's licence tier.")
@click.option("--email", default="", help="The owner's email, where it is not the one in the application.")
@click.pass_obj
def approve_command(instance: Path, reference: str, party: str, tier: str, email: str) -> None:
    """Make account PARTY of the application and print its owner's one-time sign-in."""
    with closing(assemble(instance)) as registry:
        _added, token = applications.approve(
            registry.store, registry.keys, registry.clock, reference=_plain(reference), party=party,
            tier=must_be_tier(registry, tier), email=email, actor=OPERATOR,
        )
        click.echo(f"/sign-in/first/{token}")


@application_group.command("refuse")
@click.argument("reference")
@click.option("--why", required=True, help="The reason, which the applicant reads.")
@click.pass_obj
def refuse_command(instance: Path, reference: str, why: str) -> None:
    """Refuse the application."""
    with closing(assemble(instance)) as registry:
        applications.refuse(registry.store, registry.clock, reference=_plain(reference), note=why, actor=OPERATOR)


def _plain(reference: str) -> str:
    return reference.replace("-", "").lower()


@click.command("describe")
@click.argument("party")
@click.option("--registration", required=True, help="Its registration number: the unified social credit code in China.")
@click.option("--country", default="CN", show_default=True, help="Where it is registered (ISO 3166).")
@click.option(
    "--sector", "sectors", multiple=True, required=True, type=click.Choice([each.slug for each in Category]),
    help="What it contacts people about; may be given several times.",
)
@click.option("--itself/--others-only", default=True, show_default=True, help="Whether it also acts for itself.")
@click.option("--contact", required=True, help="Whom to ask there.")
@click.option("--email", required=True, help="Their email.")
@click.option("--phone", required=True, help="Their phone number; it is stored sealed.")
@click.pass_obj
def describe_command(
    instance: Path, party: str, registration: str, country: str, sectors: tuple[str, ...], contact: str, email: str,
    phone: str, *, itself: bool,
) -> None:  # fmt: skip
    """Say which company is behind telemarketer PARTY, of an account that was made by hand or has changed."""
    with closing(assemble(instance)) as registry:
        asked = organisations.contact_of(
            registry.plan, name=contact, email=email, phone=phone, country=registry.settings.numbers.country
        )
        found = organisations.describe(
            registry.store, registry.keys, registry.clock, party=party,
            company=company_number(registration, country), sectors=organisations.sectors_of(sectors), itself=itself,
            contact=asked,
        )
        click.echo(f"{found.party} is {found.company}.")


@click.command("tier")
@click.argument("party")
@click.argument("tier")
@click.pass_obj
def tier_command(instance: Path, party: str, tier: str) -> None:
    """Give telemarketer PARTY the licence tier TIER, which says how much it may ask."""
    with closing(assemble(instance)) as registry:
        changed = parties.set_tier(
            registry.store, registry.clock, party=party, tier=must_be_tier(registry, tier)
        )
        click.echo(f"{changed.party} is of tier {changed.tier}.")


@click.command("invite")
@click.argument("party")
@click.argument("email")
@click.option("--name", default="", help="Their name; needed for a new member.")
@click.option("--role", default="owner", show_default=True, help="What a new member may do.")
@click.pass_obj
def invite_command(instance: Path, party: str, email: str, name: str, role: str) -> None:
    """Print a one-time sign-in for EMAIL: a new member of PARTY, or one who lost password or second factor."""
    with closing(assemble(instance)) as registry:
        store, clock = registry.store, registry.clock
        found = store.parties.member_of_email(parties.normal_email(email))
        if found is not None and found.party != party:
            raise InvalidInputError("This email belongs to a member of another party.", code="bad_member")
        member = found or parties.add_member(store, clock, party=party, email=email, name=name, role=role)
        click.echo(f"/sign-in/first/{credentials.invite(store, clock, member=member.member)}")

"""`decline-call outbox` and `decline-call webhook`: where reports are fetched from, and who is told of events.

Rules of this room: a credential comes from a file or the environment, never from the command line, where others see it;
neither credentials nor secrets of endpoints are printed.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from registry import outboxes, webhooks
from registry.assembly import Registry, assemble
from registry.errors import NotFoundError
from registry.store.webhooks import DEAD, EndpointRow
from registry.times import from_micros, iso

ACTOR = "operator"


@click.group("outbox")
def outbox_group() -> None:
    """Carriers' HTTP outboxes, from which reports are fetched."""


@outbox_group.command("set")
@click.argument("party")
@click.argument("address")
@click.option("--every", type=click.IntRange(outboxes.LEAST_S, outboxes.MOST_S), default=60, show_default=True,
              help="Ask every so many seconds.")
@click.option("--kind", type=click.Choice(["carrier", "ftc"]), default="carrier", show_default=True, help="Whose rows.")
@click.option("--token-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A file with the bearer token; without it the one there is stays.")
@click.option("--no-token", is_flag=True, help="Ask without a token from now on.")
@click.pass_obj
def outbox_set(
    instance: Path, party: str, address: str, every: int, kind: str, token_file: Path | None, no_token: bool
) -> None:
    """Fetch the reports of PARTY from ADDRESS (https://…)."""
    token = "" if no_token else token_file.read_text(encoding="utf-8").strip() if token_file else None
    with closing(assemble(instance)) as registry:
        outboxes.set_outbox(
            registry.store, registry.keys, registry.clock, registry.settings.outboxes, actor=ACTOR, source=party,
            kind="ftc" if kind == "ftc" else "carrier", address=address, every=every, token=token,
        )
    click.echo(f"{party} is asked every {every} seconds.")


@outbox_group.command("list")
@click.pass_obj
def outbox_list(instance: Path) -> None:
    """List outboxes: party, address, circuit (closed, open, half_open), failures in a row, last trouble."""
    with closing(assemble(instance)) as registry:
        for box in outboxes.states(registry.store, registry.clock, registry.settings.outboxes):
            answered = iso(box.answered) if box.answered else "never"
            click.echo(
                f"{box.source}\t{box.kind}\t{box.address or '-'}\tevery {box.every} s\t{box.circuit}\t"
                f"failures {box.failures}\t{box.failure or '-'}\tanswered {answered}\t"
                f"{'with token' if box.credential else 'without token'}"
            )


@outbox_group.command("remove")
@click.argument("party")
@click.pass_obj
def outbox_remove(instance: Path, party: str) -> None:
    """Fetch from PARTY no longer; files in its folder are still taken in."""
    with closing(assemble(instance)) as registry:
        outboxes.remove_outbox(registry.store, registry.clock, actor=ACTOR, source=party)
    click.echo(f"{party} has no outbox any more.")


@click.group("webhook")
def webhook_group() -> None:
    """Endpoints of parties that are told of events."""


@webhook_group.command("list")
@click.option("--party", default="", help="Of one party only.")
@click.pass_obj
def webhook_list(instance: Path, party: str) -> None:
    """List endpoints: id, party, state, failures in a row, last trouble, dead letters, host."""
    with closing(assemble(instance)) as registry:
        for each in webhooks.endpoints_of(registry.store, registry.keys, party):
            dead = len(registry.store.webhooks.deliveries(each.endpoint, state=DEAD, limit=10_000))
            click.echo(
                f"{each.endpoint}\t{each.party}\t{each.state}\tfailures {each.failures}\t{each.failure or '-'}\t"
                f"dead {dead}\t{webhooks.host_of(each.url)}"
            )


@webhook_group.command("dead")
@click.option("--party", default="", help="Of one party only.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most.")
@click.pass_obj
def webhook_dead(instance: Path, party: str, limit: int) -> None:
    """List dead letters, newest first: endpoint, event, type, since when, attempts, last trouble."""
    with closing(assemble(instance)) as registry:
        for each in registry.store.webhooks.dead_letters(party=party, limit=limit):
            since = iso(from_micros(each.since))
            click.echo(
                f"{each.endpoint}\t{each.event}\t{each.type}\tsince {since}\tattempts {each.attempts}\t{each.failure}"
            )


@webhook_group.command("resend")
@click.argument("endpoint")
@click.argument("event", default="")
@click.pass_obj
def webhook_resend(instance: Path, endpoint: str, event: str) -> None:
    """Send EVENT to ENDPOINT once more; without EVENT all its dead letters."""
    with closing(assemble(instance)) as registry:
        row = _endpoint(registry, endpoint)
        events = [event] if event else [
            each.event for each in registry.store.webhooks.deliveries(endpoint, state=DEAD, limit=10_000)
        ]
        for each in events:
            webhooks.resend(
                registry.store, registry.clock, party=row.party, endpoint=endpoint, event=each, actor=ACTOR
            )
    click.echo(f"{len(events)} on the way again.")


def _endpoint(registry: Registry, endpoint: str) -> EndpointRow:
    row = registry.store.webhooks.endpoint(endpoint)
    if row is None:
        raise NotFoundError("There is no such endpoint.", code="no_such_endpoint")
    return row

"""What a filled registry tells others and fetches from them, for the pages that show it."""

from __future__ import annotations

from dataclasses import replace

from registry import outboxes, webhook_events, webhooks
from registry.assembly import Registry
from registry.times import to_micros


def outgoing(registry: Registry) -> str:
    """An endpoint that was told something, is failing, and has a dead letter; an outbox that does not answer."""
    store, keys, clock, settings = registry.store, registry.keys, registry.clock, registry.settings
    made, _secret = webhooks.add_endpoint(
        store, keys, clock, settings.webhooks, party="cmcc", url="https://hooks.cmcc.example/in", label="alarm desk",
        events=["edition.published", "report.judged"],
    )
    webhooks.send_test(store, clock, party="cmcc", endpoint=made.endpoint)
    with store.writing():
        for edition, state, status, failure in (
            (4, "delivered", 204, ""), (5, "dead", 0, "no_answer"), (6, "dead", 503, "http_503"),
        ):
            event = webhook_events.emit(
                store, clock, type="edition.published", party="cmcc", data={"edition": edition}
            )
            store.webhooks.settle(
                endpoint=made.endpoint, event=event or "", state=state, due=0, attempts=14,
                done=to_micros(clock.now()), status=status, failure=failure,
            )
    webhooks.rotate_secret(store, keys, clock, settings.webhooks, party="cmcc", endpoint=made.endpoint)
    outboxes.set_outbox(
        store, keys, clock, settings.outboxes, actor="system", source="ctcc", kind="carrier",
        address="https://reports.ctcc.example/out", every=60, token="token",
    )
    box = store.reports.outbox("ctcc")
    assert box
    with store.writing():
        store.reports.move_outbox(replace(box, failures=6, failure="too_slow", next=box.next + 60_000_000))
    return made.endpoint

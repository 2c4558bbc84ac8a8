"""Figures of webhooks and outboxes in Prometheus' words."""

from __future__ import annotations

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from registry import outboxes
from registry.assembly import Registry
from registry.times import to_micros
from registry.webhooks import OUTCOMES, TALLY


class Outgoing:
    """The figures of one moment: what waits to be told, what was, what could not be; how each outbox stands."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> list[Metric]:
        """All of them."""
        return _webhooks(self._registry)


def _webhooks(registry: Registry) -> list[Metric]:
    store, clock = registry.store, registry.clock
    with store.reading():
        waiting, since, dead = store.webhooks.figures()
        tallies = store.vitals.tallies()
    age = max(0, to_micros(clock.now()) - since) / 1e6 if since else 0.0
    attempts = CounterMetricFamily(
        "decline_call_webhook_attempts", "Attempts to tell endpoints, and letters given up", labels=["outcome"]
    )
    for outcome in OUTCOMES:
        attempts.add_metric([outcome], tallies.get(f"{TALLY}{outcome}", 0))
    return [
        attempts,
        GaugeMetricFamily("decline_call_webhook_waiting", "Deliveries on their way", value=waiting),
        GaugeMetricFamily("decline_call_webhook_waiting_seconds", "Since the oldest of them waits", value=age),
        GaugeMetricFamily("decline_call_webhook_dead_letters", "Deliveries given up and not sent again", value=dead),
        *_outboxes(outboxes.states(store, clock, registry.settings.outboxes)),
    ]


def _outboxes(states: tuple[outboxes.OutboxState, ...]) -> list[Metric]:
    circuit = GaugeMetricFamily(
        "decline_call_outbox_open", "1 where an outbox is left alone after failures, 0.5 where it is due for a probe",
        labels=["party"],
    )  # fmt: skip
    failures = GaugeMetricFamily("decline_call_outbox_failures", "Failures in a row", labels=["party"])
    for each in states:
        if each.circuit != "none":
            circuit.add_metric([each.source], {"closed": 0.0, "half_open": 0.5, "open": 1.0}[each.circuit])
            failures.add_metric([each.source], each.failures)
    return [circuit, failures]

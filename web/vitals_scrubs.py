"""Figures of scrubs in Prometheus' words."""

from __future__ import annotations

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from registry.assembly import Registry
from registry.scrubfigures import LINES, OUTCOMES, ended, figures


class Scrubbing:
    """The figures of one moment: what waits and runs, how fast, and what came of those that ended."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> list[Metric]:
        """All of them."""
        found = figures(self._registry.store, self._registry.clock)
        scrubs = GaugeMetricFamily("decline_call_scrubs", "Scrubs that have not ended", labels=["state", "lane"])
        for (state, lane), many in sorted(found.open.items()):
            scrubs.add_metric([state, lane], many)
        outcomes = CounterMetricFamily("decline_call_scrubs_ended", "Scrubs that ended", labels=["outcome"])
        for outcome in OUTCOMES:
            outcomes.add_metric([outcome], found.tallies.get(ended(outcome), 0))
        pace = "Lines a second of those that run"
        return [
            scrubs,
            outcomes,
            CounterMetricFamily("decline_call_scrub_lines", "Lines checked", value=found.tallies.get(LINES, 0)),
            GaugeMetricFamily("decline_call_scrub_lines_a_second", pace, value=found.lines_a_second),
            GaugeMetricFamily("decline_call_scrub_waiting_seconds", "Since the oldest waits", value=found.waiting_s),
        ]

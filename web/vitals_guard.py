"""Figures of quotas and of the guard in Prometheus' words."""

from __future__ import annotations

from collections import Counter

from prometheus_client.core import GaugeMetricFamily, Metric

from registry.assembly import Registry
from registry.guardalarms import open_alarms
from registry.guardlanes import LANES
from registry.signals import LANES as KINDS


class GuardMetrics:
    """The figures of one moment: alarms that wait, parties by lane, numbers that were asked for this month."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> list[Metric]:
        """All of them."""
        store = self._registry.store
        rung = Counter(kind for alarm in open_alarms(store) for kind in alarm.kinds)
        alarms = GaugeMetricFamily("decline_call_guard_alarms", "Alarms that wait for an officer", labels=["signal"])
        for kind in KINDS:
            alarms.add_metric([kind], rung[kind])
        moved = Counter(store.guard.lanes().values())
        lanes = GaugeMetricFamily("decline_call_guard_parties", "Parties not in the usual lane", labels=["lane"])
        for lane in LANES[1:]:
            lanes.add_metric([lane], moved[lane])
        asked = store.quotas.parties(epoch=self._registry.quotas.period().epoch)
        return [
            alarms, lanes,
            GaugeMetricFamily(
                "decline_call_quota_numbers", "Distinct numbers asked for this month, by party summed up",
                value=sum(asked.values()),
            ),
        ]

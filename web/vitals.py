"""/healthz for supervisors and /metrics for Prometheus.

Rules of this room: health tells everybody whether the parts work and nothing else; figures are for this machine and for
keys with the scope `metrics`, and are read from the database at each scrape.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from flask import Blueprint, Response, current_app
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from registry.alarms import KINDS, Alarm, alarms
from registry.moving import STATES
from registry.vitals import REFUSED, SENT, SPENT, Figures, Tallies, figures, health
from web.current import registry_of
from web.guard import key, loopback, public
from web.keynotes import KeyMetrics
from web.vitals_guard import GuardMetrics
from web.vitals_outgoing import Outgoing
from web.vitals_scrubs import Scrubbing

blueprint = Blueprint("vitals", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """200 while database, shelf and clockwork are well, else 503; a word for each."""
    registry = registry_of()
    parts = health(registry.store, registry.shelf, registry.clock, settings=registry.settings)
    well = all(part.well for part in parts)
    body = {"well": well, **{part.part: part.word for part in parts}}
    return Response(msgspec.json.encode(body), status=200 if well else 503, mimetype="application/json")


@blueprint.get("/metrics")
@(loopback | key("metrics"))
def metrics() -> Response:
    """The figures in Prometheus' text format."""
    registry = registry_of()
    tallies: Tallies = current_app.extensions["tallies"]
    tallies.write(at_once=True)
    collected = CollectorRegistry()
    rung = alarms(registry.store, registry.clock, lag_minutes=registry.settings.publish.lag_alarm_minutes)
    collected.register(_Collector(figures(registry.store, registry.clock), rung, registry.clock.now()))
    collected.register(Outgoing(registry))
    collected.register(Scrubbing(registry))
    collected.register(KeyMetrics(registry))
    collected.register(GuardMetrics(registry))
    return Response(generate_latest(collected), content_type=CONTENT_TYPE_LATEST)


class _Collector:
    """The figures of one moment in Prometheus' words."""

    def __init__(self, found: Figures, rung: tuple[Alarm, ...], now: datetime) -> None:
        self._found, self._rung, self._now = found, rung, now

    def collect(self) -> list[Metric]:
        found = self._found
        carriers = [*_carriers(found, self._now), *_alarms(found, self._rung)]
        return [*_editions(found), *carriers, *_counts(found), *_jobs(found), _events(found)]


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"decline_call_{name}", says, value=value)


def _editions(found: Figures) -> list[Metric]:
    return [
        _gauge("edition", "Newest published edition", found.edition),
        _gauge("edition_age_seconds", "Since the newest edition was published", found.edition_age_s),
        _gauge("changes_waiting", "Numbers whose change is not published yet", found.waiting),
        _gauge("changes_waiting_seconds", "Since the oldest change that is not published yet", found.waiting_s),
    ]


def _carriers(found: Figures, now: datetime) -> list[Metric]:
    lag = GaugeMetricFamily(
        "decline_call_carrier_lag_seconds", "Since the first edition was published that the carrier lacks",
        labels=["carrier"],
    )
    behind = GaugeMetricFamily("decline_call_carrier_edition", "Newest acknowledged edition", labels=["carrier"])
    drift = GaugeMetricFamily(
        "decline_call_carrier_drifted", "1 where the carrier's list is not ours", labels=["carrier"]
    )
    age = GaugeMetricFamily(
        "decline_call_carrier_acknowledged_age_seconds", "Since the carrier acknowledged an edition", labels=["carrier"]
    )
    for follower in found.followers:
        if follower.acknowledged_at is not None:
            age.add_metric([follower.party], (now - follower.acknowledged_at).total_seconds())
        lag.add_metric([follower.party], follower.lag_s)
        behind.add_metric([follower.party], follower.acknowledged or 0)
        drift.add_metric([follower.party], float(follower.agrees is False))
    return [lag, behind, drift, age]


def _alarms(found: Figures, rung: tuple[Alarm, ...]) -> list[Metric]:
    """Per carrier: which alarms ring, and how many entries its list had lost or weakened, until an officer saw it."""
    alarm = GaugeMetricFamily("decline_call_carrier_alarm", "1 while an alarm rings", labels=["carrier", "alarm"])
    lost = GaugeMetricFamily(
        "decline_call_carrier_entries_lost", "Entries lost, until an officer has seen it", labels=["carrier"]
    )
    weak = GaugeMetricFamily(
        "decline_call_carrier_entries_weakened", "Entries weakened, until an officer has seen it", labels=["carrier"]
    )
    ringing = {(each.party, each.kind) for each in rung}
    for party in sorted({follower.party for follower in found.followers} | {each.party for each in rung}):
        for kind in KINDS:
            alarm.add_metric([party, kind], float((party, kind) in ringing))
        mine = [each.finding.found for each in rung if each.finding is not None and each.party == party]
        lost.add_metric([party], sum(each.lost for each in mine))
        weak.add_metric([party], sum(each.weakened for each in mine))
    return [alarm, lost, weak]


def _counts(found: Figures) -> list[Metric]:
    verdicts = GaugeMetricFamily("decline_call_reports_day", "Reports of the last 24 hours", labels=["verdict"])
    for verdict, many in sorted(found.verdicts.items()):
        verdicts.add_metric([verdict], many)
    rows = CounterMetricFamily("decline_call_report_rows", "Report rows taken in", labels=["outcome"])
    for outcome, many in sorted(found.intake.items()):
        rows.add_metric([outcome], many)
    texts = CounterMetricFamily("decline_call_sms", "Text messages", labels=["outcome"])
    for name, outcome in ((SENT, "sent"), (REFUSED, "refused_by_gateway"), (SPENT, "refused_by_allowance")):
        texts.add_metric([outcome], found.texts[name])
    return [verdicts, rows, texts]


def _events(found: Figures) -> Metric:
    says = "Number events; those that are held need an officer"
    events = GaugeMetricFamily("decline_call_number_events", says, labels=["state"])
    for state in STATES:
        events.add_metric([state], found.events.get(state, 0))
    return events


def _jobs(found: Figures) -> list[Metric]:
    seconds = GaugeMetricFamily("decline_call_job_seconds", "How long the newest run took", labels=["job"])
    age = GaugeMetricFamily("decline_call_job_age_seconds", "Since the newest run began", labels=["job"])
    failed = GaugeMetricFamily("decline_call_job_failed", "1 where the newest run failed", labels=["job"])
    for job in found.jobs:
        seconds.add_metric([job.job], job.seconds)
        age.add_metric([job.job], job.age_s)
        failed.add_metric([job.job], float(job.failed))
    return [seconds, age, failed]

"""The part of `/metrics` about commands, the store and phones: read from plain counters on request, never before.

Every command type and outcome is there from the start, at 0: a rate over a missing counter misses its first step.
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

import heliograph
from heliograph.api.latest_stats import LatestStats
from heliograph.api.readiness import why_not_ready
from heliograph.commands import COMMANDS
from heliograph.domain.evidence import Judgement
from heliograph.service.expire_operations import overdue_us
from heliograph.service.metrics import OUTCOMES, Histogram
from heliograph.service.ports import Lane, Ports
from heliograph.service.push_service import Outcome
from heliograph.service.silent_phones import DAYS

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily

REFUSALS = ("full", "waited", "storage")


class ServerMetrics(Collector):
    """Everything that is counted beside requests (api/metrics.py)."""

    def __init__(self, ports: Ports, lately: LatestStats) -> None:
        self._ports = ports
        self._lately = lately

    def collect(self) -> Iterator[Family]:
        """What prometheus_client asks for when /metrics is read."""
        yield InfoMetricFamily("heliograph_build", "Which Heliograph this is.", value={"version": heliograph.__version__})
        yield gauge("ready", "Whether /readyz says yes.", 0 if why_not_ready(self._ports) else 1)
        yield from self._clock()
        yield from self._commands()
        yield from self._store()
        yield from self._waiting()
        yield from self._held()
        yield from self._silent()
        yield from self._phones()
        yield gauge("event_streams_open", "Streams of events that are being read.", len(self._ports.followers))
        yield gauge("live_streams_open", "Browsers in which pages of the console follow what changes.", len(self._ports.changes))
        resting = self._ports.publishing.resting(self._ports.clock.now_us())
        closed = self._ports.publishing.closed
        yield CounterMetricFamily("heliograph_push_endpoints_disabled", "Push endpoints that were disabled: they answered 410.", closed)
        yield gauge("notification_destinations_resting", "Destinations that take no notifications and are left alone for a while.", resting)

    def _clock(self) -> Iterator[Family]:
        check = self._ports.clock_check
        if check is None:
            return
        yield gauge("clock_ahead_seconds", "How far the server's clock is ahead of the one it follows.", check.ahead_us() / 1_000_000)
        gap_s = check.start_gap_us() / 1_000_000
        yield gauge("clock_start_gap_seconds", "How much later the server started than the newest time in its store.", gap_s)

    def _commands(self) -> Iterator[Family]:
        counts, offers = self._ports.store.counts, self._ports.offers
        for name, text, counted in (
            ("heliograph_operations_issued", "Commands issued and durable.", counts.issued),
            ("heliograph_operations_acknowledged", "Commands that their phones acknowledged.", counts.acknowledged),
            ("heliograph_offers", "Offers of commands to phones, repeated ones included.", offers.offered),
        ):
            family = CounterMetricFamily(name, text, labels=("type",))
            for type_name in COMMANDS:
                family.add_metric((type_name,), counted[type_name])
            yield family
        ended = CounterMetricFamily("heliograph_operations_ended", "Commands that ended, by how.", labels=("type", "outcome"))
        for type_name in COMMANDS:
            for outcome in OUTCOMES:
                ended.add_metric((type_name, outcome), counts.ended[type_name, outcome])
        yield ended
        judged = CounterMetricFamily(
            "heliograph_operations_judged", "Successes of which phones' facts say something.", labels=("type", "judgement")
        )
        for type_name in COMMANDS:
            for judgement in (Judgement.OBSERVED, Judgement.CONTRADICTED):
                judged.add_metric((type_name, judgement.value.lower()), counts.judged[type_name, judgement])
        yield judged
        yield CounterMetricFamily("heliograph_operations_parked", "Commands offered often and never acknowledged.", value=offers.parked)

    def _store(self) -> Iterator[Family]:
        counts = self._ports.store.counts
        yield histogram("heliograph_store_batch_rules", "Rules decided in one commit.", counts.batch_rules)
        yield histogram("heliograph_store_commit_seconds", "Writing one batch and committing it.", counts.commit_s)
        refused = CounterMetricFamily("heliograph_store_refused", "Rules refused without being run, by why.", labels=("reason",))
        for reason in REFUSALS:
            refused.add_metric((reason,), counts.refused[reason])
        yield refused
        yield CounterMetricFamily(
            "heliograph_blast_radius_reached",
            "Requests to destroy more devices than the actor may in an hour.",
            value=self._ports.access_counts.blast_radius_reached,
        )
        overdue_s = overdue_us(self._ports) / 1_000_000
        yield gauge("deadline_overdue_seconds", "For how long a command's expiry or timeout is not written.", overdue_s)

    def _waiting(self) -> Iterator[Family]:
        rules = GaugeMetricFamily("heliograph_store_waiting_rules", "Rules that wait for the store.", labels=("lane",))
        longest = GaugeMetricFamily("heliograph_store_oldest_wait_seconds", "How long the oldest of them waits.", labels=("lane",))
        loads = self._ports.store.waiting()
        for lane in Lane:
            load = loads.get(lane)
            rules.add_metric((lane.name.lower(),), load.rules if load else 0)
            longest.add_metric((lane.name.lower(),), load.oldest_wait_s if load else 0)
        yield rules
        yield longest

    def _silent(self) -> Iterator[Family]:
        silence = self._lately.silence
        if silence is None:
            return
        yield gauge("devices", "Devices of all enterprises, counted now and then.", silence.devices)
        silent = GaugeMetricFamily("heliograph_phones_silent", "Phones not heard for more than so many days.", labels=("days",))
        for days, count in zip(DAYS, silence.silent, strict=True):
            silent.add_metric((str(days),), count)
        yield silent

    def _held(self) -> Iterator[Family]:
        stats = self._lately.latest
        if stats is None:
            return
        yield gauge("operations_open", "Commands that have not ended.", stats.open_operations)
        yield gauge("notifications_waiting", "Notifications that were not sent yet.", stats.notifications)
        age_us = stats.oldest_notification_age_us(self._ports.clock.now_us())
        yield gauge("notifications_oldest_age_seconds", "How long the oldest of them waits.", age_us / 1_000_000)
        yield gauge("database_bytes", "Size of the database.", stats.database_bytes)
        if stats.log_bytes is not None:
            yield gauge("database_log_bytes", "Size of SQLite's write-ahead log.", stats.log_bytes)

    def _phones(self) -> Iterator[Family]:
        phones = GaugeMetricFamily("heliograph_phones_connected", "Phones connected to this server.", labels=("transport",))
        for transport, count in self._ports.presence.transports().items():
            phones.add_metric((transport,), count)
        yield phones
        if (web_push := self._ports.web_push) is not None:
            woken = CounterMetricFamily(
                "heliograph_wake_ups", "Messages to push services that wake phones, by how it went.", labels=("outcome",)
            )
            for outcome in Outcome:
                woken.add_metric((outcome.value,), web_push.outcomes[outcome])
            yield woken
        doorbell = self._ports.doorbell_counts
        if doorbell.listening is not None:
            yield gauge("doorbell_listening", "Whether other servers' rings arrive by LISTEN.", doorbell.listening)
            yield histogram("heliograph_doorbell_lag_seconds", "From a commit elsewhere to the ring here.", doorbell.lag_s)
            rings = CounterMetricFamily("heliograph_doorbell_rings", "Rings from other servers, by how they came.", labels=("source",))
            for source in ("notify", "tail"):
                rings.add_metric((source,), doorbell.rings[source])
            yield rings


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """One number as it is now."""
    return GaugeMetricFamily(f"heliograph_{name}", text, value=value)


def histogram(name: str, text: str, counted: Histogram) -> HistogramMetricFamily:
    """A histogram as Prometheus wants it: every bucket holds those below it."""
    bounds = [*map(str, counted.bounds), "+Inf"]
    return HistogramMetricFamily(name, text, buckets=list(zip(bounds, accumulate(counted.counts), strict=True)), sum_value=counted.total)

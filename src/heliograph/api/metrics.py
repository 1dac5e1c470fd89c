"""`/metrics`: what was asked of the API, for Prometheus."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from heliograph.service.outbox import PublishingCounts


class RequestCounts(Collector):
    """Requests by method id and HTTP status. A plain Counter: the library's own takes a lock for every request."""

    def __init__(self, by_method_and_status: Counter[tuple[str, int]]) -> None:
        self._by_method_and_status = by_method_and_status

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What prometheus_client asks for when /metrics is read."""
        family = CounterMetricFamily(
            "heliograph_http_requests", "Requests answered, by API method and HTTP status.", labels=("method", "code")
        )
        for (method, status), count in self._by_method_and_status.items():
            family.add_metric((method, str(status)), count)
        yield family


class NotificationCounts(Collector):
    """Notifications by outcome."""

    def __init__(self, counts: PublishingCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What prometheus_client asks for when /metrics is read."""
        family = CounterMetricFamily("heliograph_notifications", "Attempts to send notifications, by outcome.", labels=("outcome",))
        for outcome in ("published", "failed", "given_up", "overflowed", "dropped"):
            family.add_metric((outcome,), getattr(self._counts, outcome))
        yield family


def registry_of(*collectors: Collector) -> CollectorRegistry:
    """A registry of these collectors and of what the process itself costs; one per app, so that several apps do not mix."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    return registry


def metrics_text(registry: CollectorRegistry) -> bytes:
    """The exposition text of all collectors."""
    return generate_latest(registry)

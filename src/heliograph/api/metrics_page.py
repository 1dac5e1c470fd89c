"""The page `/metrics`, whole: loaded when it is first asked for, since most servers in memory are never asked."""

from collections import Counter

from heliograph.api.latest_stats import LatestStats
from heliograph.api.metrics import NotificationCounts, RequestCounts, metrics_text, registry_of
from heliograph.api.process_metrics import ProcessMetrics
from heliograph.api.server_metrics import ServerMetrics
from heliograph.service.ports import Ports


class MetricsPage:
    """The counters of one app."""

    def __init__(self, ports: Ports, lately: LatestStats, requests: Counter[tuple[str, int]]) -> None:
        """`requests`: how many were answered, by method id and HTTP status."""
        self._lately = lately
        own = NotificationCounts(ports.publishing), ServerMetrics(ports, self._lately), ProcessMetrics()
        self._registry = registry_of(RequestCounts(requests), *own)

    async def text(self) -> bytes:
        """In Prometheus' format."""
        await self._lately.refresh()
        return metrics_text(self._registry)

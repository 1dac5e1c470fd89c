"""What `/metrics` says of the process' sockets and of its log."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from heliograph.api.http.http_rejections import REASONS
from heliograph.service.metrics import PROCESS

CROWDS = ("full", "address", "descriptors")


class ProcessMetrics(Collector):
    """Counters of the whole process, from 0 on."""

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        """What prometheus_client asks for when /metrics is read."""
        yield GaugeMetricFamily("heliograph_connections_open", "Connections of callers and phones.", value=PROCESS.connections_open)
        yield GaugeMetricFamily("heliograph_request_bytes", "Bytes held of requests in progress.", value=PROCESS.request_bytes)
        crowded = CounterMetricFamily("heliograph_connections_crowded", "Connections refused at a limit, by limit.", labels=("bound",))
        for bound in CROWDS:
            crowded.add_metric((bound,), PROCESS.connections_crowded[bound])
        yield crowded
        refused = CounterMetricFamily("heliograph_http_refused", "Requests refused before a method, by reason.", labels=("reason",))
        for reason in REASONS:
            refused.add_metric((reason,), PROCESS.requests_refused[reason])
        yield refused
        yield CounterMetricFamily(
            "heliograph_log_lines_dropped", "Log lines dropped because nothing read them.", value=PROCESS.log_lines_dropped
        )
        yield CounterMetricFamily("heliograph_log_lines_folded", "Log lines folded into a count.", value=PROCESS.log_lines_folded)

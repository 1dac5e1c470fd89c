"""Every number that /metrics can have, and how texts about them name them."""

import contextlib
import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from heliograph.api.latest_stats import LatestStats
from heliograph.api.metrics_page import MetricsPage
from heliograph.service.metrics import DoorbellCounts
from heliograph.service.ports import Ports
from tests.api.live import live_server, settings_for
from tests.operations.exposition import Exposition

METRIC = re.compile(r"heliograph_[a-z_]+")
SELECTOR = re.compile(r"(heliograph_[a-z_]+)\{([^}]*)\}")
OF_PROMETHEUS = frozenset({"instance", "job"})
"""Labels that Prometheus adds to every series."""


@contextlib.contextmanager
def every_metric(folder: Path) -> Iterator[Exposition]:
    """What /metrics says of a server that shares its database with others."""
    with live_server(settings_for(folder)) as live:
        yield Exposition(live.run(_text(live.ports)))


async def _text(ports: Ports) -> str:
    shared = dataclasses.replace(ports, doorbell_counts=DoorbellCounts())
    shared.doorbell_counts.listening = True
    return (await MetricsPage(shared, LatestStats(shared), Counter({("androidmanagement.enterprises.get", 200): 1})).text()).decode()


def asks_for_what_exists(expression: str, shown: Exposition, *, added: frozenset[str] = frozenset()) -> None:
    """Assert that a PromQL expression names only metrics and labels that /metrics has; `added`: labels that its selectors may name, too."""
    assert set(METRIC.findall(expression)) <= shown.names
    for name, selector in SELECTOR.findall(expression):
        assert set(re.findall(r"(\w+)=~?\"", selector)) - added <= shown.labels_of(name)
    for labels in re.findall(r"by \(([^)]*)\)", expression):
        known = OF_PROMETHEUS | {label for name in METRIC.findall(expression) for label in shown.labels_of(name)}
        assert set(labels.replace(" ", "").split(",")) <= known

"""Every number that /metrics can have, and how texts about them name them."""

import contextlib
import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from heliograph.api.metrics_page import MetricsPage
from heliograph.service.metrics import DoorbellCounts
from heliograph.service.ports import Ports
from tests.api.live import live_server, settings_for
from tests.operations.exposition import Exposition

METRIC = re.compile(r"heliograph_[a-z_]+")
SELECTOR = re.compile(r"(heliograph_[a-z_]+)\{([^}]*)\}")


@contextlib.contextmanager
def every_metric(folder: Path) -> Iterator[Exposition]:
    """What /metrics says of a server that shares its database with others."""
    with live_server(settings_for(folder)) as live:
        yield Exposition(live.run(_text(live.ports)))


async def _text(ports: Ports) -> str:
    shared = dataclasses.replace(ports, doorbell_counts=DoorbellCounts())
    shared.doorbell_counts.listening = True
    return (await MetricsPage(shared, Counter({("androidmanagement.enterprises.get", 200): 1})).text()).decode()

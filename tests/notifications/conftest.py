"""One push endpoint and one server per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph.domain.enterprise import NotificationType
from tests.notifications.endpoint import Endpoint, listening
from tests.notifications.lab import Lab, lab


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """An endpoint that acknowledges everything."""
    async with listening() as made:
        yield made


@pytest.fixture
async def pushing(tmp_path: Path, endpoint: Endpoint) -> AsyncIterator[Lab]:
    """A server that pushes to the endpoint; its enterprise enabled COMMAND, and has no topic."""
    async with lab(tmp_path, push_endpoint=endpoint.url, enabled=[NotificationType.COMMAND]) as made:
        yield made

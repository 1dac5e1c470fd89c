"""One push endpoint and one server per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph.domain.enterprise import NotificationType
from tests.notifications.endpoint import Endpoint, listening
from tests.notifications.lab import Lab, lab
from tests.notifications.whole_server import WholeServer, whole_server


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


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both engines."""
    return str(request.getfixturevalue("database")) if request.param == "postgresql" else ""


@pytest.fixture
async def server(tmp_path: Path, database_url: str) -> AsyncIterator[WholeServer]:
    """A server whose enterprise enabled COMMAND; its endpoints may be on this machine."""
    async with whole_server(tmp_path, database_url=database_url, enabled=(NotificationType.COMMAND,)) as made:
        yield made


@pytest.fixture
async def lone(tmp_path: Path) -> AsyncIterator[WholeServer]:
    """The same, on SQLite: what does not depend on the engine."""
    async with whole_server(tmp_path, enabled=(NotificationType.COMMAND,)) as made:
        yield made

"""A sandbox, and someone who reads its console; and a server at which people sign in."""

from collections.abc import Iterator

import pytest

from heliograph.sandbox.settings import SandboxSettings
from tests.console.houses import House, house_in
from tests.console.reader import Reader
from tests.sandbox.client import Client
from tests.sandbox.conftest import running


@pytest.fixture(scope="module")
def sandbox_process() -> Iterator[Client]:
    """One sandbox for the whole module."""
    with running(SandboxSettings(port=0)) as client:
        yield client


@pytest.fixture
def sandbox(sandbox_process: Client) -> Client:
    """The sandbox, all back as at start."""
    sandbox_process.post("/sandbox/v1:reset")
    return sandbox_process


@pytest.fixture
def reader(sandbox: Client) -> Reader:
    """Someone at a browser without scripts."""
    return Reader(sandbox.url)


@pytest.fixture
def make_many(sandbox: Client) -> Iterator[Reader]:
    """The reader of a world with more phones than a page shows."""
    phones = [{"profile": "pixel8-a15-fully-managed", "deviceId": f"phone-{number}"} for number in range(70)]
    world = sandbox.post("/sandbox/v1/worlds", {"phones": phones})
    yield Reader(world["url"])
    sandbox.ask("DELETE", f"/sandbox/v1/{world['name']}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server with two enterprises, acme with a device."""
    with house_in(tmp_path_factory.mktemp("data")) as found:
        yield found

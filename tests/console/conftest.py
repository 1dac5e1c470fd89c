"""A sandbox, and someone who reads its console; and a server at which people sign in."""

import json
from collections.abc import Iterator

import pytest

from heliograph.domain.enterprise import Enterprise
from heliograph.sandbox.settings import SandboxSettings
from heliograph.service.enterprises import create_enterprise
from heliograph.settings import Settings
from tests.console.houses import House
from tests.console.reader import Reader
from tests.people.visitor import signed_in
from tests.sandbox.client import Client
from tests.sandbox.conftest import running
from tests.sign_in.conftest import guarded_server


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
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), durable=False, public_urls=("https://mdm.example.com",))
    with guarded_server(settings) as server:
        for enterprise in ("acme", "other"):
            server.run(create_enterprise(server.ports, Enterprise(enterprise_display_name=enterprise.title()), enterprise_id=enterprise))
        admin = signed_in(server)
        made = admin.call("POST", "/v1/enterprises/acme/enrollmentTokens", {}, x_heliograph_form_token=admin.form_token())
        device = server.enrolled(json.loads(made.page)["value"])
        yield House(server, f"/console/{device}")

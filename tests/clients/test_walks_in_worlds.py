"""Google's own clients, unmodified, in four languages, at the address of a world: a path below the sandbox's own."""

from pathlib import Path

import pytest

from tests.clients.programs import LANGUAGES, NODE, PYTHON, READY_WITHIN_S, Language, walked
from tests.clients.test_walks import marked, steps
from tests.clients.walk import canonical, in_a_batch, through_the_sandbox
from tests.sandbox.client import Client

pytestmark = pytest.mark.timeout(READY_WITHIN_S + 120)


@pytest.fixture
def world_url(sandbox_url: str) -> str:
    """The address of a world that nobody else has used."""
    return str(Client(sandbox_url).post("/sandbox/v1/worlds", {"seed": 1})["url"])


@pytest.fixture
def port_url(sandbox_url: str) -> str:
    """The address, at a port of its own, of a world that nobody else has used: Node's client drops a path of its rootUrl."""
    return str(Client(sandbox_url).post("/sandbox/v1/worlds", {"seed": 1, "ownPort": True})["portUrl"])


@pytest.mark.parametrize("language", marked(*LANGUAGES))
def test_every_command_type_is_issued_and_followed_in_a_world(language: Language, world_url: str, port_url: str, tmp_path: Path) -> None:
    walk = through_the_sandbox()

    results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=port_url if language is NODE else world_url)

    assert walk.expected == canonical(results)


def test_a_batch_of_the_python_client_goes_to_its_world(world_url: str, tmp_path: Path) -> None:
    walk = in_a_batch()

    results = walked(PYTHON, steps(walk, tmp_path), HELIOGRAPH_URL=world_url)

    assert walk.expected == canonical(results)

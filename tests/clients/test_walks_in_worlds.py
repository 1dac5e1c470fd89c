"""Google's own clients, unmodified, in four languages, at both addresses of a world: its port, and its path below the sandbox's own."""

from pathlib import Path

import pytest

from tests.clients.programs import LANGUAGES, NODE, PYTHON, READY_WITHIN_S, Language, walked
from tests.clients.test_walks import marked, steps
from tests.clients.walk import canonical, in_a_batch, through_the_sandbox
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client

pytestmark = pytest.mark.timeout(READY_WITHIN_S + PATIENCE_S)


KEEP_A_PATH = tuple(language for language in LANGUAGES if language is not NODE)
"""Node's client drops a path of its rootUrl: it would silently walk in the sandbox's own world."""


def a_world(sandbox_url: str, address: str) -> str:
    """This address of a world of the test's own."""
    return str(Client(sandbox_url).post("/sandbox/v1/worlds", {"seed": 1})[address])


@pytest.mark.parametrize("language", marked(*LANGUAGES))
def test_every_command_type_is_issued_and_followed_at_a_worlds_url(language: Language, sandbox_url: str, tmp_path: Path) -> None:
    walk = through_the_sandbox()

    results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=a_world(sandbox_url, "url"))

    assert walk.expected == canonical(results)


@pytest.mark.parametrize("language", marked(*KEEP_A_PATH))
def test_every_command_type_is_issued_and_followed_at_a_worlds_path(language: Language, sandbox_url: str, tmp_path: Path) -> None:
    walk = through_the_sandbox()

    results = walked(language, steps(walk, tmp_path), HELIOGRAPH_URL=a_world(sandbox_url, "pathUrl"))

    assert walk.expected == canonical(results)


@pytest.mark.parametrize("address", ["url", "pathUrl"])
def test_a_batch_of_the_python_client_goes_to_its_world(address: str, sandbox_url: str, tmp_path: Path) -> None:
    walk = in_a_batch()

    results = walked(PYTHON, steps(walk, tmp_path), HELIOGRAPH_URL=a_world(sandbox_url, address))

    assert walk.expected == canonical(results)

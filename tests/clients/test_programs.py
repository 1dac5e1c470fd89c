"""Programs that others wrote, or the package that they are made with: what they call, called with it."""

import json

import pytest

from tests.clients.pipe import Json, Reader, Walker, piped
from tests.clients.programs import FLEET, GOOGLEAPIS, HERE, READY_WITHIN_S, RUST, Language
from tests.clients.walk import canonical, through_the_sandbox
from tests.patience import PATIENCE_S
from tests.sandbox.client import Client

pytestmark = [pytest.mark.clients, pytest.mark.timeout(2 * READY_WITHIN_S + PATIENCE_S)]

PROGRAMS: dict[str, Json] = json.loads((HERE / "programs.json").read_text(encoding="utf-8"))
"""What each program calls, and its source."""


@pytest.mark.parametrize(
    "program, language",
    [
        pytest.param("fleet", FLEET, id="fleet"),
        pytest.param("android-mdm-cli", GOOGLEAPIS, id="android-mdm-cli"),
        pytest.param("android-mdm-cli", RUST, id="rust"),
    ],
)
def test_a_program_goes_through_its_day(program: str, language: Language, world: Client) -> None:
    """From the sign-up to the last command: enterprise, policy, token, devices, operations."""
    with piped(language, world.url) as calls:
        reader = Reader(calls, world, {})
        for step in PROGRAMS[program]["steps"]:
            reader.run(step)


@pytest.mark.parametrize("language", [RUST, GOOGLEAPIS], ids=lambda language: language.name)
def test_every_command_type_is_issued_and_followed(language: Language, world: Client) -> None:
    walk = through_the_sandbox()

    with piped(language, world.url) as calls:
        results = Walker(calls, world).walked(walk.steps)

    assert walk.expected == canonical(results)

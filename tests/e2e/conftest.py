"""One sandbox for all tests of this folder, put back to its start before each."""

from collections.abc import Iterator

import pytest

from tests.e2e.program import Sandbox, running_sandbox


@pytest.fixture(scope="session")
def one_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that tests share."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(one_sandbox: Sandbox) -> Sandbox:
    """The sandbox as at its start."""
    one_sandbox.steer("POST", ":reset")
    return one_sandbox

"""A real sandbox for the module, in a process of its own: what it logs is not the command's output."""

from collections.abc import Iterator

import pytest

from tests.e2e.program import running_sandbox


@pytest.fixture(scope="module")
def sandbox_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "own") as sandbox:
        yield sandbox.url

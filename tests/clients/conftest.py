"""Servers for Google's clients: sandboxes, and one that requires a key."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.program import Sandbox, running_sandbox
from tests.forks import HELIOGRAPH
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.sandbox.client import Client
from tests.sandbox.making import Maker


@dataclass(frozen=True)
class Guarded:
    """A server that asks for a key, and keys of `enterprises/fleet` to it."""

    url: str
    admin_key: Path
    viewer_key: Path


@pytest.fixture(scope="session")
def one_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that tests share."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox_url(one_sandbox: Sandbox) -> Iterator[str]:
    """The sandbox as at its start; the worlds that the test makes end with it."""
    one_sandbox.steer("POST", ":reset")
    yield one_sandbox.url
    for world in one_sandbox.call("GET", "/sandbox/v1/worlds")["worlds"]:
        one_sandbox.steer("DELETE", f"/{world['name']}")


@pytest.fixture
def world(one_sandbox: Sandbox) -> Iterator[Client]:
    """A world of the test's own in that sandbox."""
    maker = Maker(Client(one_sandbox.url))
    yield maker(seed=1)
    maker.end_all()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """`heliograph serve`, with keys made by `heliograph keys create`."""
    folder = tmp_path_factory.mktemp("guarded")
    command = [*HELIOGRAPH, "serve", "--port", "0"]
    with (folder / "log").open("w") as log, Running(command, cwd=folder, stdout=subprocess.PIPE, stderr=log) as server:
        try:
            yield Guarded(server.until(r"http://\S+")[0], admin_key=_key(folder, "admin"), viewer_key=_key(folder, "viewer"))
        finally:
            server.terminate()
            server.communicate()


def _key(folder: Path, role: str) -> Path:
    file = folder / f"{role}.json"
    command = [*HELIOGRAPH, "keys", "create", "--enterprise", "fleet", "--role", role, "--out", str(file)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=PATIENCE_S)
    return file

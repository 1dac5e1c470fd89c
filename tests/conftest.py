"""What holds for all tests."""

import gc
import signal
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or making one, says how busy the machine is, not whether the code is right.
settings.register_profile("heliograph", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("heliograph")

gc.disable()  # until all tests are collected: what is imported and collected stays, and searching it would take a sixth of the time

KNOWN_EVERYWHERE = ("postgres", "time_is_up", "socket_watch", "chromium", "workers", "ways_in", "forks", "left_mounts")
pytest_plugins = [f"tests.{name}" for name in KNOWN_EVERYWHERE] + ["pytester"]


def pytest_configure() -> None:
    """Ctrl-C ends what the tests start, also if a shell runs them in the background, which has it ignored by them and all below them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What thousands of tests are made of stays until the end: the collector must not search it again and again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _inner_runs_are_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A pytest that a test starts has options and a folder of its own.

    Before it ends it clears away what earlier runs left beside its own files, and fails if it cannot: a run that was killed may have left
    a mount there, and another may be clearing at the same time.
    """
    tmp_path_factory.getbasetemp()  # ours is chosen
    with tempfile.TemporaryDirectory(prefix="heliograph-inner-") as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DEBUG_TEMPROOT", folder)
        patch.delenv("PYTEST_ADDOPTS", raising=False)  # ours: a `-v` of them would change what the inner ones print
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--seed`, for the tests that make their choices by chance (tests/torture)."""
    parser.addoption("--seed", help="the seed that a failed test named: it makes the same choices again")

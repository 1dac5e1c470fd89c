"""The pytest plugin: the fixture `amapi`, an Android Management API of each test's own (docs/testing.md).

Every pytest run imports this file where Heliograph is installed, so it imports nothing of Heliograph until a test wants it.
"""

import dataclasses
import json
import re
import secrets
import sys
import tempfile
import uuid
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from heliograph.testing.world import Amapi, WorldSettings

MARKER = "amapi"
RANDOM = "random"
_SEED_MOST = 2**31
_NAME_MOST = 150
_FOLDER = "heliograph_folder"
_folder_key = pytest.StashKey[Path]()
_world_key = pytest.StashKey["Amapi"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--amapi-seed`, and settings for the ini file."""
    group = parser.getgroup("heliograph", "Android Management API (heliograph)")
    seed_help = "the seed of every test's world: the one that a failed test named, or 'random'; else each test has its own, always the same"
    group.addoption("--amapi-seed", metavar="SEED", default=None, help=seed_help)
    group.addoption(
        "--amapi-snapshots",
        metavar="FOLDER",
        default=None,
        help="where failed tests leave their worlds, for heliograph replay; else in pytest's cache",
    )
    parser.addini("amapi_seed", seed_help, default="")
    parser.addini("amapi_unmet_faults", "whether tests may plan faults that are never met", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """The marker is known; workers of pytest-xdist know the folder over which they share a sandbox."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(seed=…, now=…, phones=[…], enterprises=[…], behaviour=…, quota=…, notifications=[…], push_endpoints=[…], "
        "unmet_faults=True): how the test's world begins (docs/testing.md)",
    )
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker is None:
        config.stash[_folder_key] = Path(tempfile.gettempdir()) / f"heliograph-testing-{uuid.uuid4().hex}"
    elif _FOLDER in worker:
        config.stash[_folder_key] = Path(worker[_FOLDER])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - of pytest-xdist, which need not be installed
    """A worker of pytest-xdist: it shares one sandbox with the others."""
    node.workerinput[_FOLDER] = str(node.config.stash[_folder_key])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Nothing is left of a sandbox that the tests started."""
    folder = config.stash.get(_folder_key, None)
    if "heliograph.testing.server" in sys.modules:
        from heliograph.testing.server import OURS  # noqa: PLC0415

        OURS.leave()
    if folder is not None and not hasattr(config, "workerinput") and folder.exists():
        from heliograph.testing.server import end_server  # noqa: PLC0415

        end_server(folder)


@pytest.fixture
def amapi(request: pytest.FixtureRequest) -> Iterator["Amapi"]:
    """An Android Management API of the test's own: `.url`, `.client`, `.phones`, `.clock`, `.faults`, `.requests`, `.notifications`."""
    from heliograph.testing.server import OURS  # noqa: PLC0415
    from heliograph.testing.world import make_world  # noqa: PLC0415

    if hasattr(request.config, "workerinput"):
        OURS.shared_folder = request.config.stash.get(_folder_key, None)
    world = make_world(_settings(request))
    request.node.stash[_world_key] = world
    try:
        yield world
    finally:
        del request.node.stash[_world_key]
        world.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """A test that passed has failed after all if a fault that it planned was never met."""
    yield
    if (world := item.stash.get(_world_key, None)) is not None:
        unmet = ""
        try:
            world.faults.check()
        except AssertionError as error:
            unmet = str(error)
        if unmet:
            pytest.fail(unmet, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """The report of a failed test says what happened in its world, and how to repeat it."""
    report = yield
    world = item.stash.get(_world_key, None)
    if report.failed and world is not None:
        report.sections.append(("Android Management API", _report(item, world)))
    return report


def _report(item: pytest.Item, world: "Amapi") -> str:
    try:
        story = world.story()
    except Exception as error:  # noqa: BLE001 - the test's own failure must be seen, whatever happened to the sandbox
        story = f"(the sandbox does not say what happened: {error})"
    lines = [story, "", f"seed {world.seed}; repeat it: pytest '{item.nodeid}' --amapi-seed {world.seed}"]
    if file := _snapshot(item, world):
        lines.append(f"the world as it was then: heliograph replay '{file}'")
    return "\n".join(lines)


def _snapshot(item: pytest.Item, world: "Amapi") -> str:
    """The file in which the world is, as a person in the folder where pytest was started calls it; empty: it cannot be kept."""
    folder = _snapshots_folder(item.config)
    if folder is None:
        return ""
    here, name = item.config.invocation_params.dir, re.sub(r"[^\w.-]+", "-", item.nodeid)[-_NAME_MOST:].strip("-")
    file = folder / f"{name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(world.snapshot(), indent=1), encoding="utf-8")
    except Exception as error:  # noqa: BLE001 - as above
        return f"(no snapshot: {error})"
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _snapshots_folder(config: pytest.Config) -> Path | None:
    """Where snapshots are kept; None: pytest has no cache (`-p no:cacheprovider`), and nothing else was said."""
    if given := config.getoption("--amapi-snapshots"):
        return config.invocation_params.dir / str(given)
    cache = getattr(config, "cache", None)
    return Path(cache.mkdir("heliograph-snapshots")) if cache is not None else None


def _settings(request: pytest.FixtureRequest) -> "WorldSettings":
    """What the markers say, the nearest one last, and the seed."""
    from heliograph.testing.world import WorldSettings  # noqa: PLC0415

    known = {field.name for field in dataclasses.fields(WorldSettings)}
    wanted: dict[str, Any] = {"unmet_faults": request.config.getini("amapi_unmet_faults")}
    for marker in reversed(list(request.node.iter_markers(MARKER))):
        if marker.args or not known >= marker.kwargs.keys():
            given = ", ".join([*map(repr, marker.args), *(name for name in marker.kwargs if name not in known)])
            pytest.fail(f"@pytest.mark.{MARKER} does not take {given}. It takes, by name: {', '.join(sorted(known))}.", pytrace=False)
        wanted |= marker.kwargs
    seed = request.config.getoption("--amapi-seed") or None
    if seed is not None or "seed" not in wanted:
        wanted["seed"] = _seed(seed or request.config.getini("amapi_seed"), request.node.nodeid)
    return WorldSettings(**wanted)


def _seed(given: str, nodeid: str) -> int:
    """The one that is given; else the test's own, the same in each run."""
    if given == RANDOM:
        return secrets.randbelow(_SEED_MOST)
    if not given:
        return zlib.crc32(nodeid.encode())
    if not given.isdecimal():
        raise pytest.UsageError(f"--amapi-seed must be a whole number or {RANDOM!r}, not {given!r}.")
    return int(given)

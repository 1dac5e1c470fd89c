"""The two ways into a server, the hot lane and the app (docs/architecture.md), and the tests that are run on both.

A test marked `both_ways` comes twice: `[lane]` with servers as they are, `[app]` with servers that have no lane. What makes a server for
more than one test asks for the fixture `way_in`, so that it is made again. In the folders `WATCHED`, a test that is not marked is warned of
if a request of its takes the lane. It does not fail: a request that a client sends in two pieces takes the lane only if both come at once.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from heliograph.api.http.cycle import Cycle, Lane

LANE, APP = "lane", "app"
WATCHED = ("api", "channel", "hostile", "sign_in")
BY_THEMSELVES = ("test_hot_lane.py", "test_device_lane.py")
"""They have both ways in one test."""


@dataclass
class Ways:
    """What servers of tests are given, and what came of it."""

    counted: bool = False
    """Whether requests are counted: not outside of pytest, where benchmarks have such servers, too."""
    open: bool = True
    """Whether servers that start now have a hot lane."""
    taken: int = 0
    """Requests that took a lane, of all servers."""

    def lane(self, lane: "Lane | None") -> "Lane | None":
        """The server's lane; None: it has none."""
        if lane is None or not self.open:
            return None
        return self._counting(lane) if self.counted else lane

    def _counting(self, lane: "Lane") -> "Callable[[Cycle], bool]":
        def take(cycle: "Cycle") -> bool:
            took = lane(cycle)
            self.taken += took
            return took

        return take


WAYS = Ways()


def pytest_configure() -> None:
    """Requests that take a lane are counted."""
    WAYS.counted = True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Marked tests come twice."""
    if metafunc.definition.get_closest_marker("both_ways"):
        metafunc.parametrize("way_in", [LANE, APP], indirect=True, scope="module")


@pytest.fixture(scope="module", autouse=True)
def way_in(request: pytest.FixtureRequest) -> Iterator[str]:
    """Servers that start meanwhile have this way in."""
    way: str = getattr(request, "param", LANE)
    WAYS.open = way == LANE
    yield way
    WAYS.open = True


@pytest.fixture(autouse=True)
def _the_way_is_kept(request: pytest.FixtureRequest, way_in: str) -> Iterator[None]:
    before = WAYS.taken
    yield
    if WAYS.taken == before:
        return
    assert way_in == LANE, "A request took the hot lane of a server that was made before: its fixture must ask for `way_in`."
    watched = request.path.parent.name in WATCHED and request.path.name not in BY_THEMSELVES
    marked = request.node.get_closest_marker("both_ways")
    if watched and not marked:
        with warnings.catch_warnings():
            warnings.simplefilter("always")  # no error, as others are
            warnings.warn(f"{request.node.nodeid} takes the hot lane: mark it both_ways, so that it is run without, too", stacklevel=1)

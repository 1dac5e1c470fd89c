"""One server per test module, one enterprise and device where a test needs them."""

from collections.abc import Iterator

import pytest

from tests.api.live import Live, live_server, settings_for


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Live]:
    """A running server."""
    with live_server(settings_for(tmp_path_factory.mktemp(way_in))) as server:
        yield server


@pytest.fixture
def enterprise(live: Live) -> str:
    """A new enterprise."""
    return live.enterprise()


@pytest.fixture
def device(live: Live, enterprise: str) -> str:
    """A newly enrolled company-owned device."""
    return live.device(enterprise)

"""One world per test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.service.world import World, world


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[World]:
    """A world with the default limits."""
    async with world(tmp_path) as made:
        yield made

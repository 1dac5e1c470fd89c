"""A lab on a database of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.many_servers.lab import Lab, lab_on


@pytest.fixture
async def lab(database: str, tmp_path: Path) -> AsyncIterator[Lab]:
    """No server runs yet."""
    async with lab_on(database, tmp_path) as made:
        yield made

"""A whole server on a loopback port for every test: the phones of these tests talk to nothing less."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.lab import Lab, lab_in


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A server, and phones for it."""
    async with lab_in(tmp_path) as lab:
        yield lab

"""A push service, and a server that may push to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web_push.lab import WakingLab, waking_lab
from tests.web_push.push_service import PushService, push_service


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    """A push service, to which no one has subscribed."""
    async with push_service() as made:
        yield made


@pytest.fixture
async def lab(tmp_path: Path, service: PushService) -> AsyncIterator[WakingLab]:
    """A server whose clock can be advanced; its phones subscribe to `service`."""
    async with waking_lab(tmp_path, service) as made:
        yield made

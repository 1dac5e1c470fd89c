"""Operations that ended long ago leave the store."""

import asyncio
import contextlib
from typing import NoReturn

from heliograph.domain.errors import Unavailable
from heliograph.service.delete_enterprise import finish_deletions
from heliograph.service.ports import Ports

EVERY_US = 3_600 * 1_000_000
CHUNK = 100
"""Rows removed in one transaction, that others wait for: 4 ms with 3,000,000 operations of 100,000 devices (500: 18 ms; a busy machine)."""
PAUSE_S = 0.05
"""Between two transactions: retention takes the time that is left over."""
DAY_US = 86_400 * 1_000_000


async def retire_operations(ports: Ports) -> NoReturn:
    """Once an hour, what ended before the retention time, and tombstones past their expiry, are removed."""
    while True:
        await _retire_all(ports)
        if ports.shared:
            await _finish_others_deletions(ports)
        await ports.clock.sleep_until(ports.clock.now_us() + EVERY_US)


async def _retire_all(ports: Ports) -> None:
    ended_before_us = ports.clock.now_us() - ports.limits.retention_days * DAY_US
    try:
        while await ports.store.retire(ended_before_us=ended_before_us, limit=CHUNK) >= CHUNK:  # noqa: ASYNC110 - a pause for others
            await asyncio.sleep(PAUSE_S)
    except Unavailable:
        # The store says so itself (/readyz); the next hour tries again.
        return


async def _finish_others_deletions(ports: Ports) -> None:
    """A server that died while it deleted an enterprise may never start again."""
    with contextlib.suppress(Unavailable):
        await finish_deletions(ports)

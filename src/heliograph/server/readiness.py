"""Logs when the store stops accepting writes and when it accepts them again: /readyz keeps no record, the log does."""

import asyncio
from typing import NoReturn

import structlog

from heliograph.service.ports import Store

log = structlog.get_logger()

LOOK_EVERY_S = 1.0


async def tell_readiness(store: Store) -> NoReturn:
    """Each change is one line."""
    known: str | None = None
    while True:
        trouble = store.healthy()
        if trouble is not None and known is None:
            log.warning("server.not_ready", reason=trouble)
        elif trouble is None and known is not None:
            log.warning("server.ready_again", was=known)
        known = trouble
        await asyncio.sleep(LOOK_EVERY_S)

"""The SQLite store passes the suite, and keeps the promises that are its own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from heliograph.domain.names import DeviceName
from heliograph.service.ports import Clock
from heliograph.storage.sqlite import SqliteStore
from tests.storage.conformance import OpenStore, StoreConformance
from tests.storage.records import SetClock


@pytest.fixture
async def open_store(tmp_path: Path) -> AsyncIterator[OpenStore]:
    opened: list[SqliteStore] = []

    async def open_(*, clock: Clock | None = None, ring: Callable[[DeviceName], None] = print) -> SqliteStore:
        while opened:
            await opened.pop().close()
        opened.append(SqliteStore.open(tmp_path / "heliograph.db", clock=clock or SetClock(), ring=ring))
        return opened[-1]

    yield open_
    while opened:
        await opened.pop().close()


class TestSqlite(StoreConformance):
    """See conformance.py."""

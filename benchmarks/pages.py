"""How many pages of the file a request touches, counted by SQLite itself: what a size costs, without a clock.

A page that is in no cache is a read from the disk; one that is in the machine's cache but not in SQLite's costs a system call and a copy.
"""

import asyncio
import random
import statistics
from collections.abc import Callable
from pathlib import Path

import apsw

from benchmarks.figures import Figures, Number, Scale
from benchmarks.flat import EMPTY_DEVICES
from benchmarks.seed import Seeded, device_name
from benchmarks.signed_in import scratch
from benchmarks.store_only import MachineClock, issue
from heliograph.domain.names import OperationName
from heliograph.service.ports import Sees
from heliograph.storage.sqlite.store import SqliteStore

COLD = 200
"""Requests, each with nothing in SQLite's cache."""
FILL = 3_000
"""Requests until the cache is as full as it will be: it holds 2,048 pages."""
WARM = 1_000
BATCH, BATCHES = 64, 20
"""Commands in one commit, as with 64 clients."""
DEEPER_MOST = 4
"""By so many levels are the three trees on the way of a get deeper together."""


def measure_pages(scale: Scale) -> Figures:
    """The same requests on a small file and on a large one."""
    figures = Figures()
    few = min(EMPTY_DEVICES, scale.devices)
    cold: list[float] = []
    for devices, operations in ((few, few * 10), (scale.devices, scale.operations)):
        seeded = Seeded(devices, operations)
        with scratch() as folder:
            seeded.copy(folder)
            counted = asyncio.run(count(folder / "heliograph.db", seeded))
        cold.append(counted["operations.get, nothing cached"])
        figures.numbers += [
            Number(f"{name}, {operations:,} operations of {devices:,} devices", [pages], "pages") for name, pages in counted.items()
        ]
    figures.numbers.append(
        Number("operations.get, nothing cached: more in the large file", [cold[1] - cold[0]], "pages", most=DEEPER_MOST, gate=True)
    )
    return figures


async def count(path: Path, seeded: Seeded) -> dict[str, float]:
    """Pages a request, by its name and by what is cached before it."""
    chance = random.Random(7)  # noqa: S311 - no secret
    store = SqliteStore.open(path, clock=MachineClock(), ring=lambda _: None)

    def get() -> None:
        store.operation_at_hand(OperationName.parse(seeded.operation_name(chance.randrange(seeded.operations))))

    def list_ten() -> None:
        store.operations_at_hand(device_name(chance.randrange(seeded.devices)), after_ms=0, limit=10)

    async def issue_many() -> None:
        names = [device_name(chance.randrange(seeded.devices)) for _ in range(BATCH)]
        await asyncio.gather(*(store.decide(Sees(device=name), issue(name)) for name in names))

    try:
        connections = store._connections  # noqa: SLF001 - SQLite counts by connection
        found: dict[str, float] = {}
        for name, request in {"operations.get": get, "operations.list of 10": list_ten}.items():
            found[f"{name}, nothing cached"] = _cold(connections.reader, request)
            found[f"{name}, of these not in a full cache"] = _warm(connections.reader, request)
        for what, status in (("read", apsw.SQLITE_DBSTATUS_CACHE_MISS), ("written", apsw.SQLITE_DBSTATUS_CACHE_WRITE)):
            before = connections.writer.status(status)[0]
            for _ in range(BATCHES):
                await issue_many()
            found[f"issueCommand, {BATCH} in a commit, {what} for each"] = (connections.writer.status(status)[0] - before) / BATCH / BATCHES
        return found
    finally:
        await store.close()


def _cold(connection: apsw.Connection, request: Callable[[], None]) -> float:
    counts = []
    for _ in range(COLD):
        connection.pragma("shrink_memory")
        before = _misses(connection)
        request()
        counts.append(_misses(connection) - before)
    return statistics.mean(counts)


def _warm(connection: apsw.Connection, request: Callable[[], None]) -> float:
    for _ in range(FILL):
        request()
    before = _misses(connection)
    for _ in range(WARM):
        request()
    return (_misses(connection) - before) / WARM


def _misses(connection: apsw.Connection) -> int:
    return connection.status(apsw.SQLITE_DBSTATUS_CACHE_MISS)[0]

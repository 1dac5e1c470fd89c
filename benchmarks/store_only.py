"""The store alone: durable inserts a second and CPU time each, as the rules of issue_command make them.

    python -m benchmarks.store_only [--folder DIR] [--operations N]

CPU time is the whole process's (user and system, all threads), the benchmark's own clients included (about 3 µs an operation).
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from heliograph.domain.device import DeviceRecord, DeviceReport
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, TimelineEntry
from heliograph.service.ports import Decision, Facts, PutDevice, PutOperation, Rule, Sees, Write
from heliograph.storage.sqlite.store import SqliteStore

ROUNDS = 3
MINUTES_10_US = 600_000_000


class MachineClock:
    """The machine's time."""

    def now_us(self) -> int:
        """The time."""
        return time.time_ns() // 1_000

    async def sleep_until(self, at_us: int) -> None:
        """Returns then."""
        await asyncio.sleep((at_us - self.now_us()) / 1_000_000)


def issue(device: DeviceName) -> Rule[None]:
    """What issue_command writes."""

    def rule(facts: Facts) -> Decision[None]:
        create_ms = max(facts.now_us // 1_000, facts.last_create_ms + 1)
        due_us = create_ms * 1_000 + MINUTES_10_US
        entry = TimelineEntry(at_us=facts.now_us, what="issued")
        operation = Operation(
            device=device, create_ms=create_ms, type="LOCK", command=b"{}", duration="600s", expires_us=due_us,
            deadline_us=due_us, timeline=(entry,),
        )  # fmt: skip
        return Decision(None, (PutOperation(operation, new=True),), ring=device)

    return rule


def put(writes: Sequence[Write]) -> Rule[None]:
    """A rule that only writes."""
    return lambda _: Decision(None, writes)


async def enroll(store: SqliteStore, count: int) -> list[DeviceName]:
    """So many devices."""
    names = [DeviceName("LC0bench", f"{number:016x}") for number in range(count)]
    for start in range(0, count, 500):
        records = [
            DeviceRecord(
                name=name, credential_hash=name.device.encode(), installation_id="bench", enrollment_us=1,
                enrollment_token_name="", report=DeviceReport(api_level=34),
            )
            for name in names[start : start + 500]
        ]  # fmt: skip
        await store.decide(Sees(), put([PutDevice(record) for record in records]))
    return names


async def measure(store: SqliteStore, names: list[DeviceName], clients: int, operations: int) -> tuple[float, float]:
    """CPU and wall time of one operation in microseconds."""
    chance = random.Random(clients)  # noqa: S311 - which device comes next is no secret
    left = operations

    async def client() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            device = chance.choice(names)
            await store.decide(Sees(device=device), issue(device))

    cpu_s, wall_s = time.process_time(), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    scale = 1_000_000 / operations
    return (time.process_time() - cpu_s) * scale, (time.perf_counter() - wall_s) * scale


async def bench(folder: Path, operations: int) -> None:
    """Prints one line per number of devices and clients."""
    print("devices  clients  CPU µs/op (min-max)  operations/s")
    for devices in (2_000, 20_000):
        store = SqliteStore.open(folder / f"{devices}.db", clock=MachineClock(), ring=lambda _: None)
        names = await enroll(store, devices)
        for clients in (1, 8, 32, 64, 256):
            share = operations if clients > 1 else operations // 10
            rounds = [await measure(store, names, clients, share) for _ in range(ROUNDS)]
            cpu, wall = zip(*rounds, strict=True)
            rate = 1_000_000 / statistics.median(wall)
            print(f"{devices:7} {clients:8} {statistics.median(cpu):9.1f} ({min(cpu):.1f}-{max(cpu):.1f}) {rate:13,.0f}")
        await store.close()


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the databases are made: on the disk to be measured")
    parser.add_argument("--operations", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        asyncio.run(bench(Path(folder), given.operations))


if __name__ == "__main__":
    main()

"""Decides of many devices, round after round, until it is killed, and says each slice that it was told is durable.

    python -m tests.storage.decides_until_killed (FILE | postgresql://…) RUN

`duration` of an operation says which slice it was issued in.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.ports import Decision, Facts, PutDevice, PutOperation, Rule, Sees, Store
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.queue.bulk_verbs import SLICE_MOST
from heliograph.storage.sqlite.store import SqliteStore
from tests.patience import PATIENCE_S
from tests.storage.records import SetClock, device_name, device_record, issue, write

SLICES = 3
DEVICES = [device_name(number) for number in range(SLICES * SLICE_MOST)]


class RunningClock(SetClock):
    """Goes on at every look."""

    def now_us(self) -> int:
        self.at_us += 500
        return self.at_us


async def opened(address: str) -> Store:
    """The store in this file or database. Indexed as it goes, so that this is interrupted too."""
    if "://" in address:
        return await PostgresStore.open(address, clock=RunningClock(), ring=lambda _: None, waits_most_s=PATIENCE_S)
    return SqliteStore.open(Path(address), clock=RunningClock(), ring=lambda _: None, unswept_most=100, waits_most_s=PATIENCE_S)


def issue_in(name: str, device: DeviceName) -> Rule[Operation]:
    """The rule of an issue in the slice of this name."""

    def rule(facts: Facts) -> Decision[Operation]:
        marked = msgspec.structs.replace(issue(device)(facts).answer, duration=name)
        return Decision(marked, (PutOperation(marked, new=True),), ring=device)

    return rule


def rounds(run: str) -> Iterator[tuple[str, int]]:
    """Names of slices, and their numbers in their rounds."""
    return ((f"{run}.{number}.{slice_number}", slice_number) for number in itertools.count() for slice_number in range(SLICES))


async def decide(address: str, run: str) -> None:
    """Enrol the devices, then issue until the end."""
    store = await opened(address)
    async for _ in store.decide_many((device, Sees(), write(PutDevice(device_record(device)))) for device in DEVICES):
        pass
    asks = (
        (device, Sees(), issue_in(name, device))
        for name, number in rounds(run)
        for device in DEVICES[number * SLICE_MOST : (number + 1) * SLICE_MOST]
    )
    names = rounds(run)
    async for answers in store.decide_many(asks):
        assert all(isinstance(answer, Operation) for answer in answers), answers[0]
        print(next(names)[0], flush=True)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    asyncio.run(decide(*sys.argv[1:]))

"""What the store keeps in memory of committed rows: the file is exclusively ours, so memory cannot grow stale.

The writer's thread alone changes it, after each commit; the event loop only looks. Each step is one dict operation, and what is
looked up is immutable, so the two need no lock.
"""

from collections.abc import Collection, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from heliograph.domain.device import DeviceRecord, Tombstone
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.storage.kind import Kind
from heliograph.storage.kinds import KINDS
from heliograph.storage.tail import Tail

K = TypeVar("K")
V = TypeVar("V")

DEVICES_MOST = 65_536
"""Per generation, of which there are two: some 1.5 KB each. 100,000 devices are read once each: a command costs what it costs with ten."""
OPERATIONS_MOST = 16_384
"""Two generations too: some 2 KB each."""
GIVEN_MOST = 4_096
"""Ids of operations that are looked through at a time: a quarter of a millisecond."""


class DeviceState(msgspec.Struct, frozen=True, gc=False):
    """A device name's row: its key, and what lives (or lived) under that name."""

    key: int
    record: DeviceRecord | None = None
    tombstone: Tombstone | None = None


class Recent(Generic[K, V]):
    """The newest entries of a map, at least `most` of them: a young generation in which every entry starts, and the one before.

    Cheaper than a least-recently-used list, and without the order that two threads would have to agree on.
    """

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The entry, where it is still remembered."""
        found = self._young.get(key)
        return self._old.get(key) if found is None else found

    def put(self, entries: Mapping[K, V | None]) -> None:
        """The entries are remembered, but for those that are None; an older generation may be forgotten."""
        self._young.update({key: value for key, value in entries.items() if value is not None})
        if len(self._young) >= self._most:
            self._old = self._young
            self._young = {}

    def forget(self, key: K) -> None:
        """The entry is not remembered."""
        self._old.pop(key, None)
        self._young.pop(key, None)

    def clear(self) -> None:
        """Nothing is remembered."""
        self._old = {}
        self._young = {}


class GivenIds:
    """For each device an id that no operation of it is newer than, without asking the database.

    Only the newest ids of devices are kept whose newest operation is not yet older than now; the floor stands for all others: the
    next id is `max(now_ms, newest_ms + 1)`, so what is older than now makes no difference to it.
    """

    __slots__ = ("_floor_ms", "_look_at", "_newest", "past_ms")

    def __init__(self, floor_ms: int = 0) -> None:
        self.past_ms = 0
        """Whatever is created from now on is newer than this."""
        self._floor_ms = floor_ms
        self._newest: dict[DeviceName, int] = {}
        self._look_at = GIVEN_MOST

    def newest_ms(self, device: DeviceName) -> int:
        """No operation of the device has a newer id; 0: it has none."""
        return max(self._newest.get(device, 0), self._floor_ms)

    def put(self, newest: Mapping[DeviceName, int], now_ms: int) -> None:
        """These are the newest ids of their devices, at this time."""
        self.past_ms = now_ms - 1
        self._newest.update(newest)
        if len(self._newest) >= self._look_at:
            self.raise_floor(max((create_ms for create_ms in self._newest.values() if create_ms < now_ms), default=0))
            self._look_at = GIVEN_MOST + 2 * len(self._newest)

    def raise_floor(self, floor_ms: int) -> None:
        """Every operation from now on has a newer id than this one."""
        self._floor_ms = max(self._floor_ms, floor_ms)
        self._newest = {device: create_ms for device, create_ms in self._newest.items() if create_ms > self._floor_ms}


class Memory:
    """Committed rows in memory. `open`, `given` and `tail` are complete; the others hold what was used lately."""

    def __init__(self) -> None:
        self.open: dict[DeviceName, list[int]] = {}
        """create_ms of every open operation, oldest first: the queue per device that would cost an index in random order.

        A queue grows at its end or makes way for another, so whoever looks at one sees it whole.
        """
        self.given = GivenIds()
        self.tail = Tail()
        self.devices: Recent[DeviceName, DeviceState] = Recent(DEVICES_MOST)
        self.credentials: Recent[bytes, DeviceName] = Recent(DEVICES_MOST)
        self.operations: Recent[tuple[DeviceName, int], Operation] = Recent(OPERATIONS_MOST)
        self.records: Mapping[Kind[Any, Any], Recent[Any, Any]] = {kind: Recent(kind.remembered) for kind in KINDS if kind.remembered}
        """Of the kinds whose row says so."""

    def put_records(self, looked: Mapping[Kind[Any, Any], Mapping[Any, Any]], *, without: Mapping[Kind[Any, Any], Collection[Any]]) -> None:
        """Records are remembered as they are now; those that are gone, and those that belonged to records of `without`, no more."""
        for kind, recent in self.records.items():
            if without and kind.belongs_to in without:
                recent.clear()
            if rows := looked.get(kind):
                recent.put(rows)
                for key in [key for key, record in rows.items() if record is None]:
                    recent.forget(key)

    def put_open(self, queues: Mapping[DeviceName, Collection[int]], opened: Mapping[DeviceName, list[int]]) -> None:
        """Devices have the open operations of `queues`, or as before, and after them those of `opened`."""
        for name, queue in queues.items():
            if queue:
                self.open[name] = list(queue)
            else:
                self.open.pop(name, None)
        for name, create_ms in opened.items():
            self.open.setdefault(name, []).extend(create_ms)

    def forget_recent(self) -> None:
        """Only what is complete is still remembered."""
        self.devices.clear()
        self.credentials.clear()
        self.operations.clear()
        for recent in self.records.values():
            recent.clear()

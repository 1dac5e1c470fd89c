"""What the store keeps in memory of committed rows: the file is exclusively ours, so memory cannot grow stale.

Only the writer's thread changes it, after each commit; the event loop only reads. Each step is one dict operation, and what is
looked up is immutable, so the two need no lock.
"""

from collections.abc import Collection, Mapping
from typing import Any

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.storage.batch.rows import DeviceState
from heliograph.storage.batch.writes import Batch
from heliograph.storage.kind import Kind
from heliograph.storage.kinds import KINDS
from heliograph.storage.recent import Recent
from heliograph.storage.sqlite.unswept import Unswept

DEVICES_MOST = 65_536
"""Per generation, of which there are two: some 1.5 KB each. 100,000 devices are read once each: a command costs what it costs with ten."""
OPERATIONS_MOST = 16_384
"""Two generations too: some 2 KB each."""
GIVEN_MOST = 4_096
"""Ids of operations that are looked through at a time: a quarter of a millisecond."""


class GivenIds:
    """For each device, an id that no operation of it exceeds, without asking the database.

    Ids are kept only for devices whose newest operation is not older than now; the floor stands for all others: the
    next id is `max(now_ms, newest_ms + 1)`, so what is older than now makes no difference to it.
    """

    __slots__ = ("_floor_ms", "_look_at", "_newest", "past_ms")

    def __init__(self, floor_ms: int = 0) -> None:
        self.past_ms = 0
        """Everything created from now on is newer than this."""
        self._floor_ms = floor_ms
        self._newest: dict[DeviceName, int] = {}
        self._look_at = GIVEN_MOST

    def newest_ms(self, device: DeviceName) -> int:
        """No operation of the device has a newer id; 0: it has no operation."""
        newest_ms = self._newest.get(device, 0)
        if newest_ms > self._floor_ms:  # max() costs three times as much
            return newest_ms
        return self._floor_ms

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


class LivingDevices:
    """Which devices are there, by their keys: a bit each, so that a read need not touch the device's own page.

    The writer's thread alone changes it; any thread asks.
    """

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def __contains__(self, key: int) -> bool:
        place, bit = divmod(key, 8)
        return place < len(self._bits) and bool(self._bits[place] & 1 << bit)

    def put(self, key: int, *, lives: bool) -> None:
        """The device with this key is there, or is not."""
        place, bit = divmod(key, 8)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits)))
        self._bits[place] = self._bits[place] | 1 << bit if lives else self._bits[place] & ~(1 << bit)


class Memory:
    """Committed rows in memory. `open`, `given`, `unswept` and `living` are complete; the others hold what was used lately."""

    def __init__(self) -> None:
        self.open: dict[DeviceName, list[int]] = {}
        """create_ms of every open operation, oldest first: the queue per device that would cost an index in random order.

        A queue grows at its end or is replaced by another, so a reader sees it whole.
        """
        self.given = GivenIds()
        self.unswept = Unswept()
        self.living = LivingDevices()
        self.devices: Recent[DeviceName, DeviceState] = Recent(DEVICES_MOST)
        self.credentials: Recent[bytes, DeviceName] = Recent(DEVICES_MOST)
        self.operations: Recent[tuple[DeviceName, int], Operation] = Recent(OPERATIONS_MOST)
        self.records: Mapping[Kind[Any, Any], Recent[Any, Any]] = {kind: Recent(kind.remembered) for kind in KINDS if kind.remembered}
        """For kinds whose row says so."""

    def remember(self, batch: Batch, *, in_passing: bool = False) -> None:
        """What the batch read and wrote is remembered; only after its commit.

        `in_passing`: of what need not be complete, only what is remembered already. A hundred thousand devices that get one command each
        would displace those that are used, and fill 200 MB.
        """
        if in_passing:
            written = batch.written
            self.devices.renew({name: batch.states[name] for name in (*written.devices, *written.tombstones)})
            self.credentials.renew(batch.credentials)
            self.operations.renew({key: batch.operations[key] for key in written.operations})
        else:
            self.devices.put(batch.states)
            self.credentials.put(batch.credentials)
            self.operations.put(batch.operations)
        if batch.written.devices:
            for state in [batch.states[name] for name in batch.written.devices]:
                if state is not None:
                    self.living.put(state.key, lives=state.record is not None)
        if batch.records or batch.written.emptied:
            self._put_records(batch.records, without=batch.written.emptied)
        self._put_open(batch.open, batch.opened)
        self.given.put(batch.given, batch.now_us // 1_000)
        if batch.written.new_operations and not batch.written.indexed:
            self.unswept.add(batch.written.new_operations)
        for act in batch.afterwards:
            act()

    def _put_records(
        self, looked: Mapping[Kind[Any, Any], Mapping[Any, Any]], *, without: Mapping[Kind[Any, Any], Collection[Any]]
    ) -> None:
        """Records are remembered as they are now; those that are gone, and those that belonged to records of `without`, no more."""
        if without:
            for kind, recent in self.records.items():
                if kind.belongs_to in without:
                    recent.clear()
        for kind, rows in looked.items():
            if not rows or kind not in self.records:
                continue
            self.records[kind].put(rows)
            if None in rows.values():
                for key in [key for key, record in rows.items() if record is None]:
                    self.records[kind].forget(key)

    def _put_open(self, queues: Mapping[DeviceName, Collection[int]], opened: Mapping[DeviceName, list[int]]) -> None:
        """Devices have the open operations of `queues`, or as before, and after them those of `opened`."""
        for name, queue in queues.items():
            if queue:
                self.open[name] = list(queue)
            else:
                self.open.pop(name, None)
        for name, create_ms in opened.items():
            present = self.open.setdefault(name, create_ms)  # the batch is over: its list is no one else's
            if present is not create_ms:
                present.extend(create_ms)

    def forget_recent(self) -> None:
        """Forget everything that need not be complete."""
        self.devices.clear()
        self.credentials.clear()
        self.operations.clear()
        for recent in self.records.values():
            recent.clear()

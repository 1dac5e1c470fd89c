"""What the store keeps in memory of committed rows: the file is exclusively ours, so memory cannot grow stale.

The writer's thread alone changes it, after each commit; the event loop only looks. Each step is one dict operation, and what is
looked up is immutable, so the two need no lock.
"""

from collections.abc import Collection, Mapping

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.names import DeviceName, EnterpriseName, PolicyName
from heliograph.domain.operation import Operation
from heliograph.domain.policy import PolicyRecord
from heliograph.storage.batch import Batch
from heliograph.storage.looking import DeviceState
from heliograph.storage.recent import Recent
from heliograph.storage.tail import Tail

DEVICES_MOST = 65_536
"""Per generation, of which there are two: some 1.5 KB each. 100,000 devices are read once each: a command costs what it costs with ten."""
OPERATIONS_MOST = 16_384
"""Two generations too: some 2 KB each."""
ENTERPRISES_MOST = 256
"""A server has few; looked at with every change that may be published."""
POLICIES_MOST = 256
"""Two generations too; a policy may be half a megabyte large, few are above 10 KB."""
GIVEN_MOST = 4_096
"""Ids of operations that are looked through at a time: a quarter of a millisecond."""


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
        self.policies: Recent[PolicyName, PolicyRecord] = Recent(POLICIES_MOST)
        self.enterprises: Recent[EnterpriseName, EnterpriseRecord] = Recent(ENTERPRISES_MOST)

    def remember(self, batch: Batch) -> None:
        """What the batch read and wrote is remembered; only after its commit."""
        self.devices.put(batch.states)
        self.credentials.put(batch.credentials)
        self.operations.put(batch.operations)
        self._put_enterprises(batch.enterprises)
        if batch.policies or batch.written.emptied:
            self._put_policies(batch.policies, without=batch.written.emptied)
        self._put_open(batch.open, batch.opened)
        self.given.put(batch.given, batch.now_us // 1_000)
        self.tail.add(batch.written.new_operations)
        for act in batch.afterwards:
            act()

    def _put_policies(self, policies: Mapping[PolicyName, PolicyRecord | None], *, without: Collection[EnterpriseName]) -> None:
        """The policies are remembered as they are now, those that are gone and those of enterprises that are gone no more."""
        if without:
            self.policies.clear()
        for name in [name for name, record in policies.items() if record is None]:
            self.policies.forget(name)
        self.policies.put(policies)

    def _put_open(self, queues: Mapping[DeviceName, Collection[int]], opened: Mapping[DeviceName, list[int]]) -> None:
        """Devices have the open operations of `queues`, or as before, and after them those of `opened`."""
        for name, queue in queues.items():
            if queue:
                self.open[name] = list(queue)
            else:
                self.open.pop(name, None)
        for name, create_ms in opened.items():
            self.open.setdefault(name, []).extend(create_ms)

    def _put_enterprises(self, enterprises: Mapping[EnterpriseName, EnterpriseRecord | None]) -> None:
        """These enterprises are remembered, and that some are gone."""
        self.enterprises.put(enterprises)
        for name in [name for name, record in enterprises.items() if record is None]:
            self.enterprises.forget(name)

    def forget_recent(self) -> None:
        """Only what is complete is still remembered."""
        self.devices.clear()
        self.credentials.clear()
        self.operations.clear()
        self.policies.clear()
        self.enterprises.clear()

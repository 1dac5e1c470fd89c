"""The way of one world's notifications: each may get lost, be late, come twice, after the next one, or broken, as a test planned it.

What is kept back is out of the outbox already, as it is with Pub/Sub: it waits here, by the world's clock, and ends with the world.
"""

import asyncio
from collections.abc import Coroutine
from typing import Final, Protocol

import msgspec

from heliograph.domain.names import DeviceName
from heliograph.domain.notification_subject import about
from heliograph.protojson.parser import MALFORMED
from heliograph.sandbox.calls import device_in
from heliograph.sandbox.fault_checks import seconds
from heliograph.sandbox.fault_messages import NotificationFate, NotificationFault
from heliograph.sandbox.faults import Fault, Faults
from heliograph.service.outbox import NotPublished, OutboxMessage, Publisher, PublishingCounts

LATE_S: Final = 60.0
"""How late a LATE one is that says nothing, and how long a REORDERED one waits for the next one."""
AGAIN_FIRST_S, AGAIN_MOST_S = 1.0, 600.0


class SleepingClock(Protocol):
    """The world's clock, as far as it is needed here."""

    async def sleep(self, seconds: float) -> None:
        """Returns when so many seconds of it have passed."""


class Redelivery(Protocol):
    """Where it is noted that a notification went out once more."""

    def record_again(self, message: OutboxMessage) -> None:
        """The message went out a further time, on purpose."""


class MetNotifications:
    """A Publisher in front of another one."""

    def __init__(self, inner: Publisher, *, faults: Faults, clock: SleepingClock, log: Redelivery) -> None:
        """Messages go to `inner` once no fault meets them, or when it lets them go."""
        self._inner = inner
        self._faults = faults
        self._clock = clock
        self._log = log
        self.counts = PublishingCounts()
        """The server's own ones, once it is there: what leaves here late is in progress too."""
        self._overtaken: dict[int, tuple[OutboxMessage, asyncio.Task[None]]] = {}
        """What goes out after the next message, with what lets it go if none comes."""
        self._under_way: set[asyncio.Task[None]] = set()

    async def publish(self, message: OutboxMessage) -> None:
        """The destination has the message, or a fault has.  Raises: NotPublished."""
        fault = None if message.attempts else self._faults.of_notification(message.notification_type, lambda: _device(message.data))
        if fault is None or fault.wanted.notification is None:
            await self._inner.publish(message)
        else:
            await self._meet(fault, fault.wanted.notification, message)
            if fault.wanted.notification.fate is NotificationFate.REORDERED:
                return
        await self._let_go()

    async def close(self) -> None:
        """Nothing goes out any more."""
        for task in [*self._under_way, *(task for _message, task in self._overtaken.values())]:
            task.cancel()
        await self._inner.close()

    async def _meet(self, fault: Fault, about: NotificationFault, message: OutboxMessage) -> None:
        self._faults.meet(fault)
        late_s = seconds(about.delay) or LATE_S
        match about.fate:
            case NotificationFate.LATE:
                _ = self._later(self._send_in(late_s, message))
            case NotificationFate.REORDERED:
                task = self._later(self._overtaken_by_nobody(late_s, message.message_id))
                self._overtaken[message.message_id] = message, task
            case NotificationFate.DOUBLED:
                await self._inner.publish(message)
                self._log.record_again(message)
                _ = self._later(self._send_in(0, message))
            case NotificationFate.MALFORMED:
                await self._inner.publish(msgspec.structs.replace(message, data=message.data[: len(message.data) // 2]))

    async def _let_go(self) -> None:
        """What waited for the message that has gone out goes out now."""
        overtaken, self._overtaken = self._overtaken, {}
        for message, task in overtaken.values():
            task.cancel()
            await self._insist(message)

    async def _overtaken_by_nobody(self, delay_s: float, message_id: int) -> None:
        await self._clock.sleep(delay_s)
        if (waiting := self._overtaken.pop(message_id, None)) is not None:
            await self._insist(waiting[0])

    async def _send_in(self, delay_s: float, message: OutboxMessage) -> None:
        if delay_s:
            await self._clock.sleep(delay_s)
        await self._insist(message)

    async def _insist(self, message: OutboxMessage) -> None:
        """The message goes out, however often that takes: no outbox remembers it any more."""
        wait_s = AGAIN_FIRST_S
        while True:
            self.counts.begun += 1
            try:
                await self._inner.publish(message)
            except NotPublished:
                pass
            else:
                return
            finally:
                self.counts.ended += 1
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, AGAIN_MOST_S)

    def _later(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task


def _device(data: bytes) -> DeviceName | None:
    """The device that the notification is about."""
    try:
        return device_in(about(msgspec.json.decode(data)))
    except (*MALFORMED, AttributeError):
        return None

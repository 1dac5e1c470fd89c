"""Notifications: which writes publish one, and how the outbox is emptied."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn

import structlog

from heliograph.backoff import pause_after
from heliograph.domain import notification as contents
from heliograph.domain.device import DeviceRecord
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import TEST, Notification, subscription_of
from heliograph.domain.operation import Operation
from heliograph.protojson.errors import FailedPrecondition, Unavailable
from heliograph.service.event_log import AppendEvent
from heliograph.service.haste import first_of
from heliograph.service.outbox import NotPublished, OutboxMessage, Postponed, Publish, Published, Publisher
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutOperation, Sees, Write

log = structlog.get_logger()

DELAY_US = 100_000
"""From the commit on: a caller must have stored the name from the answer before its COMMAND arrives (amapi.md §5.9)."""
LOOKS_APART_US = 10_000
"""Messages that ripen within so short a time are found together."""
LOOK_LATEST_US = 1_000_000
"""What other servers left behind is found by looking. The only server of a database knows when its next message is due."""
LEASE_US = 60_000_000
"""Longer than any publisher tries: when a claim lapses, its holder is dead, or as good as dead."""
KEPT_US = 7 * 86_400 * 1_000_000
"""Pub/Sub keeps a message no longer either, so callers reconcile by then (amapi.md §5.12)."""
AT_ONCE_MOST = 16
"""Messages being sent at a time: a destination that does not answer must not take all sockets."""
FIRST_PAUSE_US = 1_000_000
LONGEST_PAUSE_US = 600 * 1_000_000
"""Pub/Sub's own longest pause between two deliveries."""
PAUSE_AFTER_ERROR_S = 0.5
"""After the store refused."""
STOP_WITHIN_S = 1.0
"""Time that a stopping server gives to messages in progress, and then to the store."""


def operation_writes(ports: Ports, facts: Facts, before: Operation, after: Operation) -> Iterator[Write]:
    """`after` is written; if it has just ended, its COMMAND goes out."""
    yield PutOperation(after)
    if after.done and not before.done:
        yield from _published(ports, facts, after.device.parent, NotificationType.COMMAND, lambda: contents.operation_ended(after))


def enrolment_published(ports: Ports, facts: Facts, device: DeviceRecord) -> Iterator[Write]:
    """The new device's ENROLLMENT goes out."""
    return _published(ports, facts, device.name.parent, NotificationType.ENROLLMENT, lambda: contents.device_enrolled(device))


def status_published(ports: Ports, facts: Facts, device: DeviceRecord) -> Iterator[Write]:
    """The device's STATUS_REPORT goes out."""
    return _published(ports, facts, device.name.parent, NotificationType.STATUS_REPORT, lambda: contents.device_reported(device))


def departure_published(ports: Ports, facts: Facts, device: DeviceRecord) -> Iterator[Write]:
    """The device's final STATUS_REPORT goes out."""
    return _published(ports, facts, device.name.parent, NotificationType.STATUS_REPORT, lambda: contents.device_gone(device))


class NothingPublishes(FailedPrecondition):
    """This server publishes no notifications: start it with --push-endpoint, or with --pubsub for Google's Pub/Sub."""

    reason = "NOTIFICATIONS_NOT_PUBLISHED"


def topic_tried_out(ports: Ports, name: EnterpriseName, resource: bytes) -> Iterable[Write]:
    """A test message goes out if the enterprise has a topic, regardless of the types it enabled.  Raises: NothingPublishes."""
    subscription = subscription_of(resource)
    if not subscription.pubsub_topic:
        return ()
    if not (ports.destinations.topics or ports.destinations.push):
        raise NothingPublishes
    return _to(ports, name, ports.destinations.of_test(subscription), TEST)


def _published(
    ports: Ports, facts: Facts, name: EnterpriseName, kind: NotificationType, make: Callable[[], Notification]
) -> Iterator[Write]:
    # Rendered only if something receives it: most servers publish nothing.
    if facts.subscription is not None and facts.subscription.wants(kind) and ports.destinations:
        yield from _to(ports, name, ports.destinations.of(facts.subscription, kind), make())


def _to(ports: Ports, name: EnterpriseName, destinations: Iterable[str], notification: Notification) -> Iterator[Write]:
    if ports.destinations.events:
        yield AppendEvent(name, notification)
    yield from (Publish(notification, destination) for destination in destinations)


async def publish_notifications(ports: Ports, publisher: Publisher, *, chance: Callable[[], float]) -> NoReturn:
    """Every message is sent until its destination takes it, with growing pauses, or given up after KEPT_US.

    It goes out DELAY_US after its commit at the earliest, or when haste is requested. A message is claimed first, so that of
    several servers one sends it; what was sent but is not known to be taken when its server dies is sent again, under the same message
    id, when the claim lapses.
    Messages do not wait for each other, so their order is not promised.
    """
    await _Sender(ports, publisher, chance=chance).run()


class _Sender:
    def __init__(self, ports: Ports, publisher: Publisher, *, chance: Callable[[], float]) -> None:
        self._ports = ports
        self._publisher = publisher
        self._chance = chance
        self._counts = ports.publishing
        self._look = asyncio.Event()
        self._next_look_us: int | None = 0
        """None: when a look is requested."""
        self._haste = asyncio.Event()
        self._hastened_us = 0
        """What was due by then has waited long enough."""
        self._more = False
        """Whether messages may wait for others to be sent."""
        self._sending: dict[int, tuple[OutboxMessage, asyncio.Task[None]]] = {}
        self._ripe_us: dict[int, int] = {}
        """When messages that this server committed, or put off for a moment, may go out; known until then."""

    async def run(self) -> NoReturn:
        self._ports.store.on_published(self._heard)
        self._ports.haste.listen(self._hasten)
        try:
            while True:
                self._look.clear()
                self._next_look_us = await self._start_due()
                await self._until_news()
        finally:
            await self._stop()

    def _heard(self, message_ids: Sequence[int]) -> None:
        # Counted from here: the messages' own time is older by what the commit took.
        self._expect(message_ids, self._ports.clock.now_us() + DELAY_US)

    def _expect(self, message_ids: Sequence[int], ripe_us: int) -> None:
        self._ripe_us.update(dict.fromkeys(message_ids, ripe_us))
        self._look_by(ripe_us)

    def _look_by(self, at_us: int) -> None:
        # Under load there is a commit every millisecond: no look for each if one follows in time anyway.
        if self._next_look_us is None or self._next_look_us > at_us:
            self._look.set()

    def _hasten(self) -> None:
        self._hastened_us = self._ports.clock.now_us()
        self._ripe_us.clear()
        self._haste.set()
        self._look.set()

    async def _start_due(self) -> int | None:
        """Start sending every message that is due, within the limits. Returns when to look again at the latest."""
        now_us, free = self._ports.clock.now_us(), AT_ONCE_MOST - len(self._sending)
        self._haste.clear()
        self._more = not free
        if self._more:
            return now_us + LOOK_LATEST_US if self._ports.shared else None
        due_by_us = max(now_us - DELAY_US, self._hastened_us)
        try:
            claimed = await self._ports.store.claim(limit=free, now_us=due_by_us, until_us=now_us + LEASE_US)
            next_us = await self._ports.store.next_message_us()
        except Unavailable:
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)
            return now_us
        for message in claimed:
            self._start(message)
        self._more = len(claimed) == free
        self._ripe_us = {message_id: ripe_us for message_id, ripe_us in self._ripe_us.items() if ripe_us > now_us}
        return self._look_again_us(now_us, next_us)

    def _look_again_us(self, now_us: int, next_us: int | None) -> int | None:
        times_us = [min(self._ripe_us.values())] if self._ripe_us else []
        if self._ports.shared:
            times_us.append(now_us + LOOK_LATEST_US)
        elif next_us is not None:
            times_us.append(next_us + DELAY_US)
        return max(min(times_us), now_us + LOOKS_APART_US) if times_us else None

    def _start(self, message: OutboxMessage) -> None:
        if message.message_id in self._sending:
            return  # it takes longer than its claim holds
        task = asyncio.create_task(self._send(message))
        self._sending[message.message_id] = message, task
        task.add_done_callback(lambda _: self._sent(message.message_id))

    def _sent(self, message_id: int) -> None:
        del self._sending[message_id]
        if self._more:
            self._look.set()

    async def _send(self, message: OutboxMessage) -> None:
        if (ripe_us := self._ripe_us.get(message.message_id, 0)) > self._ports.clock.now_us():
            await first_of(self._haste.wait(), self._ports.clock.sleep_until(ripe_us))
        self._counts.begun += 1
        try:
            settled = await self._outcome(message)
            while not await self._settled(settled):  # noqa: ASYNC110 - the store does not signal when it accepts writes again
                # Its outcome is known: better recorded late than the message sent twice. Once the claim lapses, others may send it.
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
        finally:
            self._counts.ended += 1
        if isinstance(settled, Postponed):
            self._put_off(message.message_id, settled.due_us + DELAY_US)

    def _put_off(self, message_id: int, ripe_us: int) -> None:
        if not self._ports.shared:
            self._look_by(ripe_us)
        elif ripe_us - self._ports.clock.now_us() < LOOK_LATEST_US:
            self._expect((message_id,), ripe_us)

    async def _settled(self, *writes: Write) -> bool:
        """Whether the writes are durable."""
        try:
            await self._ports.store.decide(Sees(), lambda _: Decision(None, writes), lane=Lane.TIMERS)
        except Unavailable:
            return False
        return True

    async def _outcome(self, message: OutboxMessage) -> Write:
        try:
            await self._publisher.publish(message)
        except NotPublished as error:
            return self._failed(message, str(error))
        except Exception as error:  # noqa: BLE001 - one message that a library chokes on must not keep the others waiting
            return self._failed(message, f"unexpected {type(error).__qualname__}")
        self._counts.published += 1
        return Published(message.message_id)

    def _failed(self, message: OutboxMessage, reason: str) -> Write:
        now_us, attempts = self._ports.clock.now_us(), message.attempts + 1
        about = {"message_id": message.message_id, "type": message.notification_type, "attempts": attempts, "reason": reason}
        if now_us - message.created_us >= KEPT_US:
            self._counts.given_up += 1
            log.error("notification.given_up", **about)
            return Published(message.message_id)
        self._counts.failed += 1
        log.warning("notification.not_published", **about)
        return Postponed(message.message_id, now_us + self._pause_us(message.attempts) - DELAY_US, attempts)

    def _pause_us(self, attempts: int) -> int:
        """Half of it is random, so that messages that failed together are not repeated together."""
        return round(pause_after(attempts, first=FIRST_PAUSE_US, most=LONGEST_PAUSE_US, chance=self._chance))

    async def _until_news(self) -> None:
        if self._next_look_us is None:
            await self._look.wait()
        else:
            await first_of(self._look.wait(), self._ports.clock.sleep_until(self._next_look_us))

    async def _stop(self) -> None:
        """Stop sending. Messages without a known outcome are free for others at once, not only when the claim lapses."""
        tasks = {task: message for message, task in self._sending.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
        left = [message for task, message in tasks.items() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not left:
            return
        free_us = self._ports.clock.now_us() - DELAY_US
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._settled(*(Postponed(message.message_id, free_us, message.attempts) for message in left))

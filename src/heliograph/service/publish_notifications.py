"""What waits in the outbox is sent, at least once each."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NoReturn

import structlog

from heliograph.domain.errors import Unavailable
from heliograph.service.outbox import NotPublished, OutboxMessage, Postponed, Published, Publisher
from heliograph.service.ports import Decision, Ports, Sees, Write

log = structlog.get_logger()

DELAY_US = 100_000
"""From the commit on: callers whose issueCommand was just answered must have stored the name before its COMMAND comes (amapi.md §5.9)."""
LOOKS_APART_US = 10_000
"""Messages that ripen within so short a time are found together."""
KEPT_US = 7 * 86_400 * 1_000_000
"""Pub/Sub keeps a message no longer either, so callers reconcile by then (amapi.md §5.12)."""
AT_ONCE_MOST = 16
"""Messages being sent at a time: a destination that does not answer must not take all sockets."""
FIRST_PAUSE_US = 1_000_000
LONGEST_PAUSE_US = 600 * 1_000_000
"""Pub/Sub's own longest pause between two deliveries."""
PAUSE_AFTER_ERROR_S = 0.5
"""When the store took nothing."""


async def publish_notifications(ports: Ports, publisher: Publisher, *, chance: Callable[[], float]) -> NoReturn:
    """Every message is sent until its destination takes it, with growing pauses, or given up after KEPT_US.

    It goes out DELAY_US after its commit at the earliest. What is sent but not yet known to be taken when the process dies is sent
    again, under the same message id. Messages do not wait for each other, so their order is nobody's promise.
    """
    await _Sender(ports, publisher, chance=chance).run()


class _Sender:
    def __init__(self, ports: Ports, publisher: Publisher, *, chance: Callable[[], float]) -> None:
        self._ports = ports
        self._publisher = publisher
        self._chance = chance
        self._counts = ports.publishing
        self._look = asyncio.Event()
        self._next_look_us: int | None = None
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._committed_us: dict[int, int] = {}
        """When we heard of the newest messages; their own time is older by what the commit took."""

    async def run(self) -> NoReturn:
        self._ports.store.on_published(self._heard)
        try:
            while True:
                self._look.clear()
                self._next_look_us = await self._start_ripe()
                await self._until_news()
        finally:
            for task in self._sending.values():
                task.cancel()
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    def _heard(self, message_ids: Sequence[int]) -> None:
        now_us = self._ports.clock.now_us()
        self._committed_us.update(dict.fromkeys(message_ids, now_us))
        # Under load there is a commit every millisecond: no look for each, where one comes in time anyhow.
        if self._next_look_us is None or self._next_look_us > now_us + DELAY_US:
            self._look.set()

    async def _start_ripe(self) -> int | None:
        """When to look again, None: when something happens. Every message whose time has come is being sent, as far as may be."""
        now_us = self._ports.clock.now_us()
        self._committed_us = {key: at_us for key, at_us in self._committed_us.items() if at_us + DELAY_US > now_us}
        next_us: int | None = None
        for message in await self._ports.store.outbox(limit=2 * AT_ONCE_MOST):
            ripe_us = self._ripe_us(message)
            if message.message_id in self._sending:
                continue
            if ripe_us > now_us:
                next_us = ripe_us if next_us is None else min(next_us, ripe_us)
            elif len(self._sending) < AT_ONCE_MOST:
                self._start(message)
        return None if next_us is None else max(next_us, now_us + LOOKS_APART_US)

    def _ripe_us(self, message: OutboxMessage) -> int:
        committed_us = self._committed_us.get(message.message_id, message.created_us)
        return max(message.due_us, committed_us + DELAY_US)

    def _start(self, message: OutboxMessage) -> None:
        task = asyncio.create_task(self._send(message))
        self._sending[message.message_id] = task
        task.add_done_callback(lambda _: self._sent(message.message_id))

    def _sent(self, message_id: int) -> None:
        del self._sending[message_id]
        self._look.set()

    async def _send(self, message: OutboxMessage) -> None:
        settled = await self._outcome(message)
        try:
            await self._ports.store.decide(Sees(), lambda _: Decision(None, (settled,)))
        except Unavailable:
            # The message stands in the outbox as before, and goes out again.
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)

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
        return Postponed(message.message_id, now_us + self._pause_us(message.attempts), attempts)

    def _pause_us(self, attempts: int) -> int:
        """Half of it is chance, so that what failed together is not repeated together."""
        longest_us = min(FIRST_PAUSE_US << min(attempts, 20), LONGEST_PAUSE_US)
        return round(longest_us * (0.5 + self._chance() / 2))

    async def _until_news(self) -> None:
        waits: list[asyncio.Task[object]] = [asyncio.create_task(self._look.wait())]
        if self._next_look_us is not None:
            waits.append(asyncio.create_task(self._ports.clock.sleep_until(self._next_look_us)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

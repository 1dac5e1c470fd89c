"""How the outbox is emptied: each message is sent until its destination takes it, or given up."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import NamedTuple, NoReturn

import msgspec
import structlog

from heliograph.backoff import pause_after
from heliograph.protojson.errors import Unavailable
from heliograph.service.dead_letters import give_up
from heliograph.service.destination_rests import LONGEST_ASKED_US, Rests
from heliograph.service.endpoint_shares import EndpointShares
from heliograph.service.haste import first_of
from heliograph.service.outbox import DestinationClosed, NotPublished, OutboxMessage, Postponed, Published, Publisher
from heliograph.service.ports import Decision, Lane, Ports, Sees, Write

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
AT_ONCE_MOST = 64
"""Messages being sent at a time: they must not take all sockets."""
EACH_MOST = 16
"""Of these to one destination: one that does not answer leaves room for others."""
NOWHERE_MOST = 512
"""Both of them, if nothing leaves the process: what takes no socket waits for no one."""
FIRST_PAUSE_US = 1_000_000
LONGEST_PAUSE_US = 600 * 1_000_000
"""Pub/Sub's own longest pause between two deliveries."""
PAUSE_AFTER_ERROR_S = 0.5
"""After the store refused."""
STOP_WITHIN_S = 1.0
"""Time that a stopping server gives to messages in progress, and then to the store."""


class AtOnce(NamedTuple):
    """How many messages may be in progress."""

    all: int = AT_ONCE_MOST
    each: int = EACH_MOST
    """To one destination."""
    together: bool = False
    """Whether one after the other is sent, and what came of all of them is one decision: if none waits for a network."""

    @property
    def of_enterprise(self) -> int:
        """To all push endpoints of one enterprise, about: the other half is for others."""
        return max(self.each, self.all // 2)


SPARING = AtOnce()
UNHEARD = AtOnce(NOWHERE_MOST, NOWHERE_MOST, together=True)


async def sparing() -> AtOnce:
    """As many as a server that others share may send."""
    return SPARING


async def publish_notifications(
    ports: Ports, publisher: Publisher, *, chance: Callable[[], float], at_once: Callable[[], Awaitable[AtOnce]] = sparing
) -> NoReturn:
    """Every message is sent until its destination takes it, with growing pauses, or given up after KEPT_US: it is then a dead letter.

    It goes out DELAY_US after its commit at the earliest, or when haste is requested. A message is claimed first, so that of
    several servers one sends it; what was sent but is not known to be taken when its server dies is sent again, under the same message
    id, when the claim lapses.
    Messages do not wait for each other, so their order is not promised. A destination that takes none of them rests (Rests).
    `at_once()`: how many may be in progress now.
    """
    await _Sender(ports, publisher, chance=chance, at_once=at_once).run()


class DeadBecause(NamedTuple):
    """The outcome of a message that is given up."""

    reason: str


OutcomeOfSending = Published | Postponed | DeadBecause


class _Sender:
    def __init__(
        self, ports: Ports, publisher: Publisher, *, chance: Callable[[], float], at_once: Callable[[], Awaitable[AtOnce]]
    ) -> None:
        self._at_once = at_once
        self._ports = ports
        self._publisher = publisher
        self._chance = chance
        self._counts = ports.publishing
        self._rests = Rests(self._counts.resting_until_us, chance=chance)
        self._shares = EndpointShares()
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
        most = await self._at_once()
        now_us = self._ports.clock.now_us()
        free = max(0, most.all - len(self._sending))
        self._haste.clear()
        self._more = not free
        if self._more:
            return now_us + LOOK_LATEST_US if self._ports.shared else None
        due_by_us = max(now_us - DELAY_US, self._hastened_us)
        store, busy = self._ports.store, self._busy(now_us, most)
        try:
            claimed = await store.claim(limit=free, now_us=due_by_us, until_us=now_us + LEASE_US, each=most.each, busy=busy)
            next_us = await store.next_messages_us()
        except Unavailable:
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)
            return now_us
        self._start_all(claimed, together=most.together)
        full = self._full(busy + Counter(message.destination for message in claimed), most.each)
        self._more = len(claimed) == free or bool(full)
        self._ripe_us = {message_id: ripe_us for message_id, ripe_us in self._ripe_us.items() if ripe_us > now_us}
        # A full destination gets its turn when a message to it is settled.
        return self._look_again_us(now_us, {to: due_us for to, due_us in next_us.items() if to not in full})

    def _busy(self, now_us: int, most: AtOnce) -> Counter[str]:
        """By how many of `most.each` a destination gets less: for what is being sent to it, while it takes nothing, for others' sake."""
        sending = [message for message, _ in self._sending.values()]
        busy = Counter(message.destination for message in sending)
        for destination, less in self._rests.busy(now_us, each=most.each):
            busy[destination] += less
        for endpoint, at_least in self._shares.busy(sending, most=most.of_enterprise, each=most.each):
            busy[endpoint] = max(busy[endpoint], at_least)
        return busy

    def _full(self, busy: Counter[str], each: int) -> Collection[str]:
        """Destinations with as many messages in progress as they may have; those that rest have none."""
        return {to for to, count in busy.items() if count >= each and not self._rests.until_us(to)}

    def _look_again_us(self, now_us: int, next_us: Mapping[str, int]) -> int | None:
        times_us = [min(self._ripe_us.values())] if self._ripe_us else []
        times_us += (max(due_us + DELAY_US, self._rests.until_us(destination)) for destination, due_us in next_us.items())
        if self._ports.shared:
            times_us.append(now_us + LOOK_LATEST_US)
        return max(min(times_us), now_us + LOOKS_APART_US) if times_us else None

    def _start_all(self, claimed: Collection[OutboxMessage], *, together: bool) -> None:
        fresh = [message for message in claimed if message.message_id not in self._sending]  # else it takes longer than its claim holds
        if together and fresh:
            now_us = self._ports.clock.now_us()
            ripe = [message for message in fresh if self._ripe_us.get(message.message_id, 0) <= now_us]
            self._start(ripe)
            fresh = [message for message in fresh if message.message_id not in self._sending]
        for message in fresh:
            self._start((message,))

    def _start(self, messages: Sequence[OutboxMessage]) -> None:
        if not messages:
            return
        task = asyncio.create_task(self._send(messages))
        self._sending.update((message.message_id, (message, task)) for message in messages)
        task.add_done_callback(lambda _: self._sent(messages))

    def _sent(self, messages: Sequence[OutboxMessage]) -> None:
        for message in messages:
            del self._sending[message.message_id]
        if self._more:
            self._look.set()

    async def _send(self, messages: Sequence[OutboxMessage]) -> None:
        """The messages have been sent, one after the other, and what came of them is durable."""
        ripe_us = self._ripe_us.get(messages[0].message_id, 0)  # of several, all are ripe
        if ripe_us > self._ports.clock.now_us():
            await first_of(self._haste.wait(), self._ports.clock.sleep_until(ripe_us))
        self._counts.begun += len(messages)
        try:
            outcomes = [(message, await self._outcome(message)) for message in messages]
            left = list(outcomes)
            while not await self._settled(left):  # noqa: ASYNC110 - the store does not signal when it accepts writes again
                # Its outcome is known: better recorded late than the message sent twice. Once the claim lapses, others may send it.
                await asyncio.sleep(PAUSE_AFTER_ERROR_S)
        finally:
            self._counts.ended += len(messages)
        for message, outcome in outcomes:
            if isinstance(outcome, Postponed):
                self._put_off(message.message_id, outcome.due_us + DELAY_US)

    def _put_off(self, message_id: int, ripe_us: int) -> None:
        if not self._ports.shared:
            self._look_by(ripe_us)
        elif ripe_us - self._ports.clock.now_us() < LOOK_LATEST_US:
            self._expect((message_id,), ripe_us)

    async def _settled(self, left: list[tuple[OutboxMessage, OutcomeOfSending]]) -> bool:
        """Whether the outcomes are durable; those that are not are `left`."""
        writes = [outcome for _, outcome in left if not isinstance(outcome, DeadBecause)]
        try:
            if writes:
                await self._write(*writes)
                left[:] = [(message, outcome) for message, outcome in left if isinstance(outcome, DeadBecause)]
            while left:
                message, outcome = left[-1]
                if isinstance(outcome, DeadBecause):
                    tried = msgspec.structs.replace(message, attempts=message.attempts + 1)
                    await give_up(self._ports, message.enterprise, (tried,), outcome.reason)
                left.pop()
        except Unavailable:
            return False
        return True

    async def _write(self, *writes: Write) -> None:
        await self._ports.store.decide(Sees(), lambda _: Decision(None, writes), lane=Lane.TIMERS)

    async def _outcome(self, message: OutboxMessage) -> OutcomeOfSending:
        try:
            await self._publisher.publish(message)
        except NotPublished as error:
            return self._failed(message, error)
        except Exception as error:  # noqa: BLE001 - one message that a library chokes on must not keep the others waiting
            return self._failed(message, NotPublished(f"unexpected {type(error).__qualname__}", only_this=True))
        self._counts.published += 1
        self._rests.worked(message.destination)
        return Published(message.message_id)

    def _failed(self, message: OutboxMessage, error: NotPublished) -> Postponed | DeadBecause:
        now_us, attempts = self._ports.clock.now_us(), message.attempts + 1
        about = {"message_id": message.message_id, "type": message.notification_type, "attempts": attempts, "reason": str(error)}
        if isinstance(error, DestinationClosed) or now_us - message.created_us >= KEPT_US:
            self._counts.given_up += 1
            if isinstance(error, DestinationClosed):
                self._rests.worked(message.destination)  # nothing is sent there, so nothing need be spared
            log.error("notification.given_up", **about)
            return DeadBecause(str(error))
        self._counts.failed += 1
        self._rests.failed(message.destination, error, now_us)
        log.warning("notification.not_published", **about)
        pause_us = max(self._pause_us(message.attempts), min(error.retry_after_us or 0, LONGEST_ASKED_US))
        return Postponed(message.message_id, now_us + pause_us - DELAY_US, attempts)

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
        sending = list(self._sending.values())
        tasks = {task for _, task in sending}
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
        left = [message for message, task in sending if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not left:
            return
        free_us = self._ports.clock.now_us() - DELAY_US
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WITHIN_S):
                with contextlib.suppress(Unavailable):
                    await self._write(*(Postponed(message.message_id, free_us, message.attempts) for message in left))

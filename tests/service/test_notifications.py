"""When messages are sent: pauses, patience and its end, with a clock that stands until it is set."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar, cast

import pytest
from structlog.testing import capture_logs

from heliograph.domain.errors import Overloaded
from heliograph.domain.notification import Notification
from heliograph.service.outbox import PUSH, NotPublished, OutboxMessage, Publish
from heliograph.service.ports import Decision, Lane, Ports, Rule, Sees, Store
from heliograph.service.send_notifications import (
    DELAY_US,
    FIRST_PAUSE_US,
    KEPT_US,
    LONGEST_PAUSE_US,
    SPARING,
    UNHEARD,
    AtOnce,
    publish_notifications,
)
from tests.patience import PATIENCE_S
from tests.service.world import World

T = TypeVar("T")

SECOND_US = 1_000_000


class Sink:
    """A Publisher that notes what it gets, and takes it or not."""

    def __init__(self) -> None:
        self.got: list[OutboxMessage] = []
        self.error: Exception | None = None

    async def publish(self, message: OutboxMessage) -> None:
        self.got.append(message)
        if self.error is not None:
            raise self.error

    async def close(self) -> None:
        """Nothing to close."""


@contextlib.asynccontextmanager
async def publishing(
    lab: World, sink: Sink, chances: Iterator[float] | None = None, at_once: AtOnce = SPARING
) -> AsyncIterator[None]:  # fmt: skip
    """The outbox is emptied into the sink."""

    async def allowed() -> AtOnce:
        return at_once

    chance = lambda: next(chances) if chances else 0.5  # noqa: E731
    task = asyncio.create_task(publish_notifications(lab.ports, sink, chance=chance, at_once=allowed))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def put(lab: World, data: bytes = b"{}") -> None:
    """A message waits, and its listener has heard of it."""
    publish = Publish(Notification(notification_type="COMMAND", data=data), PUSH)
    await lab.ports.store.decide(Sees(), lambda _: Decision(None, (publish,)))
    await settle()


async def settle() -> None:
    """Everything that waits for nothing but its turn on the loop has happened."""
    for _ in range(50):
        await asyncio.sleep(0)


async def until(happened: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it has happened.  Raises: TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not await happened():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.002)


async def waiting(lab: World) -> Sequence[OutboxMessage]:
    """All that is not settled; far in the future no claim holds."""
    return await lab.ports.store.claim(limit=10, now_us=2**62, until_us=0)


async def emptied(lab: World) -> None:
    """Returns once nothing waits in the outbox."""

    async def empty() -> bool:
        return not await waiting(lab)

    await until(empty)


async def tried(lab: World, attempts: int) -> int:
    """How long the one message must wait yet, once it was tried so often."""

    async def put_off() -> bool:
        (message,) = await waiting(lab)
        return message.attempts == attempts

    await until(put_off)
    due_us = (await waiting(lab))[0].due_us + DELAY_US

    async def sleeps() -> bool:
        return due_us in lab.clock.awaited_us

    await until(sleeps)  # the one that put it off looks again first
    return due_us - lab.clock.now_us()


class Picky(Sink):
    """It takes every other message."""

    async def publish(self, message: OutboxMessage) -> None:
        self.error = None if len(self.got) % 2 else NotPublished("not this one", only_this=True)
        await super().publish(message)


@pytest.mark.parametrize("at_once", [SPARING, UNHEARD])
async def test_each_message_has_its_own_outcome_whether_they_go_one_by_one_or_together(lab: World, at_once: AtOnce) -> None:
    sink, count = Picky(), 6
    async with publishing(lab, sink, at_once=at_once):
        for number in range(count):
            await put(lab, b"%d" % number)
        decided = lab.ports.store.counts.batch_rules.total
        lab.clock.advance(DELAY_US / SECOND_US)

        async def half_is_out() -> bool:
            return sorted(message.attempts for message in await waiting(lab)) == [1] * (count // 2)

        await until(half_is_out)

    assert [b"%d" % number for number in range(count)] == [message.data for message in sink.got]
    assert [b"0", b"2", b"4"] == [message.data for message in await waiting(lab)]
    assert (1 if at_once.together else count) == lab.ports.store.counts.batch_rules.total - decided


async def test_nothing_is_sent_before_its_delay_is_over(lab: World) -> None:
    sink = Sink()
    async with publishing(lab, sink):
        await put(lab)
        lab.clock.advance((DELAY_US - 1) / SECOND_US)
        await settle()
        assert [] == sink.got

        lab.clock.advance(0.000_001)
        await emptied(lab)

    assert 1 == len(sink.got)


async def test_what_is_held_back_is_sent_at_once_when_somebody_asks_for_haste(lab: World) -> None:
    sink = Sink()
    sink.error = NotPublished("not now")
    async with publishing(lab, sink):
        await put(lab)
        lab.ports.haste.ask()
        await tried(lab, 1)
        lab.ports.haste.ask()
        await settle()

        assert 1 == len(sink.got)  # what was put off has a time of its own
        assert (1, 1) == (lab.ports.publishing.begun, lab.ports.publishing.ended)


async def test_the_only_server_of_a_database_looks_when_its_next_message_is_due_and_not_in_between(lab: World) -> None:
    sink = Sink()
    sink.error = NotPublished("not now")
    looks = 0
    claim = lab.ports.store.claim

    class Counting:
        def __getattr__(self, name: str) -> object:
            return getattr(lab.ports.store, name)

        async def claim(self, **asked: Any) -> Sequence[OutboxMessage]:  # noqa: ANN401 - whatever the store takes
            nonlocal looks
            looks += 1
            return await claim(**asked)

    counted = dataclasses.replace(lab.ports, store=cast("Store", Counting()))
    task = asyncio.create_task(publish_notifications(counted, sink, chance=lambda: 1.0))
    await put(lab)
    lab.clock.advance(DELAY_US / SECOND_US)
    for attempts in range(1, 5):
        wait_us = await tried(lab, attempts)
        looked = looks
        lab.clock.advance((wait_us - 1) / SECOND_US)
        await settle()
        assert (attempts, looked) == (len(sink.got), looks)
        lab.clock.advance(0.000_001)
    await tried(lab, 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_delay_counts_from_the_commit_not_from_the_rule(lab: World) -> None:
    """A commit may take long; the message's own time is of before."""
    sink = Sink()

    async with publishing(lab, sink):
        putting = asyncio.create_task(put(lab))
        for _ in range(3):
            await asyncio.sleep(0)
        # The rule runs in another thread; the loop, and so the waiter for the answer, does not hear of its commit yet.
        while not await waiting(lab):
            time.sleep(0.001)  # noqa: ASYNC251
        lab.clock.advance(DELAY_US / SECOND_US)
        await putting
        await settle()
        sent_early = len(sink.got)
        lab.clock.advance(DELAY_US / SECOND_US)
        await emptied(lab)

    assert (0, 1) == (sent_early, len(sink.got))


@pytest.mark.parametrize("chance", [0.0, 1.0])
async def test_pauses_double_up_to_the_longest_and_half_of_each_is_chance(lab: World, chance: float) -> None:
    sink = Sink()
    sink.error = NotPublished("nobody there")
    pauses: list[int] = []
    async with publishing(lab, sink, iter([chance] * 100)):
        await put(lab)
        lab.clock.advance(DELAY_US / SECOND_US)
        for attempt in range(13):
            pauses.append(await tried(lab, attempt + 1))
            lab.clock.advance(pauses[-1] / SECOND_US)

    share = 0.5 + chance / 2
    assert [round(share * min(FIRST_PAUSE_US * 2**n, LONGEST_PAUSE_US)) for n in range(13)] == pauses
    assert 1 == len({message.message_id for message in sink.got})
    assert [*range(13)] == [message.attempts for message in sink.got][:13]


async def test_a_message_is_given_up_after_a_week_and_that_is_told(lab: World) -> None:
    sink = Sink()
    sink.error = NotPublished("nobody there")
    async with publishing(lab, sink):
        await put(lab)
        with capture_logs() as logs:
            lab.clock.advance(DELAY_US / SECOND_US)
            await tried(lab, 1)
            lab.clock.advance((KEPT_US - DELAY_US - 1) / SECOND_US)
            await tried(lab, 2)
            lab.clock.advance(LONGEST_PAUSE_US / SECOND_US)
            await emptied(lab)

    assert 3 == len(sink.got)
    events = [(entry["event"], entry["log_level"], entry["reason"]) for entry in logs]
    assert [("notification.not_published", "warning", "nobody there")] * 2 + [("notification.given_up", "error", "nobody there")] == events
    counts = lab.ports.publishing
    assert (0, 2, 1) == (counts.published, counts.failed, counts.given_up)


async def test_a_message_older_than_a_week_still_gets_its_try(lab: World) -> None:
    """The server was down: what waits is sent, not thrown away."""
    sink = Sink()
    await put(lab)
    lab.clock.advance(2 * KEPT_US / SECOND_US)

    async with publishing(lab, sink):
        await emptied(lab)

    assert (1, 1) == (len(sink.got), lab.ports.publishing.published)


async def test_a_message_that_a_library_chokes_on_holds_up_nobody_and_its_data_is_not_logged(lab: World) -> None:
    sink = Sink()
    sink.error = ValueError("quotes the message: hunter22")
    async with publishing(lab, sink):
        with capture_logs() as logs:
            await put(lab, b"first")
            lab.clock.advance(0.1)
            await tried(lab, 1)
            sink.error = None
            await put(lab, b"second")
            lab.clock.advance(0.1)
            async with asyncio.timeout(PATIENCE_S):
                while len(sink.got) < 2:  # noqa: ASYNC110 - the sink has no event
                    await asyncio.sleep(0.002)

    assert [b"first", b"second"] == [message.data for message in sink.got]
    assert ["unexpected ValueError"] == [entry["reason"] for entry in logs]


class Refusing:
    """The store of these ports, which refuses the next writes."""

    def __init__(self, ports: Ports, refusals: int) -> None:
        self._store = ports.store
        self._refusals = refusals

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def decide(self, sees: Sees, rule: Rule[T], *, lane: Lane = Lane.CALLERS) -> T:
        """As the store would, later."""
        self._refusals -= 1
        if self._refusals >= 0:
            raise Overloaded
        return await self._store.decide(sees, rule)


async def test_what_became_of_a_message_is_told_again_until_the_store_takes_it(lab: World) -> None:
    """The store took nothing; better recorded late than sent twice."""
    sink = Sink()
    await put(lab)
    lab.clock.advance(1)
    refusing = dataclasses.replace(lab.ports, store=cast("Store", Refusing(lab.ports, 2)))

    async with publishing(World(refusing, lab.clock, lab.here), sink):
        await emptied(lab)

    assert 1 == len(sink.got)

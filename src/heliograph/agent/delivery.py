"""Brings an agent's messages to its server, however often the connection breaks."""

import asyncio
from dataclasses import dataclass
from typing import Never

import msgspec

from heliograph.agent.client import HEARTBEAT_S, error_text
from heliograph.agent.clock import sleep_unless
from heliograph.agent.executor import Equipment
from heliograph.agent.keep_alive import Keeper
from heliograph.agent.transport import GONE, UNAUTHENTICATED, ConnectionLost, Reply
from heliograph.backoff import Backoff
from heliograph.domain.device import LastOrder
from heliograph.protocol import Gone, Message, Ping, Pong
from heliograph.protojson.parser import MALFORMED


class CredentialUnknown(ConnectionLost):
    """The server does not know this phone's credential.

    Its database may be unavailable for a while, so the phone keeps everything and asks again, rarely. It can be enrolled again meanwhile.
    """


@dataclass(frozen=True, slots=True)
class Delivered:
    """What the server answered to a message that it heard, and when this message was sent (us)."""

    reply: Reply
    sent_us: int


class Delivery:
    """Delivers messages while connected, and knows when the phone's being managed has ended."""

    def __init__(self, equipment: Equipment) -> None:
        self._equipment = equipment
        self.connected = asyncio.Event()
        self.ended: asyncio.Future[LastOrder] = asyncio.get_running_loop().create_future()
        """The last order, once the server has given it; or the error that ended the agent."""
        self._go_on = asyncio.Event()

    async def deliver(self, message: Message) -> Delivered:
        """The server's answer to the message, repeated until there is one that counts: a 2xx, or a 4xx that is the message's own.

        Never returns once management has ended.
        """
        equipment = self._equipment
        backoff, unknown = self.backoff(), self.backoff_of_unknown()
        while True:
            await self.connected.wait()
            sent_us = equipment.clock.now_us()
            try:
                reply = await equipment.transport.send(message)
                await self.judge(reply)
            except CredentialUnknown:
                await equipment.clock.sleep(unknown.next_s())
            except ConnectionLost as lost:
                await self.pause(backoff.next_s(lost.retry_after_s))
            else:
                return Delivered(reply, sent_us)

    async def keep_open(self, keeper: Keeper) -> Never:
        """Pings whenever the connection has been silent for as long as was agreed, and cuts one that is lost."""
        while True:
            await self.connected.wait()
            every_s = keeper.agreed.every_s if keeper.agreed is not None else HEARTBEAT_S
            if (wait_s := every_s - keeper.silent_s) > 0:
                await self.pause(wait_s)  # another connection ends the pause: it may need its ping sooner
                continue
            try:
                await self._ping(keeper)
            except ConnectionLost:
                self.connected.clear()
                await self._equipment.transport.cut()

    async def _ping(self, keeper: Keeper) -> None:
        """Raises: ConnectionLost."""
        reply = await self._equipment.transport.send(Ping(keep_alive=keeper.wanted if keeper.agreed is not None else None))
        if reply.ok:
            keeper.agreed = msgspec.json.decode(reply.body, type=Pong).keep_alive or keeper.agreed
        elif not reply.try_again:  # a server that is busy is there
            await self.judge(reply)

    async def judge(self, reply: Reply) -> None:
        """Returns if the answer is one to the message.

        Never returns if the phone is no longer managed (410).  Raises: ConnectionLost: 429, 5xx; CredentialUnknown: 401.
        """
        if reply.try_again:
            raise ConnectionLost(f"the server answers {reply.status}", retry_after_s=reply.retry_after_s)
        if reply.status == GONE:
            try:
                order = msgspec.json.decode(reply.body, type=Gone).last_order
            except MALFORMED as error:
                raise ConnectionLost(f"410 without a last order: {error}") from None
            await self.end(order)
        if reply.status == UNAUTHENTICATED:
            raise CredentialUnknown(error_text(reply))

    async def end(self, order: LastOrder) -> Never:
        """Management has ended: only this order is left to execute."""
        if not self.ended.done():
            self.ended.set_result(order)
        await never()

    def fail(self, error: BaseException) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)

    async def pause(self, seconds: float) -> None:
        """Returns after this many seconds of the phone's clock, or when `go_on` is called."""
        await sleep_unless(self._equipment.clock, seconds, self._go_on)

    def go_on(self) -> None:
        """The way to the server is free again (a network, a connection): what waits to try again does so at once."""
        waited_for, self._go_on = self._go_on, asyncio.Event()
        waited_for.set()

    def backoff(self) -> Backoff:
        """Waiting times for one message or one connection."""
        equipment = self._equipment
        return Backoff(equipment.chance.random, first_s=equipment.backoff_first_s, most_s=equipment.backoff_most_s)

    def backoff_of_unknown(self) -> Backoff:
        """Waiting times of a phone that its server does not know."""
        equipment = self._equipment
        return Backoff(equipment.chance.random, first_s=equipment.unknown_first_s, most_s=equipment.unknown_most_s)


async def never() -> Never:
    """Never returns: its caller is about to be cancelled."""
    while True:
        await asyncio.get_running_loop().create_future()

"""A server that wakes phones, whose clock can be advanced; and phones that sleep."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from heliograph.domain.enterprise import Enterprise
from heliograph.domain.web_push import WebPushName, WebPushSubscription
from heliograph.protocol import PushSubscription
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server import Parts, assembled
from heliograph.service.enterprises import create_enterprise
from heliograph.service.push_service import Outcome, WebPush
from heliograph.service.web_push import give_push_subscription
from heliograph.settings import Settings
from tests.notifications.lab import LAB, Lab
from tests.patience import PATIENCE_S, patient
from tests.service.world import Phone
from tests.web_push.push_service import PushService, Subscription

S_US = 1_000_000
LOOPBACK = ("127.0.0.0/8",)


class WakingLab(Lab):
    """A lab with a push service."""

    def __init__(self, parts: Parts, clock: AdvancingClock, service: PushService) -> None:
        super().__init__(parts.ports, clock)
        self.parts = parts
        self.service = service

    @property
    def web_push(self) -> WebPush:
        """What the server knows about waking."""
        assert self.ports.web_push is not None
        return self.ports.web_push

    async def sleeper(self) -> tuple[Phone, Subscription]:
        """A phone that enrolled, subscribed, and is not connected."""
        phone = await self.phone()
        return phone, await self.subscribe(phone)

    async def subscribe(self, phone: Phone) -> Subscription:
        """The phone's new subscription, which the server has."""
        asked = await give_push_subscription(self.ports, phone.name, PushSubscription())
        subscription = self.service.subscribe(asked.application_server_key)
        given = self.service.message_of(subscription)
        assert asked == await give_push_subscription(self.ports, phone.name, given)
        return subscription

    async def stored(self, phone: Phone) -> WebPushSubscription | None:
        """What the server keeps of the phone's subscription."""
        return await self.ports.store.record(WebPushSubscription, WebPushName(*phone.name))

    async def counted(self, outcome: Outcome, times: int = 1) -> None:
        """Returns once so many wake-ups ended so."""
        async with asyncio.timeout(PATIENCE_S):
            while self.web_push.outcomes[outcome] < times:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.005)

    def advance(self, seconds: float) -> None:
        """The server's clock, later."""
        self.clock.advance(round(seconds * S_US))


@contextlib.asynccontextmanager
async def waking_lab(
    folder: Path, service: PushService, *, networks: tuple[str, ...] = LOOPBACK, web_push: bool = True
) -> AsyncIterator[WakingLab]:
    """A server in this folder, new or restarted."""
    clock = AdvancingClock()
    settings = Settings(
        data_dir=folder / "server",
        durable=False,
        push_allow_networks=networks,
        web_push=web_push,
        web_push_contact="mailto:ops@example.com",
    )
    async with assembled(patient(settings), clock=clock) as parts:
        if await parts.store.enterprise(LAB) is None:
            await create_enterprise(parts.ports, Enterprise(), enterprise_id=LAB.enterprise)
        yield WakingLab(parts, clock, service)

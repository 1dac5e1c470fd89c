"""Many phones at once: each is asked for once at a time, and no enterprise takes the places of the others."""

import asyncio
from collections import Counter
from pathlib import Path

from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import DeviceName
from heliograph.domain.web_push import LIFE_US, WakeUp, WebPushName, WebPushSubscription
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server import assembled
from heliograph.service.enterprises import create_enterprise
from heliograph.service.ports import Doorbell, Ports, Put
from heliograph.service.push_service import Outcome, Pushed, WebPush
from heliograph.service.record_rules import RecordDecision
from heliograph.service.vapid import VapidKey
from heliograph.service.wake_phones import AT_ONCE_MOST, OF_ENTERPRISE_MOST, WakingDoorbell, wake_phones
from heliograph.settings import Settings
from tests.notifications.lab import LAB, Lab
from tests.patience import PATIENCE_S, patient

PHONES = 3 * AT_ONCE_MOST
OTHERS = DeviceName("LC0others0", "d1")


class StoppedUp:
    """A Pusher that answers nobody until it is let; it counts whom it pushes to at a time."""

    def __init__(self) -> None:
        self.now: Counter[WebPushName] = Counter()
        self.most_at_once = self.most_of_one = 0
        self.pushed: Counter[str] = Counter()
        self.let = asyncio.Event()

    async def push(self, subscription: WebPushSubscription, wake_up: WakeUp) -> Pushed:
        self.now[subscription.name] += 1
        self.most_of_one = max(self.most_of_one, *self.now.values())
        self.most_at_once = max(self.most_at_once, self.now.total())
        await self.let.wait()
        self.now[subscription.name] -= 1
        self.pushed[subscription.name.enterprise] += 1
        return Pushed(Outcome.TAKEN, "")

    async def close(self) -> None:
        """Nothing is open."""


class Silent:
    """A Doorbell that no one hears."""

    def ring(self, device: DeviceName) -> None:
        """Nothing."""

    def policy_changed(self, device: DeviceName) -> None:
        """Nothing."""

    def rest(self, device: DeviceName) -> None:
        """Nothing."""


async def test_an_enterprise_whose_push_service_does_not_answer_leaves_places_for_others(tmp_path: Path) -> None:
    pusher = StoppedUp()
    async with assembled(patient(Settings(data_dir=tmp_path, durable=False, web_push=False)), clock=AdvancingClock()) as parts:
        ports = parts.ports
        await create_enterprise(ports, Enterprise(), enterprise_id=LAB.enterprise)
        lab = Lab(ports, AdvancingClock())
        devices = [await lab.phone() for _ in range(PHONES)]
        for name in (*(phone.name for phone in devices), OTHERS):
            await subscribed(ports, name)
        doorbell = WakingDoorbell(Silent())
        waking = await started(ports, pusher, doorbell)
        try:
            for phone in devices:
                await lab.issue(phone.name)
            await until(lambda: pusher.now.total() == OF_ENTERPRISE_MOST)
            doorbell.policy_changed(OTHERS)
            await until(lambda: pusher.now.total() == OF_ENTERPRISE_MOST + 1)

            pusher.let.set()
            await until(lambda: pusher.pushed.total() == PHONES + 1)
        finally:
            waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)

    assert {LAB.enterprise: PHONES, OTHERS.enterprise: 1} == pusher.pushed
    assert (1, OF_ENTERPRISE_MOST + 1) == (pusher.most_of_one, pusher.most_at_once)


async def started(ports: Ports, pusher: StoppedUp, doorbell: Doorbell) -> "asyncio.Task[None]":
    """What wakes phones, and listens."""
    assert isinstance(doorbell, WakingDoorbell)
    web_push = WebPush(VapidKey(ports.vault))
    task = asyncio.create_task(wake_phones(ports, web_push, pusher, doorbell, chance=lambda: 0.5))
    await until(lambda: web_push.used)
    return task


async def subscribed(ports: Ports, name: DeviceName) -> None:
    """The device has a subscription."""
    now_us = ports.clock.now_us()
    record = WebPushSubscription(
        name=WebPushName(*name), endpoint="https://push.example.net/p", p256dh=b"", auth=b"", renewed_us=now_us, expires_us=now_us + LIFE_US
    )
    await ports.store.decide_records((record.name,), lambda _: RecordDecision(None, (Put(record),)))


async def until(condition: object) -> None:
    """Returns once the condition holds."""
    assert callable(condition)
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.005)

"""Sleeping phones are woken through their push services when something is due for them (docs/device-protocol.md, Waking a phone).

A wake-up is a hint, like a ring of the doorbell: it holds nothing, and a lost one loses nothing, since the phone looks when it next
connects. So nothing of it is durable, and the server that commits a change is the one that wakes: its own memory of whom is enough.
"""

import asyncio
import contextlib
import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from typing import NoReturn

import msgspec
import structlog

from heliograph.backoff import pause_after
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import State
from heliograph.domain.web_push import TTL_MOST_S, Urgency, WakeUp, WebPushName, WebPushSubscription
from heliograph.protojson.errors import HeliographError, Unavailable
from heliograph.service.haste import first_of
from heliograph.service.ports import Doorbell, Ports, Whereabouts
from heliograph.service.push_service import Outcome, Pushed, Pusher, WebPush
from heliograph.service.web_push import any_subscription, forget_push_subscription

log = structlog.get_logger()

S_US = 1_000_000
REACTS_WITHIN_US = 15 * S_US
"""A phone that is connected, or was a moment ago, has this long to acknowledge: after that its connection may well be dead."""
APART_US = 10 * S_US
"""Between two wake-ups of one phone: it has come by then, or its push service keeps the message, and another one changes nothing."""
ATTEMPTS_MOST = 6
"""With the pauses below, about four minutes; after that the phone's own next connection is as near."""
FIRST_PAUSE_US, LONGEST_PAUSE_US = 5 * S_US, 120 * S_US
AT_ONCE_MOST = 64
"""Phones being woken at a time, half of them of one enterprise: a push service that does not answer leaves room for others."""
OF_ENTERPRISE_MOST = AT_ONCE_MOST // 2
WAITING_MOST = 50_000
"""Phones that wait to be woken, some 20 MB; beyond that they are not woken."""
SWEPT_LEAST = 1_000
LOOK_FOR_USE_US = 5 * S_US
"""How soon a server learns that a phone has given its first subscription to another one."""


class WakingDoorbell:
    """A ports.Doorbell that wakes phones, too, when their policy changes. Commands do it by their commit (`Store.on_rings`)."""

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self.on_policy_changed: Callable[[DeviceName], None] | None = None

    def ring(self, device: DeviceName) -> None:
        self._doorbell.ring(device)

    def policy_changed(self, device: DeviceName) -> None:
        self._doorbell.policy_changed(device)
        if self.on_policy_changed is not None:
            self.on_policy_changed(device)

    def rest(self, device: DeviceName) -> None:
        self._doorbell.rest(device)


async def wake_phones(
    ports: Ports, web_push: WebPush, pusher: Pusher, doorbell: WakingDoorbell, *, chance: Callable[[], float]
) -> NoReturn:
    """Phones that are not connected are woken whenever something is due for them that this process committed.

    One message to a phone at a time, and no two within APART_US; none is sent for what the phone has seen meanwhile.
    """
    await _Waker(ports, web_push, pusher, chance=chance).run(doorbell)


class _Sleeper(msgspec.Struct):
    """A phone that may have to be woken."""

    waited: bool = False
    """Whether it had time to react by itself."""
    policy_us: int = 0
    """When its policy changed; 0: it did not."""
    attempts: int = 0
    rung: bool = False
    """Whether something became due during the look."""


class _Waker:
    def __init__(self, ports: Ports, web_push: WebPush, pusher: Pusher, *, chance: Callable[[], float]) -> None:
        self._ports = ports
        self._web_push = web_push
        self._pusher = pusher
        self._chance = chance
        self._sleepers: dict[DeviceName, _Sleeper] = {}
        self._looks: list[tuple[int, DeviceName]] = []
        """A heap: when to look after each sleeper that is not being looked after."""
        self._rests: dict[DeviceName, int] = {}
        """Until when phones are left alone; swept when there are `_sweep_at`."""
        self._sweep_at = SWEPT_LEAST
        self._looking: dict[DeviceName, asyncio.Task[None]] = {}
        self._of_enterprise: Counter[str] = Counter()
        """How many of `_looking` are an enterprise's."""
        self._held: defaultdict[str, deque[DeviceName]] = defaultdict(deque)
        """Sleepers whose enterprise has enough of them looked after."""
        self._news = asyncio.Event()
        self._may_be_used = True
        """Whether a subscription may be in the database that this server does not know of."""

    async def run(self, doorbell: WakingDoorbell) -> NoReturn:
        self._ports.store.on_rings(self._rung)
        doorbell.on_policy_changed = self._policy_changed
        try:
            while True:
                await self._learn_of_use()
                self._news.clear()
                self._start_due()
                await self._until_news()
        finally:
            self._held.clear()
            for task in self._looking.values():
                task.cancel()
            await asyncio.gather(*self._looking.values(), return_exceptions=True)

    async def _learn_of_use(self) -> None:
        """`used` is what the database says, as far as it answers."""
        if self._web_push.used or not self._may_be_used:
            return
        with contextlib.suppress(Unavailable):
            self._web_push.used = await any_subscription(self._ports)
            self._may_be_used = self._ports.shared

    def _rung(self, devices: Sequence[DeviceName]) -> None:
        if self._web_push.used:
            for device in devices:
                self._note(device)

    def _policy_changed(self, device: DeviceName) -> None:
        if self._web_push.used and not self._ports.presence.connected(device):
            self._note(device, policy_us=self._ports.clock.now_us())

    def _note(self, device: DeviceName, *, policy_us: int = 0) -> None:
        """Something may be due for the device."""
        sleeper = self._sleepers.get(device)
        if sleeper is None:
            if len(self._sleepers) >= WAITING_MOST:
                self._web_push.outcomes[Outcome.DROPPED] += 1
                return
            now_us, reacts = self._ports.clock.now_us(), self._ports.presence.connected(device)
            sleeper = self._sleepers[device] = _Sleeper(waited=reacts)
            self._look_at(device, max(now_us + REACTS_WITHIN_US * reacts, self._rests.get(device, 0)))
        sleeper.rung = True
        sleeper.policy_us = policy_us or sleeper.policy_us

    def _look_at(self, device: DeviceName, at_us: int) -> None:
        if not self._looks or at_us < self._looks[0][0]:
            self._news.set()
        heapq.heappush(self._looks, (at_us, device))

    def _start_due(self) -> None:
        now_us = self._ports.clock.now_us()
        while self._looks and self._looks[0][0] <= now_us and len(self._looking) < AT_ONCE_MOST:
            _, device = heapq.heappop(self._looks)
            if self._of_enterprise[device.enterprise] >= OF_ENTERPRISE_MOST:
                self._held[device.enterprise].append(device)
            else:
                self._start(device)

    def _start(self, device: DeviceName) -> None:
        self._of_enterprise[device.enterprise] += 1
        self._looking[device] = asyncio.get_running_loop().create_task(self._look_after(device))

    async def _until_news(self) -> None:
        full = len(self._looking) >= AT_ONCE_MOST
        next_us = self._looks[0][0] if self._looks and not full else None
        if next_us is None and self._may_be_used and not self._web_push.used:
            next_us = self._ports.clock.now_us() + LOOK_FOR_USE_US
        if next_us is None:
            await self._news.wait()
        else:
            await first_of(self._news.wait(), self._ports.clock.sleep_until(next_us))

    async def _look_after(self, device: DeviceName) -> None:
        sleeper, again_us = self._sleepers[device], None
        sleeper.rung = False
        try:
            again_us = await self._woken(device, sleeper)
        except HeliographError as error:  # the store's: it is asked again
            again_us = self._later(device, sleeper, Pushed(Outcome.PUT_OFF, error.message))
        finally:
            self._free(device)
            self._look_again(device, sleeper, again_us)

    def _look_again(self, device: DeviceName, sleeper: _Sleeper, again_us: int | None) -> None:
        if again_us is None and sleeper.rung:
            sleeper.attempts, again_us = 0, max(self._ports.clock.now_us(), self._rests.get(device, 0))
        if again_us is None:
            del self._sleepers[device]
        else:
            self._look_at(device, again_us)

    def _free(self, device: DeviceName) -> None:
        """Another one has its turn."""
        enterprise = device.enterprise
        del self._looking[device]
        self._of_enterprise[enterprise] -= 1
        if held := self._held.get(enterprise):
            self._start(held.popleft())
        else:
            self._held.pop(enterprise, None)
            if not self._of_enterprise[enterprise]:
                del self._of_enterprise[enterprise]
        self._news.set()

    async def _woken(self, device: DeviceName, sleeper: _Sleeper) -> int | None:
        """When to look again; None: there is nothing more to do for now.  Raises: Unavailable."""
        store, now_us = self._ports.store, self._ports.clock.now_us()
        until_us, starts_us = await self._due(device, now_us)
        if until_us <= now_us and not sleeper.policy_us:
            return starts_us
        subscription = await store.record(WebPushSubscription, WebPushName(*device))
        if subscription is None:
            return None
        sighting = await self._ports.presence.sighting(device)
        connected = sighting.where in {Whereabouts.HERE, Whereabouts.AT_ANOTHER_SERVER}
        if until_us <= now_us:
            if connected or sighting.last_seen_us >= sleeper.policy_us:
                return None  # it has the policy, or gets it with its hello
            return await self._push(sleeper, subscription, WakeUp(Urgency.NORMAL, TTL_MOST_S))
        if connected and not sleeper.waited:
            sleeper.waited = True
            return now_us + REACTS_WITHIN_US
        ttl_s = min(-(-(until_us - now_us) // S_US), TTL_MOST_S)
        return await self._push(sleeper, subscription, WakeUp(Urgency.HIGH, ttl_s))

    async def _due(self, device: DeviceName, now_us: int) -> tuple[int, int | None]:
        """Until when the newest of the commands that the phone has not acknowledged, or its last order, is worth waking it for.

        And when the first of those begins that can still be called off; None: there are none.
        """
        store = self._ports.store
        queued = [operation for operation in await store.open_operations(device) if operation.state is State.QUEUED]
        starts_us = min((operation.starts_us for operation in queued if operation.starts_us > now_us), default=None)
        until_us = max((operation.expires_us for operation in queued if operation.starts_us <= now_us), default=0)
        if queued or await store.device(device) is not None:
            return until_us, starts_us
        tombstone = await store.tombstone(device)
        return tombstone.expires_us if tombstone is not None and not tombstone.confirmed else 0, None

    async def _push(self, sleeper: _Sleeper, subscription: WebPushSubscription, wake_up: WakeUp) -> int | None:
        try:
            pushed = await self._pusher.push(subscription, wake_up)
        except Exception as error:  # noqa: BLE001 - one phone that a library chokes on must not keep the others asleep
            pushed = Pushed(Outcome.PUT_OFF, f"unexpected {type(error).__qualname__}")
        self._web_push.outcomes[pushed.outcome] += 1
        device = DeviceName(*subscription.name)
        if pushed.outcome is Outcome.PUT_OFF:
            return self._later(device, sleeper, pushed)
        if pushed.outcome is Outcome.TAKEN:
            self._let_rest(device)
            log.debug("phone.woken", device=str(device), urgency=wake_up.urgency.value)
            return None
        log.warning("phone.not_woken", device=str(device), outcome=pushed.outcome.value, why=pushed.said)
        if pushed.outcome is Outcome.GONE:
            await forget_push_subscription(self._ports, subscription)
        else:
            self._let_rest(device)
        return None

    def _later(self, device: DeviceName, sleeper: _Sleeper, pushed: Pushed) -> int | None:
        """When to try again; None: not at all."""
        pause_us = pause_after(sleeper.attempts, first=FIRST_PAUSE_US, most=LONGEST_PAUSE_US, chance=self._chance)
        sleeper.attempts += 1
        if sleeper.attempts < ATTEMPTS_MOST:
            return self._ports.clock.now_us() + max(round(pause_us), pushed.retry_after_us)
        self._web_push.outcomes[Outcome.GIVEN_UP] += 1
        log.warning("phone.not_woken", device=str(device), outcome=Outcome.GIVEN_UP.value, why=pushed.said)
        self._let_rest(device)
        return None

    def _let_rest(self, device: DeviceName) -> None:
        now_us = self._ports.clock.now_us()
        if len(self._rests) >= self._sweep_at:
            self._rests = {rested: until_us for rested, until_us in self._rests.items() if until_us > now_us}
            self._sweep_at = SWEPT_LEAST + 2 * len(self._rests)
        self._rests[device] = now_us + APART_US

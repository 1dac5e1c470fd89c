"""The sandbox's world: a whole server and its phones, made again on every reset."""

import asyncio
import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from heliograph.api.http.address import parse_networks
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.push_addresses import PushAddresses
from heliograph.protojson.errors import NotFound
from heliograph.sandbox.bench import Bench
from heliograph.sandbox.enrolments import Enrolments, require_enterprise
from heliograph.sandbox.fault_checks import PHONE_EFFECTS
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.sandbox.faults import Fault
from heliograph.sandbox.grounds import Ground, first_phones
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.push_endpoints import PushEndpoints
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.settling import NotSettled, Settling
from heliograph.sandbox.stage import Life, Stage
from heliograph.sandbox.walk import Walk
from heliograph.server import Parts
from heliograph.service.changes import Shelf, Thing
from heliograph.service.event_log import EventsStartOver
from heliograph.service.push_endpoints import pushes_to_any_endpoint

if TYPE_CHECKING:
    from heliograph.api.console.app import Hall
    from heliograph.api.console.guest import Console


class PhoneNotFound(NotFound):
    """The sandbox has no phone of this id."""

    reason = "PHONE_NOT_FOUND"


class _Running(NamedTuple):
    """A world's server, from `_open` to `_close`, and what works on it."""

    parts: Parts
    settling: Settling
    enrolments: Enrolments


class World:
    """Server, clock and phones. `start` and `close` frame its life; `reset` makes all of it again behind the same address.

    Changes happen one after the other: start, reset, each call that steers, and the end. When such a call has been
    answered, everything has happened that it causes without waiting for a later time: see `settle`.
    """

    def __init__(
        self, settings: SandboxSettings, ground: Ground, *, url: str = "", hall: "Callable[[Console], Hall] | None" = None
    ) -> None:  # fmt: skip
        """Nothing runs yet; `ground` makes what the world is made of, `url` is its address, `hall` makes its console of a server's."""
        self._hall = hall
        self.url = url
        self.settings = settings
        self.ground = ground
        self.phones: dict[DeviceName, SandboxPhone] = {}
        self.steered = Shelf(self.first_enterprise, "bench")
        """What changes by requests that steer, and by faults: clock, phones, faults; for pages that show it."""
        self._running: _Running | None = None
        self._begin_anew()
        self.life = Life()
        self.all_gone: Callable[[], Awaitable[None]] = _nobody_to_wait_for
        """Awaited before the server closes: returns when no request is in progress."""
        self._stack = contextlib.AsyncExitStack()
        self._changing = asyncio.Lock()

    @property
    def parts(self) -> Parts:
        """The server as it is now."""
        return self._now.parts

    @property
    def settling(self) -> Settling:
        """How it comes to rest."""
        return self._now.settling

    @property
    def enrolments(self) -> Enrolments:
        """How phones come into it; within `change`."""
        return self._now.enrolments

    @property
    def _now(self) -> _Running:
        if self._running is None:
            raise self.life.rejection()
        return self._running

    @property
    def first_enterprise(self) -> str:
        """The enterprise that short names mean."""
        return self.settings.enterprises[0]

    async def start(self, listen: Callable[[], Awaitable[None]]) -> None:
        """All is there: the server, which answers once `listen()` was awaited, and every phone, connected."""
        async with self._changing:
            await self._open()
            await listen()
            await self._fill()

    @contextlib.asynccontextmanager
    async def change(self) -> AsyncIterator[None]:
        """No one else changes the world inside the block; when it is left, all its effects have happened.

        Raises: Unavailable: it ends, or is broken; NotSettled.
        """
        async with self._changing:
            await self.life.reached(Stage.READY)
            await self.rest()
            try:
                yield
                await self.settle()
            finally:
                self._notice(self.steered)

    async def settle(self) -> None:
        """The world is at rest: nothing is in progress, and nothing due is left to do.  Raises: as `Settling.settle`."""
        await self.settling.settle()

    async def rest(self) -> None:
        """If the clock is frozen, everything has happened that earlier calls cause: what a caller sees depends on its calls alone.

        Deliveries elsewhere are not waited for: their receiver may be the caller.
        """
        if self.clock.frozen and self._running is not None:
            with contextlib.suppress(NotSettled):
                await self.settling.settle(with_endpoints=False)

    def _begin_anew(self) -> None:
        """Nothing has happened yet."""
        settings = self.settings
        self.clock = self.ground.clock()
        self.notifications = NotificationLog()
        self.push_endpoints = PushEndpoints(settings.push_endpoints, addresses=PushAddresses(parse_networks(settings.push_allow_networks)))
        self.bench = Bench(clock=self.clock, seed=self.ground.seed, settings=settings, log=self.notifications, phones=self.phones)
        """What tests plan for this world and look up afterwards."""
        for shelf, on_record in (("requests", self.bench.requests), ("notifications", self.notifications)):
            on_record.on_record = functools.partial(self._notice, Shelf(self.first_enterprise, shelf))
        self.bench.faults.on_meet = functools.partial(self._notice, self.steered)

    def _notice(self, thing: Thing) -> None:
        """Pages that show this look again."""
        if self._running is not None:
            self._running.parts.ports.changes.heard((thing,))

    async def _open(self) -> None:
        """The server's parts are there, with the enterprises; no phone yet."""
        ground, clock, bench = self.ground, self.clock, self.bench
        between = dataclasses.replace(bench.between, hall=self._hall)
        making = ground.parts(clock, self.phones, watch=self.notifications.record, push=self.push_endpoints, between=between)
        parts = await self._stack.enter_async_context(making)
        bench.begin(parts.ports.publishing)
        around = dataclasses.replace(
            ground.surroundings(clock, lambda: self.parts.app), checkpoint=bench.checkpoint, seen_to_change=self._notice
        )
        self._running = _Running(
            parts,
            Settling(parts, clock=clock, phones=self._awake, ending=lambda: self.life.stage is Stage.ENDED),
            Enrolments(self.phones, parts=parts, around=around, settle=self.settle),
        )
        await ground.begin(parts.ports)
        self.life.becomes(Stage.FILLING)

    async def _fill(self) -> None:
        """Every phone is there and connected, or would be at once; the address must be answered by now."""
        known = await self.ground.fill(self.parts.ports, self.enrolments.around)
        if known is None:
            for name, profile in first_phones(self.settings):
                # One after the other, so that lists (oldest first) show them in the profiles' order.
                await self.enrolments.add(name, profile)
            await self.settle()
        else:
            self.phones.update((phone.name, phone) for phone in known)
            await self._go_on(known)
        for place, wanted in enumerate(self.settings.faults):
            await self.plan(wanted, path=f"faults[{place}].")
        self.life.becomes(Stage.READY)

    async def _go_on(self, known: Iterable[SandboxPhone]) -> None:
        """Those of the known phones that are awake run, and all else is as the ground recalls it."""
        awake = [phone for phone in known if not phone.asleep]
        for phone in awake:
            phone.runner.start()
        self.ground.recall(self.bench, self.notifications, self.clock)
        if awake:
            await self.settle()

    async def plan(self, wanted: FaultWanted, *, path: str = "") -> Fault:
        """The fault is in force from now on; within `change`.  Raises: InvalidArgument, PhoneNotFound, ResourceExhausted."""
        effect = self.bench.checked(wanted, path=path)
        device = None
        if "/" in wanted.phone:
            device = self.bench.phone_of(DeviceName.parse(wanted.phone))
        elif wanted.phone:
            device = DeviceName(self.first_enterprise, wanted.phone)
        if effect in PHONE_EFFECTS and device is not None:
            await self.awake(device)
        return self.bench.plan(wanted, device, path=path)

    def _awake(self) -> list[SandboxPhone]:
        return [phone for phone in self.phones.values() if not phone.asleep]

    async def drain(self) -> None:
        """Answers that would take long are given now."""
        if self._running is not None:
            await self._running.parts.drain()

    async def end(self) -> None:
        """Nothing changes any more: who wanted to is refused, and the phones have said goodbye."""
        self.life.becomes(Stage.ENDED)
        async with self._changing:
            await self._leave()

    async def close(self) -> None:
        """Phones, then server, have ended in good order."""
        self.life.becomes(Stage.ENDED)
        async with self._changing:
            await self._close()

    async def _leave(self) -> None:
        await self.bench.close()
        phones = list(self.phones.values())
        self.phones.clear()
        await asyncio.gather(*(phone.stop() for phone in phones if not phone.asleep))

    async def _close(self) -> None:
        await self._leave()
        await self.drain()
        await self.all_gone()
        self._running = None
        await self._stack.aclose()
        self.clock.stop()

    async def reset(self) -> None:
        """All is as at start: a new database, new clock, new phones.

        Raises: Unavailable: the sandbox ends; what else keeps a phone from coming. Then there is no world until a reset succeeds.
        """
        async with self._changing:
            if self.life.stage is Stage.ENDED:
                raise self.life.rejection()
            self.life.becomes(Stage.MAKING)
            if self._running is not None:
                # Followers learn that their cursors are void: the new world counts from 1, as every one does.
                self._running.parts.ports.followers.stop(EventsStartOver())
                self._running.parts.ports.changes.stop()
            try:
                await self._close()
                self.ground.clear()
                self._begin_anew()
                await self._open()
                await self._fill()
            except BaseException:
                self.life.becomes(Stage.BROKEN)
                raise

    @contextlib.asynccontextmanager
    async def walking(self) -> AsyncIterator[Walk]:
        """No one else changes the world inside the block, and its clock goes only where the walk leads it.

        Raises: Unavailable: it ends, or is broken.
        """
        async with self._changing:
            await self.life.reached(Stage.READY)
            pushed = self.settings.pubsub or await pushes_to_any_endpoint(self.parts.ports)
            with self.clock.standing(), contextlib.ExitStack() as stack:
                stack.callback(self._notice, self.steered)
                yield Walk(self.clock, self.parts, self.settling, notifications_leave=lambda: pushed or bool(self.push_endpoints))

    async def advance(self, by_us: int) -> int:
        """The time after server and phones have gone forward together, from one due time to the next, each settled before the next.

        Raises: NotSettled: the clock stands where it had come to; Unavailable: the sandbox ends.
        """
        async with self.walking() as walk:
            return await walk.to(self.clock.now_us() + by_us)

    def find(self, name: DeviceName) -> SandboxPhone:
        """The phone of this id.  Raises: PhoneNotFound."""
        phone = self.phones.get(name)
        if phone is None:
            here = ", ".join(sorted(known.device for known in self.phones if known.parent == name.parent)) or "none"
            message = f"The sandbox has no phone {name.device[:128]!r} in {str(name.parent)[:160]}. There are: {here}."
            raise PhoneNotFound(message)
        return phone

    async def awake(self, name: DeviceName) -> SandboxPhone:
        """The phone of this id, whose agent runs.  Raises: PhoneNotFound; as `settle`."""
        phone = self.find(name)
        if phone.asleep:
            phone.wake()
            await self.settle()
        return phone

    async def phones_of(self, enterprise: EnterpriseName) -> list[SandboxPhone]:
        """The enterprise's phones.  Raises: EnterpriseNotFound."""
        phones = [phone for name, phone in self.phones.items() if name.parent == enterprise]
        if not phones:
            await require_enterprise(self.parts.store, enterprise)
        return phones


async def _nobody_to_wait_for() -> None:
    """No phones."""

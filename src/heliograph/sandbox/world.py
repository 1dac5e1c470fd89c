"""The sandbox's world: a whole server and its phones, made again on every reset."""

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

from heliograph.agent.profile import default_serial
from heliograph.agent.profiles import Profile, profile_named, with_overrides
from heliograph.agent.virtual_phone import user_of
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.names import ID_PATTERN, DeviceName, EnrollmentTokenName, EnterpriseName
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Violation
from heliograph.sandbox.bench import Bench
from heliograph.sandbox.fault_checks import PHONE_EFFECTS
from heliograph.sandbox.fault_messages import FaultWanted
from heliograph.sandbox.faults import Fault
from heliograph.sandbox.grounds import Ground, first_phones
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import SandboxPhone, Surroundings, provisioned
from heliograph.sandbox.push_endpoints import PushEndpoints
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.settling import NotSettled, Settling
from heliograph.sandbox.stage import Life, Stage
from heliograph.sandbox.walk import Walk
from heliograph.server import Parts
from heliograph.service.enrollment_tokens import create_enrollment_token, delete_enrollment_token
from heliograph.service.ports import Decision, Sees

NAMED_MOST = 20
"""Enterprises that an error names."""


class PhoneNotFound(NotFound):
    """The sandbox has no phone of this id."""

    reason = "PHONE_NOT_FOUND"


class EnterpriseNotFound(NotFound):
    """The world has no such enterprise."""

    reason = "ENTERPRISE_NOT_FOUND"


class PhoneStillManaged(FailedPrecondition):
    """The phone is managed: only a wiped or relinquished one can enrol again. To start over with the same id, use :reset."""

    reason = "PHONE_STILL_MANAGED"


class PhoneOffline(FailedPrecondition):
    """The phone has no network, so it cannot enrol. Give it one first: PATCH {"online": true}."""

    reason = "PHONE_OFFLINE"


class World:
    """Server, clock and phones. `start` and `close` frame its life; `reset` makes all of it again behind the same address.

    Changes happen one after the other: start, reset, each call that steers, and the end. When such a call has been
    answered, everything has happened that it causes without waiting for a later time: see `settle`.
    """

    def __init__(self, settings: SandboxSettings, ground: Ground, *, url: str = "") -> None:
        """Nothing runs yet; `ground` makes what the world is made of, `url` is its address."""
        self.url = url
        self.clock = ground.clock()
        self.phones: dict[DeviceName, SandboxPhone] = {}
        self.notifications = NotificationLog()
        self.push_endpoints = PushEndpoints()
        self.bench = Bench(clock=self.clock, seed=ground.seed, settings=settings, log=self.notifications, phones=self.phones)
        """What tests plan for this world and look up afterwards."""
        self.life = Life()
        self.all_gone: Callable[[], Awaitable[None]] = _nobody_to_wait_for
        """Awaited before the server closes: returns when no request is in progress."""
        self.settings = settings
        self.ground = ground
        self._around: Surroundings | None = None
        self._stack = contextlib.AsyncExitStack()
        self._parts: Parts | None = None
        self.settling: Settling | None = None
        self._changing = asyncio.Lock()

    @property
    def parts(self) -> Parts:
        """The server as it is now."""
        if self._parts is None:
            raise self.life.refusal()
        return self._parts

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
            yield
            await self.settle()

    async def settle(self) -> None:
        """The world is at rest: nothing is in progress, and nothing due is left to do.  Raises: as `Settling.settle`."""
        if self.settling is None:
            raise self.life.refusal()
        await self.settling.settle()

    async def rest(self) -> None:
        """If the clock is frozen, everything has happened that earlier calls cause: what a caller sees depends on its calls alone.

        Deliveries elsewhere are not waited for: their receiver may be the caller.
        """
        if self.clock.frozen and self.settling is not None:
            with contextlib.suppress(NotSettled):
                await self.settling.settle(with_endpoints=False)

    async def _open(self) -> None:
        """The server's parts are there, with the enterprises; no phone yet."""
        ground, settings = self.ground, self.settings
        self.clock = clock = ground.clock()
        self.notifications = NotificationLog()
        self.push_endpoints = PushEndpoints(settings.push_endpoints)
        self.bench = bench = Bench(clock=clock, seed=ground.seed, settings=settings, log=self.notifications, phones=self.phones)
        making = ground.parts(clock, self.phones, watch=self.notifications.record, push=self.push_endpoints, between=bench.between)
        self._parts = await self._stack.enter_async_context(making)
        bench.begin(self._parts.ports.publishing)
        self._around = dataclasses.replace(ground.surroundings(clock, lambda: self.parts.app), checkpoint=bench.checkpoint)
        self.settling = Settling(self._parts, clock=clock, phones=self._awake, ending=lambda: self.life.stage is Stage.ENDED)
        await ground.begin(self._parts.ports)
        self.life.becomes(Stage.FILLING)

    async def _fill(self) -> None:
        """Every phone is there and connected, or would be at once; the address must be answered by now."""
        known = await self.ground.fill(self.parts.ports, self._surroundings)
        if known is None:
            for name, profile in first_phones(self.settings):
                # One after the other, so that lists (oldest first) show them in the profiles' order.
                await self._add(name, profile)
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

    @property
    def _surroundings(self) -> Surroundings:
        if self._around is None:
            raise self.life.refusal()
        return self._around

    async def drain(self) -> None:
        """Answers that would take long are given now."""
        if self._parts is not None:
            await self._parts.channel.drain()

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
        self._parts = self.settling = self._around = None
        await self._stack.aclose()
        self.clock.stop()

    async def reset(self) -> None:
        """All is as at start: a new database, new clock, new phones.

        Raises: Unavailable: the sandbox ends; what else keeps a phone from coming. Then there is no world until a reset succeeds.
        """
        async with self._changing:
            if self.life.stage is Stage.ENDED:
                raise self.life.refusal()
            self.life.becomes(Stage.MAKING)
            try:
                await self._close()
                self.ground.clear()
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
            if self.settling is None:
                raise self.life.refusal()
            with self.clock.standing():
                yield Walk(self.clock, self.parts, self.settling, anybody_told=lambda: bool(self.push_endpoints) or self.settings.pubsub)

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

    async def create(self, name: DeviceName, profile: str, overrides: Mapping[str, Any]) -> SandboxPhone:
        """A new phone, enrolled and connected.  Raises: AlreadyExists, InvalidArgument."""
        async with self.change():
            if not ID_PATTERN.fullmatch(name.device):
                raise InvalidArgument(f"Invalid device id {name.device[:128]!r}: use letters, digits and ._~- only.")
            await self._require_enterprise(name.parent)
            if name in self.phones or await self.parts.store.device(name) is not None:
                message = f"There is a phone {name.device} already."
                raise AlreadyExists(message)
            kind = profile_named(profile)
            return await self._add(name, with_overrides(kind, overrides) if overrides else kind)

    async def enroll_with(self, value: str, profile: str, overrides: Mapping[str, Any], *, device_id: str = "") -> SandboxPhone:
        """A new phone whose owner entered the value of an enrolment token: enterprise, policy and ownership are as the token says.

        It is called by `device_id` here; without one, by the id that the server gave it.

        Raises: InvalidArgument; AlreadyExists; FailedPrecondition: the server did not take it, with its words.
        """
        async with self.change():
            token = await self.parts.store.decide(Sees(token_value=value), lambda facts: Decision(facts.token))
            if token is None:
                description = (
                    "enrollmentToken must be the value that enrollmentTokens.create answered: no token of this world has this one."
                )
                raise InvalidArgument(violations=[Violation("enrollment_token", description)])
            if device_id and not ID_PATTERN.fullmatch(device_id):
                raise InvalidArgument(f"Invalid device id {device_id[:128]!r}: use letters, digits and ._~- only.")
            kind = profile_named(profile)
            kind = provisioned(with_overrides(kind, overrides) if overrides else kind, token.allow_personal_usage)
            name = DeviceName(token.enterprise.enterprise, device_id or self._new_name(profile, token.enterprise))
            if name in self.phones:
                raise AlreadyExists(f"There is a phone {name.device} already.")
            phone = SandboxPhone(name, kind, around=self._surroundings, serial=self._new_serial(kind, name))
            await self._enter(phone, value)
            return phone

    def _new_name(self, profile: str, enterprise: EnterpriseName) -> str:
        """The name of a phone without a name from its caller: its profile and a number."""
        names = itertools.chain((profile,), (f"{profile}-{number}" for number in itertools.count(2)))
        return next(name for name in names if DeviceName(enterprise.enterprise, name) not in self.phones)

    def _new_serial(self, kind: Profile, name: DeviceName) -> str:
        """A serial number that no other phone of the world has; that of the profile, where it is free."""
        wanted = kind.phone().serial
        taken = {phone.serial for phone in self.phones.values()}
        return wanted if wanted not in taken else default_serial(str(name))

    async def _enter(self, phone: SandboxPhone, token: str) -> None:
        """The phone runs, and has enrolled with this token.  Raises: FailedPrecondition: it could not; as `settle`."""
        self.phones[phone.name] = phone
        try:
            phone.forget()
            phone.runner.start(token)
            await self._connected(phone)
        except BaseException:
            del self.phones[phone.name]
            await phone.stop()
            raise

    async def _require_enterprise(self, name: EnterpriseName) -> None:
        """Raises: EnterpriseNotFound."""
        if await self.parts.store.enterprise(name) is None:
            page = await self.parts.store.enterprises(after="", limit=NAMED_MOST)
            there = ", ".join(str(record.name) for record in page.items) + (", …" if page.more else "")
            raise EnterpriseNotFound(f"There is no {str(name)[:160]} in this world. There are: {there or 'none'}.")

    async def phones_of(self, enterprise: EnterpriseName) -> list[SandboxPhone]:
        """The enterprise's phones.  Raises: EnterpriseNotFound."""
        phones = [phone for name, phone in self.phones.items() if name.parent == enterprise]
        if not phones:
            await self._require_enterprise(enterprise)
        return phones

    async def reset_phone(self, name: DeviceName) -> SandboxPhone:
        """The phone is as new, under the same id, and neither side remembers anything of it.  Raises: PhoneNotFound."""
        async with self.change():
            phone = self.find(name)
            await phone.stop()
            phone.forget()
            parts = self.parts
            for device in {phone.name, phone.device}:
                await parts.own_file().forget_device(device)
                parts.ports.offers.forget_device(device)
            return await self._add(phone.name, phone.profile)

    async def enroll_again(self, name: DeviceName) -> SandboxPhone:
        """The wiped phone was set up again: the same serial number, a new device.

        Raises: PhoneNotFound, PhoneStillManaged, PhoneOffline.
        """
        async with self.change():
            phone = await self.awake(name)
            if phone.runner.phone.device.managed:
                raise PhoneStillManaged
            if not phone.runner.mischief.online:
                raise PhoneOffline
            phone.runner.phone.be(user_of(phone.profile.consent))
            async with self._token(phone, device_id="") as value:
                phone.runner.enroll(value, phone.profile.phone(phone.serial))
                await self._connected(phone)
            return phone

    async def _add(self, name: DeviceName, profile: Profile) -> SandboxPhone:
        """The phone runs, and is enrolled unless the server has known it before (a kept data directory)."""
        phone = SandboxPhone(name, profile, around=self._surroundings)
        store = self.parts.store
        if await store.device(name) is not None or await store.tombstone(name) is not None:
            self.phones[name] = phone
            phone.runner.start()
            return phone
        async with self._token(phone, device_id=name.device) as value:
            await self._enter(phone, value)
        return phone

    @contextlib.asynccontextmanager
    async def _token(self, phone: SandboxPhone, *, device_id: str) -> Any:  # noqa: ANN401
        """The value of a token for this phone alone, which goes afterwards: lists show what callers made, nothing else."""
        enterprise = EnterpriseName(phone.name.enterprise)
        wanted = EnrollmentToken(one_time_only=True, allow_personal_usage=phone.profile.allow_personal_usage)
        record = await create_enrollment_token(self.parts.ports, enterprise, wanted, device_id=device_id)
        try:
            yield record.value
        finally:
            await delete_enrollment_token(self.parts.ports, EnrollmentTokenName(enterprise.enterprise, record.token_id))

    async def _connected(self, phone: SandboxPhone) -> None:
        """The phone is connected and has reported its facts.  Raises: FailedPrecondition: it could not connect; as `settle`."""
        await self.settle()
        if not phone.runner.connected:
            message = f"Phone {phone.name.device} did not connect: {phone.runner.refusal or phone.runner.condition.value}."
            raise FailedPrecondition(message)


async def _nobody_to_wait_for() -> None:
    """No phones."""

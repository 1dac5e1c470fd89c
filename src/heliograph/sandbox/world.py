"""The sandbox's world: a whole server and its phones, made anew as often as somebody asks for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from heliograph.agent.profiles import Profile, profile_named, with_overrides
from heliograph.agent.virtual import user_of
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from heliograph.domain.names import ID_PATTERN, DeviceName, EnrollmentTokenName, EnterpriseName
from heliograph.domain.wire_time import format_timestamp
from heliograph.sandbox.grounds import Ground, create_enterprises, first_phones
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import SandboxPhone, Surroundings
from heliograph.sandbox.push_endpoints import PushEndpoints
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.settling import NotSettled, Settling
from heliograph.sandbox.stage import Life, Stage
from heliograph.server import Parts
from heliograph.service.create_enrollment_token import create_enrollment_token
from heliograph.service.delete_enrollment_token import delete_enrollment_token

ADVANCE_WITHIN_S = 60.0
"""Real time. A clock that is moved over very many timers stops on the way rather than keep its caller waiting for ever."""
END_OF_TIME_US = 2**63 - 1


class PhoneNotFound(NotFound):
    """The sandbox has no phone of this id."""

    reason = "PHONE_NOT_FOUND"


class PhoneStillManaged(FailedPrecondition):
    """The phone is managed: only a wiped or relinquished one can enrol again. To start over with the same id, use :reset."""

    reason = "PHONE_STILL_MANAGED"


class PhoneOffline(FailedPrecondition):
    """The phone has no network, so it cannot enrol. Give it one first: PATCH {"online": true}."""

    reason = "PHONE_OFFLINE"


class World:
    """Server, clock and phones. `start` and `close` frame its life; `reset` makes all of it anew behind the same address.

    Whatever changes it does so one after the other: start, reset, each call that steers, and the end. When such a call has been
    answered, everything has happened that it causes without waiting for a later time: see `settle`.
    """

    def __init__(self, settings: SandboxSettings, ground: Ground, *, url: str = "") -> None:
        """Nothing runs yet; `ground` makes what the world is made of, `url` is its address."""
        self.url = url
        self.clock = ground.clock()
        self.phones: dict[DeviceName, SandboxPhone] = {}
        self.notifications = NotificationLog()
        self.push_endpoints = PushEndpoints()
        self.life = Life()
        self.all_gone: Callable[[], Awaitable[None]] = _nobody_to_wait_for
        """Awaited before the server closes: returns when no request is under way any more."""
        self.settings = settings
        self._ground = ground
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
        """Nobody else changes the world inside the block; when it is left, everything has happened that it causes by now.

        Raises: Unavailable: it ends, or is broken; NotSettled.
        """
        async with self._changing:
            await self.life.reached(Stage.READY)
            yield
            await self.settle()

    async def settle(self) -> None:
        """The world is at rest: nothing is under way, and nothing that is due is left to do.  Raises: as `Settling.settle`."""
        if self.settling is None:
            raise self.life.refusal()
        await self.settling.settle()

    async def rest(self) -> None:
        """If the clock is frozen, everything has happened that earlier calls cause: what a caller sees depends on its calls alone.

        What must be delivered elsewhere is not waited for: whoever takes it may be asking.
        """
        if self.clock.frozen and self.settling is not None:
            with contextlib.suppress(NotSettled):
                await self.settling.settle(with_endpoints=False)

    async def _open(self) -> None:
        """The server's parts are there, with the enterprises; no phone yet."""
        ground, settings = self._ground, self.settings
        self.clock = clock = ground.clock()
        self.notifications = NotificationLog()
        self.push_endpoints = PushEndpoints(filter(None, (settings.push_endpoint, *settings.push_endpoints)))
        making = ground.parts(clock, self.phones, watch=self.notifications.record, push=self.push_endpoints)
        self._parts = await self._stack.enter_async_context(making)
        self._around = ground.surroundings(clock, lambda: self.parts.app)
        self.settling = Settling(self._parts, clock=clock, phones=self._awake, ending=lambda: self.life.stage is Stage.ENDED)
        await create_enterprises(self._parts.ports, settings)
        self.life.becomes(Stage.FILLING)

    async def _fill(self) -> None:
        """Every phone is there and connected, or would be at once; the address must be answered by now."""
        known = await self._ground.fill(self.parts.ports, self._surroundings)
        if known is None:
            for name, profile in first_phones(self.settings):
                # One after the other, so that lists (oldest first) show them in the profiles' order.
                await self._add(name, profile)
            await self.settle()
        else:
            self.phones.update((phone.name, phone) for phone in known)
        self.life.becomes(Stage.READY)

    def _awake(self) -> list[SandboxPhone]:
        return [phone for phone in self.phones.values() if not phone.asleep]

    @property
    def _surroundings(self) -> Surroundings:
        if self._around is None:
            raise self.life.refusal()
        return self._around

    async def drain(self) -> None:
        """Nobody waits for an answer that would take long."""
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
                self._ground.clear()
                await self._open()
                await self._fill()
            except BaseException:
                self.life.becomes(Stage.BROKEN)
                raise

    async def advance(self, by_us: int) -> int:
        """The time after server and phones have gone forward together, from one due time to the next, each settled before the next.

        Raises: NotSettled: the clock stands where it had come to; Unavailable: the sandbox ends.
        """
        async with self._changing:
            await self.life.reached(Stage.READY)
            settling, channel = self.settling, self.parts.channel
            if settling is None:
                raise self.life.refusal()
            loop = asyncio.get_running_loop()
            until_s = loop.time() + ADVANCE_WITHIN_S
            with self.clock.standing():
                target_us = self.clock.now_us() + by_us
                await settling.settle()
                while (next_us := settling.next_us()) is not None and next_us <= target_us:
                    if loop.time() > until_s:
                        raise self._stopped_short(target_us)
                    self.clock.step_to(next_us)
                    channel.look_again(next_us)
                    await settling.settle()
                self.clock.step_to(target_us)
                # Those that would look later do so too: their timers go by real time, and must be set again.
                channel.look_again(END_OF_TIME_US)
                await settling.settle()
            return target_us

    def _stopped_short(self, target_us: int) -> NotSettled:
        here_us = self.clock.now_us()
        return NotSettled(
            f"In {ADVANCE_WITHIN_S:g} s the clock has come to {format_timestamp(here_us)}, and stands {(target_us - here_us) / 1e6:g} s"
            " short of where it was to go: too much is due on the way. Advance it by the rest."
        )

    def find(self, name: DeviceName) -> SandboxPhone:
        """The phone of this id.  Raises: PhoneNotFound."""
        phone = self.phones.get(name)
        if phone is None:
            here = ", ".join(sorted({known.device for known in self.phones}))
            message = f"The sandbox has no phone {name.device[:128]!r} in {name.parent}. There are: {here}."
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
            if name.enterprise not in self.settings.enterprises or not ID_PATTERN.fullmatch(name.device):
                message = f"{name} cannot be made: use letters, digits and ._~- in an enterprise of this sandbox."
                raise InvalidArgument(message)
            if name in self.phones or await self.parts.store.device(name) is not None:
                message = f"There is a phone {name.device} already."
                raise AlreadyExists(message)
            kind = profile_named(profile)
            return await self._add(name, with_overrides(kind, overrides) if overrides else kind)

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
        """The wiped phone was set up by somebody once more: the same serial number, a new device.

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
                phone.runner.enroll(value, phone.profile.phone(phone.runner.phone.device.serial))
                await self._connected(phone)
            return phone

    async def _add(self, name: DeviceName, profile: Profile) -> SandboxPhone:
        """The phone runs, and is enrolled unless the server has known it before (a kept data directory)."""
        phone = SandboxPhone(name, profile, around=self._surroundings)
        self.phones[name] = phone
        store = self.parts.store
        if await store.device(name) is not None or await store.tombstone(name) is not None:
            phone.runner.start()
            return phone
        try:
            phone.forget()
            async with self._token(phone, device_id=name.device) as value:
                phone.runner.start(value)
                await self._connected(phone)
        except BaseException:
            del self.phones[name]
            await phone.stop()
            raise
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
        """The phone is connected and has told its facts.  Raises: FailedPrecondition: it could not connect; as `settle`."""
        await self.settle()
        if not phone.runner.connected:
            message = f"Phone {phone.name.device} did not connect: {phone.runner.refusal or phone.runner.condition.value}."
            raise FailedPrecondition(message)


async def _nobody_to_wait_for() -> None:
    """Nobody is there."""

"""The sandbox's world: a whole server and its phones, made anew as often as somebody asks for it."""

import asyncio
import contextlib
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from heliograph.agent.profiles import PROFILES, Profile, profile_named, with_overrides
from heliograph.agent.virtual import user_of
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from heliograph.domain.names import ID_PATTERN, DeviceName, EnrollmentTokenName, EnterpriseName
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.settings import SandboxSettings
from heliograph.server import Parts, assembled
from heliograph.service.create_enrollment_token import create_enrollment_token
from heliograph.service.create_enterprise import create_enterprise
from heliograph.service.delete_enrollment_token import delete_enrollment_token
from heliograph.settings import Admission, Settings

CONNECTED_WITHIN_S = 10.0


class PhoneNotFound(NotFound):
    """The sandbox has no phone of this id."""

    reason = "PHONE_NOT_FOUND"


class PhoneStillManaged(FailedPrecondition):
    """The phone is managed: only a wiped or relinquished one can enrol again. To start over with the same id, use :reset."""

    reason = "PHONE_STILL_MANAGED"


class World:
    """Server, clock and phones. `open` and `close` frame its life; `reset` makes all of it anew behind the same address."""

    def __init__(self, settings: SandboxSettings, *, url: str, folder: Path) -> None:
        """Nothing runs yet; `url` is where phones will find the server, `folder` where everything is kept."""
        self.clock = AdvancingClock()
        self.phones: dict[DeviceName, SandboxPhone] = {}
        self.notifications = NotificationLog()
        self._settings = settings
        self.url = url
        self._folder = folder
        self._stack = contextlib.AsyncExitStack()
        self._parts: Parts | None = None
        self._changing = asyncio.Lock()

    @property
    def parts(self) -> Parts:
        """The server as it is now."""
        if self._parts is None:
            message = "The sandbox is being reset."
            raise FailedPrecondition(message, retry_after_s=1)
        return self._parts

    @property
    def first_enterprise(self) -> str:
        """The enterprise that short names mean."""
        return self._settings.enterprises[0]

    async def open(self) -> None:
        """The server's parts are there, with the enterprises; no phone yet."""
        self.clock = AdvancingClock()
        self.notifications = NotificationLog()
        settings = Settings(
            data_dir=self._folder, new=True, limits=self._settings.limits, expose_enterprises=True, admission=Admission.STRANGERS,
            push_endpoint=self._settings.push_endpoint, pubsub=self._settings.pubsub,
            public_urls=self._settings.public_urls, cors_origins=self._settings.cors_origins,
        )  # fmt: skip
        self._parts = await self._stack.enter_async_context(assembled(settings, clock=self.clock, watch=self.notifications.record))
        for enterprise in self._settings.enterprises:
            with contextlib.suppress(AlreadyExists):
                await create_enterprise(self._parts.ports, Enterprise(), enterprise_id=enterprise)

    async def populate(self) -> None:
        """Every phone is there and connected; the address must be answered by now."""
        for enterprise in self._settings.enterprises:
            for name, profile in PROFILES.items():
                # One after the other, so that lists (oldest first) show them in the profiles' order.
                await self._add(DeviceName(enterprise, name), profile)

    async def drain(self) -> None:
        """Nobody waits for an answer that would take long."""
        if self._parts is not None:
            await self._parts.channel.drain()

    async def leave(self) -> None:
        """The phones have said goodbye."""
        phones, self.phones = self.phones, {}
        await asyncio.gather(*(phone.runner.stop() for phone in phones.values()))

    async def close(self) -> None:
        """Phones, then server, have ended in good order."""
        await self.leave()
        await self.drain()
        self._parts = None
        await self._stack.aclose()

    async def reset(self) -> None:
        """All is as at start: a new database, new clock, new phones."""
        async with self._changing:
            await self.close()
            for file in [*self._folder.glob("heliograph.db*"), *self._journals.glob("*.journal")]:
                file.unlink(missing_ok=True)
            await self.open()
            await self.populate()

    def advance(self, by_us: int) -> int:
        """The time after server and phones have jumped forward together."""
        now_us = self.clock.advance(by_us)
        self.parts.channel.doorbell.ring_all()
        return now_us

    def find(self, name: DeviceName) -> SandboxPhone:
        """The phone of this id.  Raises: PhoneNotFound."""
        phone = self.phones.get(name)
        if phone is None:
            here = ", ".join(sorted({known.device for known in self.phones}))
            message = f"The sandbox has no phone {name.device[:128]!r} in {name.parent}. There are: {here}."
            raise PhoneNotFound(message)
        return phone

    async def create(self, name: DeviceName, profile: str, overrides: Mapping[str, Any]) -> SandboxPhone:
        """A new phone, enrolled and connected.  Raises: AlreadyExists, InvalidArgument."""
        async with self._changing:
            if name.enterprise not in self._settings.enterprises or not ID_PATTERN.fullmatch(name.device):
                message = f"{name} cannot be made: use letters, digits and ._~- in an enterprise of this sandbox."
                raise InvalidArgument(message)
            if name in self.phones or await self.parts.store.device(name) is not None:
                message = f"There is a phone {name.device} already."
                raise AlreadyExists(message)
            kind = profile_named(profile)
            phone = await self._add(name, with_overrides(kind, overrides) if overrides else kind)
            await self._connected(phone)
            return phone

    async def reset_phone(self, phone: SandboxPhone) -> SandboxPhone:
        """The phone is as new, under the same id, and neither side remembers anything of it."""
        async with self._changing:
            await phone.runner.stop()
            phone.forget()
            parts = self.parts
            for name in {phone.name, DeviceName.parse(phone.runner.name or str(phone.name))}:
                await parts.own_file().forget_device(name)
                parts.ports.offers.forget_device(name)
            fresh = await self._add(phone.name, phone.profile)
            await self._connected(fresh)
            return fresh

    async def enroll_again(self, phone: SandboxPhone) -> SandboxPhone:
        """The wiped phone was set up by somebody once more: the same serial number, a new device.  Raises: PhoneStillManaged."""
        async with self._changing:
            if phone.runner.phone.device.managed:
                raise PhoneStillManaged
            phone.runner.phone.be(user_of(phone.profile.consent))
            async with self._token(phone, device_id="") as value:
                phone.runner.enroll(value, phone.profile.phone(phone.runner.phone.device.serial))
                await self._connected(phone)
            return phone

    @functools.cached_property
    def _journals(self) -> Path:
        folder = self._folder / "phones"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def _add(self, name: DeviceName, profile: Profile) -> SandboxPhone:
        """The phone runs, and is enrolled unless the server has known it before (a kept data directory)."""
        phone = SandboxPhone(name, profile, clock=self.clock, url=self.url, folder=self._journals)
        self.phones[name] = phone
        store = self.parts.store
        if await store.device(name) is None and await store.tombstone(name) is None:
            phone.forget()
            async with self._token(phone, device_id=name.device) as value:
                phone.runner.start(value)
                await self._connected(phone)
        else:
            phone.runner.start()
        return phone

    @contextlib.asynccontextmanager
    async def _token(self, phone: SandboxPhone, *, device_id: str) -> Any:  # noqa: ANN401
        """The value of a token for this phone alone, which goes afterwards: lists show what callers made, nothing else."""
        enterprise = EnterpriseName(phone.name.enterprise)
        wanted = EnrollmentToken(one_time_only=True, allow_personal_usage=phone.profile.allow_personal_usage)
        record = await create_enrollment_token(self.parts.ports, enterprise, wanted, server_url=self.url, device_id=device_id)
        try:
            yield record.value
        finally:
            await delete_enrollment_token(self.parts.ports, EnrollmentTokenName(enterprise.enterprise, record.token_id))

    async def _connected(self, phone: SandboxPhone) -> None:
        """The phone is connected and has told its facts.  Raises: FailedPrecondition: it is not, after a time in which it must be."""
        try:
            async with asyncio.timeout(CONNECTED_WITHIN_S):
                await phone.runner.wait_connected()
                while not await self._active(phone):  # noqa: ASYNC110 - the server tells callers, not us, when a report has come
                    await asyncio.sleep(0.005)
        except TimeoutError:
            message = f"Phone {phone.name.device} did not connect: {phone.runner.refusal or phone.runner.condition.value}."
            raise FailedPrecondition(message) from None

    async def _active(self, phone: SandboxPhone) -> bool:
        record = await self.parts.store.device(DeviceName.parse(phone.runner.name))
        return record is not None and bool(record.last_policy_sync_us)

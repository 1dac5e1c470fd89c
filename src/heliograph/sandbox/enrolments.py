"""How phones come into a world: each is enrolled with its server, by a token of its own or by a caller's."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from heliograph.agent.profiles import Profile, profile_named, with_overrides
from heliograph.agent.virtual_phone import user_of
from heliograph.domain.device import AllowPersonalUsage
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.names import ID_PATTERN, DeviceName, EnrollmentTokenName, EnterpriseName
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, Violation
from heliograph.sandbox.phones import SandboxPhone, Surroundings, new_device, provisioned
from heliograph.server import Parts
from heliograph.service.enrollment_tokens import create_enrollment_token, delete_enrollment_token
from heliograph.service.ports import Decision, Sees, Store

NAMED_MOST = 20
"""Enterprises that an error names."""
OBEYS_WITHIN_S = 10.0
"""Real time. A virtual phone needs milliseconds to be erased, on a busy machine more."""
LOOKS_EACH_S = 0.01


class EnterpriseNotFound(NotFound):
    """The world has no such enterprise."""

    reason = "ENTERPRISE_NOT_FOUND"


class PhoneStillManaged(FailedPrecondition):
    """The phone is managed: only a wiped or relinquished one can enrol again. To start over with the same id, use :reset."""

    reason = "PHONE_STILL_MANAGED"


class PhoneOffline(FailedPrecondition):
    """The phone has no network, so it cannot enrol. Give it one first: PATCH {"online": true}."""

    reason = "PHONE_OFFLINE"


class Enrolments:
    """Of one world, as long as its server is the same; every call is made within `World.change`."""

    def __init__(
        self, phones: dict[DeviceName, SandboxPhone], *, parts: Parts, around: Surroundings, settle: Callable[[], Awaitable[None]]
    ) -> None:
        """`phones`: the world's; `settle()`: as `World.settle`."""
        self.around = around
        self._phones = phones
        self._parts = parts
        self._settle = settle

    async def create(self, name: DeviceName, profile: str, overrides: Mapping[str, Any]) -> SandboxPhone:
        """A new phone, enrolled and connected.  Raises: AlreadyExists, InvalidArgument."""
        _require_id(name.device)
        await require_enterprise(self._parts.store, name.parent)
        if name in self._phones or await self._parts.store.device(name) is not None:
            message = f"There is a phone {name.device} already."
            raise AlreadyExists(message)
        return await self.add(name, with_overrides(profile_named(profile), overrides))

    async def enroll_with(self, value: str, profile: str, overrides: Mapping[str, Any], *, device_id: str = "") -> SandboxPhone:
        """A new phone whose owner entered the value of an enrolment token: enterprise, policy and ownership are as the token says.

        It is called by `device_id` here; without one, by the id that the server gave it.

        Raises: InvalidArgument; AlreadyExists; FailedPrecondition: the server did not take it, with its words.
        """
        token = await self._parts.store.decide(Sees(token_value=value), lambda facts: Decision(facts.token))
        if token is None:
            description = "enrollmentToken must be the value that enrollmentTokens.create answered: no token of this world has this one."
            raise InvalidArgument(violations=[Violation("enrollment_token", description)])
        if device_id:
            _require_id(device_id)
        kind = provisioned(with_overrides(profile_named(profile), overrides), token.allow_personal_usage)
        name = DeviceName(token.enterprise.enterprise, device_id or self._new_name(profile, token.enterprise))
        if name in self._phones:
            raise AlreadyExists(f"There is a phone {name.device} already.")
        phone = SandboxPhone(name, kind, around=self.around)
        await self._enter(phone, value)
        return phone

    def newcomer(self, profile: str, overrides: Mapping[str, Any], usage: AllowPersonalUsage, enterprise: EnterpriseName) -> VirtualDevice:
        """The phone that `enroll_with` would make next, without a device id, of a token that says this of personal usage.

        Raises: InvalidArgument.
        """
        kind = provisioned(with_overrides(profile_named(profile), overrides), usage)
        return new_device(DeviceName(enterprise.enterprise, self._new_name(profile, enterprise)), kind)

    async def add(self, name: DeviceName, profile: Profile) -> SandboxPhone:
        """The phone runs, and is enrolled unless the server has known it before (a kept data directory)."""
        phone = SandboxPhone(name, profile, around=self.around)
        store = self._parts.store
        if await store.device(name) is not None or await store.tombstone(name) is not None:
            self._phones[name] = phone
            phone.runner.start()
            return phone
        async with self._token(phone, device_id=name.device) as value:
            await self._enter(phone, value)
        return phone

    async def make_anew(self, phone: SandboxPhone) -> SandboxPhone:
        """A new phone under the same id; neither side remembers anything of the one before."""
        await phone.stop()
        phone.forget()
        for device in {phone.name, phone.device}:
            await self._parts.own_file().forget_device(device)
            self._parts.ports.offers.forget_device(device)
        return await self.add(phone.name, phone.profile)

    async def enroll_again(self, phone: SandboxPhone) -> None:
        """The wiped phone, which is awake, was set up again: the same serial number, a new device.

        Raises: PhoneStillManaged, PhoneOffline.
        """
        if phone.runner.phone.device.managed and not await self._obeys(phone):
            raise PhoneStillManaged
        if not phone.runner.mischief.online:
            raise PhoneOffline
        phone.runner.phone.be(user_of(phone.profile.consent))
        async with self._token(phone, device_id="") as value:
            erasures = phone.runner.phone.device.erasures
            phone.runner.enroll(value, msgspec.structs.replace(phone.new, erasures=erasures))
            await self._connected(phone)

    async def _obeys(self, phone: SandboxPhone) -> bool:
        """Whether the phone has carried out its last order: it does so a moment after its command is done for the server."""
        until_s = time.monotonic() + OBEYS_WITHIN_S
        while phone.runner.phone.device.managed:
            is_at_it = phone.runner.mischief.online and await self._parts.store.device(phone.device) is None
            if not is_at_it or self.around.clock.frozen or time.monotonic() > until_s:
                return False
            await asyncio.sleep(LOOKS_EACH_S)
        return True

    def _new_name(self, profile: str, enterprise: EnterpriseName) -> str:
        """The name of a phone without a name from its caller: its profile and a number."""
        names = itertools.chain((profile,), (f"{profile}-{number}" for number in itertools.count(2)))
        return next(name for name in names if DeviceName(enterprise.enterprise, name) not in self._phones)

    async def _enter(self, phone: SandboxPhone, token: str) -> None:
        """The phone runs, and has enrolled with this token.  Raises: FailedPrecondition: it could not; as `settle`."""
        self._phones[phone.name] = phone
        try:
            phone.forget()
            phone.runner.start(token)
            await self._connected(phone)
        except BaseException:
            del self._phones[phone.name]
            await phone.stop()
            raise

    @contextlib.asynccontextmanager
    async def _token(self, phone: SandboxPhone, *, device_id: str) -> AsyncIterator[str]:
        """The value of a token for this phone alone, which goes afterwards: lists show what callers made, nothing else."""
        enterprise = EnterpriseName(phone.name.enterprise)
        wanted = EnrollmentToken(one_time_only=True, allow_personal_usage=phone.profile.allow_personal_usage)
        record = await create_enrollment_token(self._parts.ports, enterprise, wanted, device_id=device_id)
        try:
            yield record.value
        finally:
            await delete_enrollment_token(self._parts.ports, EnrollmentTokenName(enterprise.enterprise, record.token_id))

    async def _connected(self, phone: SandboxPhone) -> None:
        """The phone is connected and has reported its facts.  Raises: FailedPrecondition: it could not connect; as `settle`."""
        await self._settle()
        if not phone.runner.connected:
            message = f"Phone {phone.name.device} did not connect: {phone.runner.refusal or phone.runner.condition.value}."
            raise FailedPrecondition(message)


async def require_enterprise(store: Store, name: EnterpriseName) -> None:
    """The world has it.  Raises: EnterpriseNotFound."""
    if await store.enterprise(name) is None:
        page = await store.enterprises(after="", limit=NAMED_MOST)
        there = ", ".join(str(record.name) for record in page.items) + (", …" if page.more else "")
        raise EnterpriseNotFound(f"There is no {str(name)[:160]} in this world. There are: {there or 'none'}.")


def _require_id(device_id: str) -> None:
    """Raises: InvalidArgument."""
    if not ID_PATTERN.fullmatch(device_id):
        raise InvalidArgument(f"Invalid device id {device_id[:128]!r}: use letters, digits and ._~- only.")

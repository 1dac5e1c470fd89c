"""Phones that are known to their server before their agents run: a world of nine costs what nine rows cost.

Their rows say what an agent would have said that enrolled, took its policy and reported; the first ring for one of them wakes it.
"""

import asyncio
import functools
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from heliograph.agent.journal import Identity
from heliograph.agent.profiles import PROFILES, Profile
from heliograph.agent.sealed_commands import private_key_from, public_key_of
from heliograph.agent.virtual_phone import applied, reported
from heliograph.channel.peers import WEBSOCKET
from heliograph.domain.device import DeviceRecord, DeviceReport, EnrollmentTokenRecord
from heliograph.domain.enrollment import user_name_for
from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.domain.policy import DEFAULT_ID, implicit_default
from heliograph.protocol import PhonePolicy
from heliograph.sandbox.phones import Asleep, SandboxPhone, Surroundings, new_device
from heliograph.service.phones import hash_credential
from heliograph.service.ports import Decision, Doorbell, Ports, Presence, PutDevice, Sees, Sighting, Whereabouts

SECOND_US = 1_000_000
INSTALLATION_ID_DIGITS = 32

Wish = tuple[DeviceName, Profile]


async def put_to_bed(ports: Ports, wishes: Iterable[Wish], *, seed: str, around: Surroundings) -> list[SandboxPhone]:
    """Phones that are enrolled, online and asleep, in this order; a second before each other, the last one a second ago."""
    now_us, phones, enrolments = ports.clock.now_us(), [], []
    wishes = tuple(wishes)
    for number, (name, profile) in enumerate(wishes):
        identity = _identity(name, seed=seed)
        record = _record(ports, name, profile, identity, now_us - (len(wishes) - number) * SECOND_US)
        enrolments.append(_enrolled(ports, record))
        asleep = Asleep(identity, _policy(name.parent, record.user_name))
        phones.append(SandboxPhone(name, profile, around=around, asleep=asleep))
    # Together they are one batch, in which each kind of row is looked up once.
    await asyncio.gather(*enrolments)
    return phones


def _enrolled(ports: Ports, record: DeviceRecord) -> Awaitable[None]:
    sees = Sees(enterprise=record.name.parent, device=record.name, credential_hash=record.credential_hash, serial=record.serial)
    return ports.store.decide(sees, lambda _facts: Decision(None, (PutDevice(record, serial=record.serial),)))


def _identity(name: DeviceName, *, seed: str) -> Identity:
    credential = hashlib.sha256(f"{seed} credential of {name}".encode()).hexdigest()
    installation_id = hashlib.sha256(f"{seed} installation of {name}".encode()).hexdigest()[:INSTALLATION_ID_DIGITS]
    chance = int.from_bytes(hashlib.sha512(f"{seed} private key of {name}".encode()).digest())
    return Identity(credential=credential, installation_id=installation_id, name=str(name), private_key=private_key_from(chance))


def _policy(enterprise: EnterpriseName, user_name: str) -> PhonePolicy:
    """What every phone of an enterprise without a policy applies."""
    default = implicit_default(enterprise)
    return PhonePolicy(
        policy_name=str(default.name), policy_version=default.version, user_name=user_name, policy=msgspec.Raw(default.resource)
    )


def _record(ports: Ports, name: DeviceName, profile: Profile, identity: Identity, at_us: int) -> DeviceRecord:
    enterprise, credential_hash = name.parent, hash_credential(identity.credential)
    device, report = _known(name, profile.name) if profile is PROFILES.get(profile.name) else _first_seen(name, profile)
    token_id = ports.ids.token_id()
    token = EnrollmentTokenRecord(
        enterprise=enterprise, token_id=token_id, value="", expires_us=at_us, one_time_only=True,
        allow_personal_usage=profile.allow_personal_usage, policy_name="", additional_data="", created_us=at_us, resource=b"",
    )  # fmt: skip
    return DeviceRecord(
        name=name,
        credential_hash=credential_hash,
        installation_id=identity.installation_id,
        enrollment_us=at_us,
        enrollment_token_name=str(EnrollmentTokenName(enterprise.enterprise, token_id)),
        user_name=user_name_for(enterprise, token, credential_hash),
        policy_name=str(PolicyName(enterprise.enterprise, DEFAULT_ID)),
        serial=device.serial,
        last_status_report_us=at_us,
        last_policy_sync_us=at_us,
        public_key=public_key_of(identity.private_key),
        report=report,
    )


@functools.lru_cache(maxsize=256)
def _known(name: DeviceName, profile: str) -> tuple[VirtualDevice, DeviceReport]:
    """The same serves all worlds."""
    return _first_seen(name, PROFILES[profile])


def _first_seen(name: DeviceName, profile: Profile) -> tuple[VirtualDevice, DeviceReport]:
    """The phone as it comes into the world, and what its server knows of it."""
    policy, device = _policy(name.parent, ""), new_device(name, profile)
    return device, reported(applied(device, policy), policy)


class SleepersDoorbell:
    """A `ports.Doorbell` that wakes the phone for which it is rung."""

    def __init__(self, inner: Doorbell, wake: Callable[[DeviceName], None]) -> None:
        self._inner = inner
        self._wake = wake

    def ring(self, device: DeviceName) -> None:
        self._wake(device)
        self._inner.ring(device)

    def policy_changed(self, device: DeviceName) -> None:
        self._wake(device)
        self._inner.policy_changed(device)

    def rest(self, device: DeviceName) -> None:
        self._inner.rest(device)


class SleepersPresence:
    """A `ports.Presence` to which a phone that is asleep is connected: it answers as soon as a ring comes."""

    def __init__(
        self, inner: Presence, asleep: Callable[[DeviceName], bool], *, sleepers: Callable[[], int], seen_us: Callable[[], int]
    ) -> None:
        """`sleepers()`: how many phones are asleep; `seen_us()`: when one of them said something last."""
        self._inner = inner
        self._asleep = asleep
        self._sleepers = sleepers
        self._seen_us = seen_us

    @property
    def draining(self) -> bool:
        return self._inner.draining

    def transports(self) -> Mapping[str, int]:
        awake = self._inner.transports()
        return {**awake, WEBSOCKET: awake.get(WEBSOCKET, 0) + self._sleepers()}  # they are connected so once they are awake

    def connected(self, device: DeviceName) -> bool:
        return self._asleep(device) or self._inner.connected(device)

    async def sighting(self, device: DeviceName) -> Sighting:
        if self._asleep(device):
            return Sighting(Whereabouts.HERE, self._seen_us())
        return await self._inner.sighting(device)

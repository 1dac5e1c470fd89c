"""Phones as the channel sees them: who speaks, enrolment, greetings, reports, and the last order."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.device import (
    DeviceRecord,
    DeviceReport,
    DeviceState,
    DeviceStatus,
    EnrollmentTokenRecord,
    ManagementMode,
    Ownership,
    StatusName,
    Tombstone,
)
from heliograph.domain.device_json import parts_of
from heliograph.domain.enrollment import personal_usage_objection, user_name_for
from heliograph.domain.errors import DeviceNoLongerManaged, EnterpriseNotAuthorized
from heliograph.domain.names import DeviceName, EnrollmentTokenName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.protocol import CREDENTIAL_BYTES, Acknowledge, Enroll, Enrolled, Hello, InFlight, InFlightState, PhonePolicy, StatusReport
from heliograph.protojson.errors import AlreadyExists, FailedPrecondition, InvalidArgument, PermissionDenied, Unauthenticated
from heliograph.protojson.times import format_timestamp
from heliograph.service.acknowledge_command import acknowledge_command, adopted, log_adoption, may_adopt
from heliograph.service.evidence import observe_enrolment
from heliograph.service.notifications import enrolment_published, status_published
from heliograph.service.offer_command import with_offers
from heliograph.service.policies import phone_policy
from heliograph.service.ports import Decision, Delete, Facts, Lane, Ports, Put, PutDevice, PutOperation, PutTombstone, Sees, Write
from heliograph.service.sealed_secrets import check_public_key

INSTALLATION_ID_MAX_CHARS = 128
SERIAL_MAX_CHARS = 128
USED_TOKEN_LIFE_US = 86_400 * 1_000_000
_HASH = re.compile(f"[0-9a-f]{{{2 * CREDENTIAL_BYTES}}}")

BEGUN = frozenset({InFlightState.EXECUTING, InFlightState.RESULT})
"""What a journal says once the acknowledgement was answered with `execute`; one that says ACKING asks again by itself."""

_APPLIED = frozenset({DeviceState.ACTIVE, DeviceState.DISABLED, DeviceState.LOST, DeviceState.PROVISIONING})


class DeviceGone(DeviceNoLongerManaged):
    """Device is no longer being managed"""  # noqa: D415 - Google's text, without a full stop

    def __init__(self, tombstone: Tombstone) -> None:
        super().__init__()
        self.tombstone = tombstone
        """Holds the last order, which the phone gets with this error."""


class UnknownCredential(Unauthenticated):
    """No device has this credential. Enrol again."""

    reason = "UNKNOWN_DEVICE_CREDENTIAL"


def hash_credential(credential: str) -> bytes:
    """SHA-256 over the credential's text as the phone sends it."""
    return hashlib.sha256(credential.encode(errors="surrogatepass")).digest()


async def authenticate_device(ports: Ports, credential_hash: bytes) -> DeviceName:
    """The device with this credential hash.  Raises: DeviceGone: its device is no longer managed; has the last order; UnknownCredential."""
    found = await ports.store.by_credential(credential_hash)
    if found is None:
        raise UnknownCredential
    if isinstance(found, Tombstone):
        raise DeviceGone(found)
    return found.name


class UnknownEnrollmentToken(PermissionDenied):
    """No enrollment token has this value. Ask your administrator for a new one."""

    reason = "ENROLLMENT_TOKEN_UNKNOWN"


class EnrollmentTokenExpired(PermissionDenied):
    """The enrollment token has expired. Ask your administrator for a new one."""

    reason = "ENROLLMENT_TOKEN_EXPIRED"


class EnrollmentTokenUsed(PermissionDenied):
    """The enrollment token is for one-time use, and another device has used it. Ask your administrator for a new one."""

    reason = "ENROLLMENT_TOKEN_USED"


class PersonalUsageDisallowed(FailedPrecondition):
    """The enrollment token disallows personal usage."""

    reason = "PERSONAL_USAGE_DISALLOWED"


class CredentialTaken(AlreadyExists):
    """This credential belongs to another enrolment, or to a device that is no longer managed. Make a new credential and enrol again."""

    reason = "CREDENTIAL_TAKEN"


async def enroll_device(ports: Ports, message: Enroll) -> Enrolled:
    """The phone is a device of the token's enterprise, PROVISIONING until its first status report.

    The same token, installation id and credential hash get the same device again, also after the token has expired or was used.

    Raises: InvalidArgument; UnknownEnrollmentToken, EnrollmentTokenExpired, EnrollmentTokenUsed; PersonalUsageDisallowed;
        CredentialTaken; EnterpriseNotAuthorized.
    """
    _check(message)
    credential_hash = bytes.fromhex(message.credential_hash)
    # What the rule must see depends on the token's enterprise.
    token = await ports.store.decide(Sees(token_value=message.enrollment_token), lambda facts: Decision(facts.token))
    if token is None:
        raise UnknownEnrollmentToken
    name = await _free_name(ports, token)
    sees = Sees(
        enterprise=token.enterprise,
        token_value=message.enrollment_token,
        credential_hash=credential_hash,
        serial=_serial(message) or None,
        subscription=True,
    )
    enrolled, previous_device_names = await ports.store.decide(sees, lambda facts: _enrolled(ports, facts, message, name=name))
    await observe_enrolment(ports, message, previous_device_names)
    return Enrolled(name=str(enrolled), server_time=format_timestamp(ports.clock.now_us()))


def _check(message: Enroll) -> None:
    if not _HASH.fullmatch(message.credential_hash):
        raise InvalidArgument("credentialHash must be the SHA-256 of the phone's credential in lower-case hex.")
    if not 0 < len(message.installation_id) <= INSTALLATION_ID_MAX_CHARS:
        raise InvalidArgument(f"installationId must have 1 to {INSTALLATION_ID_MAX_CHARS} characters.")
    if len(message.serial) > SERIAL_MAX_CHARS:
        raise InvalidArgument(f"serial must have at most {SERIAL_MAX_CHARS} characters.")
    check_public_key(message.public_key)
    _check_report(message.report)


def _serial(message: Enroll) -> str:
    hardware = message.report.hardware_info
    return message.serial or (hardware.serial_number[:SERIAL_MAX_CHARS] if hardware else "")


async def _free_name(ports: Ports, token: EnrollmentTokenRecord) -> DeviceName:
    """The id that the token asks for if no device has or had it, else a random one: an old name must not lead to another phone."""
    wished = DeviceName(token.enterprise.enterprise, token.device_id)
    if token.device_id and await ports.store.device(wished) is None and await ports.store.tombstone(wished) is None:
        return wished
    return DeviceName(token.enterprise.enterprise, ports.ids.device_id())


class _Entered(NamedTuple):
    """The phone is this device now, and was those."""

    device: DeviceName
    previous_device_names: tuple[str, ...]


def _enrolled(ports: Ports, facts: Facts, message: Enroll, *, name: DeviceName) -> Decision[_Entered]:
    token, credential_hash = facts.token, bytes.fromhex(message.credential_hash)
    if token is None:
        raise UnknownEnrollmentToken
    if facts.enterprise is None:
        raise EnterpriseNotAuthorized
    token_name = str(EnrollmentTokenName(token.enterprise.enterprise, token.token_id))
    if facts.device is not None or facts.tombstone is not None:
        same = _same_device(facts.device, facts.tombstone, message, token_name)
        return Decision(same, _renewed_key(facts.device, message.public_key))
    if facts.now_us >= token.expires_us:
        raise EnrollmentTokenExpired
    if token.used_by and token.used_by != message.credential_hash:
        raise EnrollmentTokenUsed
    if (objection := personal_usage_objection(token, message.report)) is not None:
        raise PersonalUsageDisallowed(objection)
    record = DeviceRecord(
        name=name,
        credential_hash=credential_hash,
        installation_id=message.installation_id,
        enrollment_us=facts.now_us,
        enrollment_token_name=token_name,
        enrollment_token_data=token.additional_data,
        user_name=user_name_for(token.enterprise, token, credential_hash),
        policy_name=token.policy_name,
        previous_device_names=facts.previous_device_names,
        serial=_serial(message),
        public_key=message.public_key,
        report=parts_of(message.report)[0],  # what is apart of it comes with its first status report
    )
    writes: list[Write] = [PutDevice(record, serial=_serial(message) or None)]
    if token.one_time_only:
        # Kept as long as an expired one: its phone may not have received the answer, and no one else needs it.
        expires_us = min(token.expires_us, facts.now_us + USED_TOKEN_LIFE_US)
        writes.append(Put(msgspec.structs.replace(token, used_by=message.credential_hash, expires_us=expires_us)))
    return Decision(_Entered(name, facts.previous_device_names), (*writes, *enrolment_published(ports, facts, record)))


def _same_device(device: DeviceRecord | None, tombstone: Tombstone | None, message: Enroll, token_name: str) -> _Entered:
    if device is None or (device.installation_id, device.enrollment_token_name) != (message.installation_id, token_name):
        raise CredentialTaken
    return _Entered(device.name, device.previous_device_names)


def _renewed_key(device: DeviceRecord | None, public_key: str) -> tuple[Write, ...]:
    """What has been sealed to another key stays so: its phone says whether it still opens it."""
    if device is None or device.public_key == public_key:
        return ()
    return (PutDevice(msgspec.structs.replace(device, public_key=public_key)),)


class _Greeted(NamedTuple):
    """What the rule found."""

    device: DeviceRecord
    adopted: tuple[Operation, ...] = ()
    last: Operation | None = None
    """A begun command that is final at its acknowledgement, which the server lost."""


async def greet_device(ports: Ports, credential_hash: bytes, device: DeviceName, hello: Hello) -> PhonePolicy:
    """The result timeout of each acknowledged operation that the phone lists starts again; one that it does not list is offered again.

    A queued one that the phone has begun is adopted: acknowledged by the phone's ackId, even past its deadline (ADR 0016). One that is
    final at ack ends its device with that, and DeviceNoLongerManaged is raised.

    Names that the server does not know are the phone's to find out when it reports.

    Secrets of later commands are sealed to the key that the phone says it has now; without one, the vault keeps them.

    Raises: InvalidArgument: more operations than a device can have open, or no public key; DeviceNoLongerManaged.
    """
    if len(hello.in_flight) > ports.limits.open_operations_most:
        raise InvalidArgument("inFlight lists more operations than a device can have unfinished.")
    check_public_key(hello.public_key)
    listed = _listed(device, hello.in_flight)
    record = await ports.store.device(device)
    if listed or (record is not None and record.public_key != hello.public_key):
        sees = Sees(device=device, open_operations=bool(listed))
        greeted = await ports.store.decide(sees, lambda facts: _greeted(ports, facts, listed, hello.public_key), lane=Lane.PHONES)
        await _told(ports, credential_hash, device, greeted, listed)
        record = greeted.device
    if record is None:
        raise DeviceNoLongerManaged
    ports.offers.greeted(device, frozenset(listed), ports.clock.now_us())
    return await phone_policy(ports, record, whole=True)


async def _told(
    ports: Ports, credential_hash: bytes, device: DeviceName, greeted: _Greeted, listed: Mapping[int, InFlight]
) -> None:  # fmt: skip
    for operation in greeted.adopted:
        ports.offers.noted(device, operation.create_ms)
        log_adoption(operation)
    if greeted.last is None:
        return
    entry = listed[greeted.last.create_ms]
    message = Acknowledge(operation=str(greeted.last.name), ack_id=entry.ack_id)
    await acknowledge_command(ports, credential_hash, device, message, begun=True)
    log_adoption(greeted.last)
    if await ports.store.device(device) is None:
        raise DeviceNoLongerManaged


def _listed(device: DeviceName, in_flight: tuple[InFlight, ...]) -> dict[int, InFlight]:
    named = ((OperationName.parse(entry.operation), entry) for entry in in_flight)
    return {name.create_ms: entry for name, entry in named if name.device == device}


def _greeted(ports: Ports, facts: Facts, listed: Mapping[int, InFlight], public_key: str) -> Decision[_Greeted]:
    if facts.device is None:
        raise DeviceNoLongerManaged
    heard: list[Operation] = []
    adoptions: list[Operation] = []
    last: Operation | None = None
    for operation in facts.open_operations:
        entry = listed.get(operation.create_ms)
        if entry is None:
            continue
        if operation.state is State.ACKNOWLEDGED and operation.ack_id == entry.ack_id:
            heard.append(_heard(operation, facts.now_us))
        elif may_adopt(operation, facts.now_us) and entry.state in BEGUN:
            if COMMANDS[operation.type].final_at_ack:
                last = last or operation
            else:
                adoptions.append(adopted(with_offers(ports, operation), entry.ack_id, facts.now_us))
    changed = [PutOperation(operation) for operation in (*heard, *adoptions)]
    return Decision(_Greeted(facts.device, tuple(adoptions), last), [*changed, *_renewed_key(facts.device, public_key)])


def _heard(operation: Operation, now_us: int) -> Operation:
    return life.heard(operation, now_us, result_timeout_s=COMMANDS[operation.type].result_timeout_s)


async def report_status(ports: Ports, device: DeviceName, message: StatusReport) -> PhonePolicy:
    """The device shows these facts; it leaves PROVISIONING with its first status report, which gets its policy as the answer.

    Raises: InvalidArgument: facts that no device can have; DeviceNoLongerManaged.
    Source: disc, Device.lastPolicySyncTime ("The last time the device fetched its policy").
    """
    _check_report(message.report)

    report, details = parts_of(message.report)
    name = StatusName(*device)
    status = DeviceStatus(name=name, details=details) if details is not None else None

    def rule(facts: Facts) -> Decision[DeviceRecord]:
        if facts.device is None:
            raise DeviceNoLongerManaged
        changed = msgspec.structs.replace(facts.device, report=report, last_status_report_us=facts.now_us, last_policy_sync_us=facts.now_us)
        writes = (PutDevice(changed), *_status_writes(facts, name, status), *status_published(ports, facts, changed, status))
        return Decision(changed, writes)

    sees = Sees(device=device, subscription=True, records=(name,))
    return await phone_policy(ports, await ports.store.decide(sees, rule, lane=Lane.PHONES))


def _status_writes(facts: Facts, name: StatusName, status: DeviceStatus | None) -> Iterator[Write]:
    if status == facts.record(DeviceStatus) or facts.subscription is None:  # the enterprise is gone, and this device soon
        return
    yield Put(status) if status is not None else Delete(name)


def _check_report(report: DeviceReport) -> None:
    """Validate the facts of a report.  Raises: InvalidArgument."""
    if report.applied_state not in _APPLIED:
        raise InvalidArgument(f"A device cannot report the state {report.applied_state.value}.")
    if report.api_level < 1:
        raise InvalidArgument("apiLevel is missing.")
    untold = ManagementMode.MANAGEMENT_MODE_UNSPECIFIED, Ownership.OWNERSHIP_UNSPECIFIED
    if report.management_mode is untold[0] or report.ownership is untold[1]:
        raise InvalidArgument("managementMode and ownership are required.")


async def get_phone_policy(ports: Ports, device: DeviceName) -> PhonePolicy:
    """The policy as the phone gets it.  Raises: DeviceNoLongerManaged."""
    record = await ports.store.device(device)
    if record is None:
        raise DeviceNoLongerManaged
    return await phone_policy(ports, record)


class StillManaged(FailedPrecondition):
    """The device is managed: it has no last order to confirm."""

    reason = "STILL_MANAGED"


async def confirm_last_order(ports: Ports, credential_hash: bytes) -> None:
    """The tombstone records that its phone obeyed; repeating this changes nothing.

    Raises: StillManaged; UnknownCredential: the tombstone has expired, or there never was one.
    """

    def rule(facts: Facts) -> Decision[None]:
        if facts.device is not None:
            raise StillManaged
        if facts.tombstone is None:
            raise UnknownCredential
        if facts.tombstone.confirmed:
            return Decision(None)
        return Decision(None, (PutTombstone(msgspec.structs.replace(facts.tombstone, confirmed=True)),))

    await ports.store.decide(Sees(credential_hash=credential_hash), rule, lane=Lane.PHONES)

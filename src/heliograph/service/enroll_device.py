"""A phone becomes a device."""

import re

import msgspec

from heliograph.domain.device import DeviceRecord, EnrollmentTokenRecord, Tombstone
from heliograph.domain.enrollment import personal_usage_objection, user_name_for
from heliograph.domain.errors import AlreadyExists, EnterpriseNotAuthorized, FailedPrecondition, InvalidArgument, PermissionDenied
from heliograph.domain.names import DeviceName, EnrollmentTokenName
from heliograph.domain.wire_time import format_timestamp
from heliograph.protocol import CREDENTIAL_BYTES, Enroll, Enrolled
from heliograph.service._device_report import check_report
from heliograph.service._notifications import enrolment_published
from heliograph.service.ports import Decision, Facts, Ports, PutDevice, PutToken, Sees, Write

INSTALLATION_ID_MAX_CHARS = 128
SERIAL_MAX_CHARS = 128
USED_TOKEN_LIFE_US = 86_400 * 1_000_000
_HASH = re.compile(f"[0-9a-f]{{{2 * CREDENTIAL_BYTES}}}")


class UnknownEnrollmentToken(PermissionDenied):
    """No enrollment token has this value. Ask your administrator for a new one."""

    reason = "ENROLLMENT_TOKEN_UNKNOWN"


class EnrollmentTokenExpired(PermissionDenied):
    """The enrollment token has expired. Ask your administrator for a new one."""

    reason = "ENROLLMENT_TOKEN_EXPIRED"


class EnrollmentTokenUsed(PermissionDenied):
    """The enrollment token is for one time use, and another device has used it. Ask your administrator for a new one."""

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
    enrolled = await ports.store.decide(sees, lambda facts: _enrolled(ports, facts, message, name=name))
    return Enrolled(name=str(enrolled), server_time=format_timestamp(ports.clock.now_us()))


def _check(message: Enroll) -> None:
    if not _HASH.fullmatch(message.credential_hash):
        raise InvalidArgument("credentialHash must be the SHA-256 of the phone's credential in lower-case hex.")
    if not 0 < len(message.installation_id) <= INSTALLATION_ID_MAX_CHARS:
        raise InvalidArgument(f"installationId must have 1 to {INSTALLATION_ID_MAX_CHARS} characters.")
    if len(message.serial) > SERIAL_MAX_CHARS:
        raise InvalidArgument(f"serial must have at most {SERIAL_MAX_CHARS} characters.")
    check_report(message.report)


def _serial(message: Enroll) -> str:
    hardware = message.report.hardware_info
    return message.serial or (hardware.serial_number[:SERIAL_MAX_CHARS] if hardware else "")


async def _free_name(ports: Ports, token: EnrollmentTokenRecord) -> DeviceName:
    """The id that the token wishes where no device has or had it, else a random one: an old name must not lead to another phone."""
    wished = DeviceName(token.enterprise.enterprise, token.device_id)
    if token.device_id and await ports.store.device(wished) is None and await ports.store.tombstone(wished) is None:
        return wished
    return DeviceName(token.enterprise.enterprise, ports.ids.device_id())


def _enrolled(ports: Ports, facts: Facts, message: Enroll, *, name: DeviceName) -> Decision[DeviceName]:
    token, credential_hash = facts.token, bytes.fromhex(message.credential_hash)
    if token is None:
        raise UnknownEnrollmentToken
    if facts.enterprise is None:
        raise EnterpriseNotAuthorized
    token_name = str(EnrollmentTokenName(token.enterprise.enterprise, token.token_id))
    if facts.device is not None or facts.tombstone is not None:
        return Decision(_same_device(facts.device, facts.tombstone, message, token_name))
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
        report=message.report,
    )
    writes: list[Write] = [PutDevice(record, serial=_serial(message) or None)]
    if token.one_time_only:
        # Kept as long as an expired one: its phone may not have heard the answer, and nobody else needs it.
        expires_us = min(token.expires_us, facts.now_us + USED_TOKEN_LIFE_US)
        writes.append(PutToken(msgspec.structs.replace(token, used_by=message.credential_hash, expires_us=expires_us)))
    return Decision(name, (*writes, *enrolment_published(ports, facts, record)))


def _same_device(device: DeviceRecord | None, tombstone: Tombstone | None, message: Enroll, token_name: str) -> DeviceName:
    if device is None or (device.installation_id, device.enrollment_token_name) != (message.installation_id, token_name):
        raise CredentialTaken
    return device.name

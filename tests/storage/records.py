"""Records as tests need them, and a clock that stands still until it is set."""

import hashlib
import itertools
from collections.abc import Sequence

import msgspec

from heliograph.domain.device import (
    AllowPersonalUsage,
    DeviceRecord,
    DeviceReport,
    EnrollmentTokenRecord,
    EnterpriseRecord,
    LastOrder,
    Tombstone,
)
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.operation import Operation, State, TimelineEntry
from heliograph.service.ports import Decision, Facts, PutOperation, Rule

START_US = 1_790_000_000_000_000
SECOND_US = 1_000_000
ENTERPRISE = EnterpriseName("LC0acme")

_numbers = itertools.count(1)


class SetClock:
    """A Clock that shows what it was set to."""

    def __init__(self, at_us: int = START_US) -> None:
        self.at_us = at_us

    def now_us(self) -> int:
        return self.at_us

    async def sleep_until(self, at_us: int) -> None:
        self.at_us = max(self.at_us, at_us)


class BreakableClock(SetClock):
    """It breaks when it is set below zero."""

    def now_us(self) -> int:
        if self.at_us < 0:
            raise ArithmeticError("the clock broke")
        return self.at_us


def device_name(number: int | None = None) -> DeviceName:
    """A device's name, a new one where no number is given."""
    return DeviceName(ENTERPRISE.enterprise, f"{next(_numbers) + 10_000 if number is None else number:016x}")


def credential_of(name: DeviceName) -> bytes:
    """What stands for the hash of the device's credential."""
    return hashlib.sha256(str(name).encode()).digest()


def device_record(name: DeviceName, *, enrollment_us: int = START_US, policy_name: str = "", serial: str = "") -> DeviceRecord:
    """A device that enrolled."""
    return DeviceRecord(
        name=name,
        credential_hash=credential_of(name),
        installation_id="installation",
        enrollment_us=enrollment_us,
        enrollment_token_name="enterprises/LC0acme/enrollmentTokens/first",
        policy_name=policy_name,
        serial=serial,
        report=DeviceReport(api_level=34),
    )


def operation(device: DeviceName, create_ms: int, **fields: object) -> Operation:
    """An operation on its way, due 600 s after its creation."""
    due_us = create_ms * 1_000 + 600 * SECOND_US
    whole: dict[str, object] = {"expires_us": due_us, "deadline_us": due_us} | fields
    return Operation(
        device=device,
        create_ms=create_ms,
        type="LOCK",
        command=b"{}",
        duration="600s",
        timeline=(TimelineEntry(at_us=create_ms * 1_000, what="issued"),),
        **whole,  # type: ignore[arg-type]
    )


def ended(one: Operation, ended_us: int, state: State = State.SUCCEEDED) -> Operation:
    """The operation in a final state."""
    return operation(one.device, one.create_ms, state=state, deadline_us=None, ended_us=ended_us)


def issue(device: DeviceName) -> Rule[Operation]:
    """The rule of a command's issue, as far as storage is concerned."""

    def rule(facts: Facts) -> Decision[Operation]:
        if facts.device is None:
            raise LookupError("no such device")
        new = operation(device, max(facts.now_us // 1_000, facts.last_create_ms + 1))
        return Decision(new, (PutOperation(new, new=True),), ring=device)

    return rule


def write(*writes: object, answer: object = None) -> Rule[object]:
    """A rule that writes whatever it sees."""
    return lambda _: Decision(answer, writes)  # type: ignore[arg-type]


def look(facts: Facts) -> Decision[Facts]:
    """A rule that only looks."""
    return Decision(facts)


def create_times(operations: Sequence[Operation]) -> list[int]:
    """The operations' ids."""
    return [one.create_ms for one in operations]


def tombstone(name: DeviceName, *, expires_us: int = START_US + 30 * 86_400 * SECOND_US) -> Tombstone:
    """What is left of a deleted device."""
    return Tombstone(
        name=name,
        credential_hash=credential_of(name),
        last_order=LastOrder("RELINQUISH_OWNERSHIP", msgspec.Raw(b"{}")),
        created_us=START_US,
        expires_us=expires_us,
    )


def enterprise_record(number: int = 0, name: EnterpriseName = ENTERPRISE) -> EnterpriseRecord:
    """An enterprise; a higher number was created later."""
    return EnterpriseRecord(name=name, created_us=START_US + number, resource=b'{"enterpriseDisplayName":"Acme"}')


def token_record(token_id: str, *, number: int = 0, used_by: str = "") -> EnrollmentTokenRecord:
    """A one-time enrolment token; a higher number was created later."""
    return EnrollmentTokenRecord(
        enterprise=ENTERPRISE,
        token_id=token_id,
        value=f"value-of-{token_id}",
        expires_us=START_US + 3_600 * SECOND_US,
        one_time_only=True,
        allow_personal_usage=AllowPersonalUsage.PERSONAL_USAGE_ALLOWED,
        policy_name="",
        additional_data="",
        created_us=START_US + number,
        resource=b"{}",
        used_by=used_by,
    )

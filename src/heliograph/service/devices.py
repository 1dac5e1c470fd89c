"""Devices as callers see them: read, changed and deleted; and how a device's management ends."""

from collections.abc import Sequence

import msgspec

from heliograph.commands import ENVELOPE, last_order_of_delete
from heliograph.domain import operation as life
from heliograph.domain import user_facing_message
from heliograph.domain.access import Caller
from heliograph.domain.approval import DELETE_DEVICE, Approval
from heliograph.domain.device import Device, DeviceRecord, DeviceState, DeviceStatus, LastOrder, StatusName, Tombstone
from heliograph.domain.names import ID_PATTERN, DeviceName, EnterpriseName
from heliograph.domain.operation import Operation
from heliograph.domain.policy import DEFAULT_ID
from heliograph.domain.rights import Permit
from heliograph.protocol import REASON_MAX_BYTES
from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.field_mask import apply_mask, set_fields
from heliograph.protojson.messages import encode_message
from heliograph.service.approval_gate import ApprovalRequired, Gate, Passage
from heliograph.service.limits import Limits
from heliograph.service.not_found import device_absence, enterprise_absence
from heliograph.service.notifications import departure_published, operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.paging import page_of
from heliograph.service.policies import full_policy_name
from heliograph.service.ports import Decision, Delete, DeleteDevice, Facts, Ports, Put, PutDevice, PutTombstone, Sees, Write
from heliograph.service.tenant_bounds import require_size

MUTABLE = ("state", "disabled_reason", "policy_name")
"""Source: disc, Device.state, disabledReason, policyName; amapi.md §6.13."""
_SETTABLE = (DeviceState.ACTIVE, DeviceState.DISABLED)

DAY_US = 86_400 * 1_000_000


async def get_device(ports: Ports, name: DeviceName) -> DeviceRecord:
    """The device.  Raises: EnterpriseNotAuthorized, DeviceNoLongerManaged, NotFound."""
    record = await ports.store.device(name)
    if record is None:
        raise await device_absence(ports, name)
    return record


async def list_devices(
    ports: Ports, enterprise: EnterpriseName, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[DeviceRecord], str]:
    """A page of the enterprise's devices, oldest enrolment first, and the next page's token (empty after the last).

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """
    page = await page_of(
        ports,
        f"{enterprise}/devices",
        lambda after, limit: ports.store.devices(enterprise, after=after, limit=limit),
        page_size=page_size,
        page_token=page_token,
    )
    if not page[0] and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return page


async def devices_called(ports: Ports, enterprise: EnterpriseName, text: str) -> Sequence[DeviceName]:
    """The devices whose id or serial number is the text, by name: found at once, however many devices there are."""
    sees = Sees(enterprise=enterprise, serial=text)
    candidates = {DeviceName.parse(name) for name in await ports.store.decide(sees, lambda facts: Decision(facts.previous_device_names))}
    if ID_PATTERN.fullmatch(text):
        candidates.add(DeviceName(enterprise.enterprise, text))
    return [name for name in sorted(candidates) if await ports.store.device(name) is not None]


async def status_of(ports: Ports, device: DeviceRecord) -> DeviceStatus | None:
    """What the device reported of STATUS_DETAILS."""
    return await ports.store.record(DeviceStatus, StatusName(*device.name))


async def patch_device(
    ports: Ports, name: DeviceName, patch: Device, mask: tuple[str, ...] | None, *, permit: Permit | None = None
) -> DeviceRecord:
    """The device with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    A connected phone is notified of the change.

    An empty policy name is the default policy's; with all fields in the mask, no state is ACTIVE.
    Fields that only the server or the phone can set stay as they are, even if the patch and the mask name them.

    Raises: InvalidArgument: a state other than ACTIVE and DISABLED, a bad policy name; EnterpriseNotAuthorized, DeviceNoLongerManaged,
        NotFound; RoleInsufficient, TooManyThisHour.
    """
    judging = permit if permit is not None and permit.judges() else None
    paths = _paths(patch, mask)
    whole = set(MUTABLE) <= set(paths)
    policy_name = ""
    if "policy_name" in paths:
        policy_name = full_policy_name(name.parent, patch.policy_name or DEFAULT_ID, path="device.policy_name")

    def rule(facts: Facts) -> Decision[DeviceRecord | None]:
        if facts.device is None:
            return Decision(None)
        counts = () if judging is None else judging.judge(facts.device, facts.records, now_us=facts.now_us)
        changed = facts.device
        if "state" in paths:
            changed = msgspec.structs.replace(changed, wanted_state=_wanted_state(changed, patch.state, whole=whole))
        if policy_name:
            changed = msgspec.structs.replace(changed, policy_name=policy_name)
        reason = apply_mask(Device(disabled_reason=changed.disabled_reason), patch, _of_reason(paths)).disabled_reason
        if found := Violations(user_facing_message.violations(reason, path="device.disabled_reason")):
            raise InvalidArgument(violations=found)
        if reason is not None:
            require_size(len(encode_message(reason)), ports.limits, what="reason", path="device.disabled_reason", ever=REASON_MAX_BYTES)
        changed = msgspec.structs.replace(changed, disabled_reason=reason)
        return Decision(changed, (PutDevice(changed), *map(Put, counts)))

    record = await ports.store.decide(Sees(device=name, records=judging.tallies() if judging is not None else ()), rule)
    if record is None:
        raise await device_absence(ports, name)
    ports.doorbell.policy_changed(name)
    return record


def _paths(patch: Device, mask: tuple[str, ...] | None) -> tuple[str, ...]:
    """The fields to change. AIP-203: output-only fields are ignored, in a mask too."""
    paths = set_fields(patch) if mask is None else mask
    return tuple(path for path in paths if path.partition(".")[0] in MUTABLE)


def _wanted_state(device: DeviceRecord, state: DeviceState, *, whole: bool) -> DeviceState:
    """What an admin wants of the device from now on. A device that is sent back as it was read wants what it wanted.

    Raises: InvalidArgument: a state that cannot be set.
    """
    if state in _SETTABLE:
        return state
    if state is device.state:
        return device.wanted_state
    if whole and state is DeviceState.DEVICE_STATE_UNSPECIFIED:
        return DeviceState.ACTIVE
    raise InvalidArgument(violations=[Violation("device.state", _state_text(state))])


def _state_text(state: DeviceState) -> str:
    hint = " To delete a device, call enterprises.devices.delete." if state is DeviceState.DELETED else ""
    return f"state can only be set to ACTIVE or DISABLED, not to {state.value}.{hint}"


def _of_reason(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if path.partition(".")[0] == "disabled_reason"]


async def delete_device(
    ports: Ports, name: DeviceName, *, wipe_data_flags: Sequence[str] = (), wipe_reason: str = "", caller: Caller | None = None,
    permit: Permit | None = None,
) -> None:  # fmt: skip
    """The device and its open operations are over; for 30 days its phone learns its last order, a wipe with these flags and reason.

    `caller`: who asks, by whom the approval rules are judged; None: the server itself, whose caller was judged before.
    `permit`: what the caller may; None: everything.

    Raises: InvalidArgument: an unknown flag, a reason too long; EnterpriseNotAuthorized, DeviceNoLongerManaged, NotFound;
        RoleInsufficient, TooManyThisHour, BlastRadiusReached; ApprovalRequired, ApprovalDeclined.
    Source: disc, devices.delete; amapi.md §6.12.
    """
    order = _delete_order(*last_order_of_delete(wipe_data_flags, wipe_reason))
    judging = permit if permit is not None and permit.judges() else None
    gate = None
    if caller is not None:
        gate = Gate(DELETE_DEVICE, name.parent, str(name), caller, bytes(order.command).decode(), devices=(str(name),))

    def rule(facts: Facts) -> Decision[Approval | bool]:
        if facts.device is None:
            return Decision(answer=False)
        counts = () if judging is None else judging.judge(facts.device, facts.records, now_us=facts.now_us)
        passage = Passage() if gate is None else gate.judge(facts, facts.device)
        if passage.blocked_by is not None:
            return Decision(passage.blocked_by, passage.writes)
        writes = [*management_ended(ports, facts, facts.device, order), *passage.writes, *map(Put, counts)]
        # The server of its connection learns that the device is gone.
        return Decision(answer=True, writes=writes, ring=name)

    seen = (*(gate.sees if gate else ()), *(judging.tallies() if judging is not None else ()))
    answer = await ports.store.decide(Sees(device=name, open_operations=True, subscription=True, records=(StatusName(*name), *seen)), rule)
    if isinstance(answer, Approval):
        raise ApprovalRequired(answer)
    if not answer:
        raise await device_absence(ports, name)
    ports.offers.forget_device(name)


def _delete_order(type_name: str, command: bytes) -> LastOrder:
    """The last order of a device that is deleted without an operation."""
    return LastOrder(type=type_name, command=msgspec.Raw(ENVELOPE.full_command(type_name, command)))


def management_ended(ports: Ports, facts: Facts, device: DeviceRecord, order: LastOrder, *, ack_id: str = "") -> list[Write]:
    """The writes that end the device's management: it is gone, its tombstone holds the last order, and no operation of it is open.

    `facts` must hold the device's open operations, its status and the subscription; the operation that the order came from is the
    caller's to end.
    """
    tombstone = Tombstone(
        name=device.name,
        credential_hash=device.credential_hash,
        last_order=order,
        ack_id=ack_id,
        created_us=facts.now_us,
        expires_us=tombstone_expiry_us(facts.now_us, ports.limits),
    )
    ended = [
        write
        for operation in facts.open_operations
        if str(operation.name) != order.operation
        for write in operation_writes(ports, facts, operation, _ended_with_device(with_offers(ports, operation), facts.now_us))
    ]
    gone = (DeleteDevice(device.name), Delete(StatusName(*device.name)))
    return [*gone, PutTombstone(tombstone), *ended, *departure_published(ports, facts, device)]


def _ended_with_device(operation: Operation, now_us: int) -> Operation:
    """The open operation, ended because its device is gone; it expired if its deadline had passed before that."""
    if life.may_expire(operation) and now_us >= operation.expires_us:
        return life.expire(operation, now_us)
    return life.device_deleted(operation, now_us)


def tombstone_expiry_us(now_us: int, limits: Limits) -> int:
    """When a phone whose management ends now can no longer learn its last order."""
    return now_us + limits.tombstone_days * DAY_US


async def successor_of(ports: Ports, record: DeviceRecord) -> DeviceRecord | None:
    """The newest managed device of the enterprise that enrolled later with the same serial number, or None."""
    hardware = record.report.hardware_info
    serial = record.serial or (hardware.serial_number if hardware else "")  # records from before `serial` have only the latter
    if not serial:
        return None
    sees = Sees(enterprise=record.name.parent, serial=serial)
    names = await ports.store.decide(sees, lambda facts: Decision(facts.previous_device_names))
    for name in reversed(names):
        if name == str(record.name):
            return None
        found = await ports.store.device(DeviceName.parse(name))
        if found is not None:
            return found
    return None

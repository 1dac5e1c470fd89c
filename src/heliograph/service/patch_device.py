"""An admin changes a device: its wanted state, why it is disabled, its policy."""

import msgspec

from heliograph.domain import user_facing_message
from heliograph.domain.device import Device, DeviceRecord, DeviceState
from heliograph.domain.errors import InvalidArgument, Violation, Violations
from heliograph.domain.field_mask import apply_mask
from heliograph.domain.names import DeviceName
from heliograph.domain.policy import DEFAULT_ID
from heliograph.domain.wire import encode_message
from heliograph.service._absence import device_absence
from heliograph.service._policy_names import full_policy_name
from heliograph.service._tenant_bounds import require_size
from heliograph.service.ports import Decision, Facts, Ports, PutDevice, Sees

MUTABLE = ("state", "disabled_reason", "policy_name")
"""Source: disc, Device.state, disabledReason, policyName; amapi.md §6.13."""
_SETTABLE = (DeviceState.ACTIVE, DeviceState.DISABLED)


async def patch_device(ports: Ports, name: DeviceName, patch: Device, mask: tuple[str, ...] | None) -> DeviceRecord:
    """The device with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    A connected phone is told what changed.

    An empty policy name is the default policy's; with all fields in the mask, no state is ACTIVE.
    Fields that only the server or the phone can set stay as they are, whatever the patch and the mask say of them.

    Raises: InvalidArgument: a state other than ACTIVE and DISABLED, a bad policy name; EnterpriseNotAuthorized, DeviceNoLongerManaged,
        NotFound.
    """
    paths = _paths(patch, mask)
    whole = set(MUTABLE) <= set(paths)
    policy_name = ""
    if "policy_name" in paths:
        policy_name = full_policy_name(name.parent, patch.policy_name or DEFAULT_ID, path="device.policy_name")

    def rule(facts: Facts) -> Decision[DeviceRecord | None]:
        if facts.device is None:
            return Decision(None)
        changed = facts.device
        if "state" in paths:
            changed = msgspec.structs.replace(changed, wanted_state=_wanted_state(changed, patch.state, whole=whole))
        if policy_name:
            changed = msgspec.structs.replace(changed, policy_name=policy_name)
        reason = apply_mask(Device(disabled_reason=changed.disabled_reason), patch, _of_reason(paths)).disabled_reason
        if found := Violations(user_facing_message.violations(reason, path="device.disabled_reason")):
            raise InvalidArgument(violations=found)
        if reason is not None:
            require_size(len(encode_message(reason)), ports.limits, what="reason", path="device.disabled_reason")
        changed = msgspec.structs.replace(changed, disabled_reason=reason)
        return Decision(changed, (PutDevice(changed),))

    record = await ports.store.decide(Sees(device=name), rule)
    if record is None:
        raise await device_absence(ports, name)
    ports.doorbell.policy_changed(name)
    return record


def _paths(patch: Device, mask: tuple[str, ...] | None) -> tuple[str, ...]:
    """What is changed. AIP-203: fields that are output only are ignored, in a mask too."""
    if mask is None:
        empty = Device()
        return tuple(field for field in MUTABLE if getattr(patch, field) != getattr(empty, field))
    return tuple(path for path in mask if path.partition(".")[0] in MUTABLE)


def _wanted_state(device: DeviceRecord, state: DeviceState, *, whole: bool) -> DeviceState:
    """What an admin wants of the device from now on. A device that is sent back as it was read wants what it wanted.

    Raises: InvalidArgument: a state that nobody can set.
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
    return f"state can be set to ACTIVE or DISABLED only, not to {state.value}.{hint}"


def _of_reason(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if path.partition(".")[0] == "disabled_reason"]

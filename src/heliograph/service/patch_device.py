"""An admin changes a device: its wanted state, why it is disabled, its policy."""

import msgspec

from heliograph.domain import user_facing_message
from heliograph.domain.device import Device, DeviceRecord, DeviceState
from heliograph.domain.errors import InvalidArgument, Violation, Violations
from heliograph.domain.field_mask import apply_mask
from heliograph.domain.names import DeviceName
from heliograph.service._absence import device_absence
from heliograph.service._policy_names import full_policy_name
from heliograph.service.ports import Decision, Facts, Ports, PutDevice, Sees

MUTABLE = ("state", "disabled_reason", "policy_name")
"""Source: disc, Device.state, disabledReason, policyName; amapi.md §6.13."""
_SETTABLE = (DeviceState.ACTIVE, DeviceState.DISABLED)


async def patch_device(ports: Ports, name: DeviceName, patch: Device, mask: tuple[str, ...] | None) -> DeviceRecord:
    """The device with the fields that `mask` (proto paths) names taken from `patch`; without a mask, those that are set there.

    A connected phone is told what changed.

    Fields that only the server or the phone can set stay as they are, whatever the patch and the mask say of them.

    Raises: InvalidArgument: a state other than ACTIVE and DISABLED, a bad policy name; EnterpriseNotAuthorized, DeviceNoLongerManaged,
        NotFound.
    """
    paths = _paths(patch, mask)
    policy_name = full_policy_name(name.parent, patch.policy_name, path="device.policy_name") if "policy_name" in paths else ""

    def rule(facts: Facts) -> Decision[DeviceRecord | None]:
        if facts.device is None:
            return Decision(None)
        changed = facts.device
        if "state" in paths:
            changed = msgspec.structs.replace(changed, wanted_state=patch.state)
        if policy_name:
            changed = msgspec.structs.replace(changed, policy_name=policy_name)
        reason = apply_mask(Device(disabled_reason=changed.disabled_reason), patch, _of_reason(paths)).disabled_reason
        if found := Violations(user_facing_message.violations(reason, path="device.disabled_reason")):
            raise InvalidArgument(violations=found)
        changed = msgspec.structs.replace(changed, disabled_reason=reason)
        return Decision(changed, (PutDevice(changed),))

    record = await ports.store.decide(Sees(device=name), rule)
    if record is None:
        raise await device_absence(ports, name)
    ports.doorbell.policy_changed(name)
    return record


def _paths(patch: Device, mask: tuple[str, ...] | None) -> tuple[str, ...]:
    """Raises: InvalidArgument."""
    if mask is None:
        empty = Device()
        mask = tuple(field for field in MUTABLE if getattr(patch, field) != getattr(empty, field))
    # AIP-203: the other fields are output only, and a mask may name them.
    mask = tuple(path for path in mask if path.partition(".")[0] in MUTABLE)
    violations: list[Violation] = []
    if "state" in mask and patch.state not in _SETTABLE:
        violations.append(Violation("device.state", _state_text(patch.state)))
    if violations:
        raise InvalidArgument(violations=violations)
    return mask


def _state_text(state: DeviceState) -> str:
    hint = " To delete a device, call enterprises.devices.delete." if state is DeviceState.DELETED else ""
    return f"state can be set to ACTIVE or DISABLED only, not to {state.value}.{hint}"


def _of_reason(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if path.partition(".")[0] == "disabled_reason"]

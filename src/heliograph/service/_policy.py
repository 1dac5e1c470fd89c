"""What the server wants of a phone besides commands."""

from heliograph.domain.credential import PasswordPolicy
from heliograph.domain.device import DeviceRecord, DeviceState, ManagementMode
from heliograph.domain.names import EnterpriseName, PolicyName
from heliograph.domain.policy import DEFAULT_ID, PolicyRecord, implicit_default
from heliograph.protocol import Policy
from heliograph.service.ports import Facts, Ports


async def policy_record(ports: Ports, name: PolicyName) -> PolicyRecord | None:
    """The policy; the default one of an enterprise exists without anybody having made it."""
    return _existing(await ports.store.policy(name), name)


def policy_seen(facts: Facts, name: PolicyName) -> PolicyRecord | None:
    """The policy `name` that a rule sees, as `policy_record`."""
    return _existing(facts.policy, name)


def _existing(record: PolicyRecord | None, name: PolicyName) -> PolicyRecord | None:
    """The record, or the one that stands for a default policy that has none."""
    if record is None and name.policy == DEFAULT_ID:
        return implicit_default(EnterpriseName(name.enterprise))
    return record


async def phone_policy(ports: Ports, device: DeviceRecord) -> Policy:
    """The policy as the phone gets it when it connects or reports, and when it has changed.

    Version 0: the device has the name of a policy that nobody has made yet, so there is nothing to apply.
    """
    record = await policy_record(ports, PolicyName.parse(device.policy_name)) if device.policy_name else None
    password = _demanded(record, device)
    reason = device.disabled_reason
    return Policy(
        policy_name=device.policy_name,
        policy_version=record.version if record is not None else 0,
        disabled=device.wanted_state is DeviceState.DISABLED,
        disabled_reason=reason.default_message if reason else "",
        user_name=device.user_name,
        password_quality=password.quality.name if password.quality else "",
        password_minimum_length=password.minimum_length,
    )


def _demanded(record: PolicyRecord | None, device: DeviceRecord) -> PasswordPolicy:
    """What the policy demands of the one password that an admin of this device can reset."""
    if record is None:
        return PasswordPolicy()
    of_profile = record.work_profile_password
    return of_profile if of_profile is not None and device.report.management_mode is ManagementMode.PROFILE_OWNER else record.password

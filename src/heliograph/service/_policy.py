"""What the server wants of a phone besides commands."""

from heliograph.domain.device import DeviceRecord, DeviceState
from heliograph.protocol import Policy


def policy_for(device: DeviceRecord) -> Policy:
    """The policy as the phone gets it with the answers to Hello and StatusReport."""
    reason = device.disabled_reason
    return Policy(
        policy_name=device.policy_name,
        disabled=device.wanted_state is DeviceState.DISABLED,
        disabled_reason=reason.default_message if reason else "",
        user_name=device.user_name,
    )

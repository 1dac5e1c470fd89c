"""What a phone may say of itself."""

from heliograph.domain.device import DeviceReport, DeviceState, ManagementMode, Ownership
from heliograph.domain.errors import InvalidArgument

_APPLIED = frozenset({DeviceState.ACTIVE, DeviceState.DISABLED, DeviceState.LOST, DeviceState.PROVISIONING})


def check_report(report: DeviceReport) -> None:
    """Nothing happens where a device can have these facts.  Raises: InvalidArgument."""
    if report.applied_state not in _APPLIED:
        raise InvalidArgument(f"A device never applies the state {report.applied_state.value}.")
    if report.api_level < 1:
        raise InvalidArgument("apiLevel is missing.")
    untold = ManagementMode.MANAGEMENT_MODE_UNSPECIFIED, Ownership.OWNERSHIP_UNSPECIFIED
    if report.management_mode is untold[0] or report.ownership is untold[1]:
        raise InvalidArgument("managementMode and ownership must be told.")

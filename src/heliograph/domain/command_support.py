"""Whether a device can carry out a command, in words, before anything is sent.

The phone looks at the same row again before it acknowledges, and knows itself better than the server does.
"""

from heliograph.domain.command import CommandType
from heliograph.domain.device import DeviceFacts, DeviceReport, ManagementKind, ManagementMode, Ownership
from heliograph.domain.outcome import ErrorCode


def facts_of(report: DeviceReport) -> DeviceFacts | None:
    """What the device's report says of it; None: not how it is managed. Its quarterly release is in no report, so it counts as 0."""
    kind = _kind(report.management_mode, report.ownership)
    if kind is None:
        return None
    return DeviceFacts(
        api_level=report.api_level, management_kind=kind, euicc=bool(report.hardware_info and report.hardware_info.euicc_chip_info)
    )


def why_not(row: CommandType, facts: DeviceFacts) -> str:
    """Why a device with these facts refuses the command; empty: it can execute it."""
    requires = row.requires
    match requires.refusal(facts):
        case ErrorCode.MANAGEMENT_MODE:
            kinds = [kind.value for kind in ManagementKind if requires.lowest_level(kind) is not None]
            return f"Only for phones that are {' or '.join(kinds)}; this one is {facts.management_kind.value}."
        case ErrorCode.API_LEVEL:
            lowest = requires.lowest_level(facts.management_kind)
            return f"Needs API level {lowest} or higher; this phone has {facts.api_level or 'reported none'}."
        case ErrorCode.UNSUPPORTED if requires.euicc and not facts.euicc:
            return "Needs an eSIM chip, and this phone has reported none."
        case ErrorCode.UNSUPPORTED:
            return "This phone cannot do it."
        case _:
            return ""


def _kind(mode: ManagementMode, ownership: Ownership) -> ManagementKind | None:
    """Source: disc, Device.managementMode and Device.ownership."""
    if mode is ManagementMode.DEVICE_OWNER:
        return ManagementKind.FULLY_MANAGED
    if mode is ManagementMode.PROFILE_OWNER and ownership is Ownership.COMPANY_OWNED:
        return ManagementKind.COMPANY_OWNED_WORK_PROFILE
    if mode is ManagementMode.PROFILE_OWNER and ownership is Ownership.PERSONALLY_OWNED:
        return ManagementKind.PERSONALLY_OWNED_WORK_PROFILE
    return None

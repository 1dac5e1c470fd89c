"""What a filter may ask of a device: in roles, and wherever else devices are chosen by their facts.

A phone reports its own hardware, software, state and management mode; policy, user, enrolment token and what stood in it are the
server's own record.

Source: AIP-160; disc, the fields of Device.
"""

import enum
from collections.abc import Callable
from typing import Final

from heliograph.domain.device import DeviceRecord, DeviceState, HardwareInfo, ManagementMode, Ownership, SoftwareInfo
from heliograph.domain.filters import Field, Fields, FieldValue, Filter, parse_filter_of
from heliograph.protojson.times import parse_timestamp_ns
from heliograph.protojson.types import proto_name

_NO_HARDWARE, _NO_SOFTWARE = HardwareInfo(), SoftwareInfo()
_TIME = 'an RFC 3339 time such as "2026-01-31T00:00:00Z"'


def parse_device_filter(text: str, *, path: str = "filter") -> Filter:
    """The filter of devices that `text` is; an empty text wants every device. `path`: the proto path at which it was given.

    Raises: InvalidArgument with the position of the first fault and what could stand there.
    """
    return parse_filter_of(DEVICE_FIELDS, text, path=path)


def _text(name: str, read: Callable[[DeviceRecord], str]) -> Field:
    return Field(name=name, read=lambda device: read(device) or None, also_called=_proto(name), wildcards=True)


def _one_of(name: str, read: Callable[[DeviceRecord], enum.Enum], values: type[enum.Enum]) -> Field:
    def value(text: str) -> FieldValue:
        return str(values(text).value)

    members = [str(member.value) for member in values if not member.name.endswith("UNSPECIFIED")]
    return Field(
        name=name,
        read=lambda device: str(read(device).value),
        value=value,
        expected=f"one of {', '.join(members)}",
        also_called=_proto(name),
    )


def _time(name: str, read_us: Callable[[DeviceRecord], int]) -> Field:
    return Field(
        name=name,
        read=lambda device: read_us(device) * 1_000 or None,
        value=parse_timestamp_ns,
        expected=_TIME,
        also_called=_proto(name),
        ordered=True,
    )


def _level(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):  # noqa: PLR2004 - far above any level
        raise ValueError(text)
    return int(text)


def _proto(name: str) -> tuple[str, ...]:
    """The name as proto files write it, if that is another one."""
    other = ".".join(map(proto_name, name.split(".")))
    return () if other == name else (other,)


def _hardware(device: DeviceRecord) -> HardwareInfo:
    return device.report.hardware_info or _NO_HARDWARE


def _software(device: DeviceRecord) -> SoftwareInfo:
    return device.report.software_info or _NO_SOFTWARE


DEVICE_FIELDS: Final = Fields(
    (
        _text("name", lambda device: str(device.name)),
        _text("policyName", lambda device: device.policy_name),
        _text("userName", lambda device: device.user_name),
        _text("enrollmentTokenName", lambda device: device.enrollment_token_name),
        _text("enrollmentTokenData", lambda device: device.enrollment_token_data),
        _time("enrollmentTime", lambda device: device.enrollment_us),
        _time("lastStatusReportTime", lambda device: device.last_status_report_us),
        _one_of("state", lambda device: device.state, DeviceState),
        _one_of("ownership", lambda device: device.report.ownership, Ownership),
        _one_of("managementMode", lambda device: device.report.management_mode, ManagementMode),
        Field(
            name="apiLevel",
            read=lambda device: device.report.api_level or None,
            value=_level,
            expected="an API level such as 35",
            also_called=("api_level",),
            ordered=True,
        ),
        _text("hardwareInfo.brand", lambda device: _hardware(device).brand),
        _text("hardwareInfo.manufacturer", lambda device: _hardware(device).manufacturer),
        _text("hardwareInfo.model", lambda device: _hardware(device).model),
        _text("hardwareInfo.serialNumber", lambda device: device.serial or _hardware(device).serial_number),
        _text("softwareInfo.androidVersion", lambda device: _software(device).android_version),
    ),
    possible=(
        'Possible: name="enterprises/acme/devices/kiosk-*", policyName="*/lab", ownership=COMPANY_OWNED, managementMode, state, '
        "apiLevel>=34, userName, enrollmentTokenData, enrollmentTime, hardwareInfo.model, …; AND, OR, NOT, parentheses."
    ),
)
"""What a device is filtered by: a DeviceRecord."""

"""What a filter may ask of a device: in roles, and wherever else devices are chosen by their facts.

A phone reports its own hardware, software, state and management mode; policy, user, enrolment token and what stood in it are the
server's own record.

Source: AIP-160; disc, the fields of Device.
"""

import enum
from collections.abc import Callable
from typing import Final

from heliograph.domain.device import DeviceRecord, DeviceState, HardwareInfo, ManagementMode, Ownership, SoftwareInfo
from heliograph.domain.filters import TIME, Field, FieldValue, Filter, Vocabulary, parse_filter_of, parse_time
from heliograph.protojson.types import proto_name

_NO_HARDWARE, _NO_SOFTWARE = HardwareInfo(), SoftwareInfo()


def parse_device_filter(text: str, *, path: str = "filter") -> Filter[DeviceRecord]:
    """The filter of devices that `text` is; an empty text wants every device. `path`: the proto path at which it was given.

    Raises: InvalidArgument with the position of the first fault and what could stand there.
    """
    return parse_filter_of(DEVICES, text, path=path)


def _text(name: str, read: Callable[[DeviceRecord], str]) -> Field[DeviceRecord]:
    return Field(name=name, read=lambda device: read(device) or None, ordered=False, wildcards=True)


def _one_of(name: str, read: Callable[[DeviceRecord], enum.Enum], values: type[enum.Enum]) -> Field[DeviceRecord]:
    def value(text: str) -> FieldValue:
        return str(values(text).value)

    members = [str(member.value) for member in values if not member.name.endswith("UNSPECIFIED")]
    return Field(
        name=name,
        read=lambda device: str(read(device).value),
        parse=value,
        expected=f"one of {', '.join(members)}",
        ordered=False,
    )


def _time(name: str, read_us: Callable[[DeviceRecord], int]) -> Field[DeviceRecord]:
    return Field(
        name=name,
        read=lambda device: read_us(device) * 1_000 or None,
        parse=parse_time,
        expected=TIME,
    )


def _level(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):  # noqa: PLR2004 - far above any level
        raise ValueError(text)
    return int(text)


def _by_name(*fields: Field[DeviceRecord]) -> dict[str, Field[DeviceRecord]]:
    """The fields, each by its name on the wire and by the one that proto files have."""
    return {name: field for field in fields for name in (field.name, ".".join(map(proto_name, field.name.split("."))))}


def _hardware(device: DeviceRecord) -> HardwareInfo:
    return device.report.hardware_info or _NO_HARDWARE


def _software(device: DeviceRecord) -> SoftwareInfo:
    return device.report.software_info or _NO_SOFTWARE


DEVICES: Final[Vocabulary[DeviceRecord]] = Vocabulary(
    fields=_by_name(
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
            parse=_level,
            expected="an API level such as 35",
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

"""Devices are chosen by what the server knows of them."""

import pytest
from msgspec.structs import replace

from heliograph.domain.device import DeviceRecord, DeviceReport, HardwareInfo, ManagementMode, Ownership
from heliograph.domain.device_filter import DEVICES, parse_device_filter
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument

DEVICE = DeviceRecord(
    name=DeviceName("acme", "kiosk-7"),
    credential_hash=b"",
    installation_id="",
    enrollment_us=1_700_000_000_000_000,
    enrollment_token_name="enterprises/acme/enrollmentTokens/t",
    enrollment_token_data="berlin",
    policy_name="enterprises/acme/policies/lab",
    report=DeviceReport(
        management_mode=ManagementMode.DEVICE_OWNER,
        ownership=Ownership.COMPANY_OWNED,
        api_level=35,
        hardware_info=HardwareInfo(model="Pixel 9", serial_number="S1"),
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        'name="enterprises/acme/devices/kiosk-7"',
        "name=enterprises/acme/devices/kiosk-*",
        'policyName="*/lab"',
        'policy_name:"*cies/l*"',
        'policyName!="*/sales"',
        "ownership=COMPANY_OWNED managementMode=DEVICE_OWNER",
        "apiLevel>=34 AND apiLevel<36",
        'hardwareInfo.model="Pixel *" AND hardware_info.serial_number=S1',
        'enrollmentTime<"2026-01-31T00:00:00Z"',
        "enrollmentTokenData=berlin OR enrollmentTokenData=rome",
        "state=PROVISIONING -userName:*",
    ],
)
def test_a_filter_finds_the_device(text: str) -> None:
    assert parse_device_filter(text).matches(DEVICE)


@pytest.mark.parametrize(
    "text",
    [
        "policyName=lab",
        'policyName="*/sales"',
        'policyName!="*/lab"',
        "name=enterprises/other/devices/*",
        "ownership!=COMPANY_OWNED",
        "apiLevel>35",
        'userName="*a"',
        'userName!="*a"',
        "lastStatusReportTime:*",
    ],
)
def test_a_filter_leaves_the_device_out(text: str) -> None:
    assert not parse_device_filter(text).matches(DEVICE)


def test_a_fact_that_the_phone_has_not_reported_is_not_set() -> None:
    bare = replace(DEVICE, report=DeviceReport())

    assert not parse_device_filter("hardwareInfo.model:* OR apiLevel:* OR softwareInfo.androidVersion:*").matches(bare)


@pytest.mark.parametrize(
    "text, said",
    [
        ("done=true", '"done" is not a field'),
        ("ownership=MINE", "one of COMPANY_OWNED, PERSONALLY_OWNED"),
        ("policyName>lab", "can only be compared with"),
        ('name="a*b"', "at the start and the end"),
        ('name="*"', "beside some text"),
        ("apiLevel=new", "an API level such as 35"),
        ("name=a or name=b", "write OR"),
    ],
)
def test_a_filter_that_cannot_be_read_says_what_is_possible(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parse_device_filter(text, path="role.allow[0].devices")

    assert ("role.allow[0].devices", True, True) == (
        raised.value.violations[0].field,
        said in raised.value.message,
        "Possible: name=" in raised.value.message,
    )


def test_every_field_has_its_name_on_the_wire_and_in_proto_files() -> None:
    for name in ("managementMode", "management_mode", "hardwareInfo.serialNumber", "hardware_info.serial_number"):
        assert name in DEVICES.fields

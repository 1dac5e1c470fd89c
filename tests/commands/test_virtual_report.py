"""What a virtual phone tells its server, and what the sandbox shows of it."""

import json

import pytest
from hypothesis import given

from heliograph.domain.credential import Credential
from heliograph.domain.device import ConfigMode, DeviceState, ManagementMode, Ownership, SimActivationState, Way
from heliograph.domain.euicc import EsimProfile, Euicc
from heliograph.domain.virtual_device import VirtualDevice, WorkProfile
from heliograph.domain.virtual_report import device_report, view
from heliograph.domain.wire import decode_message, encode_message
from tests.commands.phones import phone_of, phones

ESIMS = (EsimProfile(icc_id="1", managed=True, active=True, carrier="Ours"), EsimProfile(icc_id="2"))


def with_esims(way: Way, api_level: int) -> VirtualDevice:
    """A phone with an eSIM of ours and one of its user's."""
    return phone_of(way, api_level, imei="350000000000001", euicc=Euicc(eid="8904", profiles=ESIMS))


@pytest.mark.parametrize(
    "way, mode, ownership",
    [
        (Way.FULLY_MANAGED, ManagementMode.DEVICE_OWNER, Ownership.COMPANY_OWNED),
        (Way.COMPANY_OWNED_WORK_PROFILE, ManagementMode.PROFILE_OWNER, Ownership.COMPANY_OWNED),
        (Way.PERSONALLY_OWNED_WORK_PROFILE, ManagementMode.PROFILE_OWNER, Ownership.PERSONALLY_OWNED),
    ],
)
def test_a_way_is_told_as_mode_and_ownership(way: Way, mode: ManagementMode, ownership: Ownership) -> None:
    report = device_report(phone_of(way))

    assert (report.management_mode, report.ownership) == (mode, ownership)


def test_a_personal_phone_hides_its_serial_number_from_android_12_on() -> None:
    for api_level, hidden in ((30, False), (31, True)):
        hardware = device_report(phone_of(Way.PERSONALLY_OWNED_WORK_PROFILE, api_level)).hardware_info

        assert hardware is not None
        assert (hardware.serial_number != "S1") == hidden
        assert hardware.enterprise_specific_id == (hardware.serial_number if hidden else "")


@pytest.mark.parametrize(
    "way, api_level, shown",
    [
        (Way.FULLY_MANAGED, 33, True),
        (Way.COMPANY_OWNED_WORK_PROFILE, 33, True),
        (Way.FULLY_MANAGED, 32, False),
        (Way.PERSONALLY_OWNED_WORK_PROFILE, 36, False),
    ],
)
def test_only_a_company_owned_phone_tells_its_eid_and_only_from_android_13_on(way: Way, api_level: int, *, shown: bool) -> None:
    hardware = device_report(with_esims(way, api_level)).hardware_info

    assert hardware is not None
    assert [chip.eid for chip in hardware.euicc_chip_info] == (["8904"] if shown else [])


def test_esims_are_told_with_their_state_from_android_15_on() -> None:
    network = device_report(with_esims(Way.FULLY_MANAGED, 35)).network_info

    assert network is not None
    assert [(info.icc_id, info.activation_state, info.config_mode) for info in network.telephony_infos] == [
        ("1", SimActivationState.ACTIVATED, ConfigMode.ADMIN_CONFIGURED),
        ("2", SimActivationState.NOT_ACTIVATED, ConfigMode.USER_CONFIGURED),
    ]


@pytest.mark.parametrize(
    "way, api_level, icc_ids",
    [
        (Way.FULLY_MANAGED, 34, ["1", "2"]),
        (Way.COMPANY_OWNED_WORK_PROFILE, 34, []),
        (Way.COMPANY_OWNED_WORK_PROFILE, 35, ["1", "2"]),
        (Way.PERSONALLY_OWNED_WORK_PROFILE, 35, ["1"]),
    ],
)
def test_below_android_15_only_a_fully_managed_phone_tells_of_its_sims(way: Way, api_level: int, icc_ids: list[str]) -> None:
    """And a personal one never of those that its user added."""
    network = device_report(with_esims(way, api_level)).network_info

    assert network is not None
    assert icc_ids == [info.icc_id for info in network.telephony_infos]


def test_a_phone_without_telephony_has_no_network_info() -> None:
    assert device_report(phone_of(Way.FULLY_MANAGED)).network_info is None


def test_a_disabled_phone_says_so() -> None:
    assert device_report(phone_of(Way.FULLY_MANAGED, disabled=True)).applied_state is DeviceState.DISABLED


@given(phone=phones())
def test_any_phone_can_report_and_be_looked_at(phone: VirtualDevice) -> None:
    report = device_report(phone, policy_name="enterprises/e/policies/p", policy_version=3)

    assert report == decode_message(type(report), encode_message(report), root="")
    assert json.loads(json.dumps(view(phone)))["way"] == phone.way.value


def test_a_view_tells_no_credential() -> None:
    profile = WorkProfile(separate_lock=True, credential=Credential("hush-work"))
    phone = phone_of(Way.PERSONALLY_OWNED_WORK_PROFILE, credential=Credential("hush-hush"), work_profile=profile)

    assert "hush" not in json.dumps(view(phone)) + repr(phone)

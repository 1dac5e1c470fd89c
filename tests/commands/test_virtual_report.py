"""What a virtual phone reports to its server, and what the sandbox shows of it."""

import json

import pytest
from hypothesis import given

from heliograph.domain.device import ConfigMode, DeviceState, ManagementKind, ManagementMode, NetworkInfo, Ownership, SimActivationState
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.report_fields import Situation, device_report
from heliograph.domain.phone.reports import hardware_info, network_info, physical_sim, view
from heliograph.domain.phone.virtual_device import VirtualDevice, WorkProfile
from heliograph.protojson.messages import decode_message, encode_message
from tests.commands.phones import NOW_US, phone_of, phones
from tests.commands.policies import SWITCHES, asking

ESIMS = (EsimProfile(icc_id="1", managed=True, active=True, carrier="Ours"), EsimProfile(icc_id="2"))


def with_esims(management_kind: ManagementKind, api_level: int) -> VirtualDevice:
    """A phone with an eSIM of ours and one of its user's."""
    return phone_of(management_kind, api_level, imei="350000000000001", euiccs=(Euicc(eid="8904", profiles=ESIMS),))


@pytest.mark.parametrize(
    "management_kind, mode, ownership",
    [
        (ManagementKind.FULLY_MANAGED, ManagementMode.DEVICE_OWNER, Ownership.COMPANY_OWNED),
        (ManagementKind.COMPANY_OWNED_WORK_PROFILE, ManagementMode.PROFILE_OWNER, Ownership.COMPANY_OWNED),
        (ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, ManagementMode.PROFILE_OWNER, Ownership.PERSONALLY_OWNED),
    ],
)
def test_a_way_is_told_as_mode_and_ownership(management_kind: ManagementKind, mode: ManagementMode, ownership: Ownership) -> None:
    report = device_report(Situation(phone=phone_of(management_kind)))

    assert (report.management_mode, report.ownership) == (mode, ownership)


def test_a_personal_phone_hides_its_serial_number_from_android_12_on() -> None:
    for api_level, hidden in ((30, False), (31, True)):
        phone = phone_of(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, api_level, enterprise_specific_id="ESID")
        hardware = hardware_info(phone)

        assert ("ESID" if hidden else "S1") == hardware.serial_number
        assert ("ESID" if hidden else "") == hardware.enterprise_specific_id


@pytest.mark.parametrize(
    "management_kind, api_level, shown",
    [
        (ManagementKind.FULLY_MANAGED, 33, True),
        (ManagementKind.COMPANY_OWNED_WORK_PROFILE, 33, True),
        (ManagementKind.FULLY_MANAGED, 32, False),
        (ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, 36, False),
    ],
)
def test_only_a_company_owned_phone_tells_its_eid_and_only_from_android_13_on(
    management_kind: ManagementKind, api_level: int, *, shown: bool
) -> None:
    hardware = hardware_info(with_esims(management_kind, api_level))

    assert [chip.eid for chip in hardware.euicc_chip_info] == (["8904"] if shown else [])


def test_esims_are_told_with_their_state_from_android_15_on() -> None:
    phone = with_esims(ManagementKind.FULLY_MANAGED, 35)
    network, sim = network_info(phone), physical_sim(phone)

    assert [(info.icc_id, info.activation_state, info.config_mode) for info in network.telephony_infos if info != sim] == [
        ("1", SimActivationState.ACTIVATED, ConfigMode.ADMIN_CONFIGURED),
        ("2", SimActivationState.NOT_ACTIVATED, ConfigMode.USER_CONFIGURED),
    ]


@pytest.mark.parametrize(
    "management_kind, api_level, icc_ids",
    [
        (ManagementKind.FULLY_MANAGED, 34, ["1", "2"]),
        (ManagementKind.COMPANY_OWNED_WORK_PROFILE, 34, []),
        (ManagementKind.COMPANY_OWNED_WORK_PROFILE, 35, ["1", "2"]),
        (ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, 35, ["1"]),
    ],
)
def test_below_android_15_only_a_fully_managed_phone_tells_of_its_sims(
    management_kind: ManagementKind, api_level: int, icc_ids: list[str]
) -> None:
    """And a personal one never of those that its user added."""
    phone = with_esims(management_kind, api_level)
    network, sim = network_info(phone), physical_sim(phone)

    assert icc_ids == [info.icc_id for info in network.telephony_infos if info != sim]
    assert (sim in network.telephony_infos) == (management_kind is ManagementKind.FULLY_MANAGED)


def test_a_physical_sim_has_no_state_and_always_the_same_number() -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, imei="350000000000001")
    sim = physical_sim(phone)

    assert sim is not None
    assert sim.icc_id.startswith("8999"), "no country's"
    assert (sim,) == network_info(phone).telephony_infos == network_info(phone).telephony_infos
    assert (SimActivationState.ACTIVATION_STATE_UNSPECIFIED, ConfigMode.CONFIG_MODE_UNSPECIFIED) == (sim.activation_state, sim.config_mode)
    assert physical_sim(phone_of(ManagementKind.FULLY_MANAGED, imei="350000000000001", serial="S2")) != sim


def test_a_phone_without_telephony_has_its_wifi_address_only_and_a_personal_one_keeps_even_that() -> None:
    address = "02:00:00:00:00:01"
    kinds = (ManagementKind.FULLY_MANAGED, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE)
    company, personal = (phone_of(kind, wifi_mac_address=address) for kind in kinds)

    assert NetworkInfo(wifi_mac_address=address) == network_info(company)
    assert NetworkInfo() == network_info(personal)


def test_a_disabled_phone_says_so() -> None:
    assert device_report(Situation(phone=phone_of(ManagementKind.FULLY_MANAGED, disabled=True))).applied_state is DeviceState.DISABLED


@given(phone=phones())
def test_any_phone_can_report_and_be_looked_at(phone: VirtualDevice) -> None:
    report = device_report(
        Situation(phone=phone, policy_name="enterprises/e/policies/p", policy_version=3, policy=asking(*SWITCHES), now_us=NOW_US)
    )

    assert report == decode_message(type(report), encode_message(report), root="")
    assert json.loads(json.dumps(view(phone)))["managementKind"] == phone.management_kind.value


def test_a_view_tells_no_credential() -> None:
    profile = WorkProfile(separate_lock=True, credential=Credential("hush-work"))
    phone = phone_of(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, credential=Credential("hush-hush"), work_profile=profile)

    assert "hush" not in json.dumps(view(phone)) + repr(phone)

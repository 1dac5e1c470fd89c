"""WIPE and RELINQUISH_OWNERSHIP: what goes and what stays."""

import pytest

from heliograph.commands import COMMANDS
from heliograph.commands.wipe import WipeDataFlag, WipeParams
from heliograph.domain.command import NoParams
from heliograph.domain.device import ManagementKind
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.reports import view
from heliograph.domain.phone.virtual_device import App, Scope, VirtualDevice, WorkProfile
from heliograph.domain.user_facing_message import UserFacingMessage
from tests.commands.phones import phone_of
from tests.commands.walking import walk

OURS, THEIRS = EsimProfile(icc_id="1", managed=True), EsimProfile(icc_id="2")
NOBODYS = EsimProfile(icc_id="1")
"""OURS, once no one manages it any more."""
GAME = App(package="com.example.game", data_bytes=7)
MAIL = App(package="com.example.mail", scope=Scope.WORK_PROFILE, data_bytes=8)
DIALER = App(package="com.android.dialer", system=True, data_bytes=9)
COMPANY_OWNED = (ManagementKind.FULLY_MANAGED, ManagementKind.COMPANY_OWNED_WORK_PROFILE)


def used_phone(management_kind: ManagementKind, api_level: int = 34) -> VirtualDevice:
    """A phone with a life: a PIN, apps on both sides, a card, two eSIMs."""
    return phone_of(
        management_kind,
        api_level,
        credential=Credential("123456"),
        apps=(GAME, MAIL, DIALER),
        external_storage_bytes=100,
        euiccs=(Euicc(eid="8904", profiles=(OURS, THEIRS)),),
    )


def wiped(phone: VirtualDevice, *flags: WipeDataFlag, reason: UserFacingMessage | None = None) -> VirtualDevice:
    """The phone after WIPE."""
    return walk(COMMANDS["WIPE"], phone, WipeParams(wipe_data_flags=flags, wipe_reason=reason)).phone


def esims(phone: VirtualDevice) -> tuple[EsimProfile, ...]:
    """The phone's eSIM profiles."""
    return phone.esims


@pytest.mark.parametrize("management_kind", COMPANY_OWNED)
def test_a_company_owned_device_is_reset_to_its_factory_state(management_kind: ManagementKind) -> None:
    after = wiped(used_phone(management_kind))

    assert (after.managed, after.setup_in_progress, after.factory_resets, after.boots) == (False, True, 1, 2)
    assert (after.credential, after.work_profile, after.locked) == (None, None, False)
    assert [(app.package, app.data_bytes) for app in after.apps] == [(DIALER.package, 0)]
    assert (after.serial, after.api_level) == ("S1", 34)


@pytest.mark.parametrize("management_kind", COMPANY_OWNED)
def test_without_flags_reset_protection_goes_and_card_and_esims_stay(management_kind: ManagementKind) -> None:
    after = wiped(used_phone(management_kind))

    assert (after.reset_protection_data, after.external_storage_bytes, esims(after)) == (False, 100, (NOBODYS, THEIRS))


@pytest.mark.parametrize("management_kind", COMPANY_OWNED)
def test_each_flag_decides_its_part(management_kind: ManagementKind) -> None:
    phone = used_phone(management_kind)

    assert wiped(phone, WipeDataFlag.PRESERVE_RESET_PROTECTION_DATA).reset_protection_data
    assert wiped(phone, WipeDataFlag.WIPE_EXTERNAL_STORAGE).external_storage_bytes == 0
    assert esims(wiped(phone, WipeDataFlag.WIPE_ESIMS)) == ()


def test_a_reason_has_no_effect_on_a_company_owned_device() -> None:
    assert wiped(used_phone(ManagementKind.FULLY_MANAGED), reason=UserFacingMessage(default_message="Bye.")).wipe_reason_shown == ""


def test_a_personal_phone_loses_its_work_profile_and_nothing_else() -> None:
    phone = used_phone(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE)

    after = wiped(phone)

    assert (after.managed, after.work_profile, after.apps) == (False, None, (GAME, DIALER))
    assert (after.credential, after.factory_resets, after.boots) == (phone.credential, 0, 1)
    assert (after.reset_protection_data, after.external_storage_bytes, esims(after)) == (True, 100, (NOBODYS, THEIRS))


def test_a_personal_phones_managed_esims_go_with_the_flag_and_always_from_android_16_on() -> None:
    assert esims(wiped(used_phone(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, 35), WipeDataFlag.WIPE_ESIMS)) == (THEIRS,)
    assert esims(wiped(used_phone(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, 35))) == (NOBODYS, THEIRS)
    assert esims(wiped(used_phone(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, 36))) == (THEIRS,)


def test_the_user_of_a_personal_phone_is_told_why_in_the_phones_language() -> None:
    phone = used_phone(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE)
    english = UserFacingMessage(default_message="Auf Wiedersehen.", localized_messages={"en": "Goodbye.", "fr": "Adieu."})

    assert wiped(phone, reason=english).wipe_reason_shown == "Goodbye."
    assert wiped(phone, reason=UserFacingMessage(default_message="Adieu.")).wipe_reason_shown == "Adieu."
    assert wiped(phone).wipe_reason_shown == ""


def test_a_relinquished_device_keeps_its_personal_side() -> None:
    phone = used_phone(ManagementKind.COMPANY_OWNED_WORK_PROFILE)

    after = walk(COMMANDS["RELINQUISH_OWNERSHIP"], phone, NoParams()).phone

    assert (after.managed, after.work_profile, after.apps) == (False, None, (GAME, DIALER))
    assert (after.credential, after.external_storage_bytes, after.factory_resets) == (phone.credential, 100, 0)


@pytest.mark.parametrize("name", ["RELINQUISH_OWNERSHIP", "WIPE"])
def test_after_the_end_a_phone_is_nobodys_and_so_are_its_esims(name: str) -> None:
    phone = used_phone(ManagementKind.COMPANY_OWNED_WORK_PROFILE)

    after = walk(COMMANDS[name], phone, COMMANDS[name].params()).phone

    assert ("company-owned with a work profile", None) == (view(phone)["managementKind"], view(after)["managementKind"])
    assert (NOBODYS, THEIRS) == esims(after)


def test_a_wipe_carried_out_twice_is_a_wipe() -> None:
    once = wiped(phone_of(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, work_profile=WorkProfile(paused=True)))

    assert wiped(once) == once

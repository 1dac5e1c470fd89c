"""The virtual phones there are, and how one is made to differ."""

import msgspec
import pytest

from heliograph.agent.profiles import (
    PROFILES,
    Answering,
    ConsentHabit,
    OfflineWindow,
    Profile,
    profile_named,
    with_overrides,
)
from heliograph.domain.device import AllowPersonalUsage, DeviceReport, ManagementKind
from heliograph.domain.phone.credential import Credential
from heliograph.domain.phone.euicc import Euicc
from heliograph.domain.phone.numbers import is_eid, luhn_digit
from heliograph.domain.phone.report_fields import Situation, device_report
from heliograph.domain.phone.virtual_device import Scope, VirtualDevice, device_facts
from heliograph.domain.policy import PasswordPolicy
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.messages import decode_message, encode_message

US_PER_S = 1_000_000

profiles = pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)


@pytest.mark.parametrize(
    "name,api_level,qpr,management_kind,has_chip",
    [
        ("pixel8-a15-fully-managed", 35, 0, ManagementKind.FULLY_MANAGED, True),
        ("galaxy-a14-a13-byod", 33, 0, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, False),
        ("zebra-tc52-a10-dedicated", 29, 0, ManagementKind.FULLY_MANAGED, False),
        ("pixel7-a14-cope", 34, 0, ManagementKind.COMPANY_OWNED_WORK_PROFILE, True),
        ("pixel9-a16qpr2-cope", 36, 2, ManagementKind.COMPANY_OWNED_WORK_PROFILE, True),
        ("galaxy-s25-a15-byod", 35, 0, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, True),
        ("galaxy-s9-a10-cope", 29, 0, ManagementKind.COMPANY_OWNED_WORK_PROFILE, False),
        ("moto-g5-a8-fully-managed", 26, 0, ManagementKind.FULLY_MANAGED, False),
        ("legacy-a7-fully-managed", 24, 0, ManagementKind.FULLY_MANAGED, False),
    ],
)
def test_the_nine_profiles(name: str, api_level: int, qpr: int, management_kind: ManagementKind, has_chip: bool) -> None:  # noqa: FBT001
    phone = PROFILES[name].phone("A1")

    facts = device_facts(phone)
    assert (api_level, qpr, management_kind, has_chip) == (facts.api_level, facts.qpr, facts.management_kind, facts.euicc)
    assert (name, 9) == (phone.profile, len(PROFILES))


@profiles
def test_a_phone_is_the_same_for_the_same_serial_number_and_another_for_another(profile: Profile) -> None:
    first, again, other = profile.phone("A1"), profile.phone("A1"), profile.phone("A2")

    assert first == again
    assert ("A1", "A2") == (first.serial, other.serial)
    assert (first.imei == other.imei) is not bool(first.imei)
    assert (first.euiccs == other.euiccs) is (first.euiccs == ())


@profiles
def test_every_esim_that_comes_with_a_phone_has_a_right_check_digit_and_is_its_user_s(profile: Profile) -> None:
    for esim in profile.phone("A1").esims:
        assert luhn_digit(esim.icc_id[:-1]) == esim.icc_id[-1]
        assert not esim.managed


@profiles
def test_a_phone_demands_nothing_of_passwords_before_it_is_served_a_policy(profile: Profile) -> None:
    assert PasswordPolicy() == profile.phone("A1").password_policy


@profiles
def test_every_side_of_a_phone_has_protected_apps_and_others(profile: Profile) -> None:
    phone = profile.phone("A1")
    sides = {Scope.DEVICE, phone.managed_scope}

    for side in sides:
        apps = [app for app in phone.apps if app.scope is side]
        assert {True, False} == {app.protected for app in apps}
        assert {True, False} == {app.system for app in apps}
        assert len(apps) == len({app.package for app in apps})
    assert sides == {app.scope for app in phone.apps}
    assert (phone.managed_scope is Scope.WORK_PROFILE) is (phone.work_profile is not None)


@profiles
def test_a_phone_tells_of_itself_in_the_words_of_the_wire(profile: Profile) -> None:
    report = device_report(Situation(phone=profile.phone("A1")))

    assert report == decode_message(DeviceReport, encode_message(report), root="")


def test_the_personal_phones_differ_in_their_locks() -> None:
    galaxy_a14 = PROFILES["galaxy-a14-a13-byod"].phone("A1").work_profile
    galaxy_s25 = PROFILES["galaxy-s25-a15-byod"].phone("A1").work_profile
    galaxy_s9 = PROFILES["galaxy-s9-a10-cope"].phone("A1").work_profile

    assert galaxy_a14
    assert galaxy_s25
    assert galaxy_s9
    assert (True, False, True) == (galaxy_a14.separate_lock, galaxy_s25.separate_lock, galaxy_s9.separate_lock)
    assert (False, True, False) == tuple(side.credential is None for side in (galaxy_a14, galaxy_s25, galaxy_s9))


def test_only_a_dedicated_phone_has_no_user() -> None:
    without = [profile for profile in PROFILES.values() if not profile.account_identifier]

    assert ["zebra-tc52-a10-dedicated"] == [profile.name for profile in without]
    assert AllowPersonalUsage.PERSONAL_USAGE_DISALLOWED_USERLESS is without[0].allow_personal_usage


@profiles
def test_personal_usage_is_what_the_way_of_management_says(profile: Profile) -> None:
    allowed = profile.allow_personal_usage is AllowPersonalUsage.PERSONAL_USAGE_ALLOWED

    assert allowed is (profile.model.management_kind is not ManagementKind.FULLY_MANAGED)


def test_an_offline_window_comes_again_in_every_period() -> None:
    window = OfflineWindow(period_seconds=100, starts_seconds=90, lasts_seconds=20)

    offline = [second for second in range(200) if window.covers(second * US_PER_S)]

    assert [*range(10), *range(90, 110), *range(190, 200)] == offline


def test_only_the_scanner_is_out_of_reach_at_times() -> None:
    hour = [second * US_PER_S for second in range(0, 3600, 60)]

    away = {profile.name: sum(not profile.online(now_us) for now_us in hour) for profile in PROFILES.values()}

    assert dict.fromkeys(PROFILES, 0) | {"zebra-tc52-a10-dedicated": 5} == away


def test_a_name_that_is_none_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidArgument, match=r'Did you mean "pixel8-a15-fully-managed"\? The profiles are: pixel8'):
        profile_named("pixel8-a15-fully-manged")
    assert PROFILES["pixel7-a14-cope"] is profile_named("pixel7-a14-cope")


def overridden(name: str, facts: dict[str, object]) -> VirtualDevice:
    """A phone of this profile with these facts."""
    return with_overrides(PROFILES[name], facts).phone("A1")


@profiles
def test_no_facts_change_nothing(profile: Profile) -> None:
    assert profile == with_overrides(profile, {})


def test_facts_take_the_place_of_the_profile_s_own() -> None:
    phone = overridden(
        "pixel8-a15-fully-managed",
        {
            "serialNumber": "MINE",
            "meid": "A00000292788E1",
            "enterpriseSpecificId": "B54Z",
            "model": "Pixel 6",
            "apiLevel": 34,
            "setupInProgress": True,
            "ongoingCall": True,
            "batteryPercent": 3,
            "externalStorageBytes": "1000",
            "devicePassword": "",
            "additionalPackages": ["com.example.mine", "com.slack"],
            "euiccPorts": 1,
            "euiccCapacity": 2,
            "carrierLock": "Example Mobile",
        },
    )

    assert ("MINE", "Pixel 6", "14", 34) == (phone.serial, phone.build.model, phone.build.android_version, phone.api_level)
    assert (True, True, 3) == (phone.setup_in_progress, phone.ongoing_call, phone.battery_percent)
    assert (1000, None) == (phone.external_storage_bytes, phone.credential)
    assert ["com.example.mine"] == [app.package for app in phone.apps if app.package.endswith("mine")]
    assert 1 == [app.package for app in phone.apps].count("com.slack")
    assert phone.euicc
    assert (1, 2, "Example Mobile") == (phone.euicc.ports, phone.euicc.capacity, phone.euicc.carrier_lock)


def test_a_chip_can_be_given_and_taken() -> None:
    with_chip = overridden("galaxy-a14-a13-byod", {"euicc": True})
    without = overridden("galaxy-s25-a15-byod", {"euicc": False})

    assert isinstance(with_chip.euicc, Euicc)
    assert is_eid(with_chip.euicc.eid)
    assert () == without.euiccs


def test_the_work_profile_s_lock_can_be_changed() -> None:
    own_lock = overridden("galaxy-s25-a15-byod", {"workProfilePassword": "work1234"}).work_profile
    one_lock = overridden("galaxy-a14-a13-byod", {"separateWorkLock": False, "workProfilePaused": True}).work_profile
    no_password = overridden("galaxy-a14-a13-byod", {"workProfilePassword": ""}).work_profile

    assert own_lock
    assert one_lock
    assert no_password
    assert (True, Credential("work1234")) == (own_lock.separate_lock, own_lock.credential)
    assert (False, None, True) == (one_lock.separate_lock, one_lock.credential, one_lock.paused)
    assert (True, None) == (no_password.separate_lock, no_password.credential)


def test_the_user_s_way_to_answer_can_be_changed() -> None:
    profile = with_overrides(PROFILES["galaxy-s25-a15-byod"], {"consent": "IGNORE", "consentDelay": "0.25s"})

    assert ConsentHabit(answering=Answering.IGNORE, after_seconds=0.25) == profile.consent


def test_a_phones_own_times_can_be_changed() -> None:
    profile = with_overrides(PROFILES["galaxy-s25-a15-byod"], {"rebootDuration": "1.5s", "downloadDuration": "60s"})

    assert (1.5, 60.0) == (profile.reboot_seconds, profile.download_seconds)


def test_everything_wrong_with_the_facts_is_told_at_once() -> None:
    facts = {
        "apiLevel": 99,
        "qpr": -1,
        "rebootDuration": "-1s",
        "workProfilePaused": True,
        "devicePassword": "abc",
        "additionalPackages": [" "],
        "euicc": False,
        "carrierLock": "X",
        "consent": "approve",
        "language": "in French",
        "imei": "490154203237519",
        "meid": "a00000292788e1",
    }

    with pytest.raises(InvalidArgument) as raised:
        overridden("zebra-tc52-a10-dedicated", facts)

    assert [
        "overrides.additional_packages[0]",
        "overrides.api_level",
        "overrides.carrier_lock",
        "overrides.consent",
        "overrides.device_password",
        "overrides.imei",
        "overrides.language",
        "overrides.meid",
        "overrides.qpr",
        "overrides.reboot_duration",
        "overrides.work_profile_paused",
    ] == sorted(violation.field for violation in raised.value.violations)


def test_a_fact_that_is_none_is_named() -> None:
    with pytest.raises(InvalidArgument, match="Unknown name \"apiLevl\" at 'overrides'"):
        overridden("pixel7-a14-cope", {"apiLevl": 34})


def test_no_profile_s_repr_tells_a_password() -> None:
    for profile in PROFILES.values():
        for credential in (profile.model.credential, profile.model.managed_credential):
            assert credential is None or credential.secret not in repr(msgspec.structs.asdict(profile))

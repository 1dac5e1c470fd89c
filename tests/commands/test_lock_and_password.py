"""LOCK, RESET_PASSWORD and what the phone's user does about them."""

import pytest

from heliograph.commands import COMMANDS
from heliograph.commands.reset_password import ResetPasswordFlag, ResetPasswordParams
from heliograph.domain.command import NoParams
from heliograph.domain.device import ManagementKind
from heliograph.domain.outcome import ErrorCode
from heliograph.domain.phone.credential import Credential, CredentialKind
from heliograph.domain.phone.virtual_device import ResetToken, VirtualDevice, WorkProfile, rebooted, unlock
from heliograph.domain.policy import PasswordPolicy, PasswordQuality
from tests.commands.phones import NOW_US, phone_of
from tests.commands.walking import Walked, walk

PIN = Credential("123456")
OWN_LOCK = WorkProfile(separate_lock=True, credential=Credential("work-1"))
WITH_PROFILE = (ManagementKind.COMPANY_OWNED_WORK_PROFILE, ManagementKind.PERSONALLY_OWNED_WORK_PROFILE)


def locked(phone: VirtualDevice) -> tuple[bool, bool]:
    """Whether the device and its work profile are locked after LOCK."""
    after = walk(COMMANDS["LOCK"], phone, NoParams()).phone
    return after.locked, after.work_profile is not None and after.work_profile.locked


def reset(phone: VirtualDevice, secret: str = "", *flags: ResetPasswordFlag) -> Walked:
    """RESET_PASSWORD with this password and these flags."""
    params = ResetPasswordParams(new_password=secret, reset_password_flags=flags)
    return walk(COMMANDS["RESET_PASSWORD"], phone, params, now_us=NOW_US)


def test_a_fully_managed_device_is_locked() -> None:
    assert locked(phone_of(ManagementKind.FULLY_MANAGED, credential=PIN)) == (True, False)


def test_without_a_credential_the_screen_only_sleeps() -> None:
    after = walk(COMMANDS["LOCK"], phone_of(ManagementKind.FULLY_MANAGED), NoParams()).phone

    assert not after.locked
    assert not after.screen_on


@pytest.mark.parametrize("management_kind", WITH_PROFILE)
def test_a_work_profile_with_a_lock_of_its_own_is_locked_alone(management_kind: ManagementKind) -> None:
    assert locked(phone_of(management_kind, credential=PIN, work_profile=OWN_LOCK)) == (False, True)


@pytest.mark.parametrize("management_kind", WITH_PROFILE)
def test_a_work_profile_without_a_lock_of_its_own_takes_the_device_along(management_kind: ManagementKind) -> None:
    assert locked(phone_of(management_kind, credential=PIN)) == (True, False)


@pytest.mark.parametrize("api_level, whole_device", [(24, False), (26, True), (29, True), (30, False)])
def test_on_android_8_to_10_a_company_owned_work_profile_locks_the_whole_device(api_level: int, *, whole_device: bool) -> None:
    company = phone_of(ManagementKind.COMPANY_OWNED_WORK_PROFILE, api_level, credential=PIN, work_profile=OWN_LOCK)
    personal = phone_of(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, api_level, credential=PIN, work_profile=OWN_LOCK)

    assert locked(company) == (whole_device, not whole_device)
    assert locked(personal) == (False, True)


def test_only_the_right_secret_unlocks() -> None:
    asleep = phone_of(ManagementKind.FULLY_MANAGED, credential=PIN, locked=True, screen_on=False)

    assert unlock(asleep, "654321").locked
    assert not unlock(asleep, "123456").locked
    assert not unlock(asleep, None).locked
    assert unlock(asleep, "654321").screen_on


def test_a_work_profiles_lock_is_behind_the_devices() -> None:
    profile = WorkProfile(separate_lock=True, credential=Credential("work-1"), locked=True)
    phone = phone_of(ManagementKind.PERSONALLY_OWNED_WORK_PROFILE, credential=PIN, locked=True, work_profile=profile)

    assert profile_locked(unlock(phone, "work-1"))
    assert profile_locked(unlock(phone, "123456"))
    assert not profile_locked(unlock(unlock(phone, "123456"), "work-1"))
    assert not profile_locked(unlock(phone, None))


def profile_locked(phone: VirtualDevice) -> bool:
    """Whether the work profile asks for its credential."""
    return phone.work_profile is not None and phone.work_profile.locked


def test_a_reset_sets_the_password_and_remembers_when() -> None:
    after = reset(phone_of(ManagementKind.FULLY_MANAGED, credential=PIN), "correct horse").phone

    assert after.credential == Credential("correct horse")
    assert after.credential.kind is CredentialKind.PASSWORD
    assert after.last_admin_reset_us == NOW_US
    assert not after.locked


def test_a_reset_without_a_password_clears_the_credential() -> None:
    after = reset(phone_of(ManagementKind.FULLY_MANAGED, credential=PIN, locked=True))

    assert after.outcome.error_code is None
    assert after.phone.credential is None
    assert not after.phone.locked


@pytest.mark.parametrize(
    "policy, secret",
    [
        (PasswordPolicy(quality=PasswordQuality.SOMETHING), ""),
        (PasswordPolicy(minimum_length=4), ""),
        (PasswordPolicy(), "123"),
        (PasswordPolicy(minimum_length=8), "abc1234"),
        (PasswordPolicy(quality=PasswordQuality.ALPHABETIC), "12345678"),
        (PasswordPolicy(quality=PasswordQuality.ALPHANUMERIC), "abcdefgh"),
        (PasswordPolicy(quality=PasswordQuality.COMPLEX), "abcd1234"),
    ],
)
def test_what_the_policy_does_not_allow_is_an_invalid_value(policy: PasswordPolicy, secret: str) -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, 33, credential=PIN, password_policy=policy)

    after = reset(phone, secret)

    assert after.outcome.error_code is ErrorCode.INVALID_VALUE
    assert after.phone == phone
    assert not secret or secret not in after.outcome.message


@pytest.mark.parametrize("api_level, error_code", [(33, None), (34, ErrorCode.INVALID_VALUE), (35, None)])
def test_a_numeric_password_below_six_digits_fails_on_android_14(api_level: int, error_code: ErrorCode | None) -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, api_level)

    assert reset(phone, "12345").outcome.error_code is error_code
    assert reset(phone, "123456").outcome.error_code is None
    assert reset(phone, "abcde").outcome.error_code is None


def test_require_entry_keeps_other_admins_out_and_so_the_one_admin_may_reset_again() -> None:
    first = reset(phone_of(ManagementKind.FULLY_MANAGED), "first-1", ResetPasswordFlag.REQUIRE_ENTRY).phone

    second = reset(first, "second-2")

    assert (True, None, False) == (first.must_enter, second.outcome.error_code, second.phone.must_enter)
    assert Credential("second-2") == second.phone.credential
    assert reset(first, "third-3", ResetPasswordFlag.REQUIRE_ENTRY).phone.must_enter


def test_the_demand_stands_until_the_user_has_entered_the_password() -> None:
    phone = reset(phone_of(ManagementKind.FULLY_MANAGED), "first-1", ResetPasswordFlag.REQUIRE_ENTRY).phone

    assert unlock(phone, "wrong").must_enter
    assert not unlock(phone, "first-1").must_enter


@pytest.mark.parametrize("secret", ["pässword", "pass\nword", "pass\x00word", "password😀", "pass\x80word"])
def test_what_androids_validator_refuses_is_an_invalid_value_and_not_quoted(secret: str) -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, 33, credential=PIN)

    refused = reset(phone, secret)

    assert (ErrorCode.INVALID_VALUE, phone) == (refused.outcome.error_code, refused.phone)
    assert secret not in refused.outcome.message
    assert reset(phone_of(ManagementKind.FULLY_MANAGED, 29), secret).outcome.error_code is None
    assert reset(phone, "pass word~\x7f").outcome.error_code is None


@pytest.mark.parametrize("api_level, longest", [(30, 16), (33, 16), (34, 64), (36, 64)])
def test_a_password_is_no_longer_than_android_takes(api_level: int, longest: int) -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, api_level)

    assert reset(phone, "x" * longest).outcome.error_code is None
    assert reset(phone, "x" * (longest + 1)).outcome.error_code is ErrorCode.INVALID_VALUE


def test_lock_now_locks_after_the_reset() -> None:
    after = reset(phone_of(ManagementKind.FULLY_MANAGED), "first-1", ResetPasswordFlag.LOCK_NOW).phone

    assert after.locked
    assert not after.screen_on


@pytest.mark.parametrize("management_kind", ManagementKind)
def test_only_a_fully_managed_phone_can_be_told_not_to_ask_on_boot(management_kind: ManagementKind) -> None:
    flag = ResetPasswordFlag.DO_NOT_ASK_CREDENTIALS_ON_BOOT
    after = reset(phone_of(management_kind, credential=PIN), "first-1", flag).phone

    fully_managed = management_kind is ManagementKind.FULLY_MANAGED
    assert after.do_not_ask_on_boot == fully_managed
    assert rebooted(after).locked != fully_managed


@pytest.mark.parametrize("management_kind", WITH_PROFILE)
def test_on_a_work_profile_only_the_profiles_credential_changes(management_kind: ManagementKind) -> None:
    shared = phone_of(management_kind, credential=PIN)

    own = reset(shared, "work-pass").phone

    assert own.credential == PIN
    assert own.work_profile == WorkProfile(separate_lock=True, credential=Credential("work-pass"))
    assert reset(own).phone.work_profile == shared.work_profile


@pytest.mark.parametrize(
    "token, credential, error_code",
    [
        (ResetToken.PENDING, PIN, ErrorCode.UNKNOWN),
        (ResetToken.NONE, PIN, ErrorCode.UNKNOWN),
        (ResetToken.NONE, None, None),
        (ResetToken.ACTIVE, PIN, None),
    ],
)
def test_from_android_8_on_a_reset_needs_an_active_token(
    token: ResetToken, credential: Credential | None, error_code: ErrorCode | None
) -> None:
    for api_level, expected in ((26, error_code), (25, None)):
        phone = phone_of(ManagementKind.FULLY_MANAGED, api_level, reset_token=token, credential=credential)

        assert reset(phone, "first-1").outcome.error_code is expected


def test_a_pending_token_becomes_active_when_the_user_unlocks_and_is_lost_by_a_restart() -> None:
    phone = phone_of(ManagementKind.FULLY_MANAGED, reset_token=ResetToken.PENDING, credential=PIN, locked=True)

    assert unlock(phone, "654321").reset_token is ResetToken.PENDING
    assert unlock(phone, "123456").reset_token is ResetToken.ACTIVE
    assert rebooted(phone).reset_token is ResetToken.NONE
    assert rebooted(unlock(phone, "123456")).reset_token is ResetToken.ACTIVE


def test_no_repr_tells_a_credential() -> None:
    after = reset(phone_of(ManagementKind.FULLY_MANAGED), "hush-hush")

    assert "hush" not in repr(after)

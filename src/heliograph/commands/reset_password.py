"""RESET_PASSWORD: the admin sets or clears the credential that it manages."""

import enum
from typing import Annotated

import msgspec

from heliograph.domain.command import Circumstances, CommandType, Done, Effect
from heliograph.domain.device import ManagementKind
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, all_of, changed_to, grown
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.credential import Credential, android_objection, is_numeric
from heliograph.domain.phone.virtual_device import ResetToken, VirtualDevice, lock
from heliograph.protojson.messages import SECRET

NUMERIC_MIN_LENGTH = 6
NUMERIC_MIN_LEVELS = frozenset({34})
"""The page says "in case of Android 14 devices" and nothing of later ones, so 15 and up take shorter ones (android.md §0)."""
VALIDATOR_LEVEL = 30
"""From Android 11 on an admin's reset goes through the validator of the lock screen's settings (AOSP PasswordMetrics.validatePassword)."""
TOKEN_LEVEL = 26
"""From here on a password is reset by token only.  Source: AOSP DevicePolicyManager.resetPasswordWithToken."""


@proto("Command.ResetPasswordFlag")
class ResetPasswordFlag(enum.Enum):
    """Source: disc, Command.resetPasswordFlags."""

    RESET_PASSWORD_FLAG_UNSPECIFIED = "RESET_PASSWORD_FLAG_UNSPECIFIED"  # noqa: S105 - a name of the API, as are the next
    REQUIRE_ENTRY = "REQUIRE_ENTRY"
    DO_NOT_ASK_CREDENTIALS_ON_BOOT = "DO_NOT_ASK_CREDENTIALS_ON_BOOT"
    LOCK_NOW = "LOCK_NOW"


ALSO_CALLED = {
    "UNLOCK": "No command unlocks a device; this one, without newPassword, removes its password.",
    "REBOOT_CLEAR_PASSCODE": "They are two commands; without newPassword the password is removed.",
    **dict.fromkeys(("REMOVE_PASSWORD", "CLEAR_PASSWORD", "CLEAR_PASSCODE"), "Without newPassword it removes the password."),
    **dict.fromkeys(("RESET", "SET_PASSWORD", "SET_PASSCODE", "CHANGE_PASSWORD", "RESET_PASSCODE", "RESET_PIN"), ""),
}


class ResetPasswordParams(Message):
    """The part of Command that is for this type; it has no message of its own.  Source: disc, Command."""

    new_password: Annotated[
        str,
        SECRET,
        msgspec.Meta(
            description="The new password; without one the password is removed. If it is numeric, it must have at least 6 characters "
            "on Android 14 devices, else the command will fail with INVALID_VALUE."
        ),
    ] = ""
    reset_password_flags: Annotated[
        tuple[ResetPasswordFlag, ...],
        msgspec.Meta(
            description="REQUIRE_ENTRY: don't allow other admins to change the password again until the user has entered it. "
            "DO_NOT_ASK_CREDENTIALS_ON_BOOT: don't ask for user credentials on device boot. "
            "LOCK_NOW: lock the device after password reset."
        ),
    ] = ()


def execute(phone: VirtualDevice, params: ResetPasswordParams, circumstances: Circumstances) -> Effect:
    """The managed credential is the new one, or nothing was changed.

    REQUIRE_ENTRY of an earlier reset blocks no one here: "Don't allow other admins to change the password again until the user has
    entered it", and there is one admin. Its next reset succeeds, and the demand is that of the new reset.

    Source: disc, Command.resetPasswordFlags; AOSP DevicePolicyManagerService.resetPasswordInternal, which refuses another uid than
    mPasswordOwner, then sets this to the caller if REQUIRE_ENTRY is given, else to no one.
    """
    failure = _failure(phone, params.new_password)
    if failure is not None:
        return Done(phone=phone, outcome=failure)
    flags = params.reset_password_flags
    reset = msgspec.structs.replace(
        _with_credential(phone, params.new_password),
        last_admin_reset_us=circumstances.now_us,
        password_changes=phone.password_changes + 1,
        must_enter=ResetPasswordFlag.REQUIRE_ENTRY in flags and params.new_password != "",
        reset_token=ResetToken.ACTIVE if phone.api_level >= TOKEN_LEVEL else phone.reset_token,
    )
    # Only a device owner's flag counts, and only a factory reset takes it back (AOSP, DO_NOT_ASK_CREDENTIALS_ON_BOOT).
    if ResetPasswordFlag.DO_NOT_ASK_CREDENTIALS_ON_BOOT in flags and phone.management_kind is ManagementKind.FULLY_MANAGED:
        reset = msgspec.structs.replace(reset, do_not_ask_on_boot=True)
    return Done(phone=lock(reset) if ResetPasswordFlag.LOCK_NOW in flags else reset, outcome=Outcome())


def _failure(phone: VirtualDevice, secret: str) -> Outcome | None:
    if phone.api_level >= TOKEN_LEVEL and not _token_usable(phone):
        message = "The reset token is not active: the user must first unlock once with the current password."
        return Outcome(error_code=ErrorCode.UNKNOWN, message=message)
    objection = _objection(phone, secret)
    return None if objection is None else Outcome(error_code=ErrorCode.INVALID_VALUE, message=objection)


def _token_usable(phone: VirtualDevice) -> bool:
    """A token is active at once if there is no credential to confirm."""
    if phone.reset_token is ResetToken.NONE:
        return phone.managed_credential is None
    return phone.reset_token is ResetToken.ACTIVE


def _objection(phone: VirtualDevice, secret: str) -> str | None:
    if phone.api_level >= VALIDATOR_LEVEL and (objection := android_objection(secret, api_level=phone.api_level)) is not None:
        return objection
    if phone.api_level in NUMERIC_MIN_LEVELS and is_numeric(secret) and len(secret) < NUMERIC_MIN_LENGTH:
        return f"A numeric password must have at least {NUMERIC_MIN_LENGTH} digits on Android 14."
    return phone.password_policy.objection(secret)


def _with_credential(phone: VirtualDevice, secret: str) -> VirtualDevice:
    credential = Credential(secret) if secret else None
    profile = phone.work_profile
    if profile is None:
        return msgspec.structs.replace(phone, credential=credential, locked=phone.locked and credential is not None)
    # A password of its own gives the profile a lock of its own; without one the device's lock is its lock.
    own_lock = credential is not None
    return msgspec.structs.replace(
        phone,
        work_profile=msgspec.structs.replace(profile, credential=credential, separate_lock=own_lock, locked=profile.locked and own_lock),
    )


def judge(claim: Claim) -> Judgement:
    """The password was changed; a phone that had one and was given another has one; with LOCK_NOW it is locked.

    That a password was removed cannot be seen from a work profile: without a lock of its own it has the device's.
    """
    before, after = claim.before, claim.after
    return all_of(
        grown(before.password_changes, after.password_changes),
        _secured(claim),
        _locked(claim),
    )


def _secured(claim: Claim) -> Judgement:
    before, after = claim.before.device_secure, claim.after.device_secure
    judgement = changed_to(before, after, wanted=claim.secret)
    may_differ = not (claim.secret and before)
    return Judgement.NOT_OBSERVED if judgement is Judgement.CONTRADICTED and may_differ else judgement


def _locked(claim: Claim) -> Judgement:
    unlocked = claim.after.device_secure and claim.after.device_locked is False
    wanted = ResetPasswordFlag.LOCK_NOW in claim.params.reset_password_flags
    return Judgement.CONTRADICTED if wanted and unlocked else Judgement.NOT_OBSERVED


COMMAND = CommandType(
    name="RESET_PASSWORD",
    also_called=ALSO_CALLED,
    number=2,
    summary="Reset the user's password. On a device with a work profile this is the password of the work profile.",
    params=ResetPasswordParams,
    example={"newPassword": "correct-horse-42", "resetPasswordFlags": ["REQUIRE_ENTRY", "LOCK_NOW"]},
    execute=execute,
    observed_by=ObservedBy(
        facts=("password_changes", "device_secure", "device_locked"),
        judge=judge,
        observed="the password was changed since",
        contradicted="the password was not changed; or it had one, was given another and has none; or it was to be locked and is not",
    ),
)

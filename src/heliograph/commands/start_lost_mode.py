"""START_LOST_MODE: a company-owned phone shows its finder how to reach the owner, and is LOST until it is found."""

import enum
from collections.abc import Iterator
from typing import Annotated

import msgspec

from heliograph.domain.command import Circumstances, CommandType, Done, Effect, Recovery, Requires
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, changed_to
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.virtual_device import LostMode, VirtualDevice
from heliograph.domain.quirks import Quirk
from heliograph.domain.user_facing_message import UserFacingMessage, is_blank, violations
from heliograph.protojson.errors import Violation

HOUR_US = 3_600_000_000
AFTER_ADMIN_RESET_US = 12 * HOUR_US
"""How long after an admin's password reset lost mode cannot start (AMAPI's lost mode guide): its user may not know the password yet."""
AFTER_USER_EXIT_US = 12 * HOUR_US
"""How long after its user left lost mode it cannot start again (AMAPI's lost mode guide)."""


class StartLostModeParams(Message):
    """Source: disc, StartLostModeParams (field order as in the reference page)."""

    lost_message: (
        Annotated[UserFacingMessage, msgspec.Meta(description="The message displayed to the user when the device is in lost mode.")] | None
    ) = None
    lost_phone_number: (
        Annotated[
            UserFacingMessage,
            msgspec.Meta(
                description="The phone number that will be called when the device is in lost mode and the call owner button is tapped."
            ),
        ]
        | None
    ) = None
    lost_email_address: Annotated[
        str, msgspec.Meta(description="The email address displayed to the user when the device is in lost mode.")
    ] = ""
    lost_street_address: (
        Annotated[
            UserFacingMessage,
            msgspec.Meta(description="The street address displayed to the user when the device is in lost mode."),
        ]
        | None
    ) = None
    lost_organization: (
        Annotated[
            UserFacingMessage,
            msgspec.Meta(description="The organization name displayed to the user when the device is in lost mode."),
        ]
        | None
    ) = None


@proto("StartLostModeStatus.Status")
class Status(enum.Enum):
    """Source: disc, StartLostModeStatus.status."""

    STATUS_UNSPECIFIED = "STATUS_UNSPECIFIED"
    SUCCESS = "SUCCESS"
    RESET_PASSWORD_RECENTLY = "RESET_PASSWORD_RECENTLY"  # noqa: S105 - a name of the API
    USER_EXIT_LOST_MODE_RECENTLY = "USER_EXIT_LOST_MODE_RECENTLY"
    ALREADY_IN_LOST_MODE = "ALREADY_IN_LOST_MODE"


class StartLostModeStatus(Message):
    """Source: disc, StartLostModeStatus."""

    status: Status = Status.STATUS_UNSPECIFIED


MESSAGES = {
    Status.ALREADY_IN_LOST_MODE: "The device is already in lost mode.",
    Status.RESET_PASSWORD_RECENTLY: (
        "The device could not be put into lost mode because the admin reset the device's password in the last 12 hours."
    ),
    Status.USER_EXIT_LOST_MODE_RECENTLY: (
        "The device could not be put into lost mode because the user exited lost mode in the last 12 hours."
    ),
}


def check(params: StartLostModeParams, path: str) -> Iterator[Violation]:
    """Well-formed messages, and something besides the organization that helps the finder."""
    shown = {
        "lost_message": params.lost_message,
        "lost_phone_number": params.lost_phone_number,
        "lost_street_address": params.lost_street_address,
        "lost_organization": params.lost_organization,
    }
    for field, message in shown.items():
        yield from violations(message, path=f"{path}.{field}")
    del shown["lost_organization"]
    if all(is_blank(message) for message in shown.values()) and not params.lost_email_address.strip():
        yield Violation(
            path,
            f"{path} must have at least one of lostMessage, lostPhoneNumber, lostEmailAddress or lostStreetAddress, and not blank: "
            'lostOrganization alone is not enough. Add for example "lostMessage": {"defaultMessage": "Please call the owner."}.',
        )


def execute(phone: VirtualDevice, params: StartLostModeParams, circumstances: Circumstances) -> Effect:
    """In lost mode, locked, its message on the screen; or as before, with a status that says why."""
    failure = _failure(phone, circumstances.now_us)
    if failure is not None:
        return Done(phone=phone, outcome=failure)
    lost = LostMode(
        since_us=circumstances.now_us,
        message=params.lost_message,
        phone_number=params.lost_phone_number,
        email_address=params.lost_email_address,
        street_address=params.lost_street_address,
        organization=params.lost_organization,
    )
    started = msgspec.structs.replace(phone, lost_mode=lost, screen_on=True, locked=phone.credential is not None)
    return Done(phone=started, outcome=_outcome(Status.SUCCESS))


def _failure(phone: VirtualDevice, now_us: int) -> Outcome | None:
    if phone.lost_mode is not None:
        return _outcome(Status.ALREADY_IN_LOST_MODE)
    if phone.work_profile is not None and phone.work_profile.paused:
        message = "Lost mode cannot start while the work profile is paused."
        return Outcome(error_code=ErrorCode.UNKNOWN, message=message)
    if _within(phone.last_admin_reset_us, AFTER_ADMIN_RESET_US, now_us):
        return _outcome(Status.RESET_PASSWORD_RECENTLY)
    if _within(phone.last_user_exit_lost_mode_us, AFTER_USER_EXIT_US, now_us):
        return _outcome(Status.USER_EXIT_LOST_MODE_RECENTLY)
    return None


def _within(since_us: int | None, window_us: int, now_us: int) -> bool:
    return since_us is not None and now_us - since_us < window_us


def _outcome(status: Status) -> Outcome:
    return Outcome(status=StartLostModeStatus(status=status), message=MESSAGES.get(status, ""))


def probe(phone: VirtualDevice, _params: StartLostModeParams) -> Outcome | None:
    """Success if the phone is in lost mode after all."""
    return None if phone.lost_mode is None else _outcome(Status.SUCCESS)


def succeeded(status: StartLostModeStatus) -> bool:
    """Lost mode is what was asked for, even if another command started it."""
    return status.status in {Status.SUCCESS, Status.ALREADY_IN_LOST_MODE}


def judge(claim: Claim) -> Judgement:
    """In lost mode."""
    return changed_to(claim.before.lost_mode, claim.after.lost_mode, wanted=True)


COMMAND = CommandType(
    name="START_LOST_MODE",
    also_called=dict.fromkeys(("ENABLE_LOST_MODE", "LOST_MODE", "SET_LOST_MODE"), ""),
    number=6,
    summary=(
        "Puts the device into lost mode. Only supported on fully managed devices or organization-owned devices with a managed profile."
    ),
    params=StartLostModeParams,
    params_field="startLostModeParams",
    params_also_called=("lost_mode_params", "lost_mode"),
    params_required=True,
    example={
        "startLostModeParams": {
            "lostMessage": {
                "defaultMessage": "Please call the owner.",
                "localizedMessages": {"fr": "Merci d'appeler le propriétaire."},
            },
            "lostPhoneNumber": {"defaultMessage": "+1 555 0100"},
        }
    },
    status=StartLostModeStatus,
    status_field="startLostModeStatus",
    requires=Requires(fully_managed=30, company_owned_work_profile=33, personally_owned_work_profile=None),
    check=check,
    execute=execute,
    succeeded=succeeded,
    recovery=Recovery.PROBE,
    probe=probe,
    as_observed=frozenset({Quirk.SILENT_ON_PERSONAL}),
    observed_by=ObservedBy(
        facts=("lost_mode",),
        judge=judge,
        observed="it was not in lost mode and is now",
        contradicted="it is not",
    ),
)

"""WIPE: a company-owned phone is reset to its factory state, a personal one loses its work profile."""

import enum
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from heliograph.domain.command import Circumstances, CommandType, Done, Effect, Recovery
from heliograph.domain.device import ManagementKind
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, renewed
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice, factory_reset, without_work_profile
from heliograph.domain.quirks import Quirk
from heliograph.domain.user_facing_message import UserFacingMessage, text_for, violations
from heliograph.protojson.errors import InvalidArgument, Violation, Violations
from heliograph.protojson.messages import encode_message

REASON_MAX_CHARS = 200  # disc, WipeParams.wipeReason and devices.delete wipeReasonMessage
POLICY_FLAGS_LEVEL = 35
MANAGED_ESIMS_ALWAYS_GO_LEVEL = 36  # disc, WIPE_ESIMS: with the work profile of a personal device from Android 16 on, flag or not


@proto("WipeParams.WipeDataFlag")
class WipeDataFlag(enum.Enum):
    """Source: disc, WipeParams.wipeDataFlags."""

    WIPE_DATA_FLAG_UNSPECIFIED = "WIPE_DATA_FLAG_UNSPECIFIED"
    PRESERVE_RESET_PROTECTION_DATA = "PRESERVE_RESET_PROTECTION_DATA"
    WIPE_EXTERNAL_STORAGE = "WIPE_EXTERNAL_STORAGE"
    WIPE_ESIMS = "WIPE_ESIMS"


@proto("WipeParams", habits={"flags": "wipe_data_flags", "reason": "wipe_reason", "wipe_reason_message": "wipe_reason"})
class WipeParams(Message):
    """Source: disc, WipeParams."""

    wipe_data_flags: Annotated[
        tuple[WipeDataFlag, ...],
        msgspec.Meta(
            description="Flags to determine what data to wipe. PRESERVE_RESET_PROTECTION_DATA: preserve the factory reset protection data. "
            "WIPE_EXTERNAL_STORAGE: additionally wipe the device's external storage (such as SD cards). WIPE_ESIMS: on company-owned "
            "devices remove all eSIMs, on personally-owned devices those added by the admin."
        ),
    ] = ()
    wipe_reason: (
        Annotated[
            UserFacingMessage,
            msgspec.Meta(
                description="A short message displayed to the user before wiping the work profile on personal devices, at most 200 "
                "characters. This has no effect on company owned devices."
            ),
        ]
        | None
    ) = None


def check(params: WipeParams, path: str) -> Iterator[Violation]:
    """A well-formed, short reason."""
    return violations(params.wipe_reason, path=f"{path}.wipe_reason", max_chars=REASON_MAX_CHARS)


def execute(phone: VirtualDevice, params: WipeParams, _circumstances: Circumstances) -> Effect:
    """Reset or without its work profile, and managed no more.

    Source: AOSP DevicePolicyManager.wipeDevice and wipeData; disc, WipeParams.
    """
    return Done(phone=_wiped(phone, params), outcome=Outcome())


def by_enforcement_rule(phone: VirtualDevice, wipe_data_flags: Sequence[str], *, preserve_frp: bool) -> VirtualDevice:
    """The phone that wiped itself, since it had not complied with its policy for as long as a rule allows.

    Source: disc, WipeAction; Policy.wipeDataFlags ("due to any reason (for example, non-compliance)"), on Android 15 and above.
    """
    flags = {WipeDataFlag(flag) for flag in wipe_data_flags} if phone.api_level >= POLICY_FLAGS_LEVEL else set()
    if preserve_frp:
        flags.add(WipeDataFlag.PRESERVE_RESET_PROTECTION_DATA)
    return _wiped(phone, WipeParams(wipe_data_flags=tuple(flags)))


def _wiped(phone: VirtualDevice, params: WipeParams) -> VirtualDevice:
    flags = params.wipe_data_flags
    if phone.management_kind is ManagementKind.PERSONALLY_OWNED_WORK_PROFILE:
        return _without_work(phone, params)
    wiped = factory_reset(phone)
    if WipeDataFlag.PRESERVE_RESET_PROTECTION_DATA not in flags:
        wiped = msgspec.structs.replace(wiped, reset_protection_data=False)
    if WipeDataFlag.WIPE_EXTERNAL_STORAGE in flags:
        wiped = msgspec.structs.replace(wiped, external_storage_bytes=0)
    if WipeDataFlag.WIPE_ESIMS in flags:
        wiped = msgspec.structs.replace(wiped, euiccs=tuple(chip.erased() for chip in wiped.euiccs))
    return wiped


def _without_work(phone: VirtualDevice, params: WipeParams) -> VirtualDevice:
    esims_go = WipeDataFlag.WIPE_ESIMS in params.wipe_data_flags or phone.api_level >= MANAGED_ESIMS_ALWAYS_GO_LEVEL
    if esims_go:
        phone = msgspec.structs.replace(phone, euiccs=tuple(chip.without_managed() for chip in phone.euiccs))
    return msgspec.structs.replace(
        without_work_profile(phone),
        wipe_reason_shown=text_for(params.wipe_reason, phone.build.primary_language_code),
    )


def under_policy(command: bytes, wipe_data_flags: Sequence[str], *, api_level: int) -> bytes:
    """The command with the flags of the device's policy added to its own.

    Source: disc, Policy.wipeDataFlags: "what data is wiped when a device or profile wipe is triggered due to any reason", on Android 15
    and above; "This does not apply to the enterprises.devices.delete method".
    """
    if not wipe_data_flags or api_level < POLICY_FLAGS_LEVEL:
        return command
    given = msgspec.json.decode(command)
    params = given.get("wipeParams", {})
    params["wipeDataFlags"] = [*dict.fromkeys([*params.get("wipeDataFlags", ()), *wipe_data_flags])]
    return msgspec.json.encode({**given, "wipeParams": params})


def last_order_of_delete(wipe_data_flags: Sequence[str], wipe_reason: str) -> tuple[str, bytes]:
    """Type and canonical command JSON that `devices.delete` and `enterprises.delete` leave for the phone, with the flags they were given.

    Raises: InvalidArgument: unknown flags, a reason longer than 200 characters (code points).
    """
    known = {flag.value for flag in WipeDataFlag}
    wrong = Violations(
        Violation("wipe_data_flags", f"{flag[:64]!r} is not a wipe data flag: choose from {', '.join(sorted(known))}.")
        for flag in wipe_data_flags
        if flag not in known
    )
    if len(wipe_reason) > REASON_MAX_CHARS:
        description = f"wipe_reason_message must have at most {REASON_MAX_CHARS} characters; it has {len(wipe_reason)}."
        wrong.extend([Violation("wipe_reason_message", description)])
    if wrong:
        raise InvalidArgument(violations=wrong)
    params = WipeParams(
        wipe_data_flags=tuple(flag for flag in map(WipeDataFlag, wipe_data_flags) if flag is not WipeDataFlag.WIPE_DATA_FLAG_UNSPECIFIED),
        wipe_reason=UserFacingMessage(default_message=wipe_reason) if wipe_reason else None,
    )
    return COMMAND.name, b'{"wipeParams":' + encode_message(params) + b"}"


def judge(claim: Claim) -> Judgement:
    """The phone that enrols next with this serial number is not the one that was wiped.

    Source: AOSP Settings.Secure.ANDROID_ID (per app and user; another one after a factory reset).
    """
    return renewed(claim.before.android_id, claim.after.android_id)


COMMAND = CommandType(
    name="WIPE",
    params_also_called=("wipe_data",),
    also_called=dict.fromkeys(("RESET", "FACTORY_RESET", "WIPE_DATA", "WIPE_DEVICE", "DEVICE_WIPE", "REMOTE_WIPE", "ERASE"), ""),
    number=11,
    summary=(
        "Wipes the device, via a factory reset for a company owned device, or by deleting the work profile for a personally owned device "
        "with work profile. The wipe only occurs once the device acknowledges the command. The command can be cancelled before then."
    ),
    params=WipeParams,
    params_field="wipeParams",
    example={"wipeParams": {"wipeDataFlags": ["WIPE_EXTERNAL_STORAGE", "WIPE_ESIMS"]}},
    check=check,
    execute=execute,
    recovery=Recovery.RESUME,
    under_policy=under_policy,
    final_at_ack=True,
    as_observed=frozenset({Quirk.PARAMS_REQUIRED}),
    observed_by=ObservedBy(
        facts=("android_id",),
        judge=judge,
        observed="when a phone with this serial number enrols again: it has another id, so its data were erased",
        contradicted="it has the same id",
    ),
)

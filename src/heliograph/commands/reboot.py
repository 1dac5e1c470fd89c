"""REBOOT: the phone restarts."""

from heliograph.domain.command import Answer, Circumstances, CommandType, Done, Effect, NoParams, Recovery, Requires, Wait, Waiting
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, grown
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice, rebooted
from heliograph.domain.quirks import Quirk

HOLDS_QUEUE_S = 300
"""A phone may take minutes to come back; what was issued after the REBOOT starts on the restarted phone."""


def execute(phone: VirtualDevice, _params: NoParams, _circumstances: Circumstances) -> Effect:
    """Off for `reboot_seconds`, then restarted.

    Source: AOSP DevicePolicyManager.reboot ("Cannot be called with ongoing call on the device").
    """
    if phone.ongoing_call:
        message = "The device cannot reboot during a call. Issue the command again later."
        return Done(phone=phone, outcome=Outcome(error_code=ErrorCode.UNKNOWN, message=message))
    return Waiting(phone=phone, wait=Wait.REBOOT, seconds=phone.reboot_seconds, then=_restarted)


def _restarted(phone: VirtualDevice, _answer: Answer, _circumstances: Circumstances) -> Effect:
    return Done(phone=rebooted(phone), outcome=Outcome())


def judge(claim: Claim) -> Judgement:
    """The system counts its starts.  Source: AOSP Settings.Global.BOOT_COUNT."""
    return grown(claim.before.boot_count, claim.after.boot_count)


COMMAND = CommandType(
    name="REBOOT",
    also_called=dict.fromkeys(("RESTART", "REBOOT_DEVICE", "RESTART_DEVICE", "REBOOT_CLEAR_PASSCODE"), ""),
    number=3,
    summary=("Reboot the device. Only supported on fully managed devices running Android 7.0 (API level 24) or higher."),
    requires=Requires(fully_managed=24, company_owned_work_profile=None, personally_owned_work_profile=None),
    execute=execute,
    recovery=Recovery.BOOT_ID,
    holds_queue_s=HOLDS_QUEUE_S,
    as_observed=frozenset({Quirk.SILENT_ON_PERSONAL}),
    observed_by=ObservedBy(
        facts=("boot_count",),
        judge=judge,
        observed="the system has started again since",
        contradicted="it has not",
    ),
)

"""RELINQUISH_OWNERSHIP: a company gives a phone to the person who uses it."""

from heliograph.domain.command import Circumstances, CommandType, Done, Effect, NoParams, Recovery, Requires
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, renewed
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice, without_work_profile
from heliograph.domain.quirks import Quirk


def execute(phone: VirtualDevice, _params: NoParams, _circumstances: Circumstances) -> Effect:
    """Work profile and policies gone, the personal side as it was; no one manages the phone or an eSIM on it.

    Source: issueCommand, RELINQUISH_OWNERSHIP ("Removes the work profile and all policies …, relinquishing the device for personal use");
    AOSP DevicePolicyManager.wipeData, called by the profile owner of an organization-owned device.
    """
    return Done(phone=without_work_profile(phone), outcome=Outcome())


def judge(claim: Claim) -> Judgement:
    """The work profile in which the phone enrols next is another one.

    Source: AOSP Settings.Secure.ANDROID_ID (per app and user; another one after a factory reset).
    """
    return renewed(claim.before.android_id, claim.after.android_id)


COMMAND = CommandType(
    name="RELINQUISH_OWNERSHIP",
    also_called=dict.fromkeys(("RELINQUISH", "RELEASE_OWNERSHIP", "REMOVE_WORK_PROFILE", "RETIRE", "UNENROLL"), ""),
    number=4,
    summary=(
        "Removes the work profile and all policies from a company-owned Android 8.0+ device, relinquishing the device for personal use. "
        "Apps and data associated with the personal profile(s) are preserved. The device will be deleted from the server after it "
        "acknowledges the command."
    ),
    requires=Requires(fully_managed=None, company_owned_work_profile=26, personally_owned_work_profile=None),
    execute=execute,
    recovery=Recovery.RESUME,
    final_at_ack=True,
    as_observed=frozenset({Quirk.SILENT_ON_PERSONAL}),
    observed_by=ObservedBy(
        facts=("android_id",),
        judge=judge,
        observed="when a phone with this serial number enrols again: it has another id, so it is another work profile",
        contradicted="it has the same id",
    ),
)

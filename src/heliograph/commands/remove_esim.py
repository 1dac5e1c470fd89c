"""REMOVE_ESIM: an eSIM profile that the enterprise added is deleted from the device."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated

import msgspec

from heliograph.domain.command import DAY_S, Answer, Circumstances, CommandType, Done, Effect, Recovery, Requires, Wait, Waiting
from heliograph.domain.device import DeviceFacts, ManagementKind
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, changed_to
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.esim_status import (
    EsimCommandStatus,
    EsimStatus,
    EuiccError,
    esim_pending,
    esim_succeeded,
    esim_success,
    euicc_error,
)
from heliograph.domain.phone.virtual_device import VirtualDevice, with_chip
from heliograph.domain.quirks import Quirk
from heliograph.protojson.errors import Violation

REMOVAL_S = 1.0
"""Long enough for a caller to see IN_PROGRESS."""

RESULT_TIMEOUT_S = 30 * DAY_S
"""Its user may be asked; 30 days is how long a device that keeps silent is still believed in (design.md §3)."""

ANDROID_16_API_LEVEL = 36
NO_REMOVAL_FROM_QPR = 2  # disc, Command.type: not on company-owned devices with a work profile with Android 16 QPR2 and QPR3


@proto("RemoveEsimParams")
class RemoveEsimParams(Message):
    """Source: disc, RemoveEsimParams."""

    icc_id: Annotated[str, msgspec.Meta(description="Required. ICC ID of the eSIM profile to be deleted.")] = ""


def check(params: RemoveEsimParams, path: str) -> Iterator[Violation]:
    """An ICC ID must be given. Whether it names a profile only the phone knows."""
    if not params.icc_id.strip():
        field = f"{path}.icc_id"
        yield Violation(field, f'{field} is required: the ICC ID of the eSIM profile to remove, as in "iccId": "8901234567890123456".')


def cannot_remove(facts: DeviceFacts) -> bool:
    """Android 16 QPR2 and QPR3 do not let a company-owned device's work profile remove eSIMs."""
    return (
        facts.management_kind is ManagementKind.COMPANY_OWNED_WORK_PROFILE
        and facts.api_level == ANDROID_16_API_LEVEL
        and facts.qpr >= NO_REMOVAL_FROM_QPR
    )


def execute(phone: VirtualDevice, params: RemoveEsimParams, _circumstances: Circumstances) -> Effect:
    """The removal begins, the phone asks its user first, or it says at once why it cannot.

    Source: disc, EsimCommandStatus.status, which has PENDING_USER_ACTION and ERROR_USER_DENIED for both eSIM commands. When phones ask
    about a removal is not documented; AOSP's EuiccManager.deleteSubscription does not ask about an admin's own.
    """
    obstacle = _obstacle(phone, params.icc_id)
    if obstacle is not None:
        return Done.with_status(phone, obstacle)
    if phone.confirm_esim_removal:
        pending = EsimCommandStatus(status=EsimStatus.PENDING_USER_ACTION)
        return Waiting(phone=phone, status=pending, wait=Wait.CONSENT, then=partial(_answered, params))
    return _begun(phone, params)


def probe(phone: VirtualDevice, params: RemoveEsimParams) -> Outcome | None:
    """Success if the profile is gone; the caller must have seen it there before the command began."""
    if not phone.euiccs or phone.chip_with(params.icc_id) is not None:
        return None
    return Outcome(status=esim_success(params.icc_id))


def _answered(params: RemoveEsimParams, phone: VirtualDevice, answer: Answer, _circumstances: Circumstances) -> Effect:
    if answer is Answer.APPROVED:
        return _begun(phone, params)
    return Done.with_status(phone, EsimCommandStatus(status=EsimStatus.ERROR_USER_DENIED))


def _begun(phone: VirtualDevice, params: RemoveEsimParams) -> Effect:
    in_progress = EsimCommandStatus(status=EsimStatus.IN_PROGRESS)
    return Waiting(phone=phone, status=in_progress, wait=Wait.TIME, seconds=REMOVAL_S, then=partial(_remove, params))


def _remove(params: RemoveEsimParams, phone: VirtualDevice, _answer: Answer, _circumstances: Circumstances) -> Effect:
    obstacle = _obstacle(phone, params.icc_id)  # its user may have removed the profile meanwhile
    chip = phone.chip_with(params.icc_id)
    if chip is None or obstacle is not None:
        return Done.with_status(phone, obstacle or EsimCommandStatus(status=EsimStatus.ERROR_ICC_ID_NOT_FOUND))
    return Done.with_status(with_chip(phone, chip.remove(params.icc_id)), esim_success(params.icc_id))


def _obstacle(phone: VirtualDevice, icc_id: str) -> EsimCommandStatus | None:
    """Why this phone cannot remove the profile, or None. One that its user added is none of the enterprise's."""
    if phone.setup_in_progress:
        return EsimCommandStatus(status=EsimStatus.ERROR_SETUP_IN_PROGRESS)
    if not phone.euiccs:
        return euicc_error(EuiccError.EUICC_MISSING)
    profile = next((esim for esim in phone.esims if esim.icc_id == icc_id and esim.managed), None)
    if profile is None:
        return EsimCommandStatus(status=EsimStatus.ERROR_ICC_ID_NOT_FOUND)
    return None if profile.deletable else euicc_error(EuiccError.DISALLOWED_BY_PPR)


def judge(claim: Claim) -> Judgement:
    """The profile is not among the admin's any more."""
    before, after = (None if icc_ids is None else claim.params.icc_id in icc_ids for icc_ids in (claim.before.icc_ids, claim.after.icc_ids))
    return changed_to(before, after, wanted=False)


COMMAND = CommandType(
    name="REMOVE_ESIM",
    also_called=dict.fromkeys(("DELETE_ESIM", "UNINSTALL_ESIM"), ""),
    number=9,
    summary="Removes an eSIM profile that was added with ADD_ESIM from the device. This is supported on Android 15 and above.",
    params=RemoveEsimParams,
    params_field="removeEsimParams",
    params_also_called=("esim_params", "esim"),
    params_required=True,
    example={"removeEsimParams": {"iccId": "8999135525865344435"}},
    status=EsimCommandStatus,
    status_field="esimStatus",
    requires=Requires(
        fully_managed=35,
        company_owned_work_profile=35,
        personally_owned_work_profile=35,
        euicc=True,
        unsupported=cannot_remove,
    ),
    check=check,
    execute=execute,
    asks_user="Your company wants to remove an eSIM from this phone.",
    succeeded=esim_succeeded,
    pending=esim_pending,
    recovery=Recovery.PROBE,
    probe=probe,
    result_timeout_s=RESULT_TIMEOUT_S,
    as_observed=frozenset({Quirk.USER_TAKES_LONGER}),
    observed_by=ObservedBy(
        facts=("icc_ids",),
        judge=judge,
        observed="the eSIM was among those that the admin added, and is not now",
        contradicted="it still is",
    ),
)

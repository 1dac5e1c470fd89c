"""ADD_ESIM: an eSIM profile is downloaded to the device."""

import enum
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import msgspec

from heliograph.domain.activation_code import activation_code_problems, parse_activation_code
from heliograph.domain.command import DAY_S, Answer, Circumstances, CommandType, Done, Effect, Recovery, Requires, Wait, Waiting
from heliograph.domain.device import ManagementKind
from heliograph.domain.evidence import Claim, Judgement, ObservedBy
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.domain.phone.esim_status import (
    EsimCommandStatus,
    EsimStatus,
    EuiccError,
    esim_pending,
    esim_succeeded,
    esim_success,
    euicc_error,
    smdx_error,
)
from heliograph.domain.phone.euicc import EsimProfile, Euicc
from heliograph.domain.phone.numbers import icc_id_of
from heliograph.domain.phone.sm_dp import Download, Rejection, look_up
from heliograph.domain.phone.virtual_device import VirtualDevice, with_chip
from heliograph.domain.quirks import Quirk
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import SECRET

DOWNLOAD_S = 2.0
"""A real download takes half a minute or so; long enough here for a caller to see IN_PROGRESS."""

RESULT_TIMEOUT_S = 30 * DAY_S
"""Its user may have agreed to a download at last; 30 days is how long a device that keeps silent is still believed in (design.md §3)."""


@proto("AddEsimParams.ActivationState")
class ActivationState(enum.Enum):
    """Source: disc, AddEsimParams.activationState."""

    ACTIVATION_STATE_UNSPECIFIED = "ACTIVATION_STATE_UNSPECIFIED"
    ACTIVATED = "ACTIVATED"
    NOT_ACTIVATED = "NOT_ACTIVATED"


@proto(
    "AddEsimParams",
    habits={
        "code": "activation_code",
        "lpa": "activation_code",
        "state": "activation_state",
        "confirmation_code": "A confirmation code cannot be sent with the command: the device asks its user for it.",
    },
)
class AddEsimParams(Message):
    """Source: disc, AddEsimParams."""

    activation_code: Annotated[
        str, SECRET, msgspec.Meta(description="Required. The activation code: LPA:1$<SM-DP+ host>$[<matching id>][$<oid>[$1]].")
    ] = ""
    activation_state: Annotated[
        ActivationState,
        msgspec.Meta(
            description="Whether the profile is active once it is downloaded. Unspecified: ACTIVATED on company-owned devices, "
            "NOT_ACTIVATED on personally-owned ones, which reject ACTIVATED."
        ),
    ] = ActivationState.ACTIVATION_STATE_UNSPECIFIED


def check(params: AddEsimParams, path: str) -> Iterator[Violation]:
    """Every mistake in the activation code, without quoting any of it."""
    for problem in activation_code_problems(params.activation_code):
        yield Violation(f"{path}.activation_code", problem)


def check_on(params: AddEsimParams, path: str, *, personally_owned: bool) -> Iterator[Violation]:
    """A personally-owned device takes no eSIM that is activated for its user.  Source: disc, AddEsimParams.activationState."""
    if personally_owned and params.activation_state is ActivationState.ACTIVATED:
        yield Violation(
            f"{path}.activation_state",
            "ACTIVATED is rejected for personally-owned devices: use NOT_ACTIVATED; the user then activates the eSIM on the device.",
        )


def execute(phone: VirtualDevice, params: AddEsimParams, circumstances: Circumstances) -> Effect:
    """The download begins, or the phone says at once why it cannot."""
    if phone.management_kind is ManagementKind.PERSONALLY_OWNED_WORK_PROFILE and params.activation_state is ActivationState.ACTIVATED:
        # AOSP fails a switch after the download here; the server refuses it at issue unless it knew the phone otherwise then.
        return Done(phone=phone, outcome=Outcome(error_code=ErrorCode.INVALID_VALUE))
    if phone.setup_in_progress:
        return Done.with_status(phone, EsimCommandStatus(status=EsimStatus.ERROR_SETUP_IN_PROGRESS))
    chip = phone.euicc
    if chip is not None and chip.busy(circumstances.now_us):
        return Done.with_status(phone, euicc_error(EuiccError.OPERATION_BUSY))
    obstacle = _obstacle(chip, activate=_activate(phone, params))
    if chip is None or obstacle is not None:
        return Done.with_status(phone, obstacle or euicc_error(EuiccError.EUICC_MISSING))
    return Waiting(
        phone=with_chip(phone, chip.downloading(circumstances.now_us)),
        status=EsimCommandStatus(status=EsimStatus.IN_PROGRESS),
        wait=Wait.DOWNLOAD,
        seconds=DOWNLOAD_S,
        then=partial(_downloaded, params),
    )


def probe(phone: VirtualDevice, params: AddEsimParams) -> Outcome | None:
    """Success if the profile of this code is on the chip."""
    if phone.euicc is None:
        return None
    icc_id = icc_id_of(params.activation_code, phone.euicc.eid)
    return None if phone.euicc.find(icc_id) is None else Outcome(status=esim_success(icc_id))


def _downloaded(params: AddEsimParams, phone: VirtualDevice, _answer: Answer, circumstances: Circumstances) -> Effect:
    """The profile server has answered."""
    try:
        code = parse_activation_code(params.activation_code)
    except ValueError:
        return Done.with_status(phone, euicc_error(EuiccError.INVALID_ACTIVATION_CODE))
    match look_up(code):
        case Rejection(status=status):
            return Done.with_status(phone, status)
        case Download() as download:
            if phone.euicc and phone.euicc.carrier_lock not in {"", download.carrier}:
                return Done.with_status(phone, euicc_error(EuiccError.CARRIER_LOCKED))
            if download.confirmation_code:
                return _ask(phone, Wait.CONFIRMATION_CODE, params, download)
            if download.consent or phone.management_kind is ManagementKind.PERSONALLY_OWNED_WORK_PROFILE:
                return _ask(phone, Wait.CONSENT, params, download)
            return _install(phone, params, download)


def _ask(phone: VirtualDevice, wait: Wait, params: AddEsimParams, download: Download) -> Effect:
    """The phone asks its user; entering the confirmation code is consent."""
    pending = EsimCommandStatus(status=EsimStatus.PENDING_USER_ACTION)
    return Waiting(phone=phone, status=pending, wait=wait, then=partial(_answered, params, download))


def _answered(params: AddEsimParams, download: Download, phone: VirtualDevice, answer: Answer, circumstances: Circumstances) -> Effect:
    if answer is Answer.APPROVED:
        return _install(phone, params, download)
    if answer is Answer.WRONG_CODE:
        return Done.with_status(phone, euicc_error(EuiccError.INVALID_CONFIRMATION_CODE))
    return Done.with_status(phone, EsimCommandStatus(status=EsimStatus.ERROR_USER_DENIED))


def _install(phone: VirtualDevice, params: AddEsimParams, download: Download) -> Effect:
    """The profile is on the chip, unless something has changed: the conditions before the download are checked again."""
    chip = phone.euicc
    activate = _activate(phone, params)
    obstacle = _obstacle(chip, activate=activate)
    if chip is None or obstacle is not None:
        return Done.with_status(phone, obstacle or euicc_error(EuiccError.EUICC_MISSING))
    icc_id = icc_id_of(params.activation_code, chip.eid)
    if chip.find(icc_id) is not None:
        return Done.with_status(phone, smdx_error("8.2.6", "3.8"))  # SGP.22: the matching id has been used, so it is refused
    profile = EsimProfile(icc_id=icc_id, active=activate, managed=True, carrier=download.carrier, deletable=download.deletable)
    return Done.with_status(with_chip(phone, chip.add(profile)), esim_success(icc_id))


def _obstacle(chip: Euicc | None, *, activate: bool) -> EsimCommandStatus | None:
    """Why this chip cannot take one more profile, or None."""
    if chip is None:
        return euicc_error(EuiccError.EUICC_MISSING)
    if chip.full:
        return euicc_error(EuiccError.EUICC_INSUFFICIENT_MEMORY)
    if activate and not chip.can_activate():
        return EsimCommandStatus(status=EsimStatus.ERROR_MULTIPLE_ACTIVE_ESIMS_NO_AVAILABLE_SLOT)
    return None


def _activate(phone: VirtualDevice, params: AddEsimParams) -> bool:
    """Whether the profile is to be active: unspecified means so on company-owned devices."""
    if params.activation_state is ActivationState.ACTIVATION_STATE_UNSPECIFIED:
        return phone.management_kind is not ManagementKind.PERSONALLY_OWNED_WORK_PROFILE
    return params.activation_state is ActivationState.ACTIVATED


def judge(claim: Claim) -> Judgement:
    """The profile that the phone names is among the admin's, and was not before; of a phone that names none, some profile."""
    before, after = claim.before.icc_ids, claim.after.icc_ids
    if after is None or before is None:
        return Judgement.NOT_OBSERVED
    named = claim.status.esim_info.icc_id if claim.status.esim_info is not None else ""
    added = {named} & {*after} if named else {*after} - {*before}
    if not added:
        return Judgement.CONTRADICTED
    return Judgement.OBSERVED if added - {*before} else Judgement.NOT_OBSERVED


COMMAND = CommandType(
    name="ADD_ESIM",
    also_called=dict.fromkeys(("INSTALL_ESIM", "DOWNLOAD_ESIM", "ACTIVATE_ESIM"), ""),
    number=8,
    summary=(
        "Adds an eSIM profile to the device. This is supported on Android 15 and above. To provision several eSIMs, wait a few "
        "minutes between the commands."
    ),
    params=AddEsimParams,
    params_field="addEsimParams",
    params_also_called=("esim_params", "esim"),
    params_required=True,
    example={"addEsimParams": {"activationCode": "LPA:1$smdp.example.com$FLEET-PLAN", "activationState": "ACTIVATED"}},
    status=EsimCommandStatus,
    status_field="esimStatus",
    requires=Requires(fully_managed=35, company_owned_work_profile=35, personally_owned_work_profile=35, euicc=True),
    check=check,
    check_on=check_on,
    execute=execute,
    asks_user="Your company wants to add an eSIM to this phone.",
    succeeded=esim_succeeded,
    pending=esim_pending,
    recovery=Recovery.PROBE,
    probe=probe,
    result_timeout_s=RESULT_TIMEOUT_S,
    as_observed=frozenset({Quirk.USER_TAKES_LONGER}),
    observed_by=ObservedBy(
        facts=("icc_ids",),
        judge=judge,
        observed="the added eSIM is among those that the admin added, and was not before",
        contradicted="it is not among them",
    ),
)

"""STOP_LOST_MODE: a lost phone is found."""

import enum

import msgspec

from heliograph.domain.command import Circumstances, CommandType, Done, Effect, Recovery, Requires
from heliograph.domain.evidence import Claim, Judgement, ObservedBy, changed_to
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.domain.quirks import Quirk


class StopLostModeParams(Message):
    """Source: disc, StopLostModeParams (it has no fields)."""


@proto("StopLostModeStatus.Status")
class Status(enum.Enum):
    """Source: disc, StopLostModeStatus.status."""

    STATUS_UNSPECIFIED = "STATUS_UNSPECIFIED"
    SUCCESS = "SUCCESS"
    NOT_IN_LOST_MODE = "NOT_IN_LOST_MODE"


class StopLostModeStatus(Message):
    """Source: disc, StopLostModeStatus."""

    status: Status = Status.STATUS_UNSPECIFIED


def execute(phone: VirtualDevice, _params: StopLostModeParams, _circumstances: Circumstances) -> Effect:
    """Out of lost mode; the lock stays, because the phone may not be in its user's hands."""
    if phone.lost_mode is None:
        status = StopLostModeStatus(status=Status.NOT_IN_LOST_MODE)
        return Done(phone=phone, outcome=Outcome(status=status, message="The device is not in lost mode."))
    return Done(phone=msgspec.structs.replace(phone, lost_mode=None), outcome=_SUCCESS)


_SUCCESS = Outcome(status=StopLostModeStatus(status=Status.SUCCESS))


def probe(phone: VirtualDevice, _params: StopLostModeParams) -> Outcome | None:
    """Success if the phone is no longer in lost mode."""
    return _SUCCESS if phone.lost_mode is None else None


def judge(claim: Claim) -> Judgement:
    """No longer in lost mode."""
    return changed_to(claim.before.lost_mode, claim.after.lost_mode, wanted=False)


COMMAND = CommandType(
    name="STOP_LOST_MODE",
    also_called=dict.fromkeys(("DISABLE_LOST_MODE", "LOST_MODE", "END_LOST_MODE"), ""),
    number=7,
    summary=(
        "Takes the device out of lost mode. Only supported on fully managed devices or organization-owned devices with a managed profile."
    ),
    params=StopLostModeParams,
    params_field="stopLostModeParams",
    params_also_called=("lost_mode_params", "lost_mode"),
    example={"stopLostModeParams": {}},
    status=StopLostModeStatus,
    status_field="stopLostModeStatus",
    requires=Requires(fully_managed=30, company_owned_work_profile=33, personally_owned_work_profile=None),
    execute=execute,
    recovery=Recovery.PROBE,
    probe=probe,
    as_observed=frozenset({Quirk.SILENT_ON_PERSONAL, Quirk.PARAMS_REQUIRED}),
    observed_by=ObservedBy(
        facts=("lost_mode",),
        judge=judge,
        observed="it was in lost mode and is not now",
        contradicted="it still is",
    ),
)

"""UNLOCK_SIM: a SIM card is unlocked with its PIN, once the user agrees."""

import enum
from collections.abc import Iterator
from typing import Annotated

import msgspec

from heliograph.domain.command import Answer, Circumstances, CommandType, Done, Effect, Recovery, Requires, Wait, Waiting
from heliograph.domain.messages import Message, proto
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice
from heliograph.protojson.errors import Violation
from heliograph.protojson.messages import SECRET, Duration, Int32


@proto("UnlockSimParams")
class UnlockSimParams(Message):
    """Source: disc, UnlockSimParams."""

    pin: Annotated[str, SECRET, msgspec.Meta(description="Required. The SIM's PIN.")] = ""
    slot: Annotated[Int32, msgspec.Meta(description="Which SIM, counted from 0.")] = 0
    silent: Annotated[bool, msgspec.Meta(description="Whether the phone makes no sound.")] = False
    ask_again_after: Annotated[Duration, msgspec.Meta(description="When the user is asked again.")] = ""


@proto("UnlockSimStatus.Status")
class UnlockSimState(enum.Enum):
    """Source: disc, UnlockSimStatus.status."""

    STATUS_UNSPECIFIED = "STATUS_UNSPECIFIED"
    PENDING_USER_ACTION = "PENDING_USER_ACTION"
    UNLOCKED = "UNLOCKED"
    USER_DECLINED = "USER_DECLINED"


@proto("UnlockSimStatus")
class UnlockSimStatus(Message):
    """Source: disc, UnlockSimStatus."""

    status: UnlockSimState = UnlockSimState.STATUS_UNSPECIFIED


def check(params: UnlockSimParams, path: str) -> Iterator[Violation]:
    """A PIN is required, and the SIM is one that a phone can have."""
    if not params.pin:
        yield Violation(f"{path}.pin", f"{path}.pin is required.")
    if params.slot not in {0, 1}:
        yield Violation(f"{path}.slot", f"{path}.slot must be 0 or 1.")


def execute(phone: VirtualDevice, params: UnlockSimParams, circumstances: Circumstances) -> Effect:
    """The phone asks its user."""
    return Waiting(phone=phone, status=UnlockSimStatus(status=UnlockSimState.PENDING_USER_ACTION), wait=Wait.CONSENT, then=_answered)


def _answered(phone: VirtualDevice, answer: Answer, circumstances: Circumstances) -> Effect:
    state = UnlockSimState.UNLOCKED if answer is Answer.APPROVED else UnlockSimState.USER_DECLINED
    return Done(phone=phone, outcome=Outcome(status=UnlockSimStatus(status=state)))


def succeeded(status: UnlockSimStatus) -> bool:
    """Whether the SIM is unlocked."""
    return status.status is UnlockSimState.UNLOCKED


def pending(status: UnlockSimStatus) -> bool:
    """Whether the user has not answered yet."""
    return status.status is UnlockSimState.PENDING_USER_ACTION


COMMAND = CommandType(
    name="UNLOCK_SIM",
    number=13,
    summary="Unlocks a SIM card once the user agrees. Only supported on company-owned devices running Android 13 or higher.",
    params=UnlockSimParams,
    params_field="unlockSimParams",
    params_required=True,
    example={"unlockSimParams": {"pin": "needle-1234", "slot": 1, "silent": True, "askAgainAfter": "3600s"}},
    status=UnlockSimStatus,
    status_field="unlockSimStatus",
    requires=Requires(fully_managed=33, company_owned_work_profile=33, personally_owned_work_profile=None),
    check=check,
    execute=execute,
    succeeded=succeeded,
    pending=pending,
    recovery=Recovery.UNKNOWN,
)

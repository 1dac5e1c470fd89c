"""Executes a command on a virtual phone step by step, as a phone's runner does."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from heliograph.domain.command import Answer, Circumstances, CommandType, Done, Effect, Wait
from heliograph.domain.outcome import Outcome
from heliograph.domain.phone.virtual_device import VirtualDevice

NOW_US = 1_700_000_000_000_000
APPROVING: Mapping[Wait, Answer] = {Wait.CONSENT: Answer.APPROVED, Wait.CONFIRMATION_CODE: Answer.APPROVED}
DECLINING: Mapping[Wait, Answer] = {Wait.CONSENT: Answer.DECLINED, Wait.CONFIRMATION_CODE: Answer.DECLINED}


@dataclass(frozen=True, kw_only=True)
class Walked:
    """What was seen on the way, and the outcome."""

    phone: VirtualDevice
    outcome: Outcome
    waits: tuple[Wait, ...]
    progress: tuple[msgspec.Struct | None, ...]
    """The status reported with each wait."""


def walk(
    row: CommandType,
    phone: VirtualDevice,
    params: msgspec.Struct,
    *,
    now_us: int = NOW_US,
    answers: Mapping[Wait, Answer] = APPROVING,
    meanwhile: VirtualDevice | None = None,
) -> Walked:
    """The command executed to its end.  `meanwhile`: the phone's change by the time the first wait is over."""
    effect: Effect = row.execute(phone, params, Circumstances(now_us=now_us))
    waits: list[Wait] = []
    progress: list[msgspec.Struct | None] = []
    while not isinstance(effect, Done):
        waits.append(effect.wait)
        progress.append(effect.status)
        phone, meanwhile = meanwhile or effect.phone, None
        effect = effect.then(phone, answers.get(effect.wait, Answer.ELAPSED), Circumstances(now_us=now_us))
    return Walked(phone=effect.phone, outcome=effect.outcome, waits=tuple(waits), progress=tuple(progress))

"""Runs the cases on agents, one after the other, and says what came."""

import enum
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path

from heliograph.agent_check.cases import CASES, Case
from heliograph.agent_check.stand import Stand
from heliograph.agent_check.subject import LONG_POLL, TRANSPORTS, WEB_SOCKET, Program, Subject
from heliograph.agent_check.tap import CONNECT, POLL
from heliograph.agent_check.trial import Broken, NotTried, Pace, Trial

DEFAULT_PACE = Pace()
NO_WEB_SOCKET = "it makes no WebSocket, which it need not"


class Outcome(enum.Enum):
    """How a case ended."""

    KEPT = "kept"
    BROKEN = "broken"
    NOT_TRIED = "not tried"


@dataclass(frozen=True)
class Result:
    """One case on one transport."""

    case: Case
    transport: str
    outcome: Outcome
    came: str
    """What came instead, or why it was not tried; of a case that was kept, nothing."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which cases are run, and how."""

    names: Sequence[str] = ()
    """Empty: all."""
    transports: Sequence[str] = TRANSPORTS
    last_orders: bool = False
    """Whether phones may be erased."""
    pace: Pace = DEFAULT_PACE

    def cases(self, transport: str) -> Sequence[Case]:
        """Those of this transport, in their order."""
        first = transport == self.transports[-1]  # the mandatory one, if it is among them
        return [case for case in CASES if (not self.names or case.name in self.names) and (first or not case.once)]


async def check_program(stand: Stand, command: Sequence[str], folder: Path, plan: Plan) -> AsyncGenerator[Result, None]:
    """Each case with a phone of its own: the program is started with a token and a folder that no other phone had.

    Raises: OSError: there is no such program.
    """
    for transport in plan.transports:
        why_not = ""
        for case in plan.cases(transport):
            subject = Program(
                command, server=stand.url, token=await stand.token(), folder=folder / f"{transport} {case.name}", transport=transport
            )
            result = await _checked(Trial(stand, subject, pace=plan.pace), case, transport, plan, why_not)
            why_not = NO_WEB_SOCKET if result.came == NO_WEB_SOCKET else ""
            yield result


async def check_subject(stand: Stand, subject: Subject, plan: Plan) -> AsyncGenerator[Result, None]:
    """All cases with one phone, which is enrolled once; the last ones erase it."""
    phone = Trial(stand, subject, pace=plan.pace)
    erased = False
    for transport in plan.transports:
        for case in plan.cases(transport):
            trial = Trial(stand, subject, pace=plan.pace, device=phone.device, credential_hash=phone.credential_hash)
            last = not case.last_order or transport == plan.transports[-1]
            why_not = (
                "its phone was erased" if erased else "" if last else "it erases the phone, so it is tried on the last transport alone"
            )
            why_not = why_not or ("it was enrolled already" if case.starts and phone.device else "")
            result = await _checked(trial, case, transport, plan, why_not, stops=False)
            phone.device, phone.credential_hash = trial.device or phone.device, trial.credential_hash or phone.credential_hash
            erased = erased or (case.last_order and result.outcome is not Outcome.NOT_TRIED)
            yield result


async def _checked(trial: Trial, case: Case, transport: str, plan: Plan, why_not: str, *, stops: bool = True) -> Result:
    try:
        _require(not why_not, why_not)
        _require(plan.last_orders or not case.last_order, "it erases the phone: --yes allows that")
        _require(trial.subject.can_be_killed or not case.kills, "it kills the agent, and there is no one to ask for that")
        trial.tap.web_sockets = transport != LONG_POLL
        if not case.starts:
            await _ready(trial, transport)
        await case.run(trial)
    except NotTried as reason:
        return Result(case, transport, Outcome.NOT_TRIED, str(reason))
    except Broken as broken:
        return Result(case, transport, Outcome.BROKEN, str(broken))
    finally:
        trial.tap.forget_plans()
        if stops:
            await trial.subject.stop()
    return Result(case, transport, Outcome.KEPT, "")


def _require(holds: object, reason: str) -> None:
    if not holds:
        raise NotTried(reason)


async def _ready(trial: Trial, transport: str) -> None:
    """The agent is enrolled and connected over this transport, and the case begins."""
    if trial.device:
        await trial.subject.start()
        trial.tap.break_connections()  # so that it connects over this transport
        await trial.until(lambda: trial.heard("hello", POLL), "hello or poll after its connection was broken")
    else:
        await trial.enrolled()
        await trial.until(lambda: any(one.answered for one in trial.heard("status")), "status report")
    if transport == WEB_SOCKET:
        _require(any(one.kind == CONNECT for one in trial.heard()), NO_WEB_SOCKET)
    trial.begin()

"""Beside the outcome that a phone reports stands what its own facts say: over real sockets, restarts and new enrolments."""

import asyncio

import msgspec
import pytest

from heliograph.agent.executor import Moment
from heliograph.agent.misbehaviour import Misbehaviour
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import PhoneRunner, TransportKind
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType, Recovery
from heliograph.domain.evidence import NOT_AT_ALL, Judgement, stored_evidence
from heliograph.domain.operation import Operation, State
from heliograph.domain.outcome import ErrorCode
from heliograph.domain.phone.virtual_device import WorkProfile
from heliograph.service.timeline import get_timeline
from tests.agent.lab import KillAt, Lab, eventually, executions, shown
from tests.commands.expected import expected_of
from tests.patience import PATIENCE_S

SHOWN = [row for row in COMMANDS.values() if row.observed_by is not NOT_AT_ALL]
REPORTED = [row for row in SHOWN if not row.final_at_ack]
ENDING = [row for row in SHOWN if row.final_at_ack]
kinds = pytest.mark.parametrize("kind", TransportKind)


async def made(lab: Lab, row: CommandType, kind: TransportKind = TransportKind.WEBSOCKET, *, lies: bool = False) -> PhoneRunner:
    """A phone on which the row's example succeeds."""
    phone = await lab.phone(expected_of(row).phone, lab.line(kind=kind))
    phone.phone.become(expected_of(row).prepared(phone.phone.device, row))
    phone.phone.lies = lies
    return phone


async def judged(lab: Lab, operation: Operation) -> Operation:
    """The operation once its phone's facts say something of it."""
    async with asyncio.timeout(PATIENCE_S):
        while (found := await lab.ports.store.operation(operation.name)) is None or found.judgement is Judgement.NOT_OBSERVED:  # noqa: ASYNC110 - what is waited for offers no event
            await asyncio.sleep(0.005)
    return found


@kinds
async def test_a_phone_that_does_what_it_says_is_observed(lab: Lab, kind: TransportKind) -> None:
    async def one(row: CommandType) -> tuple[str, State, Judgement, str]:
        phone = await made(lab, row, kind)
        ended = await lab.ended(await lab.issue(phone, type=row.name, **row.example))
        return row.name, ended.state, ended.judgement, ended.timeline[-1].what

    results = await asyncio.gather(*map(one, REPORTED))

    assert [(row.name, State.SUCCEEDED, Judgement.OBSERVED, "observed") for row in REPORTED] == results


@kinds
async def test_a_phone_that_lies_is_contradicted(lab: Lab, kind: TransportKind) -> None:
    async def one(row: CommandType) -> tuple[str, State, Judgement, str, int]:
        phone = await made(lab, row, kind, lies=True)
        ended = await lab.ended(await lab.issue(phone, type=row.name, **row.example))
        return row.name, ended.state, ended.judgement, ended.timeline[-1].what, executions(phone, ended)

    results = await asyncio.gather(*map(one, REPORTED))

    assert [(row.name, State.SUCCEEDED, Judgement.CONTRADICTED, "contradicted", 0) for row in REPORTED] == results
    counted = {key: count for key, count in lab.ports.store.counts.judged.items() if key[1] is Judgement.CONTRADICTED}
    assert {(row.name, Judgement.CONTRADICTED): 1 for row in REPORTED} == counted


@pytest.mark.parametrize("lies", [False, True])
@pytest.mark.parametrize("row", ENDING, ids=lambda row: row.name)
async def test_the_next_enrolment_shows_whether_the_phone_was_erased(lab: Lab, row: CommandType, *, lies: bool) -> None:
    phone = await made(lab, row, lies=lies)
    profile = expected_of(row).phone
    operation = await lab.ended(await lab.issue(phone, type=row.name, **row.example))
    await eventually(lambda: not phone.phone.device.managed and not phone.name)
    assert Judgement.NOT_OBSERVED is operation.judgement

    erased = msgspec.structs.replace(phone.phone.device, managed=True, work_profile=_work_profile(profile))
    phone.enroll(await lab.token(profile), erased)

    found = await judged(lab, operation)
    assert (Judgement.CONTRADICTED if lies else Judgement.OBSERVED) is found.judgement
    assert (State.SUCCEEDED, operation.ended_us) == (found.state, found.ended_us)


def _work_profile(profile: str) -> WorkProfile | None:

    return PROFILES[profile].phone("A1").work_profile


@pytest.mark.parametrize("moment", [Moment.EXECUTING, Moment.EXECUTED, Moment.RESULT, Moment.REPORTED])
async def test_a_killed_phone_still_knows_the_facts_of_before(lab: Lab, moment: Moment) -> None:
    """Of types that a restart does not leave in the dark; what it was before stands in the journal."""
    rows = [
        row for row in REPORTED if row.recovery in {Recovery.BOOT_ID, Recovery.PROBE} or moment not in {Moment.EXECUTING, Moment.EXECUTED}
    ]
    rows = [row for row in rows if (row.recovery, moment) != (Recovery.BOOT_ID, Moment.EXECUTED) and row.observed_by.facts]

    async def one(row: CommandType) -> tuple[str, bool, bool]:
        kill = KillAt(moment)
        phone = await lab.phone(expected_of(row).phone, behaviour=Misbehaviour(restart_s=0.0), checkpoint=kill)
        phone.phone.become(expected_of(row).prepared(phone.phone.device, row))
        ended = await lab.ended(await lab.issue(phone, type=row.name, **row.example))
        evidence = stored_evidence(ended.evidence)
        given = all(getattr(facts, name) is not None for facts in (evidence.before, evidence.after) for name in row.observed_by.facts)
        return row.name, given, ended.judgement is Judgement.OBSERVED

    results = await asyncio.gather(*map(one, rows))

    done = moment is not Moment.EXECUTING
    assert [(row.name, True, done) for row in rows] == results


async def test_a_failure_keeps_its_facts_and_is_not_judged(lab: Lab) -> None:
    phone = await lab.phone("pixel8-a15-fully-managed")
    phone.phone.become(msgspec.structs.replace(phone.phone.device, ongoing_call=True))

    ended = await lab.ended(await lab.issue(phone, type="REBOOT"))

    boots = phone.phone.device.boots
    evidence = stored_evidence(ended.evidence)
    assert (ErrorCode.UNKNOWN, Judgement.NOT_OBSERVED) == (ended.error_code, ended.judgement)
    assert (boots, boots) == (evidence.before.boot_count, evidence.after.boot_count)


async def test_the_timeline_shows_it_and_amapi_s_own_resource_does_not(lab: Lab) -> None:
    phone = await lab.phone("pixel8-a15-fully-managed")
    phone.phone.lies = True

    ended = await lab.ended(await lab.issue(phone, type="REBOOT"))

    timeline = msgspec.to_builtins(await get_timeline(lab.ports, ended.name))
    boots = phone.phone.device.boots
    facts = {"bootCount": boots}
    assert {"judgement": "CONTRADICTED", "before": facts, "after": facts} == timeline["evidence"]
    assert f"bootCount {boots} → {boots}" == timeline["entries"][-1]["detail"]
    assert {"name", "metadata", "done", "response"} == shown(ended).keys()
    assert {"@type", "type", "createTime", "duration", "userName"} >= shown(ended)["metadata"].keys()

"""A phone that asks its user asks its server too, before anything is done; a crash meanwhile does no harm."""

import pytest

from heliograph.agent.clock import AgentClock
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import User
from heliograph.domain.command import Answer
from heliograph.domain.operation import Operation
from heliograph.sandbox.clock import AdvancingClock
from tests.agent.lab import Lab, eventually, shown

BYOD = "galaxy-s25-a15-byod"
EID = {"deviceInfo": "EID"}
NEVER = User(answer=None)


async def asking(
    lab: Lab, kind: TransportKind = TransportKind.WEBSOCKET, *, clock: AgentClock | None = None, **more: object
) -> tuple[PhoneRunner, Operation]:
    """A phone whose user is being asked for its EID, and has not answered."""
    assert BYOD in PROFILES
    phone = await lab.phone(BYOD, lab.line(kind=kind), clock=clock)
    phone.phone.be(NEVER)
    operation = await lab.issue(phone, requestDeviceInfoParams=EID, **more)
    await eventually(lambda: phone.phone.questions)
    return phone, operation


def steps(phone: PhoneRunner) -> list[str]:
    """What was done to the phone, by its own account."""
    return [effect.step for effect in phone.phone.effects]


@pytest.mark.parametrize("kind", TransportKind)
async def test_a_phone_begins_when_its_user_agrees_and_its_server_does(lab: Lab, kind: TransportKind) -> None:
    phone, operation = await asking(lab, kind)

    phone.phone.answer(Answer.APPROVED)

    ended = shown(await lab.ended(operation))
    assert "SUCCEEDED" == ended["metadata"]["requestDeviceInfoStatus"]["status"]
    assert ["began", "ended"] == steps(phone)
    assert "begun" in await lab.story(operation)


async def test_a_question_is_withdrawn_when_its_time_is_over(lab: Lab) -> None:
    clock = AdvancingClock()
    phone, operation = await asking(lab, clock=clock, duration="60s")
    clock.advance(61_000_000)

    ended = shown(await lab.ended(operation))
    await eventually(lambda: not phone.phone.questions)

    assert 4 == ended["error"]["code"]
    assert ["began", "withdrawn"] == steps(phone)
    assert "late" not in await lab.story(operation)


async def test_an_agent_that_was_killed_while_it_asked_knows_that_nothing_was_done(lab: Lab) -> None:
    phone, operation = await asking(lab)
    await eventually(lambda: b'"asking":true' in lab.journal_of(phone).read_bytes())

    await phone.restart()

    ended = shown(await lab.ended(operation))
    assert ("UNKNOWN", "The phone was restarted while it waited for its user. The command had no effect.") == (
        ended["metadata"]["errorCode"],
        ended["error"]["message"],
    )
    assert ["began", "withdrawn"] == steps(phone)


async def test_a_user_who_declines_needs_no_leave(lab: Lab) -> None:
    phone, operation = await asking(lab)

    phone.phone.answer(Answer.DECLINED)

    assert "USER_DECLINED" == shown(await lab.ended(operation))["metadata"]["requestDeviceInfoStatus"]["status"]
    assert "begun" not in await lab.story(operation)

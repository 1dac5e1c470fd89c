"""Why something is not done: every way of waiting is reached, and says what it waits for, what comes next and what to do."""

import dataclasses
import re
from collections.abc import Awaitable, Callable

import pytest

from heliograph.domain.dead_letter import DeadLetter, DeadLetterName
from heliograph.domain.explanation import AFTER, TEXTS, Explanation, Waiting
from heliograph.domain.names import ApprovalName
from heliograph.domain.operation import FINAL, State
from heliograph.domain.outcome import ErrorCode
from heliograph.domain.people import Rights
from heliograph.domain.push_endpoint import PushEndpoint, PushEndpointState
from heliograph.protojson.messages import Duration
from heliograph.service.approval_gate import ApprovalRequired, operation_approval
from heliograph.service.approvals import set_approval_rules
from heliograph.service.devices import get_device
from heliograph.service.explanations import (
    explain_approval,
    explain_dead_letter,
    explain_invitation,
    explain_operation,
    explain_push_endpoint,
    explain_reservation,
)
from heliograph.service.offer_command import PARKED_AFTER
from heliograph.service.operations import cancel_operation
from heliograph.service.people import invite_person
from heliograph.service.ports import Decision, Put, Sees, Whereabouts
from heliograph.service.push_endpoints import create_push_endpoint, patch_push_endpoint
from heliograph.service.reservations import release_reservation, reserve_device
from tests.service.test_approvals import ALICE, BOB, WIPES, approve_it, held_wipe, put_key, rules
from tests.service.world import LAB, World, facts

Scenario = Callable[[World], Awaitable[Explanation]]
URL = "https://hooks.example.com/amapi"


async def offline(lab: World) -> Explanation:
    phone = await lab.phone()
    await phone.tells(facts())
    lab.here.connected_devices.clear()
    return await explain_operation(lab.ports, await lab.issue(phone.name))


async def never_connected(lab: World) -> Explanation:
    phone = await lab.phone()
    lab.here.connected_devices.clear()
    return await explain_operation(lab.ports, await lab.issue(phone.name))


async def replaced(lab: World) -> Explanation:
    phone = await lab.phone(facts(serial="S1"))
    name = await lab.issue(phone.name)
    await lab.phone(facts(serial="S1"))
    lab.here.connected_devices.clear()
    return await explain_operation(lab.ports, name)


async def at_another_server(lab: World) -> Explanation:
    phone = await lab.phone()
    lab.here.connected_devices.clear()
    lab.here.not_here = Whereabouts.AT_ANOTHER_SERVER
    return await explain_operation(dataclasses.replace(lab.ports, shared=True), await lab.issue(phone.name))


async def not_at_this_server(lab: World) -> Explanation:
    phone = await lab.phone()
    lab.here.connected_devices.clear()
    lab.here.not_here = Whereabouts.NOT_HERE
    return await explain_operation(dataclasses.replace(lab.ports, shared=True), await lab.issue(phone.name))


async def to_be_offered(lab: World) -> Explanation:
    phone = await lab.phone()
    return await explain_operation(lab.ports, await lab.issue(phone.name))


async def silent(lab: World) -> Explanation:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.hears()
    return await explain_operation(lab.ports, name)


async def parked(lab: World) -> Explanation:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    for _ in range(PARKED_AFTER):
        phone.reconnects()
        await phone.hears()
    return await explain_operation(lab.ports, name)


async def behind_another(lab: World) -> Explanation:
    phone = await lab.phone()
    await lab.issue(phone.name)
    return await explain_operation(lab.ports, await lab.issue(phone.name))


async def under_way(lab: World) -> Explanation:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    return await explain_operation(lab.ports, name)


async def user_asked(lab: World) -> Explanation:
    phone = await lab.phone()
    name = await lab.issue(phone.name, '{"type":"ADD_ESIM","addEsimParams":{"activationCode":"LPA:1$smdp.example.com$A-B"}}')
    await phone.acknowledges(name)
    await phone.asks(name)
    return await explain_operation(lab.ports, name)


async def offline_since_acknowledging(lab: World) -> Explanation:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    lab.here.connected_devices.clear()
    return await explain_operation(lab.ports, name)


async def replaced_since_acknowledging(lab: World) -> Explanation:
    phone = await lab.phone(facts(serial="S1"))
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    await lab.phone(facts(serial="S1"))
    lab.here.connected_devices.clear()
    return await explain_operation(lab.ports, name)


async def ended(lab: World) -> Explanation:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await cancel_operation(lab.ports, name)
    return await explain_operation(lab.ports, name)


async def awaiting_approval(lab: World) -> Explanation:
    await put_key(lab, BOB)
    _, name = await held_wipe(lab)
    return await explain_operation(lab.ports, name)


async def without_approvers(lab: World) -> Explanation:
    await put_key(lab, ALICE)
    _, name = await held_wipe(lab)
    return await explain_approval(lab.ports, operation_approval(name))


async def in_the_grace_period(lab: World) -> Explanation:
    _, name = await held_wipe(lab, rules(grace_period=Duration("60s")))
    await approve_it(lab, name, BOB)
    return await explain_operation(lab.ports, name)


async def approved_call(lab: World) -> Explanation:
    await set_approval_rules(lab.ports, LAB, WIPES, ALICE)
    with pytest.raises(ApprovalRequired) as required:
        await set_approval_rules(lab.ports, LAB, rules(approvals=2), ALICE)
    name = ApprovalName.parse(required.value.metadata["approval"])
    await approve_it(lab, name, BOB)
    return await explain_approval(lab.ports, name)


async def invited(lab: World) -> Explanation:
    return explain_invitation((await invite_person(lab.ports, "emil@example.com", Rights("viewer", ("*",)))).invitation)


async def reserved(lab: World) -> Explanation:
    phone = await lab.phone(facts(serial="S1"))
    made = await reserve_device(lab.ports, phone.name, account="", owner="build 17", lease_us=60_000_000)
    return await explain_reservation(lab.ports, made.name)


async def to_be_reset(lab: World) -> Explanation:
    phone = await lab.phone(facts(serial="S1"))
    made = await reserve_device(lab.ports, phone.name, account="", owner="", lease_us=60_000_000)
    await release_reservation(lab.ports, made.name, account="", fencing_token=made.fencing_token)
    return await explain_reservation(lab.ports, made.name)


async def given_up(lab: World) -> Explanation:
    letter = DeadLetter(
        name=DeadLetterName(LAB.enterprise, 7), destination="push", notification_type="COMMAND", data=b"{}", created_us=1, attempts=3,
        reason="it answered 500", given_up_us=lab.clock.now_us(), expires_us=lab.clock.now_us() + 60_000_000,
    )  # fmt: skip
    await lab.ports.store.decide(Sees(), lambda _: Decision(None, (Put(letter),)))
    return await explain_dead_letter(lab.ports, letter.name)


async def disabled(lab: World) -> Explanation:
    made = await create_push_endpoint(lab.ports, LAB, PushEndpoint(url=URL), endpoint_id="hook", issuer="")
    disable = PushEndpoint(state=PushEndpointState.DISABLED)
    await patch_push_endpoint(lab.ports, made.record.name, disable, mask=("state",), issuer="")
    return await explain_push_endpoint(lab.ports, made.record.name)


async def rests(lab: World) -> Explanation:
    made = await create_push_endpoint(lab.ports, LAB, PushEndpoint(url=URL), endpoint_id="hook", issuer="")
    lab.ports.publishing.resting_until_us[str(made.record.name)] = lab.clock.now_us() + 1_000_000
    return await explain_push_endpoint(lab.ports, made.record.name)


SCENARIOS: dict[Waiting, Scenario] = {
    Waiting.PHONE_OFFLINE: offline,
    Waiting.PHONE_NEVER_CONNECTED: never_connected,
    Waiting.PHONE_REPLACED: replaced,
    Waiting.PHONE_AT_ANOTHER_SERVER: at_another_server,
    Waiting.PHONE_NOT_AT_THIS_SERVER: not_at_this_server,
    Waiting.COMMAND_TO_BE_OFFERED: to_be_offered,
    Waiting.PHONE_SILENT: silent,
    Waiting.COMMAND_PARKED: parked,
    Waiting.OTHER_COMMAND: behind_another,
    Waiting.COMMAND_UNDER_WAY: under_way,
    Waiting.USER_ASKED: user_asked,
    Waiting.PHONE_OFFLINE_SINCE_ACKNOWLEDGING: offline_since_acknowledging,
    Waiting.PHONE_REPLACED_SINCE_ACKNOWLEDGING: replaced_since_acknowledging,
    Waiting.APPROVAL: awaiting_approval,
    Waiting.APPROVERS_MISSING: without_approvers,
    Waiting.GRACE_PERIOD: in_the_grace_period,
    Waiting.APPROVED_CALL: approved_call,
    Waiting.INVITATION_TO_BE_USED: invited,
    Waiting.RESERVATION_TO_END: reserved,
    Waiting.PHONE_TO_BE_RESET: to_be_reset,
    Waiting.NOTIFICATION_GIVEN_UP: given_up,
    Waiting.ENDPOINT_DISABLED: disabled,
    Waiting.ENDPOINT_RESTS: rests,
    Waiting.NOTHING: ended,
}


def test_every_way_of_waiting_has_its_text_and_a_way_to_reach_it() -> None:
    assert set(Waiting) == set(TEXTS) == set(SCENARIOS)
    assert all(text.next_event or text.advice for text in TEXTS.values())


@pytest.mark.parametrize("waiting", Waiting, ids=lambda waiting: waiting.name)
async def test_what_waits_says_what_for_what_comes_next_and_what_to_do(lab: World, waiting: Waiting) -> None:
    found = await SCENARIOS[waiting](lab)

    assert waiting is found.waiting
    for part in filter(None, (found.sentence, found.next_event, found.advice)):
        assert part.endswith(".")
        assert part[0].isupper() or part.startswith("heliograph ")
    assert not re.search(r"\{\w+\}", found.text)
    assert found.next_time == "" or found.next_time in found.next_event


def test_whatever_a_command_failed_of_has_advice() -> None:
    assert {*ErrorCode} - {ErrorCode.COMMAND_ERROR_CODE_UNSPECIFIED} <= AFTER.keys()
    assert FINAL - {State.SUCCEEDED, State.CANCELLED} <= AFTER.keys()


async def test_a_phone_that_was_reset_after_its_reservation_can_be_reserved(lab: World) -> None:
    phone = await lab.phone(facts(serial="S1"))
    made = await reserve_device(lab.ports, phone.name, account="", owner="", lease_us=60_000_000)
    await release_reservation(lab.ports, made.name, account="", fencing_token=made.fencing_token)
    lab.clock.advance(1)
    again = await lab.phone(facts(serial="S1"))

    found = await explain_reservation(lab.ports, made.name)

    assert Waiting.NOTHING is found.waiting
    assert (await get_device(lab.ports, again.name)).serial == "S1"
    assert "heliograph lab reserve" in found.advice

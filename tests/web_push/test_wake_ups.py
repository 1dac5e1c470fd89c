"""A phone that sleeps is woken when something is due for it; and whatever its push service does, nothing is lost."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from prometheus_client.core import Metric

from heliograph.api.latest_stats import LatestStats
from heliograph.api.server_metrics import ServerMetrics
from heliograph.channel.peers import HttpConnection
from heliograph.channel.session import Session
from heliograph.domain.device import Device
from heliograph.protocol import PushSubscription
from heliograph.service.devices import delete_device, patch_device
from heliograph.service.operations import cancel_operation, get_operation
from heliograph.service.ports import Decision, Facts, PutOperation, Sees
from heliograph.service.push_service import Outcome
from heliograph.service.wake_phones import APART_US, ATTEMPTS_MOST, LONGEST_PAUSE_US, REACTS_WITHIN_US
from heliograph.service.web_push import give_push_subscription
from tests.patience import PATIENCE_S
from tests.web_push.lab import S_US, WakingLab, waking_lab
from tests.web_push.push_service import Planned, PushService

APART_S = APART_US / S_US


async def test_a_command_wakes_its_sleeping_phone_with_a_message_that_says_nothing_of_it(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()

    await lab.issue(phone.name, '{"type": "LOCK", "duration": "300s"}')
    await lab.service.until(lambda: bool(subscription.received))

    (message,) = subscription.received
    assert b"{}" == message.plain
    assert "mailto:ops@example.com" == message.claims["sub"]
    assert ("high", "aes128gcm") == (message.headers["urgency"], message.headers["content-encoding"])
    assert 300 >= int(message.headers["ttl"]) > 200
    assert all(said not in f"{message.headers} {message.body!r}" for said in (phone.name.device, phone.name.enterprise, "LOCK"))
    await lab.counted(Outcome.TAKEN)


async def test_messages_of_one_phone_replace_each_other(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()
    await lab.issue(phone.name)
    await lab.counted(Outcome.TAKEN)
    lab.advance(APART_S)
    await lab.issue(phone.name)
    await lab.counted(Outcome.TAKEN, 2)

    assert 1 == len({message.headers["topic"] for message in subscription.received})


async def test_many_commands_at_once_wake_once_and_again_only_while_something_is_due(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()
    operations = [await lab.issue(phone.name) for _ in range(5)]
    await lab.counted(Outcome.TAKEN)
    operations.append(await lab.issue(phone.name))
    assert 1 == await lab.service.quiet()

    lab.advance(APART_S)
    await lab.service.asked(2)
    operations.append(await lab.issue(phone.name))
    for operation in operations:
        await cancel_operation(lab.ports, operation)
    lab.advance(APART_S)

    assert 2 == await lab.service.quiet()
    assert 2 == len(subscription.received)


async def test_a_command_that_has_expired_meanwhile_wakes_nobody(lab: WakingLab) -> None:
    phone, _ = await lab.sleeper()
    lab.service.planned = [Planned(503)]
    operation = await lab.issue(phone.name, '{"type": "LOCK", "duration": "60s"}')
    await lab.counted(Outcome.PUT_OFF)

    lab.advance(120)

    assert 1 == await lab.service.quiet()
    assert (await get_operation(lab.ports, operation)).done


async def test_a_phone_that_gave_no_subscription_or_took_it_back_is_left_alone(lab: WakingLab) -> None:
    await lab.sleeper()
    never, (taken_back, _) = await lab.phone(), await lab.sleeper()
    await give_push_subscription(lab.ports, taken_back.name, PushSubscription())

    for phone in (never, taken_back):
        await lab.issue(phone.name)

    assert 0 == await lab.service.quiet()
    assert await lab.stored(taken_back) is None


@pytest.mark.parametrize("reacts", [True, False])
async def test_a_phone_that_was_connected_a_moment_ago_has_time_to_react(lab: WakingLab, *, reacts: bool) -> None:
    phone, subscription = await lab.sleeper()
    session = Session(lab.ports, lab.parts.channel.peers, phone.credential)
    await session.handle("hello", b"{}", connection=HttpConnection("one"))

    operation = await lab.issue(phone.name)
    assert 0 == await lab.service.quiet()
    if reacts:
        await phone.acknowledges(operation)
    lab.advance(REACTS_WITHIN_US / S_US)

    if reacts:
        assert 0 == await lab.service.quiet()
    else:
        await lab.service.until(lambda: bool(subscription.received))


async def test_a_command_that_can_still_be_called_off_wakes_when_it_begins(lab: WakingLab) -> None:
    """The grace period after an approval."""
    phone, subscription = await lab.sleeper()
    name = await lab.issue(phone.name, '{"type": "LOCK", "duration": "3600s"}')
    await lab.counted(Outcome.TAKEN)
    starts_us = lab.clock.now_us() + 600 * S_US

    def put_off(facts: Facts) -> Decision[None]:
        assert facts.operation is not None
        return Decision(None, (PutOperation(msgspec.structs.replace(facts.operation, starts_us=starts_us)),), ring=phone.name)

    await lab.ports.store.decide(Sees(device=phone.name, create_ms=name.create_ms), put_off)

    lab.advance(300)
    assert 1 == await lab.service.quiet()
    lab.advance(300)
    await lab.service.until(lambda: len(subscription.received) > 1)


async def test_a_phone_is_woken_for_its_last_order_and_forgotten_once_it_has_obeyed(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()

    await delete_device(lab.ports, phone.name)
    await lab.service.until(lambda: bool(subscription.received))

    assert 28 * 86_400 == int(subscription.received[0].headers["ttl"])
    assert await lab.stored(phone) is not None
    await carried_out(lab, phone.credential)
    assert await lab.stored(phone) is None


async def carried_out(lab: WakingLab, credential: str) -> None:
    """The phone has confirmed its last order."""
    answer = await Session(lab.ports, lab.parts.channel.peers, credential).handle("orderCarriedOut", b"{}")
    assert 200 == answer.status


async def test_a_changed_state_wakes_with_less_urgency(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()

    await patch_device(lab.ports, phone.name, Device(policy_name="default"), ("policy_name",))
    await lab.service.until(lambda: bool(subscription.received))

    assert "normal" == subscription.received[0].headers["urgency"]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_its_push_service_does_not_know_is_forgotten(lab: WakingLab, status: int) -> None:
    phone, _ = await lab.sleeper()
    lab.service.planned = [Planned(status)]

    await lab.issue(phone.name)
    await lab.counted(Outcome.GONE)

    async with asyncio.timeout(PATIENCE_S):
        while await lab.stored(phone) is not None:  # noqa: ASYNC110 - nothing signals it
            await asyncio.sleep(0.005)
    again = await lab.subscribe(phone)
    await lab.issue(phone.name)
    await lab.service.until(lambda: bool(again.received))


async def test_a_push_service_that_asks_to_wait_is_left_alone_for_so_long(lab: WakingLab) -> None:
    phone, subscription = await lab.sleeper()
    lab.service.planned = [Planned(429, {"Retry-After": "600"})]
    await lab.issue(phone.name, '{"type": "LOCK", "duration": "3600s"}')
    await lab.counted(Outcome.PUT_OFF)

    await lab.issue(phone.name, '{"type": "LOCK", "duration": "3600s"}')
    lab.advance(590)
    assert 1 == await lab.service.quiet()
    lab.advance(20)
    await lab.service.until(lambda: bool(subscription.received))

    assert 2 == lab.service.requests


async def test_a_push_service_that_is_down_is_tried_a_few_times_and_the_command_waits_for_its_phone(
    lab: WakingLab, service: PushService
) -> None:  # fmt: skip
    phone, _ = await lab.sleeper()
    service.planned = [Planned(503)] * ATTEMPTS_MOST
    operation = await lab.issue(phone.name, '{"type": "LOCK", "duration": "3600s"}')

    for attempt in range(1, ATTEMPTS_MOST + 1):
        await lab.counted(Outcome.PUT_OFF, attempt)
        lab.advance(LONGEST_PAUSE_US / S_US)
    await lab.counted(Outcome.GIVEN_UP)

    assert ATTEMPTS_MOST == await service.quiet()
    assert operation == await phone.hears_name()


async def test_a_push_service_that_does_not_answer_keeps_nobody_waiting_and_is_asked_once_at_a_time(lab: WakingLab) -> None:
    slow, _ = await lab.sleeper()
    lab.service.flows.clear()
    await lab.issue(slow.name)
    await lab.service.asked(1)

    operation = await lab.issue(slow.name)
    lab.advance(APART_S)
    await lab.issue(slow.name)

    assert not (await get_operation(lab.ports, operation)).done
    await lab.service.quiet()
    assert (1, 1) == (lab.service.requests, lab.service.in_progress_most)
    lab.service.flows.set()
    lab.advance(2 * APART_S)
    await lab.service.asked(2)
    assert 1 == lab.service.in_progress_most


async def test_a_name_that_leads_to_an_address_of_this_machine_is_not_pushed_to(tmp_path: Path, service: PushService) -> None:
    """The address is looked at where the socket is made, so a harmless name does not help."""
    async with waking_lab(tmp_path, service, networks=("192.0.2.0/24",)) as lab:
        phone = await lab.phone()
        keys = service.subscribe(lab.web_push.key.public_text).keys()
        hidden = PushSubscription(endpoint=f"{service.url.replace('127.0.0.1', 'localhost')}/push/x", keys=keys)
        await give_push_subscription(lab.ports, phone.name, hidden)

        await lab.issue(phone.name)
        await lab.counted(Outcome.REFUSED)

    assert 0 == service.requests


async def test_what_a_killed_server_did_not_send_is_found_by_the_phone_and_the_next_command_wakes(
    tmp_path: Path, service: PushService
) -> None:  # fmt: skip
    async with waking_lab(tmp_path, service) as lab:
        phone, subscription = await lab.sleeper()
        service.flows.clear()
        lost = await lab.issue(phone.name)
        await service.asked(1)
    service.flows.set()
    service.requests = 0

    async with waking_lab(tmp_path, service) as lab:
        same = type(phone)(lab.ports, phone.name, phone.credential)
        subscription.received.clear()
        await lab.issue(phone.name)
        await service.until(lambda: bool(subscription.received))
        assert lost == await same.hears_name()


async def test_a_server_that_is_set_not_to_wakes_nobody(tmp_path: Path, service: PushService) -> None:
    async with waking_lab(tmp_path, service, web_push=False) as lab:
        phone = await lab.phone()
        answer = await give_push_subscription(lab.ports, phone.name, service.message_of(service.subscribe("key")))
        await lab.issue(phone.name)

        assert "" == answer.application_server_key
        assert await lab.stored(phone) is None
        assert 0 == await service.quiet()


async def test_the_metrics_count_how_it_went(lab: WakingLab) -> None:
    phone, _ = await lab.sleeper()
    await lab.issue(phone.name)
    await lab.counted(Outcome.TAKEN)

    found = {metric.name: metric for metric in ServerMetrics(lab.ports, LatestStats(lab.ports)).collect()}["heliograph_wake_ups"]

    assert isinstance(found, Metric)
    assert {"taken": 1, "gone": 0, "put_off": 0, "refused": 0, "given_up": 0, "dropped": 0} == {
        sample.labels["outcome"]: sample.value for sample in found.samples
    }

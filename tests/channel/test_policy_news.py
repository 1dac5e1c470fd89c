"""A connected phone hears of its policy when it changes, on either transport; one that is not connected, when it says hello."""

import asyncio
from typing import Any

from heliograph.domain.device import Device, DeviceState
from heliograph.domain.names import DeviceName, PolicyName
from heliograph.domain.policy_messages import Policy
from heliograph.service.devices import patch_device
from heliograph.service.policies import patch_policy
from tests.channel.conftest import ENTERPRISE, Connect, Server
from tests.channel.phones import FACTS, HttpPhone, Phone, SocketPhone

DEFAULT = PolicyName(ENTERPRISE.enterprise, "default")


async def news(phone: Phone, within_s: float = 20.0) -> list[dict[str, Any]]:
    """The policies that the phone got unasked, once there is one."""
    if isinstance(phone, HttpPhone):
        body = (await phone.poll(within_s)).body
        return [body["policy"]] if "policy" in body else []
    assert isinstance(phone, SocketPhone)
    deadline = asyncio.get_running_loop().time() + within_s
    while not phone.others and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - the phone keeps a list
        await asyncio.sleep(0.01)
    told, phone.others = [frame["policy"] for frame in phone.others if "policy" in frame], []
    return told


async def change(server: Server) -> None:
    """The default policy is another version."""
    await patch_policy(server.parts.ports, DEFAULT, Policy(), None)


async def test_a_waiting_phone_is_told_of_a_change_at_once_and_once(server: Server, connect: Connect) -> None:
    identity = await server.enroll()
    async with connect(identity) as phone:
        await phone.hello()
        waiting = asyncio.create_task(news(phone))
        await asyncio.sleep(0.05)

        await change(server)

        assert [(str(DEFAULT), 2)] == [(policy["policyName"], policy["policyVersion"]) for policy in await waiting]
        assert [] == await news(phone, 0.1)


async def test_a_phone_that_was_busy_is_told_after_its_commands(server: Server, connect: Connect) -> None:
    identity = await server.enroll()
    async with connect(identity) as phone:
        await phone.hello()
        await change(server)
        if isinstance(phone, SocketPhone):
            assert [2] == [policy["policyVersion"] for policy in await news(phone)]
        operation = await server.issue(identity, type="LOCK")
        offer = await phone.offer()
        assert offer is not None
        assert operation == offer["operation"]

        if isinstance(phone, HttpPhone):
            assert [2] == [policy["policyVersion"] for policy in await news(phone, 0.1)]


async def test_what_hello_or_a_report_answered_is_no_news(server: Server, connect: Connect) -> None:
    identity = await server.enroll()
    await change(server)
    async with connect(identity) as phone:
        assert 2 == (await phone.hello()).body["policyVersion"]
        assert 2 == (await phone.send("status", report=FACTS)).body["policyVersion"]

        assert [] == await news(phone, 0.1)


async def test_a_phone_that_is_disabled_is_told_at_once(server: Server, connect: Connect) -> None:
    identity = await server.enroll()
    async with connect(identity) as phone:
        await phone.hello()
        waiting = asyncio.create_task(news(phone))
        await asyncio.sleep(0.05)

        wanted = Device(state=DeviceState.DISABLED)
        await patch_device(server.parts.ports, DeviceName.parse(identity.name), wanted, ("state",))

        assert [True] == [policy["disabled"] for policy in await waiting]

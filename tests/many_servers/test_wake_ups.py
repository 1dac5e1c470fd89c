"""Of several servers, the one that a command was issued at wakes its phone, and only if it is connected to none."""

from heliograph.domain.web_push import PushKeys
from tests.channel.phones import SocketPhone
from tests.many_servers.lab import Json, Lab
from tests.web_push.push_service import PushService, Subscription, push_service

TRIES = 8
"""A server that does not answer within half a second counts as not having the phone: a busy machine's."""
OPTIONS = ("--no-auth", "--push-allow-network", "127.0.0.0/8")


async def test_one_message_wakes_the_phone_whatever_server_it_spoke_with_last(lab: Lab) -> None:
    async with push_service() as service:
        (there,) = await lab.start(1, *OPTIONS)
        credential = lab.credential()
        phone = await lab.tiny_phone(there, credential)
        async with lab.socket(there, credential) as socket:
            subscription = await subscribed(socket, service)

        for count, server in enumerate((there, *await lab.start(2, *OPTIONS)), 1):
            await lab.issue(server, phone)
            await service.until(lambda wanted=count: len(subscription.received) >= wanted)  # type: ignore[misc]
            assert count == await service.quiet()


async def test_a_phone_that_is_connected_to_another_server_is_not_pushed_to(lab: Lab) -> None:
    async with push_service() as service:
        here, there = await lab.start(2, *OPTIONS)
        credential = lab.credential()
        phone = await lab.tiny_phone(there, credential)
        async with lab.socket(there, credential) as socket:
            await subscribed(socket, service)

            pushed = [await service.quiet()]
            while len(pushed) == 1 or pushed[-1] > pushed[-2]:
                assert len(pushed) < TRIES, pushed
                await lab.issue(here, phone)
                offer = await socket.offer()

                assert offer is not None
                assert 200 == (await socket.send("acknowledge", offer["operation"], ackId="0" * 32)).status
                assert 200 == (await socket.send("report", offer["operation"], ackId="0" * 32, seq=1, state="SUCCEEDED")).status
                pushed.append(await service.quiet())

            assert 0 == pushed[0]


async def subscribed(phone: SocketPhone, service: PushService) -> Subscription:
    """The phone's subscription, which its server has."""
    assert 200 == (await phone.hello()).status
    key = (await phone.send("pushSubscription")).body["applicationServerKey"]
    made = service.subscribe(key)
    keys: PushKeys = made.keys()
    given: Json = {"endpoint": f"{service.url}/push/{made.id}", "expirationTime": None, "keys": {"p256dh": keys.p256dh, "auth": keys.auth}}
    assert key == (await phone.send("pushSubscription", **given)).body["applicationServerKey"]
    return made


async def test_a_command_whose_wake_up_died_with_its_server_waits_for_the_phone(lab: Lab) -> None:
    async with push_service() as service:
        (server,) = await lab.start(1, *OPTIONS)
        credential = lab.credential()
        phone = await lab.tiny_phone(server, credential)
        async with lab.socket(server, credential) as socket:
            subscription = await subscribed(socket, service)
        service.flows.clear()
        lost = await lab.issue(server, phone)
        await service.asked(1)

        await server.kill()
        service.flows.set()
        await server.start()
        await server.wait_ready(lab.http)

        async with lab.socket(server, credential) as socket:
            assert 200 == (await socket.hello()).status
            offer = await socket.offer()
        assert offer is not None
        assert lost == offer["operation"]
        before = len(subscription.received)
        await lab.issue(server, phone)
        await service.until(lambda: len(subscription.received) > before)

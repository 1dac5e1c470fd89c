"""Any server serves any device and any caller."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from heliograph.agent.runner import TransportKind
from tests.agent.lab import eventually
from tests.many_servers.lab import Lab, Switch, connected, executions, lab_on, rings
from tests.postgres import Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(postgres: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """Two servers, which all of these tests use."""
    async with lab_on(postgres.fresh_database(), tmp_path_factory.mktemp("lab")) as made:
        await made.bells_listen(*await made.start(2))
        yield made


async def test_a_command_issued_at_one_server_reaches_a_phone_at_another(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phones = [await lab.phone(there), await lab.phone(there, kind=TransportKind.LONG_POLL)]

    for phone in phones:
        operation = await lab.issue(here, phone.name)
        ended = await lab.ended(here, operation)

        assert "response" in ended
        assert ended == await lab.get(there, f"/v1/{operation}")
        assert 1 == executions(phone, operation)


async def test_rings_travel_by_the_bell_and_the_metrics_tell(lab: Lab) -> None:
    """A second is what the tail takes; that these come sooner shows that they did not wait for it."""
    here, there = lab.servers[:2]
    phone = await lab.phone(there)

    for _ in range(5):
        await lab.ended(here, await lab.issue(here, phone.name))

    metrics = await lab.shows(there, "/metrics", lambda page: rings(page, "notify") >= 5)
    assert "heliograph_doorbell_listening 1.0" in metrics


async def test_what_one_server_answered_every_other_one_shows_at_once(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.tiny_phone(there, lab.credential())

    issued = [await lab.issue(server, phone) for server in (here, there, here, there)]

    for server in (here, there):
        listed = await lab.get(server, f"/v1/{phone}/operations")
        assert sorted(issued) == sorted(operation["name"] for operation in listed["operations"])


async def test_a_page_token_of_one_server_works_at_the_other(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.tiny_phone(there, lab.credential())
    issued = [await lab.issue(here, phone) for _ in range(5)]

    first = await lab.get(here, f"/v1/{phone}/operations?pageSize=2")
    second = await lab.get(there, f"/v1/{phone}/operations?pageSize=2&pageToken={first['nextPageToken']}")
    third = await lab.get(here, f"/v1/{phone}/operations?pageSize=2&pageToken={second['nextPageToken']}")

    assert sorted(issued) == sorted(one["name"] for page in (first, second, third) for one in page["operations"])


async def test_the_same_request_at_two_servers_issues_one_command(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.tiny_phone(there, lab.credential())

    async def issue(server: int, request_id: str) -> str:
        path = f"/v1/{phone}:issueCommand?requestId={request_id}"
        return str((await lab.post(lab.servers[server], path, {"type": "LOCK"}))["name"])

    for _ in range(5):
        request_id = str(uuid.uuid4())
        names = await asyncio.gather(*(issue(number % 2, request_id) for number in range(6)))
        assert 1 == len(set(names))
    listed = await lab.get(here, f"/v1/{phone}/operations")
    assert 5 == len(listed["operations"])
    assert there is lab.servers[1]


async def test_commands_issued_everywhere_at_once_have_names_of_their_own_and_are_all_executed(lab: Lab) -> None:
    servers = lab.servers[:2]
    phone = await lab.phone(servers[0])

    names = await asyncio.gather(*(lab.issue(servers[number % 2], phone.name) for number in range(40)))

    assert 40 == len(set(names))
    for name in names:
        assert "response" in await lab.ended(servers[0], name)
        assert 1 == executions(phone, name)


async def test_a_policy_patched_at_one_server_is_told_to_a_phone_at_another(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.phone(there)
    policy = f"{lab.enterprise}/policies/kiosk"
    await lab.patch(here, f"/v1/{policy}", {"cameraDisabled": True})

    await lab.patch(here, f"/v1/{phone.name}?updateMask=policyName", {"policyName": policy})
    await lab.applies(here, phone.name, policy, 1)
    await lab.patch(here, f"/v1/{policy}?updateMask=cameraDisabled", {"cameraDisabled": False})

    await lab.applies(there, phone.name, policy, 2)


async def test_a_phone_that_moves_to_another_server_gets_its_commands_there_once_each(lab: Lab) -> None:
    """Cut off as a load balancer cuts, in the middle of commands, over and over."""
    here, there = lab.servers[:2]
    async with Switch(here.port) as switch:
        phone = await lab.phone(here, url=switch.url)
        issued = []
        for turn in range(12):
            issued += [await lab.issue(server, phone.name) for server in (here, there)]
            await asyncio.sleep(0.02 * (turn % 4))
            switch.throw((there, here)[turn % 2].port)

        for operation in issued:
            assert "response" in await lab.ended(here, operation)
            assert 1 == executions(phone, operation)


async def test_one_phone_connected_to_two_servers_executes_each_command_once(lab: Lab) -> None:
    """Two agents with one credential and one journal's past, as after a restored backup: the first ackId owns the operation."""
    here, there = lab.servers[:2]
    phone = await lab.phone(here)
    twin = lab.runner(phone.phone, there.url, lab.copied_journal(phone))
    twin.start()
    await connected(twin)

    issued = [await lab.issue(server, phone.name) for _ in range(10) for server in (here, there)]

    for operation in issued:
        assert "response" in await lab.ended(here, operation)
        assert 1 == executions(phone, operation)
    assert phone.connected
    assert twin.connected


async def test_a_command_cancelled_at_one_server_is_not_offered_by_another(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.tiny_phone(here, credential := lab.credential())
    operation = await lab.issue(here, phone)
    await lab.post(there, f"/v1/{operation}:cancel")

    async with lab.socket(here, credential) as socket:
        await socket.hello()
        offered = await socket.offer(within_s=0.3)

    assert offered is None


async def test_a_deleted_device_is_turned_away_by_every_server_with_its_last_order(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.phone(there)

    async with lab.http.delete(f"{here.url}/v1/{phone.name}") as answer:
        assert 200 == answer.status
    await eventually(lambda: not phone.phone.device.managed)

    async with lab.http.get(f"{there.url}/v1/{phone.name}") as answer:
        assert 404 == answer.status


async def test_where_a_phone_is_can_be_asked_of_every_server(lab: Lab) -> None:
    here, there = lab.servers[:2]
    phone = await lab.tiny_phone(there, credential := lab.credential())
    operation = await lab.issue(here, phone)

    async def why_stuck() -> str:
        return str((await lab.get(here, f"/heliograph/v1/{operation}/timeline"))["whyStuck"])

    away = await why_stuck()
    async with lab.socket(there, credential) as socket:
        await socket.hello()
        assert await socket.offer() is not None
        # A server that does not answer within half a second counts as not having it: a busy machine's.
        timeline = f"/heliograph/v1/{operation}/timeline"
        connected_there = await lab.shows(here, timeline, lambda page: "The device is connected to another server" in page)
    async with lab.socket(here, credential) as socket:
        await socket.hello()
        assert await socket.offer() is not None
        connected_here = await why_stuck()

    assert "The device is not connected" in away
    assert "The device is connected to another server and has not acknowledged the command" in connected_there
    assert "It was offered once by this server" in connected_here


async def test_keys_and_access_tokens_of_one_server_are_known_to_all(lab: Lab) -> None:
    """As behind a load balancer: signed in at one, served by the other."""
    here, there = lab.server("--host", "127.0.0.1"), lab.server("--host", "127.0.0.1")
    for server in (here, there):
        await server.start()
        await server.wait_ready(lab.http)
    made = await lab.run(
        "keys", "create", "--data-dir", str(here.data_dir), "--server", here.url, "--enterprise", "acme", "--role", "admin", "--out", "key"
    )

    listed = await lab.run("keys", "list", "--json", "--data-dir", str(there.data_dir))
    with_key = await lab.run("--key", "key", "devices", "list", "--server", there.url, "--enterprise", "acme")
    without = await lab.run("devices", "list", "--server", there.url, "--enterprise", "acme")

    assert 0 == made.code, made.err
    assert '"acme"' in listed.out
    assert (0, "No device has enrolled yet.\n") == with_key[:2]
    assert 4 == without.code

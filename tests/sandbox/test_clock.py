"""The clock is stepped from one due time to the next, and everything that is due happens at its own time, in its order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from heliograph.domain.command import Answer
from heliograph.domain.names import DeviceName, OperationName
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.run import running_world
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.settling import QUIET_TURNS, NotSettled
from heliograph.sandbox.world import World
from tests.notifications.endpoint import listening
from tests.sandbox.client import Json

PIXEL = "pixel8-a15-fully-managed"
BYOD = "galaxy-s25-a15-byod"
COPE = "pixel7-a14-cope"
S_US = 1_000_000
DAY_S = 86_400


class Sandbox:
    """A sandbox in this very process: its world, and a caller of it."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self.world = world
        self._http = http

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """The answer.  Fails: it is an error."""
        async with self._http.request(method, self.world.url + path, json=body) as answer:
            found: Json = await answer.json()
            assert 200 == answer.status, found
            return found

    async def issue(self, phone: str, command: Json) -> str:
        """The operation's name."""
        return str((await self.ask("POST", f"/v1/enterprises/sandbox/devices/{phone}:issueCommand", command))["name"])

    async def steer(self, phone: str, **fields: object) -> Json:
        """The phone after the PATCH."""
        return await self.ask("PATCH", f"/sandbox/v1/devices/{phone}", fields)

    async def enable(self, *types: str) -> None:
        """The enterprise enables these notifications."""
        await self.ask(
            "PATCH", "/v1/enterprises/sandbox?updateMask=enabledNotificationTypes", {"enabledNotificationTypes": list(types)}
        )  # fmt: skip

    async def ended_us(self, operation: str) -> int:
        """When it ended, by the sandbox's clock."""
        found = await self.world.parts.store.operation(OperationName.parse(operation))
        assert found is not None
        assert found.ended_us is not None
        return found.ended_us


@contextlib.asynccontextmanager
async def sandbox_of(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    """A sandbox with these settings."""
    async with running_world(settings) as world, aiohttp.ClientSession() as http:
        yield Sandbox(world, http)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox of its own for each test."""
    async with sandbox_of(SandboxSettings(port=0)) as made:
        yield made


async def test_on_a_jump_of_half_a_day_everything_happens_at_its_time(sandbox: Sandbox) -> None:
    """A restart takes a second, a command lives for three, and a user answers after ten."""
    await sandbox.enable("COMMAND")
    await sandbox.steer(BYOD, consentDelay="10s")
    await sandbox.steer(COPE, online=False)
    with sandbox.world.clock.standing():
        from_us = sandbox.world.clock.now_us()
        consent = await sandbox.issue(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})
        expiry = await sandbox.issue(COPE, {"type": "LOCK", "duration": "3s"})
        restart = await sandbox.issue(PIXEL, {"type": "REBOOT"})

        now_us = await sandbox.world.advance(43_200 * S_US)

    ended = {name: await sandbox.ended_us(name) - from_us for name in (restart, expiry, consent)}
    told = [notification["resource"]["name"] for notification in sandbox.world.notifications.views()]
    assert 43_200 * S_US == now_us - from_us
    assert {restart: 1 * S_US, consent: 10 * S_US} == {name: at_us for name, at_us in ended.items() if name != expiry}
    assert abs(3 * S_US - ended[expiry]) < 2_000  # a command's life begins with its id, which is in milliseconds
    assert [restart, expiry, consent] == told


async def test_a_notification_is_tried_again_at_its_times_until_it_is_taken() -> None:
    async with listening() as endpoint, sandbox_of(SandboxSettings(port=0, push_endpoints=(endpoint.url,))) as sandbox:
        await sandbox.enable("COMMAND")
        endpoint.answers = [500] * 5
        operation = await sandbox.issue(PIXEL, {"type": "LOCK"})

        await sandbox.world.advance(3_600 * S_US)

        assert [operation] * 6 == [one.resource["name"] for one in endpoint.of_kind("COMMAND")]
        assert 1 == len({one.message_id for one in endpoint.of_kind("COMMAND")})


async def test_an_endpoint_that_hangs_keeps_nobody_for_ever_and_is_named() -> None:
    go_on = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await go_on.wait()
        return web.Response(status=204)

    async with listening(hang) as endpoint, sandbox_of(SandboxSettings(port=0, push_endpoints=(endpoint.url,))) as sandbox:
        await sandbox.enable("COMMAND")
        await sandbox.issue(PIXEL, {"type": "LOCK"})

        with pytest.raises(NotSettled, match="destination has not taken it"):
            await sandbox.world.advance(43_200 * S_US)
        go_on.set()
        await sandbox.world.advance(43_200 * S_US)
        await sandbox.world.reset()

        assert await sandbox.ask("GET", "/sandbox/v1/devices")


async def test_what_is_not_settled_is_told_in_googles_form(sandbox: Sandbox) -> None:
    """A phone that waits for its server for longer than anybody waits for the phone."""
    phone = await sandbox.world.awake(next(iter(sandbox.world.phones)))
    with phone.runner.traffic.exchange():
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{sandbox.world.url}/sandbox/v1/clock:advance", json={"duration": "1s"}) as answer,
        ):
            error = (await answer.json())["error"]

    assert (504, "DEADLINE_EXCEEDED") == (answer.status, error["status"])
    assert phone.name.device in error["message"]
    assert "NOT_SETTLED" == error["details"][0]["reason"]


async def test_ten_years_in_which_nothing_is_due_take_no_more_steps_than_a_second(sandbox: Sandbox) -> None:
    before = sandbox.world.clock.wakes

    await sandbox.world.advance(10 * 365 * DAY_S * S_US)

    assert sandbox.world.clock.wakes - before < 10


async def test_an_advance_over_many_deadlines_takes_a_few_steps_for_each(sandbox: Sandbox) -> None:
    await sandbox.enable("COMMAND")
    await sandbox.steer(PIXEL, online=False)
    operations = [await sandbox.issue(PIXEL, {"type": "LOCK"}) for _ in range(200)]
    before = sandbox.world.clock.wakes

    await sandbox.world.advance(DAY_S * S_US)

    ended = [await sandbox.ended_us(name) for name in operations]
    assert sorted(ended) == ended
    assert sandbox.world.clock.wakes - before < 3 * len(operations)


async def scenes(sandbox: Sandbox) -> None:
    """What a test may do, each step settled."""
    await sandbox.enable("COMMAND", "STATUS_REPORT", "ENROLLMENT")
    await sandbox.steer(BYOD, consent="APPROVE", consentDelay="0.5s")
    for command in ({"type": "REBOOT"}, {"type": "LOCK"}, {"startLostModeParams": {"lostMessage": {"defaultMessage": "Call"}}}):
        await sandbox.issue(PIXEL, command)
        await sandbox.steer(PIXEL, dropNext=["ACKNOWLEDGE_ANSWER", "REPORT"], duplicateNext=["REPORT"])
        await sandbox.steer(PIXEL, online=False)
        await sandbox.steer(PIXEL, online=True)
    await sandbox.issue(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})
    await sandbox.world.advance(100 * S_US)
    await sandbox.issue(COPE, {"type": "WIPE"})
    await sandbox.world.advance(1 * S_US)
    await sandbox.ask("POST", f"/sandbox/v1/devices/{COPE}:enroll")
    await sandbox.ask("POST", f"/sandbox/v1/devices/{PIXEL}:reset")


async def test_once_settled_nothing_moves_while_the_clock_stands(sandbox: Sandbox) -> None:
    async def watched() -> None:
        """After every call: turns of the loop, and real time, in which nothing may happen."""
        settling = sandbox.world.settling
        assert settling is not None
        before = settling.stamp()
        for _ in range(10 * QUIET_TURNS):
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        assert before == settling.stamp()

    class Watching(Sandbox):
        async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
            found = await super().ask(method, path, body)
            if path.startswith("/sandbox/v1/"):
                await watched()
            return found

    async with aiohttp.ClientSession() as http:
        with sandbox.world.clock.standing():
            await scenes(Watching(sandbox.world, http))


async def test_the_quiet_turns_are_twice_the_longest_way_between_counted_places(sandbox: Sandbox) -> None:
    """Measured while a world settles: turns without a count, and with nothing under way, that were yet followed by a count."""
    world, settling = sandbox.world, sandbox.world.settling
    assert settling is not None
    longest = 0

    async def measure() -> None:
        nonlocal longest
        quiet, last = 0, settling.stamp()
        while True:
            await asyncio.sleep(0)
            stamp = settling.stamp()
            if stamp != last:
                longest = max(longest, quiet)
            quiet = quiet + 1 if stamp == last and not any(settling.under_way()) else 0
            last = stamp

    async def settle() -> None:
        measuring = asyncio.create_task(measure())
        await settling.settle()
        measuring.cancel()

    await sandbox.steer(BYOD, consent="IGNORE")
    pixel, byod = (world.find(DeviceName("sandbox", phone)).runner for phone in (PIXEL, BYOD))
    for command in ({"type": "REBOOT"}, {"type": "LOCK"}, {"type": "WIPE"}):
        await sandbox.steer(PIXEL, online=False)
        await sandbox.issue(PIXEL, command)
        with world.clock.standing():
            pixel.mischief.go_online()
            await settle()
            world.clock.step_to(world.clock.now_us() + 2 * S_US)
            await settle()
    await sandbox.issue(BYOD, {"requestDeviceInfoParams": {"deviceInfo": "EID"}})
    await settle()
    byod.phone.answer(Answer.APPROVED)
    await settle()
    await byod.restart()
    await settle()

    assert 0 < longest
    assert 2 * longest <= QUIET_TURNS


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = AdvancingClock()
    woken: list[tuple[str, int]] = []

    async def sleep(name: str, until_us: int) -> None:
        await clock.sleep_until(until_us)
        woken.append((name, clock.now_us()))

    with clock.standing():
        now_us = clock.now_us()
        sleepers = [asyncio.create_task(sleep(name, now_us + at_us)) for name, at_us in (("c", 30), ("a", 10), ("b", 10), ("late", 99))]
        await asyncio.sleep(0)
        while (next_us := clock.next_us()) is not None and next_us <= now_us + 50:
            clock.step_to(next_us)
            await asyncio.sleep(0.001)
        for sleeper in sleepers:
            sleeper.cancel()
        await asyncio.gather(*sleepers, return_exceptions=True)

        assert [("a", now_us + 10), ("b", now_us + 10), ("c", now_us + 30)] == woken
        assert clock.next_us() is None


async def test_a_clock_that_stood_goes_on_from_where_it_stood() -> None:
    clock = AdvancingClock()
    with clock.standing():
        clock.step_to(clock.now_us() + 3_600 * S_US)
        stood_us = clock.now_us()
        await asyncio.sleep(0.01)
        assert stood_us == clock.now_us()

    await asyncio.wait_for(clock.sleep(0.02), 90)

    assert stood_us + 20_000 <= clock.now_us() < stood_us + 3_600 * S_US


async def test_sleepers_who_are_cancelled_do_not_pile_up() -> None:
    clock = AdvancingClock()
    for _ in range(5_000):
        sleeper = asyncio.create_task(clock.sleep(3_600))
        await asyncio.sleep(0)
        sleeper.cancel()
        await asyncio.gather(sleeper, return_exceptions=True)

    assert len(clock._sleepers) < 200  # noqa: SLF001 - what cannot be seen from outside is the memory it takes

"""Start, reset, every steering call and the end wait for each other: a request in between is served, or must come again."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest

from heliograph.agent.profiles import PROFILES
from heliograph.sandbox.doorway import Doorway
from heliograph.sandbox.grounds import FileGround
from heliograph.sandbox.run import running_sandbox, running_world
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.stage import Stage
from heliograph.sandbox.world import World
from heliograph.service.ports import Sees
from heliograph.storage.queue.lanes import WAITS_MOST_S
from tests.patience import PATIENCE_S
from tests.sandbox.client import Json
from tests.storage.test_rule_queue import Hangs

PHONES = ("pixel8-a15-fully-managed", "galaxy-s25-a15-byod", "moto-g5-a8-fully-managed")
WORKERS, CALLS = 6, 12


class Answer(NamedTuple):
    """What came back; status 0: the connection broke, as it does when the sandbox has ended."""

    status: int
    body: Json
    retry_after: str = ""


class Caller:
    """Asks one sandbox, whose address it learns when there is one."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def ask(self, method: str, path: str, body: Json | None = None) -> Answer:
        """The answer; every error's body is in Google's form."""
        try:
            async with self._http.request(method, self._url + path, json=body) as answer:
                return Answer(answer.status, await answer.json(), answer.headers.get("Retry-After", ""))
        except aiohttp.ClientConnectionError:
            return Answer(0, {})


@contextlib.asynccontextmanager
async def http_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Of a caller with as many connections as it wants."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        yield http


async def test_a_phone_comes_also_if_a_busy_machine_gives_the_store_no_time_for_a_second(tmp_path: Path) -> None:
    """`serve` refuses what has waited so long, and a phone tries again later: in a settled sandbox it would be missing."""
    jam = Hangs()
    async with running_world(SandboxSettings(port=0, data_dir=tmp_path)) as world, http_session() as http:
        caller = Caller(world.url, http)
        jammed = asyncio.create_task(world.parts.store.decide(Sees(), jam.hang))
        await asyncio.to_thread(jam.running.wait)

        coming = asyncio.create_task(caller.ask("POST", "/sandbox/v1/devices", {"profile": PHONES[0], "deviceId": "late"}))
        creating = asyncio.create_task(caller.ask("POST", "/v1/enterprises?agreementAccepted=true", {}))
        await asyncio.sleep(WAITS_MOST_S + 0.2)
        jam.go_on.set()
        await jammed

        assert [200, 200] == [(await coming).status, (await creating).status]


async def test_a_reset_that_meets_the_start_waits_for_it_and_resets(tmp_path: Path) -> None:
    """The most ordinary fixture: wait for /healthz, then reset. A world that is kept takes long enough to be met while it is made."""
    asked: list[asyncio.Task[list[Answer]]] = []

    async def fixture(caller: Caller) -> list[Answer]:
        health, readiness = await caller.ask("GET", "/healthz"), await caller.ask("GET", "/readyz")
        resets = await asyncio.gather(*(caller.ask("POST", "/sandbox/v1:reset") for _ in range(3)))
        return [health, readiness, *resets, await caller.ask("GET", "/readyz")]

    async with http_session() as http:

        def listening(url: str) -> None:
            asked.append(asyncio.create_task(fixture(Caller(url, http))))

        async with running_sandbox(SandboxSettings(port=0, data_dir=tmp_path), listening=listening) as greeting:
            health, before, *resets, after = await asked[0]
            found = await Caller(greeting.url, http).ask("GET", "/v1/enterprises/sandbox/devices?pageSize=100")

    assert (200, {"status": "ok"}) == (health.status, health.body)
    assert (503, "not ready", "1") == (before.status, before.body["status"], before.retry_after)
    assert [200, 200, 200] == [reset.status for reset in resets]
    assert 200 == after.status
    assert [f"enterprises/sandbox/devices/{name}" for name in PROFILES] == [device["name"] for device in found.body["devices"]]


async def test_callers_and_readers_who_come_before_the_phones_wait_for_them(tmp_path: Path) -> None:
    asked: list[asyncio.Task[list[Answer]]] = []

    async def come_early(caller: Caller) -> list[Answer]:
        issue = caller.ask("POST", f"/v1/enterprises/sandbox/devices/{PHONES[0]}:issueCommand", {"type": "LOCK"})
        return list(
            await asyncio.gather(issue, caller.ask("GET", "/sandbox/v1/devices"), caller.ask("GET", "/v1/enterprises/sandbox/devices"))
        )

    async with http_session() as http:

        def listening(url: str) -> None:
            asked.append(asyncio.create_task(come_early(Caller(url, http))))

        async with running_sandbox(SandboxSettings(port=0, data_dir=tmp_path), listening=listening):
            issued, phones, devices = await asked[0]

    assert [200, 200, 200] == [issued.status, phones.status, devices.status]
    assert [len(PROFILES)] * 2 == [len(phones.body["devices"]), len(devices.body["devices"])]


async def test_a_request_whose_body_is_still_coming_does_not_keep_a_reset_from_being_made() -> None:
    async with http_session() as http, running_sandbox(SandboxSettings(port=0)) as greeting:
        caller = Caller(greeting.url, http)
        host, port = greeting.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        path = f"/v1/enterprises/sandbox/devices/{PHONES[0]}:issueCommand"
        writer.write(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n".encode())
        await reader.readuntil(b" 100 Continue\r\n\r\n")  # it waits for the body now

        reset = await caller.ask("POST", "/sandbox/v1:reset")
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        writer.close()
        afterwards = await caller.ask("POST", path, {"type": "LOCK"})

    assert 200 == reset.status
    assert " 503 " in head.splitlines()[0]
    assert "retry-after: 1" in head
    assert 200 == afterwards.status


async def test_a_world_that_is_being_deleted_when_the_sandbox_ends_has_ended_before_it() -> None:
    async with http_session() as http:
        async with running_sandbox(SandboxSettings(port=0)) as greeting:
            caller = Caller(greeting.url, http)
            world = (await caller.ask("POST", "/sandbox/v1/worlds", {"phones": []})).body
            host, port = world["url"].removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            path = f"/v1/enterprises/sandbox/devices/{PHONES[0]}:issueCommand"
            writer.write(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 15\r\nExpect: 100-continue\r\n\r\n".encode())
            await reader.readuntil(b" 100 Continue\r\n\r\n")  # it waits for the body now, and the world for it
            deletion = asyncio.create_task(caller.ask("DELETE", f"/sandbox/v1/{world['name']}"))
            while (await caller.ask("GET", "/sandbox/v1/worlds")).body["worlds"]:
                pass

        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, int(port))

    assert 200 == (await deletion).status


async def test_who_waits_for_a_world_that_ends_is_told_so() -> None:
    settings = SandboxSettings()
    world = World(settings, FileGround(settings, url="", folder=Path("nowhere")))
    asked: list[Json] = []

    async def receive() -> Json:
        return {"type": "http.request", "body": b""}

    async def send(message: Json) -> None:
        asked.append(message)

    async def nobody(_scope: object, _receive: object, _send: object) -> None:
        raise AssertionError

    doorway = Doorway(world, steering=nobody)
    waiting = asyncio.create_task(doorway({"type": "http", "path": "/v1/x", "method": "GET", "headers": []}, receive, send))
    await asyncio.sleep(0)

    world.life.becomes(Stage.ENDED)
    world.life.becomes(Stage.READY)
    await waiting

    assert 503 == asked[0]["status"]
    assert Stage.ENDED is world.life.stage


Call = Callable[[random.Random], tuple[str, str, Json | None]]


def phone_of(chance: random.Random) -> str:
    """A phone's path."""
    return f"/sandbox/v1/devices/{chance.choice((*PHONES, 'mine', 'yours'))}"


def device_of(chance: random.Random) -> str:
    """A device's path."""
    return f"/v1/enterprises/sandbox/devices/{chance.choice((*PHONES, 'mine'))}"


PATCHES: tuple[Json, ...] = (
    {"online": False}, {"online": True}, {"consent": "APPROVE", "consentDelay": "0s"}, {"latency": "0.5s"}, {"latency": "0s"},
    {"dropNext": ["ACKNOWLEDGE", "REPORT_ANSWER"]}, {"duplicateNext": ["REPORT"]},
)  # fmt: skip
COMMANDS: tuple[Json, ...] = (
    {"type": "LOCK"}, {"type": "REBOOT"}, {"type": "WIPE"}, {"type": "LOCK", "duration": "3s"},
    {"type": "RESET_PASSWORD", "newPassword": "493817"}, {"requestDeviceInfoParams": {"deviceInfo": "EID"}},
)  # fmt: skip
STEERING: tuple[Call, ...] = (
    lambda _: ("POST", "/sandbox/v1:reset", None),
    lambda chance: ("POST", "/sandbox/v1/clock:advance", {"duration": f"{chance.choice((1, 601, 90_000))}s"}),
    lambda chance: ("POST", "/sandbox/v1/devices", {"deviceId": chance.choice(("mine", "yours")), "profile": PHONES[0]}),
    lambda chance: ("PATCH", phone_of(chance), chance.choice(PATCHES)),
    *((lambda chance, verb=verb: ("POST", f"{phone_of(chance)}:{verb}", None))
      for verb in ("unlock", "approve", "decline", "leaveLostMode", "reboot", "reset", "enroll")),
)  # fmt: skip
OTHERS: tuple[Call, ...] = (
    lambda chance: ("POST", f"{device_of(chance)}:issueCommand", chance.choice(COMMANDS)),
    lambda chance: ("GET", f"{device_of(chance)}/operations", None),
    lambda chance: ("DELETE", device_of(chance), None),
    lambda _: ("GET", "/sandbox/v1/devices", None),
    lambda _: ("GET", "/sandbox/v1/notifications", None),
    lambda _: ("PATCH", "/v1/enterprises/sandbox/policies/default", {"cameraDisabled": True}),
)


async def work(caller: Caller, chance: random.Random, answers: list[tuple[str, Answer]]) -> None:
    """Calls by chance, as fast as they are answered."""
    for _ in range(CALLS):
        method, path, body = chance.choice(STEERING if chance.random() < 0.6 else OTHERS)(chance)
        answers.append((f"{method} {path} {body}", await caller.ask(method, path, body)))


def complaints(answers: list[tuple[str, Answer]], *, ended: bool) -> list[tuple[str, Answer]]:
    """Answers that no one should get: a server's error, 503 without a hint, an invalid answer."""
    fine = {200, 400, 403, 404, 409} | ({0} if ended else set())
    return [
        (asked, answer) for asked, answer in answers
        if answer.status not in fine and not (answer.status == 503 and answer.retry_after and "error" in answer.body)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
async def test_every_call_races_every_other_from_the_start_on_and_the_world_is_whole_afterwards(seed: int) -> None:
    answers: list[tuple[str, Answer]] = []
    workers: list[asyncio.Task[None]] = []

    async with http_session() as http:

        def listening(url: str) -> None:
            chances = [random.Random(f"{seed} {number}") for number in range(WORKERS)]
            workers.extend(asyncio.create_task(work(Caller(url, http), chance, answers)) for chance in chances)

        async with running_sandbox(SandboxSettings(port=0), listening=listening) as greeting:
            await asyncio.gather(*workers)
            caller = Caller(greeting.url, http)
            await caller.ask("POST", "/sandbox/v1/clock:advance", {"duration": "60s"})  # who restarts is back
            phones = (await caller.ask("GET", "/sandbox/v1/devices")).body["devices"]
            ready = await caller.ask("GET", "/readyz")
            reset = await caller.ask("POST", "/sandbox/v1:reset")
            locks = [
                await caller.ask("POST", f"/v1/enterprises/sandbox/devices/{name}:issueCommand", {"type": "LOCK"}) for name in PROFILES
            ]
            await caller.ask("POST", "/sandbox/v1/clock:advance", {"duration": "1s"})
            done = [await caller.ask("GET", f"/v1/{lock.body['name']}") for lock in locks]

    assert [] == complaints(answers, ended=False)
    assert WORKERS * CALLS == len(answers)
    assert set(PROFILES) <= {phone["id"] for phone in phones}
    assert [] == [phone["id"] for phone in phones if phone["phone"]["managed"] and phone["connected"] != phone["online"]]
    assert [200, 200] == [ready.status, reset.status]
    assert all("response" in one.body for one in done)


@pytest.mark.parametrize("seed", range(6))
async def test_every_call_races_the_end(seed: int) -> None:
    chance = random.Random(seed)
    answers: list[tuple[str, Answer]] = []

    async with http_session() as http:
        async with running_sandbox(SandboxSettings(port=0)) as greeting:
            caller = Caller(greeting.url, http)
            workers = [asyncio.create_task(work(caller, random.Random(f"{seed} {number}"), answers)) for number in range(WORKERS)]
            await asyncio.sleep(chance.random() * 0.3)
        await asyncio.gather(*workers)
        after = await caller.ask("GET", "/healthz")

    assert [] == complaints(answers, ended=True)
    assert 0 == after.status

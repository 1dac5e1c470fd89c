"""A server that must end answers everything it let in, sends its phones away, and is gone within ten seconds."""

import asyncio
import contextlib
import signal
from pathlib import Path
from typing import NamedTuple

import aiohttp

from heliograph.storage.exit_now import EX_SOFTWARE
from tests.channel.phones import HttpPhone, Reply, SocketPhone
from tests.load.callers import Answer, Fates, ask, ask_surely, issue_until_refused, operations_of
from tests.load.fleet import enroll_devices
from tests.load.serve_process import ServeProcess
from tests.load.slow_disk import hanging, set_pace
from tests.patience import PATIENCE_S, was_overloaded

CALLERS = 64


class Ended(NamedTuple):
    """How a busy server ended, as those saw it whom it served."""

    status: int
    fates: Fates
    polled: list[Reply]
    sockets: list[SocketPhone]
    closed: list[int]
    found: list[set[str]]
    """The operations of each device that was commanded, at the next server."""


async def ended_while_busy(folder: Path) -> Ended:
    """Callers issue, phones poll and hang on sockets, and the server is asked to end."""
    fates = Fates()
    async with contextlib.AsyncExitStack() as stack:
        server = await stack.enter_async_context(ServeProcess(folder, "--open-commands-most", "100000"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        devices = await enroll_devices(server.port, 8)
        polls = [asyncio.create_task(HttpPhone(http, server.url, device.credential).poll(30)) for device in devices[:3]]
        sockets = [await stack.enter_async_context(SocketPhone(http, server.url, device.credential)) for device in devices[3:6]]
        for phone in sockets:
            await phone.hello()
        callers = [asyncio.create_task(issue_until_refused(server.port, devices[6 + n % 2].name, fates)) for n in range(CALLERS)]
        async with asyncio.timeout(PATIENCE_S):
            while len(fates.answers) <= 2 * CALLERS:  # noqa: ASYNC110 - callers signal nothing
                await asyncio.sleep(0.02)

        server.tell(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*callers), PATIENCE_S)
        status = await server.exit_status()
        if status == EX_SOFTWARE:
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
            return Ended(status, fates, [], [], [], [])
        polled, closed = await asyncio.gather(*polls), [await phone.ended() for phone in sockets]
    async with ServeProcess(folder) as again:
        found = [await operations_of(again.port, device.name) for device in devices[6:]]
    return Ended(status, fates, polled, sockets, closed, found)


async def test_nothing_is_lost_when_a_busy_server_ends(tmp_path: Path) -> None:
    ended = await ended_while_busy(tmp_path / "first")
    if ended.status == EX_SOFTWARE:  # a machine that stood still for the ten seconds that it has
        ended = await ended_while_busy(tmp_path / "second")

    assert 0 == ended.status
    assert [] == ended.fates.lost
    assert CALLERS == ended.fates.refused
    assert {200} == {answer.status for answer in ended.fates.answers if not was_overloaded(answer.status, answer.body)}
    assert len(ended.fates.answers) > CALLERS
    assert ended.fates.issued() == set().union(*ended.found)
    assert [200] * 3 == [reply.status for reply in ended.polled]
    assert all(1 <= reply.body["retryAfterMs"] <= 5_000 for reply in ended.polled)
    assert [1001] * 3 == ended.closed
    assert all(phone.close_reason.startswith("retryAfterMs=") for phone in ended.sockets)


DRAINS_S = 110


async def stopping(port: int) -> Answer:
    """What /readyz says once the server has heard that it shall end."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await ask(port, "GET", "/readyz")).status == 200:  # noqa: ASYNC110 - another process's doing
            await asyncio.sleep(0.02)
    return answer


async def while_it_drains(folder: Path, seconds: int) -> tuple[list[Answer], int]:
    """What a server answers after it has heard that it shall end: readiness, health, a caller, a phone; and its exit status."""
    async with ServeProcess(folder, "--drain-seconds", f"{seconds}") as server:
        device = (await enroll_devices(server.port, 1))[0]
        server.tell(signal.SIGTERM)
        answers = [
            await stopping(server.port),
            await ask(server.port, "GET", "/healthz"),
            await ask_surely(server.port, "POST", f"/v1/{device.name}:issueCommand", {"type": "LOCK"}),
            await ask_surely(server.port, "POST", "/device/v1/hello", {}, credential=device.credential),
        ]
        return answers, await server.exit_status()


async def test_a_load_balancer_gets_time_to_notice(tmp_path: Path) -> None:
    try:
        answers, status = await while_it_drains(tmp_path / "first", 6)
    except (ConnectionError, asyncio.IncompleteReadError):  # a machine that stood still for so long
        answers, status = await while_it_drains(tmp_path / "second", DRAINS_S)

    assert [503, 200, 200, 200] == [answer.status for answer in answers]
    assert "stop" in answers[0].body["reason"]
    assert 0 == status


async def test_clients_that_hang_cannot_keep_a_server_from_ending(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path) as server:
        device = (await enroll_devices(server.port, 1))[0]
        host = b"HTTP/1.1\r\nHost: localhost\r\n"
        heads = {
            "half a head": b"POST /v1/" + device.name.encode() + b":issueCommand " + host,
            "no body": b"POST /v1/" + device.name.encode() + b":issueCommand " + host + b"Content-Length: 100\r\n\r\n{",
            "does not read": (b"GET /$discovery/rest?version=v1 " + host + b"\r\n") * 200,
            "asks nothing": b"",
        }
        writers = []
        for head in heads.values():
            _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1_024)
            writer.write(head)
            writers.append(writer)
        await asyncio.sleep(0.3)

        server.tell(signal.SIGTERM)
        status = await server.exit_status()
        for writer in writers:
            writer.transport.abort()

    assert 0 == status


async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    async with ServeProcess(tmp_path, "--drain-seconds", f"{DRAINS_S}") as server:
        server.tell(signal.SIGINT)
        await stopping(server.port)
        still_there = (await ask(server.port, "GET", "/healthz")).status

        server.tell(signal.SIGINT)
        status = await server.exit_status(DRAINS_S / 2)

    assert 200 == still_there
    assert -signal.SIGINT == status


async def test_a_disk_that_hangs_cannot_keep_a_server_from_ending(tmp_path: Path) -> None:
    pace = tmp_path / "pace"
    set_pace(pace, 0)
    program = ("-m", "tests.load.slow_disk", str(pace))
    async with ServeProcess(tmp_path, program=program) as server:
        device = (await enroll_devices(server.port, 1))[0]
        set_pace(pace, 60)
        issuing = asyncio.create_task(ask(server.port, "POST", f"/v1/{device.name}:issueCommand", {"type": "LOCK"}))
        async with asyncio.timeout(PATIENCE_S):
            while not hanging(pace):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.02)

        server.tell(signal.SIGTERM)
        status = await server.exit_status()
        answered = await asyncio.gather(issuing, return_exceptions=True)

    assert EX_SOFTWARE == status
    assert "server.end_forced" in server.errors()
    # Not answered, or not with a success; if a timer's commit hangs, the command's never began.
    assert isinstance(answered[0], BaseException) or answered[0].status in {500, 503}

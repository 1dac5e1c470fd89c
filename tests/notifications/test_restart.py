"""A message that was committed is sent, whatever happens to the process: `heliograph serve`, killed without warning."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import aiohttp

from tests.channel.phones import FACTS
from tests.notifications.endpoint import Endpoint, Json, listening
from tests.patience import PATIENCE_S, was_overloaded
from tests.ports import reserved_port


class Server:
    """`heliograph serve` on one data directory, one port and one push endpoint."""

    def __init__(self, folder: Path, push_endpoint: str) -> None:
        self.url = f"http://127.0.0.1:{(port := reserved_port())}"
        options = ("--port", str(port), "--data-dir", str(folder), "--no-auth", "--push-endpoint", push_endpoint)
        self._command = (sys.executable, "-m", "heliograph", "serve", *options)

    @contextlib.asynccontextmanager
    async def running(self, http: aiohttp.ClientSession) -> AsyncIterator[asyncio.subprocess.Process]:
        """The process, which answers; in the end it has been killed."""
        process = await asyncio.create_subprocess_exec(
            *self._command, stdout=asyncio.subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"}
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self._ready(http):  # noqa: ASYNC110 - only the answer shows it
                    await asyncio.sleep(0.02)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()

    async def _ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def post(self, http: aiohttp.ClientSession, path: str, body: Json) -> Json:
        """The answer; who is refused because the machine stood still asks again."""
        while True:
            async with http.post(f"{self.url}{path}", json=body) as answer:
                said: Json = await answer.json()
            if not was_overloaded(answer.status, said):
                assert answer.status == 200, said
                return said
            await asyncio.sleep(0.05)


async def enrolled(server: Server, http: aiohttp.ClientSession) -> str:
    """The name of a device whose enterprise enabled COMMAND."""
    enterprise = (await server.post(http, "/v1/enterprises?agreementAccepted=true", {"enabledNotificationTypes": ["COMMAND"]}))["name"]
    token = (await server.post(http, f"/v1/{enterprise}/enrollmentTokens", {}))["value"]
    enroll = {"enrollmentToken": token, "installationId": "i", "credentialHash": "ab" * 32, "report": FACTS}
    return str((await server.post(http, "/device/v1/enroll", enroll))["name"])


async def end_a_command(server: Server, http: aiohttp.ClientSession, device: str) -> str:
    """The name of an operation that was just cancelled."""
    name = str((await server.post(http, f"/v1/{device}:issueCommand", {"type": "LOCK"}))["name"])
    await server.post(http, f"/v1/{name}:cancel", {})
    return name


async def killed_before_it_sent(folder: Path, http: aiohttp.ClientSession, endpoint: Endpoint) -> tuple[Server, str]:
    """A server that was killed between the commit of an operation's end and the message, and the operation's name.

    The message goes out a tenth of a second later. Who is slower than that, on a busy machine, tries again with another server.
    """
    attempts = count()
    while True:
        server = Server(folder / f"{next(attempts)}", endpoint.url)
        async with server.running(http) as process:
            name = await end_a_command(server, http, await enrolled(server, http))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        await endpoint.quiet()
        if not endpoint.received:
            return server, name
        endpoint.received.clear()


async def test_a_message_survives_a_kill_between_its_commit_and_its_sending(tmp_path: Path, endpoint: Endpoint) -> None:
    async with aiohttp.ClientSession() as http:
        server, name = await killed_before_it_sent(tmp_path, http, endpoint)

        async with server.running(http):
            (told,) = await endpoint.has(1)

    assert name == told.resource["name"]


async def test_a_message_whose_answer_died_with_the_process_comes_again_under_its_id(tmp_path: Path) -> None:
    """Sent, perhaps accepted, unknown: at least once, and the receiver can see that it is the same."""
    port = reserved_port()
    async with aiohttp.ClientSession() as http:
        server = Server(tmp_path, f"http://127.0.0.1:{port}/")
        async with listening(port=port) as endpoint, server.running(http) as process:
            endpoint.answers = [500]
            await end_a_command(server, http, await enrolled(server, http))
            (first,) = await endpoint.has(1)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        async with listening(port=port) as endpoint, server.running(http):
            (second,) = await endpoint.has(1)

    assert (first.message_id, first.resource) == (second.message_id, second.resource)

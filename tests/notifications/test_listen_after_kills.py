"""`heliograph listen --forward-to` hands on every event once, in order, although its server is killed again and again."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp

from tests.hung import Watched
from tests.notifications.endpoint import Endpoint
from tests.notifications.test_events_after_kills import end_commands_until_killed
from tests.notifications.test_restart import Server, end_a_command, enrolled

KILLS = 2


async def test_nothing_is_missing_and_nothing_comes_twice_however_often_the_server_is_killed(tmp_path: Path, endpoint: Endpoint) -> None:
    async with aiohttp.ClientSession() as http:
        server = Server(tmp_path, "http://127.0.0.1:9/")
        async with server.running(http):
            device = await enrolled(server, http)
            enterprise = device.split("/")[1]
            command = ("listen", "--server", server.url, "--enterprise", enterprise, "--from-start", "--forward-to", endpoint.url)
            listener = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "heliograph", *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env={**os.environ, "NO_COLOR": "1"},
            )  # fmt: skip
            ended = [await end_a_command(server, http, device)]
            await endpoint.has(1)
        for _ in range(KILLS):
            async with server.running(http) as process:
                ended += await end_commands_until_killed(server, http, process, device)
        async with server.running(http):
            ended.append(await end_a_command(server, http, device))
            while ended[-1] not in [one.resource["name"] for one in endpoint.of_kind("COMMAND")]:
                await endpoint.has(len(endpoint.of_kind("COMMAND")) + 1)
            listener.send_signal(signal.SIGINT)
            with Watched(listener.pid):
                printed, errors = await listener.communicate()

    pushed = endpoint.of_kind("COMMAND")
    assert [str(number) for number in range(1, len(pushed) + 1)] == [one.message_id for one in pushed]
    assert set(ended) <= {one.resource["name"] for one in pushed}
    assert len(pushed) - 1 <= len(printed.splitlines()) <= len(pushed)  # the last one may not have been printed yet
    assert 130 == listener.returncode
    assert b"Traceback" not in errors
    assert errors.count(b"Lost the server") == errors.count(b"Connected again") > 0

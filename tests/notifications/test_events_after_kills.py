"""A reader of events that connects again and again misses nothing and gets nothing twice: `heliograph serve`, killed without warning."""

import asyncio
import contextlib
import json
import signal
from pathlib import Path

import aiohttp

from tests.notifications.test_restart import READY_WITHIN_S, Server, end_a_command, enrolled

KILLS = 3
COMMANDS = 15
"""In each life of the server."""


class Reader:
    """Follows an enterprise's events; connects again with its cursor whenever the connection is lost."""

    def __init__(self, server: Server, enterprise: str) -> None:
        self.seen: list[tuple[int, str]] = []
        self._url = f"{server.url}/heliograph/v1/{enterprise}/events"

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Until it is cancelled."""
        while True:
            after = self.seen[-1][0] if self.seen else 0
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                async with http.get(self._url, params={"after": str(after)}, headers={"Accept": "application/jsonl"}) as answer:
                    async for line in answer.content:
                        if line.strip():
                            event = json.loads(line)
                            self.seen.append((int(event["cursor"]), event["data"]["name"]))
            await asyncio.sleep(0.02)


async def end_commands_until_killed(
    server: Server, http: aiohttp.ClientSession, process: asyncio.subprocess.Process, device: str
) -> list[str]:
    """The commands that were reported as ended; some more were under way when the process was killed."""
    ended = [await end_a_command(server, http, device) for _ in range(COMMANDS)]
    racing = asyncio.gather(*(end_a_command(server, http, device) for _ in range(8)), return_exceptions=True)
    await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    return ended + [name for name in await racing if isinstance(name, str)]


async def test_a_reader_that_connects_again_sees_every_event_once_however_often_the_server_is_killed(tmp_path: Path) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        server = Server(tmp_path, "http://127.0.0.1:9/")
        async with server.running(http):
            device = await enrolled(server, http)
        reader = Reader(server, device.partition("/devices/")[0])
        reading = asyncio.create_task(reader.run(http))
        ended: list[str] = []
        for _ in range(KILLS):
            async with server.running(http) as process:
                ended += await end_commands_until_killed(server, http, process, device)
        async with server.running(http):
            ended.append(await end_a_command(server, http, device))
            async with asyncio.timeout(READY_WITHIN_S):
                while ended[-1] not in {name for _, name in reader.seen}:  # noqa: ASYNC110 - the reader offers no event
                    await asyncio.sleep(0.02)
        reading.cancel()

    numbers, names = [number for number, _ in reader.seen], [name for _, name in reader.seen]
    assert [*range(1, len(numbers) + 1)] == numbers
    assert len(names) == len(set(names))
    assert set(ended) <= set(names)

"""A reader of events that connects again and again misses nothing and gets nothing twice: `heliograph serve`, killed without warning."""

import asyncio
import signal
from pathlib import Path

import aiohttp

from tests.notifications.event_reader import Reader
from tests.notifications.test_restart import Server, end_a_command, enrolled

KILLS = 3
COMMANDS = 15
"""In each life of the server."""


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
        reader = Reader([server.url], device.partition("/devices/")[0])
        reading = asyncio.create_task(reader.run(http))
        ended: list[str] = []
        for _ in range(KILLS):
            async with server.running(http) as process:
                ended += await end_commands_until_killed(server, http, process, device)
        async with server.running(http):
            ended.append(await end_a_command(server, http, device))
            await reader.caught_up(ended[-1])
        reading.cancel()

    assert [*range(1, len(reader.seen) + 1)] == reader.numbers
    assert len(reader.names) == len(set(reader.names))
    assert set(ended) <= set(reader.names)

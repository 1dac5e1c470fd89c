"""Readers of one enterprise's events at two servers that are killed in turn while callers race: what each of them must have seen."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import aiohttp

from tests.many_servers.lab import Lab, ServerProcess
from tests.notifications.event_reader import Reader

BEFORE, RACING = 6, 12
"""Commands in each round that have ended before a server is killed, and that are in progress at that moment."""


async def ended_command(lab: Lab, server: ServerProcess, device: str) -> str:
    """The name of an operation that was cancelled: one event."""
    name = await lab.issue(server, device)
    await lab.post(server, f"/v1/{name}:cancel")
    return name


async def kill_while_callers_race(lab: Lab, victims: Sequence[ServerProcess], device: str, chance: random.Random) -> list[str]:
    """The commands that their callers know to have ended. The victims are dead afterwards."""
    ended = [await ended_command(lab, chance.choice(lab.servers), device) for _ in range(BEFORE)]
    racing = asyncio.gather(*(ended_command(lab, chance.choice(lab.servers), device) for _ in range(RACING)), return_exceptions=True)
    await asyncio.sleep(chance.uniform(0, 0.03))
    await asyncio.gather(*(victim.kill() for victim in victims))
    return ended + [name for name in await racing if isinstance(name, str)]


@contextlib.asynccontextmanager
async def reading(lab: Lab) -> AsyncIterator[list[Reader]]:
    """Readers that follow while the block lasts: one at each server, and two that go from one to the other."""
    urls = [server.url for server in lab.servers]
    ways = [*([url] for url in urls), urls, urls[::-1]]
    readers = [Reader(way, lab.enterprise) for way in ways]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        tasks = [asyncio.create_task(reader.run(http)) for reader in readers]
        try:
            yield readers
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def kill_and_read(lab: Lab, *, rounds: int, chance: random.Random) -> list[Reader]:
    """The readers after so many rounds of killing one server or both; they saw every event once, in one order, and missed nothing.

    Raises: AssertionError.
    """
    one, other = await lab.start(2)
    device = await lab.tiny_phone(one, lab.credential())
    ended: list[str] = []
    async with reading(lab) as readers:
        for number in range(rounds):
            victims = ([one], [other], [one, other])[number % 3]
            ended += await kill_while_callers_race(lab, victims, device, chance)
            await asyncio.gather(*(victim.start() for victim in victims))
            await asyncio.gather(*(victim.wait_ready(lab.http) for victim in victims))
        ended.append(await ended_command(lab, one, device))
        await asyncio.gather(*(reader.caught_up(ended[-1]) for reader in readers))
    for reader in readers:
        assert [*range(1, len(reader.seen) + 1)] == reader.numbers
        assert len(reader.names) == len(set(reader.names))
        assert set(ended) <= set(reader.names)
        assert readers[0].seen == reader.seen
    return readers

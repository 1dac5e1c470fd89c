"""A reader of an enterprise's events as a careful program is one: it connects again with its cursor whenever the connection is lost."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Sequence

import aiohttp

from tests.patience import PATIENCE_S


class Reader:
    """Follows the events, at several servers one after the other where there are several."""

    def __init__(self, urls: Sequence[str], enterprise: str) -> None:
        self.seen: list[tuple[int, str]] = []
        """Cursor and operation of each event, as they came."""
        self.connections = 0
        self._urls = itertools.cycle(f"{url}/heliograph/v1/{enterprise}/events" for url in urls)

    @property
    def numbers(self) -> list[int]:
        """The cursors, as they came."""
        return [number for number, _ in self.seen]

    @property
    def names(self) -> list[str]:
        """The operations, as they came."""
        return [name for _, name in self.seen]

    async def caught_up(self, name: str) -> None:
        """Returns once this operation's event has come.  Raises: TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while name not in self.names:  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.02)

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Until it is cancelled."""
        for url in self._urls:
            after = self.seen[-1][0] if self.seen else 0
            with contextlib.suppress(aiohttp.ClientError, ConnectionError):
                async with http.get(url, params={"after": str(after)}, headers={"Accept": "application/jsonl"}) as answer:
                    self.connections += 1
                    async for line in answer.content:
                        if line.endswith(b"\n") and line.strip():
                            event = json.loads(line)
                            self.seen.append((int(event["cursor"]), event["data"]["name"]))
            await asyncio.sleep(0.02)

"""A reboot through STYLY-MDM: from its admin console's message to the headset's "accepted", forwarded to the console.

One console, as many reboots on their way as there are callers elsewhere: a second console would get every result too. Nothing is
stored, there is no sign-in, a headset that is offline gets nothing later, and whether it rebooted is not known. Spoken to like
`benchmarks.cycle`.
"""

import asyncio
import json
import time
import uuid
from typing import Any

import aiohttp
import uvloop

from benchmarks.conversation import answer_runs, requests


class Play:
    """Registered headsets, and one console."""

    def __init__(self, session: aiohttp.ClientSession, phones: int, callers: int) -> None:
        self._session, self._callers = session, callers
        self._ids = [str(uuid.UUID(int=number + 1)) for number in range(phones)]
        self._sent: dict[str, float] = {}
        self._times: list[float] = []
        self._waiting = 0
        self._next = 0
        self._end = 0.0
        self._idle = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> None:
        """Every headset is registered; only then the console comes, because it gets each."""
        for device_id in self._ids:
            socket = await self._session.ws_connect("/ws/device")
            await socket.send_json({"type": "REGISTER", "identity_scheme": "styly_device_id_v1", "device_id": device_id, "model": "bench"})
            while (await socket.receive_json())["type"] != "REGISTERED":
                pass
            self._tasks.append(asyncio.create_task(self._headset(socket)))
        self._console = await self._session.ws_connect("/ws/admin")
        self._tasks.append(asyncio.create_task(self._listen()))

    async def _headset(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if json.loads(message.data)["type"] == "EXECUTE_REBOOT":
                await socket.send_str('{"type":"REBOOT_RESULT","status":"accepted"}')

    async def _listen(self) -> None:
        async for message in self._console:
            heard: dict[str, Any] = json.loads(message.data)
            if heard["type"] == "REBOOT_RESULT":
                self._times.append((time.monotonic() - self._sent.pop(heard["device_id"])) * 1_000)
                self._waiting -= 1
                await self._go_on()

    async def _go_on(self) -> None:
        """One reboot more, to the headset whose turn it is, unless the time is over."""
        if time.monotonic() < self._end:
            device_id = self._ids[self._next % len(self._ids)]
            self._next += 1
            self._waiting += 1
            self._sent[device_id] = time.monotonic()
            await self._console.send_str(json.dumps({"type": "REBOOT_DEVICE", "target_devices": [device_id]}))
        elif not self._waiting:
            self._idle.set()

    async def run(self, seconds: float) -> list[float]:
        """Milliseconds of each reboot."""
        self._times, self._end = [], time.monotonic() + seconds
        self._idle.clear()
        for _ in range(min(self._callers, len(self._ids))):
            await self._go_on()
        await self._idle.wait()
        return self._times


async def _play() -> None:
    asked = requests()
    given = await anext(asked)
    async with aiohttp.ClientSession(given["url"], connector=aiohttp.TCPConnector(limit=0)) as session:
        play = Play(session, given["phones"], given["callers"])
        await play.connect()
        await answer_runs(asked, play.run)


if __name__ == "__main__":
    uvloop.run(_play())

"""Ten thousand phones in one process of their own, and one caller who tries them: pushes, and a server that goes away under way.

It reads JSON lines: first `{"url":…,"token":…,"phones":…}` (enrols them), then `{"connect": most at once}`,
`{"push": {"rate":…, "seconds":…}}`, `{"issue": rate}` (goes on until settled), `{"returned": true}`, `{"settle": seconds}`.
"""

import asyncio
import contextlib
import json
import random
import time
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.conversation import requests
from benchmarks.devices import Enrolled, enroll
from benchmarks.figures import percentile
from benchmarks.lean import Caller, Phone, Refused

CALLERS = 32
RETURN_MOST_S = 120.0
AGAIN_S = 0.05
"""Between a caller's attempts at a server that does not answer."""


class Crowd:
    """The phones, what they got, and what they did."""

    def __init__(self, url: str, token: str, devices: list[Enrolled]) -> None:
        self._address = str(urlsplit(url).hostname), urlsplit(url).port or 80
        self._token, self._devices = token, devices
        self._phones = [Phone(device, self._address) for device in devices]
        self._online: set[Phone] = set()
        self._offered: dict[str, float] = {}
        self._effects: dict[str, int] = {}
        self._accepted: list[str] = []
        self._unknown = 0
        self._issuing: list[asyncio.Task[None]] = []
        self._last_lost_s = 0.0
        self._all_online = asyncio.Event()
        for phone in self._phones:
            phone.greeted, phone.lost, phone.offered, phone.executed = self._greeted, self._lost, self._shown, self._executed

    def _greeted(self, phone: Phone) -> None:
        self._online.add(phone)
        if len(self._online) == len(self._phones):
            self._all_online.set()

    def _lost(self, phone: Phone) -> None:
        self._online.discard(phone)
        self._all_online.clear()
        self._last_lost_s = time.monotonic()

    def _shown(self, operation: str) -> None:
        self._offered.setdefault(operation, time.monotonic())

    def _executed(self, operation: str) -> None:
        self._effects[operation] = self._effects.get(operation, 0) + 1

    async def connect(self, most_at_once: int) -> dict[str, Any]:
        """Every phone is greeted."""
        began, places = time.monotonic(), asyncio.Semaphore(most_at_once)

        async def one(phone: Phone) -> None:
            async with places:
                await phone.connect()

        await asyncio.gather(*(one(phone) for phone in self._phones))
        async with asyncio.timeout(RETURN_MOST_S):
            await self._all_online.wait()
        return {"online": len(self._online), "seconds": time.monotonic() - began}

    async def push(self, rate: float, seconds: float) -> dict[str, Any]:
        """Commands at fixed times, each to another phone; from the time when it was due to be sent until the phone was shown it."""
        due: dict[str, float] = {}
        chosen = iter(random.Random(11).sample(self._devices, min(len(self._devices), int(rate * seconds))))  # noqa: S311 - no secret
        begin, numbers = time.monotonic() + 0.1, iter(range(1 << 40))

        async def caller() -> None:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: Caller(self._token), *self._address)
            for device in chosen:
                at = begin + next(numbers) / rate
                await asyncio.sleep(at - time.monotonic())
                answer = await connection.ask_until_taken("POST", f"/v1/{device.name}:issueCommand", b'{"type":"LOCK"}')
                due[msgspec.json.decode(answer)["name"]] = at

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        await self._until(lambda: all(name in self._offered for name in due), 5.0)
        times = sorted((self._offered[name] - at) * 1_000 for name, at in due.items() if name in self._offered)
        return {
            "count": len(due),
            "never": len(due) - len(times),
            **{f"p{share}": percentile(times, share / 100) for share in (50, 99, 100)},
        }

    def issue(self, rate: float) -> dict[str, Any]:
        """Callers issue at this rate until `settle`, whatever happens to the server; answered commands are remembered."""
        self._issuing = [asyncio.create_task(self._issue_on(CALLERS / rate)) for _ in range(CALLERS)]
        return {}

    async def _issue_on(self, every_s: float) -> None:
        connection: Caller | None = None
        while True:
            await asyncio.sleep(every_s * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            try:
                if connection is None:
                    _, connection = await asyncio.get_running_loop().create_connection(lambda: Caller(self._token), *self._address)
                device = random.choice(self._devices)  # noqa: S311 - no secret
                answer = await connection.ask("POST", f"/v1/{device.name}:issueCommand", b'{"type":"LOCK","duration":"3600s"}')
                self._accepted.append(msgspec.json.decode(answer)["name"])
            except (OSError, Refused):
                self._unknown += 1
                connection = None
                await asyncio.sleep(AGAIN_S)

    async def returned(self) -> dict[str, Any]:
        """Every phone is greeted again; when (on the machine's monotonic clock)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETURN_MOST_S):
                await self._all_online.wait()
        return {"online": len(self._online), "lost_s": self._last_lost_s, "at_s": time.monotonic()}

    async def settle(self, seconds: float) -> dict[str, Any]:
        """No one issues any more, and every accepted command was executed, or the time is over."""
        for task in self._issuing:
            task.cancel()
        await asyncio.gather(*self._issuing, return_exceptions=True)
        await self._until(lambda: all(name in self._effects for name in self._accepted), seconds)
        lost = [name for name in self._accepted if name not in self._effects]
        doubled = sum(1 for count in self._effects.values() if count > 1)
        told = {"accepted": len(self._accepted), "unknown": self._unknown, "lost": len(lost), "doubled": doubled}
        self._accepted, self._unknown = [], 0
        return told

    async def _until(self, holds: Any, seconds: float) -> None:  # noqa: ANN401 - a predicate
        end = time.monotonic() + seconds
        while not holds() and time.monotonic() < end:  # noqa: ASYNC110 - it looks over thousands, and seldom
            await asyncio.sleep(0.05)


async def _play() -> None:
    asked = requests()
    given = await anext(asked)
    crowd = Crowd(given["url"], given["token"], await enroll(given["url"], given["phones"], given["token"]))
    print("{}", flush=True)
    async for request in asked:
        match request:
            case {"connect": most_at_once}:
                told = await crowd.connect(most_at_once)
            case {"push": given}:
                told = await crowd.push(given["rate"], given["seconds"])
            case {"issue": rate}:
                told = crowd.issue(rate)
            case {"settle": seconds}:
                told = await crowd.settle(seconds)
            case _:
                told = await crowd.returned()
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    uvloop.run(_play())

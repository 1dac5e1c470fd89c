"""The full cycle under load: issue → phone → ack → result → one get, sent when the report was answered, which must show done.

A client of its own, pinned to the load's core by its starter; each phone writes its journal's lines (plain writes) before the step
that they stand for. It reads JSON lines: first `{"url":…,"token":…,"phones":…,"callers":…}`, then `{"seconds":…}` for each run, and answers
each with one line. `CycleClient` speaks to it.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import uvloop

from benchmarks.conversation import Conversation, answer_runs, requests
from benchmarks.devices import Enrolled, enroll
from benchmarks.figures import Run
from benchmarks.lean import Caller, Phone
from benchmarks.load import calm_run
from benchmarks.signed_in import Heliograph

BODY = b'{"type":"LOCK"}'


class Play:
    """Connected phones, and callers that wait for their reports."""

    def __init__(self, url: str, token: str, callers: int) -> None:
        self._address = str(urlsplit(url).hostname), urlsplit(url).port or 80
        self._token, self._callers = token, callers
        self._reported: dict[str, asyncio.Event] = {}
        self._devices: list[Enrolled] = []
        self.refused = 0
        """Answers 503 so far."""

    async def connect(self, devices: list[Enrolled], folder: Path) -> None:
        """Every phone is greeted."""
        greeted = asyncio.Semaphore(0)
        for number, device in enumerate(devices):
            phone = Phone(device, self._address)
            journal = os.open(folder / str(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

            def written(step: str, operation: str, ack_id: str, journal: int = journal) -> None:
                os.write(journal, f'{{"{step}":"{operation}","ackId":"{ack_id}"}}\n'.encode())

            phone.written, phone.reported = written, self._done
            phone.greeted = lambda _: greeted.release()
            await phone.connect()
        for _ in devices:
            await greeted.acquire()
        self._devices = devices

    def _done(self, operation: str) -> None:
        self._reported.setdefault(operation, asyncio.Event()).set()

    async def run(self, seconds: float) -> list[float]:
        """Milliseconds of each cycle: each caller has phones of its own and one command on its way at a time."""
        times: list[float] = []
        end = time.monotonic() + seconds
        shares = [self._devices[number :: self._callers] for number in range(self._callers)]
        await asyncio.gather(*(self._call(share, times, end) for share in shares if share))
        return times

    async def _call(self, share: list[Enrolled], times: list[float], end: float) -> None:
        loop = asyncio.get_running_loop()
        transport, caller = await loop.create_connection(lambda: Caller(self._token), *self._address)
        turn = 0
        while time.monotonic() < end:
            device = share[turn % len(share)]
            turn += 1
            began = time.monotonic()
            answer = msgspec.json.decode(await caller.ask_until_taken("POST", f"/v1/{device.name}:issueCommand?prettyPrint=false", BODY))
            await self._reported.setdefault(answer["name"], asyncio.Event()).wait()
            del self._reported[answer["name"]]
            operation = msgspec.json.decode(await caller.ask_until_taken("GET", f"/v1/{answer['name']}?prettyPrint=false"))
            if not operation.get("done") or "response" not in operation:
                raise RuntimeError(operation)
            times.append((time.monotonic() - began) * 1_000)
        self.refused += caller.refused
        transport.close()


async def _play() -> None:
    asked = requests()
    given = await anext(asked)
    devices = await enroll(given["url"], given["phones"], given["token"])
    with tempfile.TemporaryDirectory() as folder:
        play = Play(given["url"], given["token"], given["callers"])
        await play.connect(devices, Path(folder))
        await answer_runs(asked, play.run, refused=lambda: play.refused)


class CycleClient:
    """The client process of one server; `server_cpu_s` returns what that has used."""

    def __init__(self, conversation: Conversation, server_cpu_s: Callable[[], float]) -> None:
        self._conversation, self._server_cpu_s = conversation, server_cpu_s

    def run(self, seconds: float) -> Run:
        """Cycles for so long, repeated while the host takes much."""
        return calm_run(lambda: self._once(seconds))

    def _once(self, seconds: float) -> Run:
        cpu_s = self._server_cpu_s()
        told = self._conversation.ask({"seconds": seconds})
        used = self._server_cpu_s() - cpu_s
        return Run(told["cycles"], told["seconds"], used, told["p50_ms"], told["p99_ms"], load_cpu_s=told["cpu_s"], refused=told["refused"])


@contextlib.contextmanager
def cycle_client(server: Heliograph, *, phones: int, callers: int) -> Iterator[CycleClient]:
    """A client whose phones are enrolled and connected."""
    with Conversation("benchmarks.cycle") as conversation:
        conversation.ask({"url": server.url, "token": server.token, "phones": phones, "callers": callers})
        yield CycleClient(conversation, server.cpu_s)


if __name__ == "__main__":
    uvloop.run(_play())
    sys.stdout.flush()

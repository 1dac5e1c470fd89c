"""`heliograph serve` and `heliograph db` as an operator runs them: processes of their own, on one data directory."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from heliograph.agent.clock import MachineClock
from heliograph.agent.executor import Checkpoint, pass_by
from heliograph.agent.journal import Journal
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner
from heliograph.agent.virtual_phone import Pace, VirtualPhone
from tests.forks import HELIOGRAPH
from tests.hung import Watched
from tests.patience import PATIENCE_S, was_overloaded
from tests.ports import reserved_port

Json = dict[str, Any]

PROFILE = "pixel8-a15-fully-managed"


@dataclass(frozen=True)
class Ended:
    """What a command line said, and its exit code."""

    code: int
    out: str
    err: str


async def heliograph(*arguments: str, environment: Mapping[str, str] | None = None) -> Ended:
    """`heliograph` with these arguments, ended."""
    process = await asyncio.create_subprocess_exec(
        *HELIOGRAPH, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160", **(environment or {})},
    )  # fmt: skip
    with Watched(process.pid):
        out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


class Server:
    """One server's address, data and log, over as many lives as it takes."""

    def __init__(self, folder: Path, options: Sequence[str] = (), *, database: str = "") -> None:
        """`database`: a PostgreSQL's address; without one, SQLite in the folder."""
        self._environment = {**os.environ, "HELIOGRAPH_DATABASE": database}
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.port = reserved_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = ("serve", "--no-auth", "--port", str(self.port), "--data-dir", str(self.data), *options)

    @contextlib.asynccontextmanager
    async def running(self, *, status: int = 200) -> AsyncIterator[aiohttp.ClientSession]:
        """The process answers, /readyz with this status; in the end it was asked to stop, and has."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(*HELIOGRAPH, *self._command, stdout=log, stderr=log, env=self._environment)
        async with aiohttp.ClientSession(self.url, connector=aiohttp.TCPConnector(limit=0)) as http:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    while await self.ready(http) != status:
                        assert process.returncode is None, self.log.read_text()
                        await asyncio.sleep(0.02)
                yield http
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                with Watched(process.pid):
                    await process.wait()

    async def until_ready(self, http: aiohttp.ClientSession, status: int) -> None:
        """/readyz answers with this status."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.ready(http) != status:  # noqa: ASYNC110 - only the answer shows it
                await asyncio.sleep(0.05)

    async def ready(self, http: aiohttp.ClientSession) -> int:
        """What /readyz says; 0: no answer."""
        try:
            async with http.get("/readyz") as answer:
                return answer.status
        except aiohttp.ClientError:
            return 0


async def post(http: aiohttp.ClientSession, path: str, body: Json | None = None) -> Json:
    """The answer; who is refused because the machine stood still asks again."""
    while True:
        async with http.post(path, json=body or {}) as answer:
            said: Json = await answer.json()
        if not was_overloaded(answer.status, said):
            assert answer.status == 200, said
            return said
        await asyncio.sleep(0.05)


async def get(http: aiohttp.ClientSession, path: str) -> Json:
    """The resource."""
    async with http.get(path) as answer:
        said: Json = await answer.json()
        assert answer.status == 200, said
        return said


async def enterprise(http: aiohttp.ClientSession) -> str:
    """The name of a new enterprise."""
    return str((await post(http, "/v1/enterprises?agreementAccepted=true"))["name"])


async def phone(
    http: aiohttp.ClientSession, server: Server, name: str, *, serial: str = "OPS1", checkpoint: Checkpoint = pass_by
) -> PhoneRunner:
    """A quick phone of the enterprise, with its journal on disk, enrolled and connected."""
    token = (await post(http, f"/v1/{name}/enrollmentTokens"))["value"]
    device = PROFILES[PROFILE].phone(serial)
    virtual = VirtualPhone(device, clock=MachineClock(), chance=random.Random(serial), pace=Pace(times=0.02, reboot_s=0.05))
    line = Line(server_url=server.url, backoff_first_s=0.02, backoff_most_s=0.2, unknown_first_s=0.02, unknown_most_s=0.2)
    journal = server.folder / f"{serial}.journal"
    runner = PhoneRunner(virtual, line, checkpoint=checkpoint, open_journal=lambda: Journal(journal, durable=False))
    runner.start(token)
    async with asyncio.timeout(PATIENCE_S):
        await runner.wait_connected()
    return runner


async def issue(http: aiohttp.ClientSession, device: str, **command: object) -> str:
    """The name of the operation."""
    return str((await post(http, f"/v1/{device}:issueCommand", {"type": "LOCK", **command}))["name"])


async def done(http: aiohttp.ClientSession, operation: str) -> Json:
    """The operation once it has ended."""
    async with asyncio.timeout(PATIENCE_S):
        while not (found := await get(http, f"/v1/{operation}")).get("done"):  # noqa: ASYNC110 - only the answer shows it
            await asyncio.sleep(0.02)
    return found


async def all_operations(http: aiohttp.ClientSession, device: str) -> set[str]:
    """The names of all operations of the device."""
    found: set[str] = set()
    token = ""
    while True:
        page = await get(http, f"/v1/{device}/operations?pageSize=1000&pageToken={token}")
        found |= {operation["name"] for operation in page.get("operations", ())}
        token = page.get("nextPageToken", "")
        if not token:
            return found


def executions(runner: PhoneRunner, operation: str) -> int:
    """How often the phone began to carry out the command."""
    return sum(effect.operation == operation and effect.step == "began" for effect in runner.phone.effects)

"""Servers as operators run them, processes of their own on one real PostgreSQL; real agents, and a wire that can be laid anew."""

import asyncio
import contextlib
import os
import random
import secrets
import shutil
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, NamedTuple, Self

import aiohttp

from heliograph.agent.clock import MachineClock
from heliograph.agent.journal import Journal
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import Pace, User, VirtualPhone
from tests.channel.phones import FACTS, SocketPhone, hash_of
from tests.hung import Watched
from tests.patience import PATIENCE_S, was_overloaded
from tests.ports import reserved_port

Json = dict[str, Any]

QUICK = Pace(times=0.02, reboot_s=0.05)


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class ServerProcess:
    """`heliograph serve` on one port, over as many lives as it takes; the password is in its environment, as it should be."""

    def __init__(self, database: str, folder: Path, key_file: Path, *options: str) -> None:
        folder.mkdir()
        self.port = reserved_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data_dir = folder
        self.log = folder / "log"
        self.database = database
        kept = ("--port", str(self.port), "--data-dir", str(folder), "--key-file", str(key_file))
        self._command = (sys.executable, "-m", "heliograph", "serve", *kept, *(options or ("--no-auth",)))
        self._process: asyncio.subprocess.Process | None = None

    @property
    def started(self) -> bool:
        """Whether it was ever started."""
        return self._process is not None

    async def start(self) -> None:
        """The process runs; it may not answer yet."""
        environment = {**os.environ, "NO_COLOR": "1", "HELIOGRAPH_DATABASE": self.database}
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(*self._command, stdout=log, stderr=log, env=environment)

    async def wait_ready(self, http: aiohttp.ClientSession) -> None:
        """Returns once the server answers and is ready."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                assert self._process is not None
                assert self._process.returncode is None, self.log.read_text(encoding="utf-8")
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with http.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.02)

    def command_line(self) -> str:
        """What everyone on this machine may read of the process."""
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/cmdline").read_text(encoding="utf-8")

    async def exit_code(self) -> int:
        """How the process ended by itself."""
        assert self._process is not None
        with Watched(self._process.pid):
            return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(number)
        with Watched(self._process.pid):
            return await self._process.wait()


class Lab:
    """One enterprise on a few servers."""

    def __init__(self, database: str, folder: Path, http: aiohttp.ClientSession) -> None:
        self.database = database
        self.folder = folder
        self.http = http
        self.servers: list[ServerProcess] = []
        self.phones: list[PhoneRunner] = []
        self.enterprise = ""

    async def start(self, count: int, *options: str) -> list[ServerProcess]:
        """So many more servers, started together; the first makes the enterprise."""
        fresh = [self.server(*options) for _ in range(count)]
        await asyncio.gather(*(server.start() for server in fresh))
        await asyncio.gather(*(server.wait_ready(self.http) for server in fresh))
        if not self.enterprise:
            wanted = {"enabledNotificationTypes": ["COMMAND"]}
            self.enterprise = (await self.post(fresh[0], "/v1/enterprises?agreementAccepted=true", wanted))["name"]
        return fresh

    def server(self, *options: str, key_file: str = "heliograph.key") -> ServerProcess:
        """A server that was not started yet."""
        server = ServerProcess(self.database, self.folder / f"server{len(self.servers)}", self.folder / key_file, *options)
        self.servers.append(server)
        return server

    async def post(self, server: ServerProcess, path: str, body: Json | None = None, **headers: str) -> Json:
        """The answer, which is 200."""
        return await self._ask("POST", server, path, body or {}, headers)

    async def patch(self, server: ServerProcess, path: str, body: Json) -> Json:
        """The answer, which is 200."""
        return await self._ask("PATCH", server, path, body, {})

    async def get(self, server: ServerProcess, path: str) -> Json:
        """The answer, which is 200."""
        return await self._ask("GET", server, path, None, {})

    async def _ask(self, method: str, server: ServerProcess, path: str, body: Json | None, headers: dict[str, str]) -> Json:
        while True:
            async with self.http.request(method, f"{server.url}{path}", json=body, headers=headers) as answer:
                said: Json = await answer.json()
            if not was_overloaded(answer.status, said):
                assert answer.status == 200, said
                return said
            await asyncio.sleep(0.05)  # nothing was done: the machine stood still

    async def text(self, server: ServerProcess, path: str) -> str:
        """The page."""
        async with self.http.get(f"{server.url}{path}") as answer:
            return await answer.text()

    async def shows(self, server: ServerProcess, path: str, holds: Callable[[str], object]) -> str:
        """The page, once that is so: what another server sends arrives behind its answer."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(page := await self.text(server, path)):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.05)
        return page

    async def bells_listen(self, *servers: ServerProcess) -> None:
        """Returns once these servers hear what the others send."""
        for server in servers:
            await self.shows(server, "/metrics", lambda page: "heliograph_doorbell_listening 1.0" in page)

    async def applies(self, server: ServerProcess, device: str, policy: str, version: int) -> None:
        """Returns once the device applies this version of the policy, as the server shows it."""

        def applied(shown: Json) -> bool:
            return (policy, str(version)) == (shown.get("appliedPolicyName"), shown.get("appliedPolicyVersion"))

        async with asyncio.timeout(PATIENCE_S):
            while not applied(await self.get(server, f"/v1/{device}")):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.01)

    async def run(self, *arguments: str) -> Ran:
        """A command of `heliograph`, ended."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HELIOGRAPH_")} | {"NO_COLOR": "1"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "heliograph", *arguments, cwd=self.folder, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        with Watched(process.pid):
            out, err = await process.communicate()
            return Ran(await process.wait(), out.decode(), err.decode())

    async def token(self, server: ServerProcess) -> str:
        """An enrolment token."""
        return str((await self.post(server, f"/v1/{self.enterprise}/enrollmentTokens"))["value"])

    async def phone(self, server: ServerProcess, *, url: str = "", kind: TransportKind = TransportKind.WEBSOCKET) -> PhoneRunner:
        """A quick phone with its journal on disk, connected to the server, or to the address where one is given."""
        number = len(self.phones)
        chance = random.Random(number)
        phone = VirtualPhone(
            PROFILES["pixel8-a15-fully-managed"].phone(f"S{number}"),
            clock=MachineClock(),
            chance=chance,
            user=User(after_s=0.05),
            pace=QUICK,
        )
        runner = self.runner(phone, url or server.url, self.folder / f"phone{number}.journal", kind=kind)
        runner.start(await self.token(server))
        await connected(runner)
        return runner

    def runner(self, phone: VirtualPhone, url: str, journal: Path, *, kind: TransportKind = TransportKind.WEBSOCKET) -> PhoneRunner:
        """An agent for the phone, not started."""
        line = Line(server_url=url, kind=kind, progress_every_s=0.01, backoff_first_s=0.02, backoff_most_s=0.2)
        runner = PhoneRunner(phone, line, open_journal=lambda: Journal(journal, durable=False))
        self.phones.append(runner)
        return runner

    def copied_journal(self, phone: PhoneRunner) -> Path:
        """A copy of the phone's journal as it is now, as a restored backup would be."""
        number = self.phones.index(phone)
        copy = self.folder / f"phone{number}.copy.journal"
        shutil.copy(self.folder / f"phone{number}.journal", copy)
        return copy

    def credential(self) -> str:
        """A credential that no phone has yet."""
        return secrets.token_urlsafe(32)

    async def tiny_phone(self, server: ServerProcess, credential: str) -> str:
        """The name of an enrolled phone of which nothing runs."""
        enroll = {
            "enrollmentToken": await self.token(server),
            "installationId": "i",
            "credentialHash": hash_of(credential),
            "report": FACTS,
        }
        return str((await self.post(server, "/device/v1/enroll", enroll))["name"])

    def socket(self, server: ServerProcess, credential: str) -> SocketPhone:
        """A connection of such a phone."""
        return SocketPhone(self.http, server.url, credential)

    async def issue(self, server: ServerProcess, device: str, **command: object) -> str:
        """The operation's name."""
        return str((await self.post(server, f"/v1/{device}:issueCommand", {"type": "LOCK", **command}))["name"])

    async def issue_surely(self, url: str, device: str) -> str:
        """The operation's name; the request is sent again, as the same one, until a server answers it."""
        request_id = str(uuid.uuid4())
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with self.http.post(f"{url}/v1/{device}:issueCommand?requestId={request_id}", json={"type": "LOCK"}) as answer:
                        said = await answer.json()
                        assert answer.status in {200, 503}, said
                        if answer.status == 200:
                            return str(said["name"])
                await asyncio.sleep(0.02)

    async def ended(self, server: ServerProcess, operation: str, *, within_s: float = PATIENCE_S) -> Json:
        """The operation once it is done, as the server shows it."""
        async with asyncio.timeout(within_s):
            while not (shown := await self.get(server, f"/v1/{operation}")).get("done"):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.005)
        return shown


def rings(metrics: str, source: str) -> float:
    """How many rings came this way, as /metrics shows."""
    line = next(line for line in metrics.splitlines() if line.startswith(f'heliograph_doorbell_rings_total{{source="{source}"}}'))
    return float(line.split()[1])


async def connected(phone: PhoneRunner) -> None:
    """Returns once the phone is connected."""
    async with asyncio.timeout(PATIENCE_S):
        await phone.wait_connected()


def executions(phone: PhoneRunner, operation: str) -> int:
    """How often the phone began to execute the command."""
    return sum(1 for effect in phone.phone.effects if effect.operation == operation and effect.step == "began")


@contextlib.asynccontextmanager
async def lab_on(database: str, folder: Path) -> AsyncIterator[Lab]:
    """A lab of which nothing runs afterwards."""
    async with aiohttp.ClientSession() as http:
        lab = Lab(database, folder, http)
        try:
            yield lab
        finally:
            await asyncio.gather(*(phone.stop() for phone in lab.phones))
            await asyncio.gather(*(server.kill() for server in lab.servers if server.started))


class Switch:
    """What stands before servers, as a load balancer does: each new connection goes to the next of them that takes it."""

    def __init__(self, *ports: int) -> None:
        self._ports = list(ports)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.url = ""

    def lay(self, *ports: int) -> None:
        """New connections go to these."""
        self._ports = list(ports)

    def throw(self, *ports: int) -> None:
        """They do, and every connection is cut."""
        self.lay(*ports)
        for writer in self._open:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.throw()

    async def _serve(self, phone_in: asyncio.StreamReader, phone_out: asyncio.StreamWriter) -> None:
        for _ in self._ports:
            self._ports.append(port := self._ports.pop(0))
            try:
                server_in, server_out = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            self._open |= {phone_out, server_out}
            await asyncio.gather(_pump(phone_in, server_out), _pump(server_in, phone_out))
            self._open -= {phone_out, server_out}
            return
        phone_out.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()

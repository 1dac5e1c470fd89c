"""A server process, callers and phones under a scenario's hand: everything that they do stands in the history."""

import asyncio
import contextlib
import itertools
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import aiohttp
import msgspec

from heliograph.history.events import Answer, AtRest, Completed, Enrolled, FaultKind, Final, Invoked, Shown, Verb
from heliograph.history.file import History
from heliograph.history.verdict import Verdict, check
from heliograph.protojson.times import format_duration
from tests.channel.phones import FACTS, Json, hash_of
from tests.torture.callers import insist, operations_of, request
from tests.torture.driven_server import SEED, SURVIVORS
from tests.torture.listener import Listener, listener_of
from tests.torture.mutants.puppet import Puppet
from tests.torture.mutants.run_server import MUTANTS
from tests.torture.phones import Phone
from tests.torture.server_process import Launch, ServerProcess

NS = 10**9
HEAL_WITHIN_S = 120.0
"""Far more than it takes."""
OK = 200


class Scene:
    """Made by `scene_of`."""

    def __init__(self, folder: Path, http: aiohttp.ClientSession, server: ServerProcess, listener: Listener) -> None:
        self.folder = folder
        self.history = listener.history
        self.server = server
        self._listener = listener
        self.puppets: list[Puppet] = []
        self.agents: list[Phone] = []
        self._http = http
        self._enterprise = ""
        self._numbers, self._calls = itertools.count(1), itertools.count(1)

    async def begin(self) -> None:
        """The server answers, and there is an enterprise."""
        await self.server.start()
        await self.server.wait_ready(self._http)
        agreed = {"projectId": "mutants", "agreementAccepted": "true"}
        self._enterprise = (await insist(self._http, "POST", "enterprises", body={}, query=agreed))["name"]
        await self._listener.subscribe(self._http, self._enterprise)

    # Callers.

    async def issue(self, device: str, type_name: str = "LOCK", *, seconds: float = 3_600.0) -> str:
        """The new operation's name, empty where none was answered."""
        tag = int(seconds * 1_000) * 1_000_000 + next(self._numbers)
        invoked = Invoked(call=0, verb=Verb.ISSUE, target=device, type=type_name, tag=tag)
        body = {"type": type_name, "duration": format_duration(tag)}
        completed = await self._call(invoked, "POST", f"{device}:issueCommand", body)
        return completed.shown[0].name if completed.shown else ""

    async def cancel(self, operation: str) -> None:
        """It was asked for."""
        await self._call(Invoked(call=0, verb=Verb.CANCEL, target=operation), "POST", f"{operation}:cancel")

    async def get(self, operation: str) -> None:
        """A caller has read it."""
        await self._call(Invoked(call=0, verb=Verb.GET, target=operation), "GET", operation)

    async def delete(self, device: str) -> None:
        """It was asked for."""
        await self._call(Invoked(call=0, verb=Verb.DELETE, target=device), "DELETE", device)

    async def list_all(self, device: str, *, page_size: int) -> None:
        """A caller has read all pages."""
        invoked = msgspec.structs.replace(Invoked(call=0, verb=Verb.LIST, target=device), call=next(self._calls))
        self.history.record(invoked)
        shown: list[Shown] = []
        query = {"pageSize": str(page_size)}
        while True:
            _, answer = await request(self._http, "GET", f"{device}/operations", query=query)
            shown += map(Shown.of, answer.get("operations", ()))
            if not (token := answer.get("nextPageToken", "")):
                break
            query["pageToken"] = token
        self.history.record(Completed(call=invoked.call, answer=Answer.OK, status=200, shown=tuple(shown)))

    async def _call(self, invoked: Invoked, method: str, path: str, body: Json | None = None) -> Completed:
        invoked = msgspec.structs.replace(invoked, call=next(self._calls))
        self.history.record(invoked)
        try:
            status, answer = await request(self._http, method, path, body=body)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            completed = Completed(call=invoked.call, answer=Answer.UNKNOWN, why=repr(error))
        else:
            shown = (Shown.of(answer),) if status == 200 and "metadata" in answer else ()
            how = Answer.OK if status == 200 else Answer.FAIL if status < 500 else Answer.UNKNOWN
            completed = Completed(call=invoked.call, answer=how, status=status, shown=shown)
        self.history.record(completed)
        return completed

    # Phones.

    async def puppet(self) -> Puppet:
        """A new device whose phone does what the scenario says, connected."""
        credential = secrets.token_urlsafe(32)
        enroll = {
            "enrollmentToken": await self._token(), "installationId": secrets.token_hex(8), "credentialHash": hash_of(credential),
            "report": FACTS,
        }  # fmt: skip
        async with self._http.post("/device/v1/enroll", json=enroll) as reply:
            name = (await reply.json())["name"]
        puppet = Puppet(f"puppet{len(self.puppets)}", name, credential, http=self._http, url=self.server.url, history=self.history)
        self.history.record(Enrolled(phone=puppet.id, device=name))
        self.puppets.append(puppet)
        await puppet.connect()
        return puppet

    async def agent(self) -> Phone:
        """A new device with a virtual phone and the product's own agent."""
        phone = Phone(self.server.url, self.history, len(self.agents) * 4, folder=self.folder, seed="mutants")
        self.agents.append(phone)
        await phone.enroll(await self._token())
        return phone

    async def _token(self) -> str:
        value: str = (await insist(self._http, "POST", f"{self._enterprise}/enrollmentTokens", body={}))["value"]
        return value

    # Faults.

    async def kill(self) -> None:
        """The server was killed and runs again."""
        await self.server.kill()
        await self._start_again()

    async def cut_power(self) -> None:
        """The power went at some write soon after now, and the server runs again on what the disk kept."""
        in_flight = asyncio.create_task(self.issue(self.puppets[0].device))
        await asyncio.sleep(0)
        self.server.signal(signal.SIGUSR1, FaultKind.POWER_CUT, ends=True)
        ended = asyncio.create_task(self.server.wait_ended())
        while not ended.done():
            await asyncio.gather(*(self.issue(self.puppets[0].device) for _ in range(3)))
        await in_flight
        shutil.rmtree(self.server.data_dir)
        (self.folder / "survivors").rename(self.server.data_dir)
        await self._start_again()

    async def _start_again(self) -> None:
        await self.server.start()
        await self.server.wait_ready(self._http)
        await asyncio.gather(*(puppet.connect() for puppet in self.puppets))

    # The end.

    async def verdict(self, *, within_s: float = HEAL_WITHIN_S) -> Verdict:
        """What the history shows when all have done what is left to do, or the time is over."""
        try:
            await self.server.wait_ready(self._http)
        except AssertionError:  # it has ended by itself, which now stands in the history
            await self._start_again()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._rest()
        for puppet in self.puppets:
            self.history.record(AtRest(phone=puppet.id, managed=puppet.managed, enrolled=puppet.managed))
        for phone in self.agents:
            self.history.record(phone.at_rest)
        for device in self._devices():
            self.history.record(Final(device=device, operations=tuple(await self._operations(device))))
        return check(self.history.recorded)

    async def _rest(self) -> None:
        while True:
            await asyncio.gather(*(puppet.obey_all() for puppet in self.puppets))
            if not await self._anything_open():
                return

    async def _anything_open(self) -> bool:
        shown = [operation for device in self._devices() for operation in await self._operations(device)]
        at_work = any(phone.at_rest.unfinished for phone in self.agents)
        return at_work or not all(operation.done for operation in shown) or self._listener.lacks(shown)

    async def _operations(self, device: str) -> Sequence[Shown]:
        """All that the server shows of the device: nothing where it knows it no more."""
        status, _ = await request(self._http, "GET", f"{device}/operations")
        return await operations_of(self._http, device) if status == OK else ()

    def _devices(self) -> Sequence[str]:
        return [*(puppet.device for puppet in self.puppets), *(phone.device for phone in self.agents)]


@contextlib.asynccontextmanager
async def scene_of(folder: Path, *, mutants: Sequence[str] = (), faults: Sequence[FaultKind] = ()) -> AsyncIterator[Scene]:
    """A scene whose server has these mutants (and conditions), made for these faults."""
    environment = {MUTANTS: " ".join(mutants)}
    if FaultKind.POWER_CUT in faults:
        environment |= {SURVIVORS: str(folder / "survivors"), SEED: "mutants"}
    history = History(
        folder / "history.jsonl", now_us=lambda: time.monotonic_ns() // 1_000, faults=faults, about=" ".join(["mutants:", *mutants])
    )  # fmt: skip
    timeout = aiohttp.ClientTimeout(total=10.0)
    async with contextlib.AsyncExitStack() as ending:
        ending.callback(history.close)
        listener = await ending.enter_async_context(listener_of(history))
        options = ("--push-endpoint", listener.url)
        launch = Launch(module="tests.torture.mutants.run_server", environment=environment, options=options)
        server = ServerProcess(folder, history, launch=launch)
        ending.push_async_callback(server.end)
        http = aiohttp.ClientSession(server.url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        scene = Scene(folder, await ending.enter_async_context(http), server, listener)
        await scene.begin()
        try:
            yield scene
        finally:
            await asyncio.gather(*(phone.runner.stop() for phone in scene.agents))

"""A run: servers, phones and callers, a trouble maker, and the checker's verdict at the end."""

import asyncio
import contextlib
import functools
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

import aiohttp

from heliograph.commands import COMMANDS
from heliograph.history.events import Deed, FaultKind, Final
from heliograph.history.file import History
from heliograph.history.verdict import Colour, Verdict, check
from tests.torture.callers import ANSWER_WITHIN_S, Board, Callers, Habits, Target, answered, insist, judged_of, operations_of
from tests.torture.listener import Listener
from tests.torture.phones import Phone, trouble
from tests.torture.server_process import ServerProcess

SENTENCES_MOST = 20
DELETED = "devices.delete"
DEEDS = (Deed.CANCELLED, Deed.EXPIRED, Deed.REFUSED, Deed.DELETED, Deed.LISTED)
"""What so many calls meet without fail."""
CALLS_LEAST = 400
"""A run on a slow machine goes on until then. One of twenty lists, and one of ten cancels or expires something."""
OF_PHONES = (FaultKind.AGENT_CRASHED, FaultKind.OFFLINE)


class Trouble(Protocol):
    """Makes things go wrong."""

    kinds: ClassVar[Sequence[FaultKind]]
    """What the history must show afterwards, else the run proves nothing."""

    async def make(self, http: aiohttp.ClientSession, chance: random.Random) -> None:
        """Returns when enough has gone wrong, and all is well again."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how hard."""

    seed: str
    seconds: float
    """About how long the troubles take: the ends of devices are spread over it."""
    phones: int = 20
    heal_within_s: float = 300.0
    """Far more than it takes: the checker then says what did not come to rest."""
    habits: Habits = field(default_factory=Habits)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Where the run takes place."""

    servers: Sequence[ServerProcess]
    callers_at: Sequence[str]
    """The addresses that callers use, each as it comes."""
    phones_at: Sequence[str]
    """The addresses of phones, by turns."""
    troubles: Sequence[Trouble]
    listener: Listener | None = None
    """Where the servers' push endpoint is: it must get every end."""

    @classmethod
    def of(cls, server: ServerProcess, *troubles: Trouble, listener: Listener | None = None) -> "Stage":
        """One server, nothing in between."""
        return cls(servers=[server], callers_at=[server.url], phones_at=[server.url], troubles=troubles, listener=listener)


def history_of(folder: Path, seed: str, kinds: Iterable[FaultKind]) -> History:
    """A new history of a run that is made for these faults, besides those of phones."""
    return History(
        folder / "history.jsonl",
        now_us=lambda: time.monotonic_ns() // 1_000,
        faults=tuple(dict.fromkeys((*kinds, *OF_PHONES))),
        deeds=DEEDS,
        about=f"seed {seed}",
    )


class Run:
    """One run, from the first enrolment to the verdict."""

    def __init__(self, plan: Plan, stage: Stage, *, folder: Path, doors: Sequence[aiohttp.ClientSession], history: History) -> None:
        self.plan = plan
        self.history = history
        self._stage = stage
        self._doors = doors
        self._http = doors[0]
        self._chance = random.Random(plan.seed)
        urls = stage.phones_at
        self.phones = [Phone(urls[number % len(urls)], history, number, folder=folder, seed=plan.seed) for number in range(plan.phones)]

    async def play(self) -> Verdict:
        """What the checker says of the run."""
        try:
            await self._enroll()
            await self._torment()
            await self._heal()
            for phone in self.phones:
                self.history.record(phone.at_rest)
            for phone in self.phones:
                operations = await operations_of(self._http, phone.device)
                for judged in await judged_of(self._http, operations):
                    self.history.record(judged)
                self.history.record(Final(device=phone.device, operations=tuple(operations)))
        finally:
            await asyncio.gather(*(phone.runner.stop() for phone in self.phones))
        return check(self.history.recorded)

    async def _enroll(self) -> None:
        agreed = {"projectId": "torture", "agreementAccepted": "true"}
        enterprise = (await insist(self._http, "POST", "enterprises", body={}, query=agreed))["name"]
        if self._stage.listener is not None:
            await self._stage.listener.subscribe(self._http, enterprise)
        for phone in self.phones:
            body = {"allowPersonalUsage": phone.profile.allow_personal_usage.value}
            await phone.enroll((await insist(self._http, "POST", f"{enterprise}/enrollmentTokens", body=body))["value"])

    async def _torment(self) -> None:
        targets = {phone.device: Target(device=phone.device, eid=phone.eid) for phone in self.phones}
        board = Board(list(targets.values()))
        callers = Callers(self._doors, self.history, board, habits=self.plan.habits, seed=self.plan.seed)
        async with asyncio.TaskGroup() as group:
            group.create_task(callers.run())
            troubling = group.create_task(trouble(self.phones, self.history, random.Random(f"{self.plan.seed} trouble")))
            making = [
                group.create_task(made.make(self._http, random.Random(f"{self.plan.seed} {number}")))
                for number, made in enumerate(self._stage.troubles)
            ]
            await self._end_some(callers, targets)
            await asyncio.gather(*making)
            await callers.have_succeeded(CALLS_LEAST)
            troubling.cancel()
            callers.stop()

    async def _end_some(self, callers: Callers, targets: Mapping[str, Target]) -> None:
        """Two phones of each final type and two by deletion are managed no more, one after the other, in the middle of everything."""
        ends = self._ends()
        for phone, way in self._chance.sample(ends, len(ends)):
            await asyncio.sleep(self._chance.uniform(0, 2 * self.plan.seconds / len(ends)))
            ask = callers.delete if way == DELETED else functools.partial(callers.issue, type_name=way)
            while True:
                asked = await ask(targets[phone.device], caller="admin")
                if asked.status in {200, 404}:
                    break

    def _ends(self) -> list[tuple[Phone, str]]:
        """Who is managed no more, and how; whom few phones can obey chooses first."""
        left = self._chance.sample(self.phones, len(self.phones))
        takers = {name: [phone for phone in left if phone.takes(row)] for name, row in COMMANDS.items() if row.final_at_ack}
        takers[DELETED] = left
        ends: list[tuple[Phone, str]] = []
        for way in sorted(takers, key=lambda way: len(takers[way])):
            ended = {phone for phone, _ in ends}
            ends += [(phone, way) for phone in takers[way] if phone not in ended][:2]
        return ends

    async def _heal(self) -> None:
        """Everything recovers; returns once all is at rest, or too much time has passed: the checker says what did not come to rest."""
        for phone in self.phones:
            phone.heal()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.heal_within_s):
                for phone in self.phones:
                    await self._rest(phone)

    async def _rest(self, phone: Phone) -> None:
        """Returns once nothing more is to happen to the phone."""
        while True:
            operations = await operations_of(self._http, phone.device)
            listener = self._stage.listener
            ended = all(operation.done for operation in operations) and not (listener and listener.lacks(operations))
            status, _ = await answered(self._http, "GET", phone.device)
            rest = phone.at_rest
            if ended and not rest.unfinished and (status == 200 or not rest.enrolled):
                return
            await asyncio.sleep(0.1)


async def tortured(plan: Plan, stage: Stage, *, folder: Path, history: History) -> None:
    """The run has kept every promise and has met what it was made for; its figures are printed."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    async with contextlib.AsyncExitStack() as ending:
        ending.callback(history.close)
        doors = [
            await ending.enter_async_context(aiohttp.ClientSession(url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)))
            for url in stage.callers_at
        ]
        for server in stage.servers:
            ending.push_async_callback(server.end)
            await server.start()
        try:
            for server in stage.servers:
                await server.wait_ready(doors[0])
            run = Run(plan, stage, folder=folder, doors=doors, history=history)
            _assert_kept(await run.play(), run)
        except Exception as error:
            logs = ", ".join(str(server.log) for server in stage.servers)
            error.add_note(f"--seed='{plan.seed}'; the history is in {history.path}, what servers logged in {logs}")
            raise


def _assert_kept(verdict: Verdict, run: Run) -> None:
    met = ", ".join(f"{count.what.value} {count.times} ({count.in_flight} in flight)" for count in verdict.faults)
    outcomes = sum((Counter(by_outcome) for by_outcome in verdict.operations.values()), Counter())
    said = f"seed {run.plan.seed}: {met}; operations: {dict(outcomes)}"
    print(said)  # noqa: T201 - the figures of the run
    broken = "\n".join(map(str, (*verdict.violations[:SENTENCES_MOST], *verdict.doubts)))
    message = f"{said}\n{len(verdict.violations)} violations, history in {run.history.path}:\n{broken}"
    assert verdict.colour is Colour.GREEN, message

"""kill -9 of the server at random moments, agents killed and networks cut besides, callers all the while: no promise is broken.

A failed run names its seed and its history. `HELIOGRAPH_SEED=… make test` makes the same choices again (the machine's timing is its own).
"""

import asyncio
import contextlib
import functools
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from heliograph.commands import COMMANDS
from heliograph.history.events import Deed, FaultKind, Final
from heliograph.history.file import History
from heliograph.history.verdict import Colour, Verdict, check
from tests.torture.callers import ANSWER_WITHIN_S, Board, Callers, Habits, Target, insist, operations_of, request
from tests.torture.phones import Phone, trouble
from tests.torture.server_process import ServerProcess

SENTENCES_MOST = 20
DELETED = "devices.delete"
MADE_FOR = (FaultKind.SERVER_KILLED, FaultKind.AGENT_CRASHED, FaultKind.OFFLINE)
DEEDS = (Deed.CANCELLED, Deed.EXPIRED, Deed.REFUSED, Deed.DELETED, Deed.LISTED)
"""What a run of a few seconds meets without fail."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how hard."""

    seed: str
    kills: int
    phones: int = 20
    life_s: tuple[float, float] = (0.1, 2.5)
    """How long the server lives between two kills, counted from when it answers."""
    young: float = 0.2
    """How often it is killed while it starts instead."""
    heal_within_s: float = 30.0
    habits: Habits = field(default_factory=Habits)


class Run:
    """One run, from the first enrolment to the verdict."""

    def __init__(self, plan: Plan, folder: Path, http: aiohttp.ClientSession, server: ServerProcess, history: History) -> None:
        self.plan = plan
        self.history = history
        self._http = http
        self._server = server
        self._chance = random.Random(plan.seed)
        self.phones = [Phone(server.url, history, number, folder=folder, seed=plan.seed) for number in range(plan.phones)]

    async def play(self) -> Verdict:
        """What the checker says of the run."""
        try:
            await self._enroll()
            await self._torment()
            await self._heal()
            for phone in self.phones:
                self.history.record(phone.at_rest)
            for phone in self.phones:
                self.history.record(Final(device=phone.device, operations=tuple(await operations_of(self._http, phone.device))))
        finally:
            await asyncio.gather(*(phone.runner.stop() for phone in self.phones))
        return check(self.history.recorded)

    async def _enroll(self) -> None:
        agreed = {"projectId": "torture", "agreementAccepted": "true"}
        enterprise = (await insist(self._http, "POST", "enterprises", body={}, query=agreed))["name"]
        for phone in self.phones:
            body = {"allowPersonalUsage": phone.profile.allow_personal_usage.value}
            await phone.enroll((await insist(self._http, "POST", f"{enterprise}/enrollmentTokens", body=body))["value"])

    async def _torment(self) -> None:
        targets = {phone.device: Target(device=phone.device, eid=phone.eid) for phone in self.phones}
        board = Board(list(targets.values()))
        callers = Callers(self._http, self.history, board, habits=self.plan.habits, seed=self.plan.seed)
        async with asyncio.TaskGroup() as group:
            group.create_task(callers.run())
            troubling = group.create_task(trouble(self.phones, self.history, random.Random(f"{self.plan.seed} trouble")))
            ending = group.create_task(self._end_some(callers, targets))
            await self._keep_killing()
            await ending
            troubling.cancel()
            callers.stop()

    async def _keep_killing(self) -> None:
        for _ in range(self.plan.kills):
            if self._chance.random() < self.plan.young:
                await asyncio.sleep(self._chance.uniform(0, self.plan.life_s[1]))
            else:
                await self._server.wait_ready(self._http)
                await asyncio.sleep(self._chance.uniform(*self.plan.life_s))
            await self._server.kill()
            await self._server.start()
        await self._server.wait_ready(self._http)

    async def _end_some(self, callers: Callers, targets: Mapping[str, Target]) -> None:
        """Two phones of each final type and two by deletion are managed no more, one after the other, in the middle of everything."""
        ways = [*(name for name, row in COMMANDS.items() if row.final_at_ack), DELETED] * 2
        left = self._chance.sample(self.phones, len(self.phones))
        for way in ways:
            phone = next(phone for phone in left if way == DELETED or phone.takes(COMMANDS[way]))
            left.remove(phone)
            await asyncio.sleep(self._chance.uniform(0, 2 * self.plan.kills / len(ways)))
            ask = callers.delete if way == DELETED else functools.partial(callers.issue, type_name=way)
            while True:
                asked = await ask(targets[phone.device], caller="admin")
                if asked.status in {200, 404}:
                    break

    async def _heal(self) -> None:
        """Everybody is well; returns once all is at rest, or too much time has passed: the checker says what did not come to rest."""
        for phone in self.phones:
            phone.heal()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.plan.heal_within_s):
                for phone in self.phones:
                    await self._rest(phone)

    async def _rest(self, phone: Phone) -> None:
        """Returns once nothing more is to happen to the phone."""
        while True:
            ended = all(operation.done for operation in await operations_of(self._http, phone.device))
            status, _ = await request(self._http, "GET", phone.device)
            rest = phone.at_rest
            if ended and not rest.unfinished and (status == 200 or not rest.enrolled):
                return
            await asyncio.sleep(0.1)


async def tortured(plan: Plan, folder: Path) -> None:
    """The run has kept every promise; its figures are printed."""
    history = History(
        folder / "history.jsonl", now_us=lambda: time.monotonic_ns() // 1_000, faults=MADE_FOR, deeds=DEEDS, about=f"seed {plan.seed}"
    )
    server = ServerProcess(folder, history)
    timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
    async with aiohttp.ClientSession(server.url, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as http:
        try:
            await server.start()
            await server.wait_ready(http)
            run = Run(plan, folder, http, server, history)
            _assert_kept(await run.play(), run)
        except Exception as error:
            error.add_note(f"seed {plan.seed}; the history is in {history.path}, what the server logged in {server.log}")
            raise
        finally:
            await server.end()
            history.close()


def _assert_kept(verdict: Verdict, run: Run) -> None:
    kills = verdict.fault(FaultKind.SERVER_KILLED)
    outcomes = sum((Counter(by_outcome) for by_outcome in verdict.operations.values()), Counter())
    said = f"seed {run.plan.seed}: {kills.times} kills, {kills.in_flight} with requests in flight; operations: {dict(outcomes)}"
    print(said)  # noqa: T201 - the figures of the run
    broken = "\n".join(map(str, (*verdict.violations[:SENTENCES_MOST], *verdict.doubts)))
    message = f"{said}\n{len(verdict.violations)} violations, history in {run.history.path}:\n{broken}"
    assert verdict.colour is Colour.GREEN, message


def _seed(request: pytest.FixtureRequest) -> str:
    return os.environ.get("HELIOGRAPH_SEED") or f"{request.node.name} {random.SystemRandom().randrange(10**6)}"


async def test_no_promise_is_broken_by_kill_minus_nine(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    await tortured(Plan(seed=_seed(request), kills=7), tmp_path)


@pytest.mark.torture
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("round_number", range(5))
async def test_no_promise_is_broken_by_a_hundred_kills(request: pytest.FixtureRequest, tmp_path: Path, round_number: int) -> None:
    plan = Plan(seed=_seed(request), kills=20, heal_within_s=90.0, habits=Habits(callers=24, share_short=0.1 * round_number))
    await tortured(plan, tmp_path)

"""Callers of the Android Management API who ask for everything at once, and write down what they asked and what they were answered."""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

from heliograph.commands import COMMANDS
from heliograph.domain.evidence import Judgement
from heliograph.domain.phone.numbers import icc_id_of
from heliograph.history.events import Answer, Completed, Invoked, Judged, Shown, Verb
from heliograph.history.file import History
from heliograph.protojson.times import format_duration

ANSWER_WITHIN_S = 5.0
PAGE_SIZE = 1_000
REMEMBERED = 150
NOBODY_THERE, UNAVAILABLE = 0, 503
NOBODY_THERE_S = 0.1
"""How long a caller waits before it tries a server again that is not there."""
NS = 1_000_000_000
NO_ICC_ID = "8999000000000000077"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A device as its callers know it."""

    device: str
    eid: str = ""
    codes: list[str] = field(default_factory=list)
    """Activation codes sent to it and not used for a removal yet: each profile is added once and removed once, so that a look at
    the phone can be taken for proof."""

    def new_code(self, number: int, chance: random.Random) -> str:
        """An activation code that no other command has; for half of them the phone must ask its user."""
        code = f"LPA:1$smdp.example.com$T{number}{chance.choice(('', '$$1'))}"
        self.codes.append(code)
        return code

    def used_icc_id(self) -> str:
        """The newest profile's, or one that no phone has."""
        return icc_id_of(self.codes.pop(), self.eid) if self.codes else NO_ICC_ID


PARAMS: Mapping[str, Callable[[int, random.Random, Target], dict[str, object]]] = {
    "LOCK": lambda _number, _chance, _target: {},
    "RESET_PASSWORD": lambda _number, chance, _target: {"newPassword": f"{chance.randrange(10**6, 10**7)}"},
    "REBOOT": lambda _number, _chance, _target: {},
    "RELINQUISH_OWNERSHIP": lambda _number, _chance, _target: {},
    "CLEAR_APP_DATA": lambda _number, _chance, _target: {"clearAppsDataParams": {"packageNames": ["com.slack", "com.example.absent"]}},
    "START_LOST_MODE": lambda _number, _chance, _target: {"startLostModeParams": {"lostMessage": {"defaultMessage": "Please call us."}}},
    "STOP_LOST_MODE": lambda _number, _chance, _target: {"stopLostModeParams": {}},
    "ADD_ESIM": lambda number, chance, target: {
        "addEsimParams": {"activationCode": target.new_code(number, chance), "activationState": "NOT_ACTIVATED"}
    },
    "REMOVE_ESIM": lambda _number, _chance, target: {"removeEsimParams": {"iccId": target.used_icc_id()}},
    "REQUEST_DEVICE_INFO": lambda _number, _chance, _target: {"requestDeviceInfoParams": {"deviceInfo": "EID"}},
    "WIPE": lambda _number, _chance, _target: {"wipeParams": {"wipeDataFlags": ["WIPE_ESIMS"]}},
}
"""The params of every type; the number is another one for every issue."""


@dataclass(frozen=True, kw_only=True)
class Habits:
    """How the callers behave."""

    callers: int = 16
    pause_s: float = 0.02
    """Mean time between two calls of one caller."""
    share_short: float = 0.2
    """How many commands are given so little time that they may expire."""
    short_s: tuple[float, float] = (0.01, 0.8)


@dataclass
class Board:
    """What all callers know."""

    targets: Sequence[Target]
    operations: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    tags: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    calls: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))


class Callers:
    """All callers; each call goes through any of their HTTP sessions, and stands in the history before it is sent and after its answer."""

    def __init__(self, doors: Sequence[aiohttp.ClientSession], history: History, board: Board, *, habits: Habits, seed: str) -> None:
        self._doors = doors
        self._history = history
        self._board = board
        self._habits = habits
        self._seed = seed
        self._chance = random.Random(seed)
        self._stop = asyncio.Event()
        self._succeeded = 0

    async def run(self) -> None:
        """Returns when `stop` was called and every call has ended."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._habits.callers):
                group.create_task(self._live(f"caller {number}", random.Random(f"{self._seed} {number}")))

    async def have_succeeded(self, times: int) -> None:
        """Returns once so many calls have done what was asked."""
        while self._succeeded < times:  # noqa: ASYNC110 - a history signals nothing
            await asyncio.sleep(NOBODY_THERE_S)

    def stop(self) -> None:
        """No further call begins."""
        self._stop.set()

    async def issue(self, target: Target, type_name: str, caller: str, *, duration_ns: int = 3_600 * NS) -> Completed:
        """How it ended; the duration's last digits identify this issue."""
        number = next(self._board.tags)
        tag = duration_ns // 1_000_000 * 1_000_000 + number
        body = {"type": type_name, "duration": format_duration(tag), **PARAMS[type_name](number, self._chance, target)}
        invoked = Invoked(call=0, caller=caller, verb=Verb.ISSUE, target=target.device, type=type_name, tag=tag)
        completed = await self._call(invoked, "POST", f"{target.device}:issueCommand", body=body)
        self._board.operations.extend(shown.name for shown in completed.shown)
        return completed

    async def delete(self, target: Target, caller: str) -> Completed:
        """How it ended."""
        return await self._call(Invoked(call=0, caller=caller, verb=Verb.DELETE, target=target.device), "DELETE", target.device)

    async def _live(self, name: str, chance: random.Random) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(chance.uniform(0, 2 * self._habits.pause_s))
            verb = chance.choices((Verb.ISSUE, Verb.CANCEL, Verb.GET, Verb.LIST), (60, 18, 17, 5))[0]
            target = chance.choice(self._board.targets)
            if verb is Verb.ISSUE or not self._board.operations:
                await self.issue(target, self._any_type(chance), name, duration_ns=self._any_duration(chance))
                continue
            # The newest one is the one that is still on its way.
            operation = self._board.operations[-1] if chance.random() < 0.5 else chance.choice(self._board.operations)
            match verb:
                case Verb.CANCEL:
                    await self._call(Invoked(call=0, caller=name, verb=verb, target=operation), "POST", f"{operation}:cancel")
                case Verb.GET:
                    await self._call(Invoked(call=0, caller=name, verb=verb, target=operation), "GET", operation)
                case _:
                    await self._call(Invoked(call=0, caller=name, verb=verb, target=target.device), "GET", f"{target.device}/operations")

    def _any_type(self, chance: random.Random) -> str:
        """One that leaves the phone managed."""
        return chance.choice([name for name, row in COMMANDS.items() if not row.final_at_ack])

    def _any_duration(self, chance: random.Random) -> int:
        seconds = chance.uniform(*self._habits.short_s) if chance.random() < self._habits.share_short else chance.uniform(600, 3_600)
        return int(seconds * NS)

    async def _call(self, invoked: Invoked, method: str, path: str, *, body: object = None) -> Completed:
        invoked = msgspec.structs.replace(invoked, call=next(self._board.calls))
        self._history.record(invoked)
        completed = await self._answer(invoked, method, path, body)
        self._history.record(completed)
        self._succeeded += completed.answer is Answer.OK
        if completed.status == 0:
            await asyncio.sleep(NOBODY_THERE_S)
        return completed

    async def _answer(self, invoked: Invoked, method: str, path: str, body: object) -> Completed:
        shown: list[Shown] = []
        page_token = ""
        while True:
            query = {"pageSize": str(PAGE_SIZE), "pageToken": page_token} if invoked.verb is Verb.LIST else {}
            try:
                status, answer = await request(self._chance.choice(self._doors), method, path, body=body, query=query)
            except aiohttp.ClientConnectorError as error:
                return Completed(call=invoked.call, answer=Answer.FAIL, why=str(error))
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                return Completed(call=invoked.call, answer=Answer.UNKNOWN, why=repr(error))
            if status != 200:
                return Completed(call=invoked.call, answer=_refused(status, answer), status=status, why=answer["error"]["message"])
            shown += map(Shown.of, answer.get("operations", ()) if invoked.verb is Verb.LIST else [answer] if answer else ())
            page_token = answer.get("nextPageToken", "")
            if not page_token:
                return Completed(call=invoked.call, answer=Answer.OK, status=status, shown=tuple(shown))


def _refused(status: int, answer: Any) -> Answer:  # noqa: ANN401 - JSON
    """A 4xx did nothing; a 5xx did nothing where it says so."""
    reasons = {detail.get("reason") for detail in answer["error"].get("details", ())}
    return Answer.FAIL if status < 500 or "OVERLOADED" in reasons else Answer.UNKNOWN


class NoAnswer(aiohttp.ClientError):
    """The request was sent, and the connection ended."""


async def _sent_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """The answer to the only request that is sent.

    A DELETE whose connection ends without an answer, aiohttp sends again by itself. If then nobody is there, or no device any more, the
    caller would write down that nothing was done, and the checker would miss who ended the device.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise NoAnswer(repr(error)) from error


async def request(
    http: aiohttp.ClientSession, method: str, path: str, *, body: object = None, query: Mapping[str, str] | None = None, below: str = "/v1/"
) -> tuple[int, Any]:
    """Status and JSON of the answer.  Raises: aiohttp.ClientError, OSError, TimeoutError: there was none."""
    async with http.request(method, f"{below}{path}", json=body, params=query, middlewares=(_sent_once,)) as response:
        return response.status, msgspec.json.decode(await response.read())


async def answered(
    http: aiohttp.ClientSession, method: str, path: str, *, body: object = None, query: Mapping[str, str] | None = None, below: str = "/v1/"
) -> tuple[int, Any]:
    """Status and JSON of an answer, asked for until it comes: from a server that is not there, or cannot do it just now."""
    while True:
        try:
            status, answer = await request(http, method, path, body=body, query=query, below=below)
        except (aiohttp.ClientError, OSError, TimeoutError):
            status, answer = NOBODY_THERE, None
        if status not in {NOBODY_THERE, UNAVAILABLE}:
            return status, answer
        await asyncio.sleep(NOBODY_THERE_S)


async def insist(
    http: aiohttp.ClientSession, method: str, path: str, *, body: object = None, query: Mapping[str, str] | None = None, below: str = "/v1/"
) -> Any:  # noqa: ANN401 - JSON
    """The JSON of a 200, asked for until it comes, as `answered` does."""
    status, answer = await answered(http, method, path, body=body, query=query, below=below)
    assert status == 200, answer
    return answer


async def judged_of(http: aiohttp.ClientSession, operations: Iterable[Shown]) -> list[Judged]:
    """What their phones' own facts say of them, as far as they say something."""
    found = []
    for operation in operations:
        evidence = (await insist(http, "GET", f"{operation.name}/timeline", below="/heliograph/v1/")).get("evidence", {})
        judgement = Judgement(evidence.get("judgement", Judgement.NOT_OBSERVED))
        if judgement is not Judgement.NOT_OBSERVED:
            found.append(Judged(operation=operation.name, judgement=judgement))
    return found


async def operations_of(http: aiohttp.ClientSession, device: str) -> list[Shown]:
    """All operations of a device, also of one that is gone."""
    found: list[Shown] = []
    page_token = ""
    while True:
        answer = await insist(http, "GET", f"{device}/operations", query={"pageSize": str(PAGE_SIZE), "pageToken": page_token})
        found += map(Shown.of, answer.get("operations", ()))
        page_token = answer.get("nextPageToken", "")
        if not page_token:
            return found

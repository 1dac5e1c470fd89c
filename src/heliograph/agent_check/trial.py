"""One agent in one case: what the case asks about it, and how it fails."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

import msgspec

from heliograph.agent_check.stand import Stand
from heliograph.agent_check.subject import Subject
from heliograph.agent_check.tap import POLL, Heard, PassOn
from heliograph.channel.answer import Answer
from heliograph.commands.lock import COMMAND as LOCK
from heliograph.protocol import Enrolled, ReportState

ACK_ID = re.compile(r"[0-9a-f]{32}")
TERMINAL = frozenset({ReportState.SUCCEEDED.value, ReportState.FAILED.value, ReportState.NOT_STARTED.value})


class Pace(NamedTuple):
    """How long a case waits."""

    patience_s: float = 60.0
    """For something that must come."""
    quiet_s: float = 2.0
    """For something that must not: longer than an agent takes that would."""
    unknown_first_s: float = 60.0
    """The protocol's first pause after 401, of which half is chance."""


class Broken(Exception):
    """The agent does not keep the case; the text says what came instead."""


class NotTried(Exception):
    """The case cannot be made with this agent; the text says why."""


class Trial:
    """The agent, which is this device of the stand once it has enrolled."""

    def __init__(self, stand: Stand, subject: Subject, *, pace: Pace, device: str = "", credential_hash: str = "") -> None:
        self.stand = stand
        self.tap = stand.tap
        self.subject = subject
        self.pace = pace
        self.device = device
        self.credential_hash = credential_hash
        self.begun = self._effects = 0
        """How many messages the tap had heard when the case began, and how many effects there were."""
        self.begin()

    def begin(self) -> None:
        """The case begins now: what the agent did before does not count."""
        self.begun, self._effects = len(self.tap.heard), self.subject.effects() or 0

    def require(self, holds: object, came: str) -> None:
        """Raises: Broken, if it does not hold."""
        if not holds:
            raise Broken(came)

    async def until(self, condition: Callable[[], object], what: str, *, within_s: float | None = None) -> None:
        """Returns once the condition holds.  Raises: Broken: it did not in time."""
        within_s = self.pace.patience_s if within_s is None else within_s
        if not await self.tap.until(lambda: bool(condition()), within_s=within_s):
            words = self.subject.last_words()
            raise Broken(f"no {what} within {within_s:g} s; of it came {self.said()}" + (f"; its log ends {words!r}" if words else ""))

    async def quiet(self) -> None:
        """Returns after a time in which what must not come would have."""
        await asyncio.sleep(self.pace.quiet_s)

    def heard(self, *kinds: str, operation: str = "", since: int | None = None) -> Sequence[Heard]:
        """The agent's messages of these kinds in this case, the oldest first; without kinds, all of them."""
        start = self.begun if since is None else since
        return [
            one
            for one in self.tap.heard[start:]
            if (not kinds or one.kind in kinds)
            and (not operation or one.operation == operation)
            and self.credential_hash in {"", one.credential_hash}
        ]

    def ends(self, operation: str) -> Sequence[Heard]:
        """Its terminal reports on the operation."""
        return [one for one in self.heard("report", operation=operation) if one.body.get("state") in TERMINAL]

    def ack_ids(self, operation: str) -> Sequence[str]:
        """The ackIds with which it acknowledged or reported, each once."""
        said = self.heard("acknowledge", "report", operation=operation)
        return list(dict.fromkeys(str(one.body.get("ackId", "")) for one in said))

    def said(self) -> str:
        """The kinds of its newest messages, for people."""
        return ", ".join(one.kind for one in self.heard()[-12:] if one.kind != POLL) or "nothing"

    def executed(self) -> int | None:
        """How often it began to execute in this case; None: it does not say."""
        effects = self.subject.effects()
        return None if effects is None else effects - self._effects

    def require_executed(self, *times: int) -> None:
        """Raises: Broken: it did so another number of times, if it says so at all."""
        executed = self.executed()
        if executed is None and 0 in times:
            return
        self.require(executed is None or executed in times, f"it was executed {executed} times")

    async def enrolled(self) -> None:
        """It runs, is enrolled and connected."""
        await self.subject.start()
        if not self.device:
            await self.until(self._enrolments, "enrolment")
            enrolment = self._enrolments()[-1]
            self.device = msgspec.json.decode(enrolment.reply.body if enrolment.reply else b"", type=Enrolled).name
            self.credential_hash = enrolment.credential_hash
        await self.connected()

    def _enrolments(self) -> Sequence[Heard]:
        return [one for one in self.tap.heard[self.begun :] if one.kind == "enroll" and one.answered == 200]  # noqa: PLR2004

    async def connected(self, *, since: int | None = None) -> None:
        """It has said hello, and its facts are known."""
        await self.until(lambda: any(one.answered == 200 for one in self.heard("hello", since=since)), "hello that is answered 200")  # noqa: PLR2004

    async def issued(self, type_: str = LOCK.name, *, duration_s: int = 600) -> str:
        """The name of a new operation."""
        return await self.stand.issue(self.device, type_, duration_s=duration_s)

    async def ended(self, operation: str) -> Heard:
        """Its terminal report, once it was taken."""
        await self.until(lambda: any(one.answered for one in self.ends(operation)), "terminal report")
        return next(one for one in self.ends(operation) if one.answered)

    async def restarted(self) -> int:
        """It was started again, and is connected; returns how many messages had been heard before."""
        since = len(self.tap.heard)
        await self.subject.start()
        await self.connected(since=since)
        return since

    @contextlib.asynccontextmanager
    async def holding(self, kind: str) -> AsyncIterator["Held"]:
        """The next message of this kind waits until the block ends, or it is passed on."""
        held = Held()
        self.tap.intercept(kind, held)
        try:
            yield held
        finally:
            held.go.set()


class Held:
    """An interception that waits."""

    def __init__(self) -> None:
        self.came = self.lost = False
        """Whether it is there; and whether it gets lost when it goes on."""
        self.go = asyncio.Event()

    async def __call__(self, heard: Heard, pass_on: PassOn) -> Answer | None:
        self.came = True
        await self.go.wait()
        return None if self.lost else await pass_on()


class Killing:
    """An interception that kills the agent when the message has arrived, before the server has it or after; no answer goes out."""

    def __init__(self, subject: Subject, *, after_the_server: bool) -> None:
        self._subject = subject
        self._after_the_server = after_the_server
        self.done = False

    async def __call__(self, heard: Heard, pass_on: PassOn) -> None:
        if self._after_the_server:
            await pass_on()
        await self._subject.kill()
        self.done = True

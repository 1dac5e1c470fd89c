"""Work for a store alone, and the book that is kept of what it answered: what the book says must be found again."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import msgspec

from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.protojson.errors import HeliographError
from heliograph.service.ports import Decision, Facts, PutDevice, PutOperation, Rule, Sees, Store
from tests.storage.records import START_US, SetClock, device_name, device_record, issue

RANKS = {State.QUEUED: 0, State.ACKNOWLEDGED: 1, State.SUCCEEDED: 2}
"""How far an operation is; it only ever goes forward."""
STATES = {rank: state for state, rank in RANKS.items()}
COMMAND_BYTES = (2, 400, 12_000)
"""Large ones make the log grow until it is copied into the database."""
PAGE = 7


class TickingClock(SetClock):
    """A clock that goes on by `tick_us` at every look."""

    tick_us = 0

    def now_us(self) -> int:
        self.at_us += self.tick_us
        return self.at_us


@dataclass
class Book:
    """What was asked of the store, and what it answered."""

    devices: Sequence[DeviceName] = field(default_factory=lambda: [device_name() for _ in range(6)])
    enrolled: set[DeviceName] = field(default_factory=set)
    asked: dict[OperationName, int] = field(default_factory=dict)
    answered: dict[OperationName, int] = field(default_factory=dict)
    issuing: dict[DeviceName, int] = field(default_factory=dict)
    """Issues without an answer."""
    answers: int = 0
    swept: int = 0
    """Operations that were found in the index, at most."""
    clock: TickingClock = field(default_factory=TickingClock)


class Worker:
    """Works on one device; several of these share a book."""

    def __init__(self, store: Store, book: Book, device: DeviceName, chance: random.Random) -> None:
        self._store = store
        self._book = book
        self._device = device
        self._chance = chance

    async def work(self, enough: int) -> None:
        """Returns when the book has so many answers, or the store takes no more."""
        try:
            await self._enroll()
            while self._book.answers < enough:
                await self._advance() if self._chance.random() < 0.5 else await self._issue()
        except HeliographError:
            return

    async def _enroll(self) -> None:
        if self._device not in self._book.enrolled:
            await self._store.decide(Sees(device=self._device), _enroll_once(self._device))
            self._book.enrolled.add(self._device)

    async def _issue(self) -> None:
        """An operation and the device's count of them, written by one rule."""
        book, device = self._book, self._device
        book.issuing[device] = book.issuing.get(device, 0) + 1
        issued = await self._store.decide(Sees(device=device), _issue_and_count(device, self._chance.choice(COMMAND_BYTES)))
        book.issuing[device] -= 1
        assert issued.name not in book.asked, f"{issued.name} was given twice"
        book.asked[issued.name] = book.answered[issued.name] = 0
        book.answers += 1

    async def _advance(self) -> None:
        book = self._book
        own = [name for name, rank in book.asked.items() if name.device == self._device and rank < max(STATES)]
        if not own:
            return
        name = self._chance.choice(own)
        rank = book.asked[name] = book.asked[name] + 1
        await self._store.decide(Sees(device=self._device, create_ms=name.create_ms), _put_forward(rank))
        book.answered[name] = max(rank, book.answered[name])
        book.answers += 1


async def judged(store: Store, book: Book) -> AsyncIterator[str]:
    """What the store has lost, undone, half done or made up; the book knows all that is there afterwards."""
    nearest: list[int] = []
    for device in book.devices:
        record = await store.device(device)
        listed = [one async for one in _listed(store, device)]
        counted = record.enrollment_us - START_US if record else 0
        if device in book.enrolled and record is None:
            yield f"{device} was enrolled and is lost."
        if counted != len(listed):
            yield f"{device} says that it has {counted} operations and has {len(listed)}: a rule was half applied."
        if [one.create_ms for one in listed] != sorted({one.create_ms for one in listed}):
            yield f"The operations of {device} are not in order."
        open_ones = [one.name for one in listed if one.open]
        if open_ones != [one.name for one in await store.open_operations(device)]:
            yield f"The open operations of {device} are not those that are open."
        nearest += [one.deadline_us for one in listed if one.deadline_us is not None]
        async for sentence in _judged_operations(store, book, device, listed):
            yield sentence
    if store.nearest_deadline_us() != min(nearest, default=None):
        yield "The nearest deadline is another one."


async def _judged_operations(store: Store, book: Book, device: DeviceName, listed: Sequence[Operation]) -> AsyncIterator[str]:
    found = {one.name: RANKS[one.state] for one in listed}
    for name, rank in book.answered.items():
        if name.device == device and not rank <= found.get(name, -1) <= book.asked[name]:
            yield f"{name} was answered as {rank}, asked as {book.asked[name]} and is {found.get(name, 'lost')}."
    unheard = found.keys() - book.asked.keys()
    if len(unheard) > book.issuing.get(device, 0):
        yield f"{device} has {len(unheard)} operations of which nobody heard; {book.issuing.get(device, 0)} were being issued."
    for name in found:
        if await store.operation(name) is None:
            yield f"{name} is listed and not there."
    lost = [name for name in book.answered if name.device == device and name not in found]
    for name in lost:
        del book.asked[name], book.answered[name]
    book.asked |= found
    book.answered |= found
    book.issuing[device] = 0


async def _listed(store: Store, device: DeviceName) -> AsyncIterator[Operation]:
    after_ms = 0
    more = True
    while more:
        page = await store.operations(device, after_ms=after_ms, limit=PAGE)
        for one in page.items:
            yield one
            after_ms = one.create_ms
        more = page.more


def _enroll_once(device: DeviceName) -> Rule[None]:
    def rule(facts: Facts) -> Decision[None]:
        return Decision(None, () if facts.device else (PutDevice(device_record(device)),))

    return rule


def _issue_and_count(device: DeviceName, command_bytes: int) -> Rule[Operation]:
    def rule(facts: Facts) -> Decision[Operation]:
        assert facts.device is not None
        issued = issue(device)(facts).answer
        issued = msgspec.structs.replace(issued, command=b"{" + b" " * command_bytes + b"}")
        counted = msgspec.structs.replace(facts.device, enrollment_us=facts.device.enrollment_us + 1)
        return Decision(issued, (PutOperation(issued, new=True), PutDevice(counted)), ring=device)

    return rule


def _put_forward(rank: int) -> Rule[None]:
    def rule(facts: Facts) -> Decision[None]:
        assert facts.operation is not None
        forward = msgspec.structs.replace(facts.operation, state=STATES[rank])
        if forward.done:
            forward = msgspec.structs.replace(forward, deadline_us=None, ended_us=facts.now_us)
        return Decision(None, (PutOperation(forward),))

    return rule


async def until(stopped: asyncio.Event, workers: Sequence[Worker], *, book: Book, answers: int) -> None:
    """The workers have worked until the store died under them, or took no more, or gave so many answers."""
    enough = book.answers + answers
    tasks = [asyncio.create_task(worker.work(enough)) for worker in workers]
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait({stopping, asyncio.create_task(_all(tasks))}, return_when=asyncio.FIRST_COMPLETED)
    for task in (stopping, *tasks):
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)

"""How a Store decides of many devices: slice by slice, the same in both engines."""

import abc
import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from heliograph.domain.audit import Acting
from heliograph.domain.errors import OutcomeUnknown, Overloaded
from heliograph.service.ports import Rule, Sees
from heliograph.storage.batch.view import check_names
from heliograph.storage.queue.rule_queue import Queued

T = TypeVar("T")

SLICE_MOST = 256
"""Rules in one transaction: a few milliseconds, for which the others wait."""


class BulkVerbs(abc.ABC):
    """See service/ports.py, Store."""

    @abc.abstractmethod
    def _acting(self) -> Acting | None:
        """Who is recorded with a decision; None: no one."""

    @abc.abstractmethod
    async def _slice_answered(self, entries: Sequence[Queued], future: asyncio.Future[T]) -> T:
        """The future's result, after the entries have run as one slice.  Raises: Overloaded; what the future raises."""

    async def decide_many(self, asks: Iterable[tuple[Sees, Rule[T]]]) -> AsyncIterator[Sequence[T | Exception]]:
        acting = self._acting()
        left = iter(asks)
        while asked := tuple(islice(left, SLICE_MOST)):
            check_names([name for sees, _ in asked if sees.records for name in sees.records])
            waiting: Slice[T] = Slice(len(asked))
            entries = [Queued(sees, rule, Place(waiting, number), acting, bulk=True) for number, (sees, rule) in enumerate(asked)]
            yield await self._slice_answered(entries, waiting.future)


class Slice(Generic[T]):
    """The answers of one slice, as they come. On the event loop."""

    def __init__(self, size: int) -> None:
        self.future: asyncio.Future[Sequence[T | Exception]] = asyncio.get_running_loop().create_future()
        """Has the answers once all are there, in the order of the slice; or why the store ran none of its rules."""
        self._answers: list[Any] = [None] * size
        self._left = size

    def answer(self, number: int, answer: T | Exception) -> None:
        """The rule of this number has its answer."""
        self._answers[number] = answer
        self._left -= 1
        if not self._left and not self.future.done():  # otherwise who asked was cancelled
            self._end()

    def _end(self) -> None:
        refused = self._answers[0]
        # Of a single device that another server keeps locked, it is the answer.
        if isinstance(refused, Overloaded | OutcomeUnknown) and all(type(answer) is type(refused) for answer in self._answers):
            self.future.set_exception(refused)
        else:
            self.future.set_result(self._answers)


class Place(Generic[T]):
    """One rule's place in its slice: a Waiter."""

    __slots__ = ("_number", "_slice")

    def __init__(self, waiting: Slice[T], number: int) -> None:
        self._slice = waiting
        self._number = number

    def done(self) -> bool:
        return False

    def set_result(self, result: T, /) -> None:
        self._slice.answer(self._number, result)

    def set_exception(self, exception: Exception, /) -> None:
        self._slice.answer(self._number, exception)

"""How a Store decides of many devices: slice by slice, the same in both engines."""

import abc
import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from typing import TypeVar

from heliograph.domain.audit import Acting
from heliograph.service.ports import Ask
from heliograph.storage.batch.view import check_names, unlike
from heliograph.storage.queue.rule_queue import QueuedSlice

T = TypeVar("T")

SLICE_MOST = 256
"""Rules in one transaction: a few milliseconds, for which the others wait."""


class BulkVerbs(abc.ABC):
    """See service/ports.py, Store."""

    @abc.abstractmethod
    def _acting(self) -> Acting | None:
        """Who is recorded with a decision; None: no one."""

    @abc.abstractmethod
    async def _slice_answered(self, entry: QueuedSlice[T], answered: asyncio.Future[Sequence[T | Exception]]) -> Sequence[T | Exception]:
        """What `answered`, which waits for the entry, gets after that has run as a batch.  Raises: Overloaded; what the future raises."""

    async def decide_many(self, asks: Iterable[Ask[T]]) -> AsyncIterator[Sequence[T | Exception]]:
        acting = self._acting()
        loop = asyncio.get_running_loop()
        left = iter(asks)
        while asked := tuple(islice(left, SLICE_MOST)):
            for sees in unlike(asked):
                check_names(sees.records)
            answered: asyncio.Future[Sequence[T | Exception]] = loop.create_future()
            yield await self._slice_answered(QueuedSlice(asked, answered, acting), answered)

"""A slice as rules that are answered one by one: a batch of PostgreSQL may refuse some of them, and run the others."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from heliograph.domain.errors import OutcomeUnknown, Overloaded
from heliograph.service.ports import Waiter
from heliograph.storage.queue.rule_queue import Queued, QueuedSlice

T = TypeVar("T")


def apart(entry: QueuedSlice[Any]) -> list[Queued]:
    """The slice's rules; who waits for the slice is answered once all of them are."""
    answers: Answers[Any] = Answers(len(entry.asks), entry.future)
    return [
        Queued(msgspec.structs.replace(sees, device=device), rule, Place(answers, number), entry.acting)
        for number, (device, sees, rule) in enumerate(entry.asks)
    ]


class Answers(Generic[T]):
    """The answers of one slice, as they come. On the event loop."""

    def __init__(self, size: int, waiter: Waiter[Sequence[T | Exception]]) -> None:
        self._waiter = waiter
        self._answers: list[Any] = [None] * size
        self._left = size

    def answer(self, number: int, answer: T | Exception) -> None:
        """The rule of this number has its answer."""
        self._answers[number] = answer
        self._left -= 1
        if not self._left and not self._waiter.done():  # otherwise who asked was cancelled
            self._end()

    def _end(self) -> None:
        refused = self._answers[0]
        # Of a single device that another server keeps locked, it is the answer.
        if isinstance(refused, Overloaded | OutcomeUnknown) and all(type(answer) is type(refused) for answer in self._answers):
            self._waiter.set_exception(refused)
        else:
            self._waiter.set_result(self._answers)


class Place(Generic[T]):
    """One rule's place in its slice: a Waiter."""

    __slots__ = ("_answers", "_number")

    def __init__(self, answers: Answers[T], number: int) -> None:
        self._answers = answers
        self._number = number

    def done(self) -> bool:
        return False

    def set_result(self, result: T, /) -> None:
        self._answers.answer(self._number, result)

    def set_exception(self, exception: Exception, /) -> None:
        self._answers.answer(self._number, exception)

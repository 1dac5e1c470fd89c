"""Agents with one promise broken. None of this is shipped."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from heliograph.agent.course import Course
from heliograph.agent.executor import Moment, Work
from heliograph.agent.journal import Entry
from heliograph.commands import COMMANDS
from heliograph.domain.wire import stored_message
from heliograph.protocol import InFlightState
from tests.torture.mutants.patching import Mutant, Patch

Step = Callable[..., Any]


def executes_before_the_answer() -> Sequence[Patch]:
    """The phone acts as soon as it means to acknowledge."""

    def acknowledge(before: Step) -> Step:
        async def _acknowledge(self: Course, entry: Entry, work: Work | None) -> None:
            if work is None or work.row.final_at_ack:
                return await before(self, entry, work)  # type: ignore[no-any-return]
            outcome = await self._equipment.executor.execute(work, lambda _status: None)
            verdict, _ = await self._ask(entry, need_command=False)
            if verdict is None:
                return await self._drop(entry)
            await self._pass(Moment.ACKNOWLEDGED, entry)
            return await self._finish(entry, work.row, outcome)

        return _acknowledge

    return [Patch(Course, "_acknowledge", acknowledge)]


def journals_after_executing() -> Sequence[Patch]:
    """The phone writes down what it did, when it has done it."""

    def execute(before: Step) -> Step:
        async def _execute(self: Course, entry: Entry, work: Work) -> None:
            outcome = await self._equipment.executor.execute(work, lambda _status: None)
            entry = msgspec.structs.replace(entry, state=InFlightState.EXECUTING, type=work.row.name)
            self._journal.put(entry)
            await self._pass(Moment.EXECUTING, entry)
            await self._pass(Moment.EXECUTED, entry)
            await self._finish(entry, work.row, outcome)

        return _execute

    return [Patch(Course, "_execute", execute)]


def executes_again_after_a_restart() -> Sequence[Patch]:
    """What its journal shows as begun, the phone does once more."""
    again: set[str] = set()

    def recover(before: Step) -> Step:
        async def _recover(self: Course, entry: Entry) -> None:
            if entry.operation in again:
                return await before(self, entry)  # type: ignore[no-any-return]
            again.add(entry.operation)
            row = COMMANDS[entry.type]
            work = Work(operation=entry.operation, row=row, params=stored_message(row.params, bytes(entry.params)))
            outcome = await self._equipment.executor.execute(work, lambda _status: None)
            return await self._finish(entry, row, outcome)

        return _recover

    return [Patch(Course, "_recover", recover)]


PHONE_MUTANTS: dict[str, Mutant] = {
    mutant.__name__: mutant for mutant in (executes_before_the_answer, journals_after_executing, executes_again_after_a_restart)
}

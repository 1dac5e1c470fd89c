"""Agents with one promise broken. None of this is shipped."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from heliograph.agent.command_run import INTERRUPTED, CommandRun
from heliograph.agent.executor import Moment, Work
from heliograph.agent.journal import Entry
from heliograph.commands import COMMANDS
from heliograph.protocol import InFlightState
from heliograph.protojson.messages import stored_message
from tests.torture.mutants.patching import Mutant, Patch

Step = Callable[..., Any]


def executes_before_the_answer() -> Sequence[Patch]:
    """The phone acts as soon as it means to acknowledge."""

    def acknowledge(before: Step) -> Step:
        async def _acknowledge(self: CommandRun, entry: Entry, work: Work | None) -> None:
            if work is None or work.row.final_at_ack:
                return await before(self, entry, work)  # type: ignore[no-any-return]
            outcome = await self._equipment.executor.execute(work, lambda _status: None) or INTERRUPTED
            verdict, _ = await self._ask(entry, need_command=False)
            if verdict is None:
                return await self._drop(entry)
            await self._pass(Moment.ACKNOWLEDGED, entry)
            return await self._finish(entry, work, outcome)

        return _acknowledge

    return [Patch(CommandRun, "_acknowledge", acknowledge)]


def journals_after_executing() -> Sequence[Patch]:
    """The phone writes down what it did, when it has done it."""

    def execute(before: Step) -> Step:
        async def _execute(self: CommandRun, entry: Entry, work: Work) -> None:
            outcome = await self._equipment.executor.execute(work, lambda _status: None) or INTERRUPTED
            entry = msgspec.structs.replace(entry, state=InFlightState.EXECUTING, type=work.row.name)
            self._journal.put(entry)
            await self._pass(Moment.EXECUTING, entry)
            await self._pass(Moment.EXECUTED, entry)
            await self._finish(entry, work, outcome)

        return _execute

    return [Patch(CommandRun, "_execute", execute)]


def executes_again_after_a_restart() -> Sequence[Patch]:
    """What its journal shows as begun, the phone does once more."""
    again: set[str] = set()

    def recover(before: Step) -> Step:
        async def _recover(self: CommandRun, entry: Entry) -> None:
            if entry.operation in again:
                return await before(self, entry)  # type: ignore[no-any-return]
            again.add(entry.operation)
            row = COMMANDS[entry.type]
            work = Work(operation=entry.operation, row=row, params=stored_message(row.params, bytes(entry.params)))
            outcome = await self._equipment.executor.execute(work, lambda _status: None) or INTERRUPTED
            return await self._finish(entry, work, outcome)

        return _recover

    return [Patch(CommandRun, "_recover", recover)]


PHONE_MUTANTS: dict[str, Mutant] = {
    mutant.__name__: mutant for mutant in (executes_before_the_answer, journals_after_executing, executes_again_after_a_restart)
}

"""Servers with one promise broken. None of this is shipped."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from heliograph.channel import session
from heliograph.channel.answer import Answer
from heliograph.domain import operation as life
from heliograph.domain.device import Tombstone
from heliograph.domain.names import DeviceName
from heliograph.domain.notification import operation_ended
from heliograph.domain.operation import Event, Operation, State
from heliograph.protocol import Report
from heliograph.server import assembly
from heliograph.service import acknowledge_command, issue_command, offer_command, operations, report_result
from heliograph.service.outbox import Publish
from heliograph.service.ports import Decision, Facts, Ports, PutOperation, Write
from heliograph.storage.batch import writes as batch_writes
from heliograph.storage.batch.writes import Batch
from heliograph.storage.queue.rule_queue import Done, Entry, Exclusive, Outcome
from heliograph.storage.sqlite import connection, store
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.tables import Tables
from heliograph.storage.sqlite.writer import Writer
from tests.torture.mutants.patching import Mutant, Patch

GROUP_S = 0.5
"""How long the mutant that answers before its commit waits for a larger group."""


def answers_before_commit() -> Sequence[Patch]:
    """The caller is answered, and the commit follows half a second later, for the sake of speed."""

    def serve(before: Callable[[Writer, Sequence[Entry]], None]) -> Callable[..., None]:
        def _serve(self: Writer, entries: Sequence[Entry]) -> None:
            if isinstance(entries[0], Exclusive):
                return before(self, entries)
            self._now_us = max(self._now_us, self._clock_us())
            batch, rings = Batch(self._memory, self._tables, self._now_us), list[DeviceName]()
            outcomes = self._decide(batch, entries, rings)
            if batch.written.new_operations:
                self._rule_queue.answer(Done(outcomes, (), None))
                time.sleep(GROUP_S)
            self._settle(batch, bulk=False)
            self._memory.remember(batch)
            self._nearest_us = self._tables.nearest_deadline_us()
            told = () if batch.written.new_operations else outcomes
            return self._rule_queue.answer(Done(told, rings, self._nearest_us))

        return _serve

    return [Patch(Writer, "_serve", serve)]


def acknowledges_without_looking_at_the_time() -> Sequence[Patch]:
    """An acknowledgement relies on the timer to have ended what is over."""

    def judge(before: Callable[..., Decision[Any]]) -> Callable[..., Decision[Any]]:
        def judged(ports: Ports, facts: Facts, ack: object) -> Decision[Any]:
            operation = facts.operation
            if operation is not None and operation.open:
                facts = msgspec.structs.replace(facts, now_us=min(facts.now_us, operation.expires_us - 1_000))
            return before(ports, facts, ack)

        return judged

    return [Patch(acknowledge_command, "_judge", judge)]


def takes_a_second_ack_id() -> Sequence[Patch]:
    """Every acknowledgement of an open operation gets "execute"."""

    def why_dropped(before: Callable[..., object]) -> Callable[..., object]:
        return lambda operation, ack: None if operation.open else before(operation, ack)

    return [Patch(acknowledge_command, "why_dropped", why_dropped)]


def cancels_what_is_acknowledged() -> Sequence[Patch]:
    """A cancel ends an operation, whatever its phone got."""

    def transitions(before: dict[State, dict[Event, State]]) -> dict[State, dict[Event, State]]:
        return {**before, State.ACKNOWLEDGED: {**before[State.ACKNOWLEDGED], Event.CANCEL: State.CANCELLED}}

    return [Patch(life, "TRANSITIONS", transitions)]


def lets_a_late_report_overwrite() -> Sequence[Patch]:
    """The last report counts, not the first terminal one."""

    def noted_late(before: object) -> Callable[[Operation, Report, int], Operation]:
        def applied(operation: Operation, message: Report, now_us: int) -> Operation:
            again = msgspec.structs.replace(operation, state=State.ACKNOWLEDGED, error=None, error_code=None)
            return report_result._applied(again, message, now_us, asks=message.asks_user)  # noqa: SLF001 - the mutant takes the product's own way

        return applied

    return [Patch(report_result, "_noted_late", noted_late)]


def says_gone_without_the_last_order() -> Sequence[Patch]:
    """A device that is not managed any more hears 410 and nothing else."""

    def answer(before: object) -> Callable[[Tombstone], Answer]:
        return lambda _tombstone: Answer(410, b"{}")

    return [Patch(session, "answer_of_tombstone", answer)]


def offers_finished_ones_after_a_restart() -> Sequence[Patch]:
    """The queue that is built at start holds what had ended, too."""
    started_ms = time.time_ns() // 1_000_000

    def open_operations(before: object) -> Callable[..., Any]:
        async def found(self: store.SqliteStore, device: DeviceName) -> Sequence[Operation]:
            page = await self.operations(device, after_ms=0, limit=100)
            return tuple(
                msgspec.structs.replace(operation, state=State.QUEUED) if operation.done else operation
                for operation in page.items
                if operation.open or operation.create_ms < started_ms
            )

        return found

    return [Patch(store.SqliteStore, "open_operations", open_operations)]


def issues_two_in_one_millisecond() -> Sequence[Patch]:
    """An operation's number is the time, and a later one of the same number takes its place."""

    def queued(before: Callable[..., Operation]) -> Callable[..., Operation]:
        def _queued(ports: Ports, command: object, device: object, facts: Facts, *, caller: str) -> Operation:
            return before(ports, command, device, msgspec.structs.replace(facts, last_create_ms=0), caller=caller)

        return _queued

    def unchecked(before: object) -> Callable[..., None]:
        return lambda _operation, _last_ms: None

    return [Patch(issue_command, "_queued", queued), Patch(batch_writes, "_require_newer", unchecked)]


def a_failing_rule_drops_its_neighbours() -> Sequence[Patch]:
    """One rule of a batch raised: what the others wrote is rolled back with it, and they learn that all went well."""

    def decide(before: Callable[..., list[Outcome]]) -> Callable[..., list[Outcome]]:
        def _decide(self: Writer, batch: Batch, entries: Sequence[Entry], rings: list[DeviceName]) -> list[Outcome]:
            outcomes = before(self, batch, entries, rings)
            if any(outcome.error is not None for outcome in outcomes):
                batch.written.new_operations.clear()
                batch.open.clear()
            return outcomes

        return _decide

    return [Patch(Writer, "_decide", decide)]


def a_page_token_skips_one() -> Sequence[Patch]:
    """Every page but the first begins one too late."""

    def at_hand(before: Callable[..., Any]) -> Callable[..., Any]:
        def _at_hand(ports: Ports, asked: Any) -> Any:  # noqa: ANN401 - one module's own
            page = before(ports, asked)
            return page if page is None or not asked.after_ms else (page[0][1:], page[1])

        return _at_hand

    return [Patch(operations, "_at_hand", at_hand)]


def retention_takes_open_ones() -> Sequence[Patch]:
    """What has no end counts as ended long ago."""

    def retire(before: object) -> Callable[..., int]:
        def retired(tables: Tables, memory: Memory, batch: Batch, *, ended_before_us: int, events_before_us: int, limit: int) -> int:
            opened = {(enterprise, device, create_ms) for enterprise, device, create_ms in tables.one("all_open")}
            gone = [row for row in tables.one("unswept") if row[:3] in opened]
            tables.many("delete_operations", [(create_ms, key) for _, _, create_ms, key in gone])
            batch.afterwards.append(
                lambda: memory.unswept.remove([(DeviceName(enterprise, device), key, ms) for enterprise, device, ms, key in gone])
            )
            for enterprise, device, _, _ in gone:
                batch.open[DeviceName(enterprise, device)] = ()
            memory.forget_recent()
            return 0

        return retired

    return [Patch(store, "retire", retire)]


def offers_the_next_while_one_runs() -> Sequence[Patch]:
    """Acknowledged is as good as done: the next command is offered."""

    def holds_until_us(before: object) -> Callable[[Operation], int]:
        return lambda _operation: 0

    return [Patch(offer_command, "holds_until_us", holds_until_us)]


def forgets_to_tell_of_a_cancel() -> Sequence[Patch]:
    """A cancelled command counts as something that its caller knows anyway."""

    def wanted(before: Callable[..., Sequence[Write]]) -> Callable[..., Sequence[Write]]:
        def writes(ports: Ports, facts: Facts, operation: Operation, after: Operation) -> Sequence[Write]:
            return [PutOperation(after)] if after.state is State.CANCELLED else before(ports, facts, operation, after)

        return writes

    return [Patch(operations, "operation_writes", wanted)]


def tells_of_an_end_as_it_was_before() -> Sequence[Patch]:
    """A notification is rendered from what the report found, not from what it left."""

    def written(before: Callable[..., Sequence[Write]]) -> Callable[..., Sequence[Write]]:
        def writes(ports: Ports, facts: Facts, operation: Operation, after: Operation) -> Sequence[Write]:
            ended = operation_ended(msgspec.structs.replace(after, state=State.ACKNOWLEDGED))
            honest = before(ports, facts, operation, after)
            return [Publish(ended, write.destination) if isinstance(write, Publish) else write for write in honest]

        return writes

    return [Patch(report_result, "operation_writes", written)]


def does_not_sync() -> Sequence[Patch]:
    """synchronous=OFF: a commit is in the operating system's memory, and not yet on the disk."""

    def connect(before: Callable[..., Any]) -> Callable[..., Any]:
        def connected(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as it is called
            made = before(*arguments, **named)
            made.pragma("synchronous", "off")
            return made

        return connected

    return [Patch(connection, "connect", connect)]


def timers_sleep() -> Sequence[Patch]:
    """No mutant but a condition: a server whose expiry timer comes late, as on a busy machine. No promise hangs on the timer."""

    def never(before: object) -> Callable[[Ports], Any]:
        async def expire_operations(_ports: Ports) -> None:
            await asyncio.Event().wait()

        return expire_operations

    return [Patch(assembly, "expire_operations", never)]


SERVER_MUTANTS: dict[str, Mutant] = {
    mutant.__name__: mutant
    for mutant in (
        answers_before_commit,
        acknowledges_without_looking_at_the_time,
        takes_a_second_ack_id,
        cancels_what_is_acknowledged,
        lets_a_late_report_overwrite,
        says_gone_without_the_last_order,
        offers_finished_ones_after_a_restart,
        issues_two_in_one_millisecond,
        a_failing_rule_drops_its_neighbours,
        a_page_token_skips_one,
        retention_takes_open_ones,
        offers_the_next_while_one_runs,
        forgets_to_tell_of_a_cancel,
        tells_of_an_end_as_it_was_before,
        does_not_sync,
        timers_sleep,
    )
}

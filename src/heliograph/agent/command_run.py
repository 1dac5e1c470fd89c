"""The course of one command on a phone: refuse, or acknowledge, execute, report; each step journalled before it is taken.

Source: design.md §3 items 5 and 6, §4.
"""

from collections.abc import Awaitable, Callable

import msgspec

from heliograph.agent.delivery import Delivery
from heliograph.agent.executor import Equipment, Moment, Work, without_secrets, work_of
from heliograph.agent.journal import Entry
from heliograph.agent.leave import ServersLeave
from heliograph.agent.progress_reports import ProgressReports
from heliograph.agent.sealed_commands import Unopenable, open_command
from heliograph.commands import COMMANDS
from heliograph.domain.command import CommandType, Recovery
from heliograph.domain.device import LastOrder
from heliograph.domain.evidence import NOTHING, Evidence, Facts, encode_evidence
from heliograph.domain.outcome import ErrorCode, Outcome
from heliograph.protocol import ACK_ID_BYTES, Acknowledge, InFlightState, Offer, OptionalRaw, Refuse, Report, ReportState, SealedCommand
from heliograph.protojson.messages import encode_message, stored_message
from heliograph.protojson.types import secret_fields

US_PER_MS = 1_000

INTERRUPTED = Outcome(
    error_code=ErrorCode.UNKNOWN,
    message="The phone was interrupted while it executed the command. Whether the command took effect is unknown.",
)

UNANSWERED = Outcome(
    error_code=ErrorCode.UNKNOWN,
    message="The phone was restarted while it waited for its user. The command had no effect.",
)

SEALED_TO_ANOTHER = Outcome(
    error_code=ErrorCode.UNKNOWN,
    message="The command is sealed to a key that the phone does not have any more, or for another operation. Issue it again.",
)

UNREADABLE = Outcome(error_code=ErrorCode.UNSUPPORTED, message="The phone does not know this command.")


def raw_evidence(*, before: Facts = NOTHING, after: Facts = NOTHING) -> msgspec.Raw | None:
    """The facts as a message holds them; None: there are none."""
    encoded = encode_evidence(Evidence(before=before, after=after))
    return msgspec.Raw(encoded) if encoded else None


class _Verdict(msgspec.Struct, frozen=True, rename="camel"):
    """Execute, or Drop with its reason."""

    drop: str = ""
    start_within_ms: int = 0
    command: OptionalRaw = None
    sealed_command: SealedCommand | None = None


class CommandRun:
    """One operation on this phone, from its offer, or from the step at which the journal says that it stopped."""

    def __init__(self, equipment: Equipment, delivery: Delivery, report_status: Callable[[], Awaitable[None]]) -> None:
        """`report_status()` sends the phone's facts to the server if they have changed."""
        self._equipment = equipment
        self._journal = equipment.journal
        self._delivery = delivery
        self._report_status = report_status
        self._progress = ProgressReports(equipment, delivery)

    async def begin(self, offer: Offer) -> None:
        """Refuse the offered command, or execute and report it, or drop it as the server says."""
        work = self._read(offer.operation, offer.command, offer.sealed_command)
        if isinstance(work, Outcome):
            await self._refuse(offer, work)
            return
        if (error_code := work.row.requires.refusal(self._equipment.executor.facts())) is not None:
            await self._refuse(offer, Outcome(error_code=error_code))
            return
        ack_id = f"{self._equipment.entropy.getrandbits(8 * ACK_ID_BYTES):0{2 * ACK_ID_BYTES}x}"
        # Of a command that no report follows, the server gets them with the acknowledgement.
        before = self._equipment.executor.look(work) if work.row.final_at_ack else None
        entry = Entry(operation=offer.operation, ack_id=ack_id, state=InFlightState.ACKING, before=before)
        self._journal.put(entry)
        await self._pass(Moment.ACKING, entry)
        await self._acknowledge(entry, work)

    async def resume(self, entry: Entry) -> None:
        """What the table in design.md §4 says for a journal that a restart found like this."""
        self._progress.go_on_from(entry)
        if entry.report is not None:
            await self._deliver_result(entry, entry.report)
        elif entry.state is InFlightState.EXECUTING:
            await self._recover(entry)
        else:
            await self._acknowledge(entry, None)

    async def _acknowledge(self, entry: Entry, work: Work | None) -> None:
        """`work` None: the phone was restarted, and its journal holds no command."""
        verdict, sent_us = await self._ask(entry, need_command=work is None)
        if verdict is None:
            await self._drop(entry)
            return
        sent_along = verdict.command is not None or verdict.sealed_command is not None
        read = work if work is not None and not sent_along else self._read(entry.operation, verdict.command, verdict.sealed_command)
        await self._pass(Moment.ACKNOWLEDGED, entry)
        if isinstance(read, Outcome):
            await self._finish(entry, None, read)
            return
        await self._start(entry, read, start_by_us=sent_us + verdict.start_within_ms * US_PER_MS)

    async def _start(self, entry: Entry, work: Work, *, start_by_us: int) -> None:
        if work.row.final_at_ack:
            await self._delivery.end(LastOrder(work.row.name, msgspec.Raw(work.command), entry.operation))
        elif self._equipment.clock.now_us() >= start_by_us:
            # Counted from before the ack was sent, so never later than the server's own clock says.
            await self._conclude(entry, self._report(entry, ReportState.NOT_STARTED, Outcome()))
        else:
            await self._execute(entry, work)

    def _read(self, operation: str, command: OptionalRaw, sealed: SealedCommand | None) -> Work | Outcome:
        """The command that the server sent; or why this phone executes nothing."""
        try:
            whole = open_command(operation, sealed, self._private_key) if sealed is not None else bytes(command or b"{}")
        except Unopenable:
            return SEALED_TO_ANOTHER
        return work_of(operation, whole) or UNREADABLE

    @property
    def _private_key(self) -> str:
        return self._journal.identity.private_key if self._journal.identity is not None else ""

    async def _refuse(self, offer: Offer, why: Outcome) -> None:
        error_code = why.error_code.value if why.error_code is not None else ""
        await self._delivery.deliver(Refuse(operation=offer.operation, error_code=error_code, message=why.message))

    async def _ask(self, entry: Entry, *, need_command: bool) -> tuple[_Verdict | None, int]:
        """The server's verdict on the ackId, None to drop the command; and when it was asked for."""
        evidence = raw_evidence(before=entry.before or NOTHING)
        acknowledge = Acknowledge(operation=entry.operation, ack_id=entry.ack_id, need_command=need_command, evidence=evidence)
        delivered = await self._delivery.deliver(acknowledge)
        if not delivered.reply.ok:
            return None, delivered.sent_us
        verdict = msgspec.json.decode(delivered.reply.body, type=_Verdict)
        return (None if verdict.drop else verdict), delivered.sent_us

    async def _execute(self, entry: Entry, work: Work) -> None:
        executor = self._equipment.executor
        entry = msgspec.structs.replace(
            entry, state=InFlightState.EXECUTING, type=work.row.name, boot_id=executor.boot_id(), before=executor.look(work),
            params=msgspec.Raw(encode_message(without_secrets(work.params))),
            probe_blind=work.row.recovery is Recovery.PROBE and executor.probe(work) is not None,
        )  # fmt: skip
        self._journal.put(entry)
        await self._pass(Moment.EXECUTING, entry)
        leave = ServersLeave(entry, self._journal, self._delivery, self._progress)
        try:
            outcome = await executor.execute(work, lambda status: self._progress.report(entry, status), leave)
            if outcome is None:
                await self._conclude(entry, self._report(entry, ReportState.NOT_STARTED, Outcome()))
            else:
                after = executor.look(work)  # before anything else is done to the phone
                await self._pass(Moment.EXECUTED, entry)
                await self._finish(entry, work, outcome, after=after)
        finally:
            self._progress.stop()

    async def _recover(self, entry: Entry) -> None:
        row = COMMANDS.get(entry.type)
        if row is None:
            await self._finish(entry, None, INTERRUPTED)
            return
        work = _journalled(entry, row)
        if entry.asking:
            self._equipment.executor.withdraw(work)
            await self._finish(entry, work, UNANSWERED)
        elif row.recovery is Recovery.PROBE and not entry.probe_blind:
            await self._probe(entry, work)
        elif row.recovery is Recovery.BOOT_ID and entry.boot_id != self._equipment.executor.boot_id():
            await self._finish(entry, work, Outcome())
        else:
            await self._finish(entry, work, INTERRUPTED)

    async def _probe(self, entry: Entry, work: Work) -> None:
        """The check may need a secret, which the journal does not hold: the server sends it once more."""
        whole: Work | Outcome = work
        if secret_fields(work.row.params):
            verdict, _ = await self._ask(entry, need_command=True)
            if verdict is None:
                await self._drop(entry)
                return
            whole = self._read(entry.operation, verdict.command, verdict.sealed_command)
        outcome = self._equipment.executor.probe(whole) if isinstance(whole, Work) else None
        await self._finish(entry, work, outcome or INTERRUPTED)

    async def _finish(self, entry: Entry, work: Work | None, outcome: Outcome, *, after: Facts | None = None) -> None:
        """`work` None: a command that this phone cannot read.  `after`: the facts at its end; without them, those of now."""
        status_says_no = outcome.status is not None and work is not None and not work.row.succeeded(outcome.status)
        failed = outcome.error_code is not None or status_says_no
        report = self._report(entry, ReportState.FAILED if failed else ReportState.SUCCEEDED, outcome)
        if work is not None:
            shown = after or self._equipment.executor.look(work)
            report = msgspec.structs.replace(report, evidence=raw_evidence(before=entry.before or NOTHING, after=shown))
        await self._conclude(entry, report)

    async def _conclude(self, entry: Entry, report: Report) -> None:
        entry = msgspec.structs.replace(entry, state=InFlightState.RESULT, params=msgspec.Raw(b"{}"), before=None, report=report)
        self._journal.put(entry)
        await self._pass(Moment.RESULT, entry)
        await self._deliver_result(entry, report)

    async def _deliver_result(self, entry: Entry, report: Report) -> None:
        """With any answer, the server has the result: it is not sent again. It comes after the command's progress and its effects."""
        await self._progress.delivered()
        await self._report_status()
        await self._delivery.deliver(report)
        await self._pass(Moment.REPORTED, entry)
        await self._drop(entry)

    async def _drop(self, entry: Entry) -> None:
        self._journal.drop(entry.operation)
        await self._pass(Moment.DROPPED, entry)

    def _report(self, entry: Entry, state: ReportState, outcome: Outcome) -> Report:
        """The next report; its number is higher than every one that was sent before, by an agent before a restart too."""
        return Report(
            operation=entry.operation,
            ack_id=entry.ack_id,
            seq=self._progress.next_seq(),
            state=state,
            status=None if outcome.status is None else msgspec.Raw(encode_message(outcome.status)),
            error_code=outcome.error_code.value if outcome.error_code else "",
            message=outcome.message,
        )

    async def _pass(self, moment: Moment, entry: Entry) -> None:
        await self._equipment.checkpoint(moment, entry.operation)


def question_of(entry: Entry) -> Work | None:
    """The work that waits for its user; None: it waits for no one, and may have begun."""
    row = COMMANDS.get(entry.type) if entry.asking else None
    return _journalled(entry, row) if row is not None else None


def _journalled(entry: Entry, row: CommandType) -> Work:
    """The work as far as the journal knows it: without secrets."""
    return Work(operation=entry.operation, row=row, params=stored_message(row.params, bytes(entry.params)))

"""Reports a command's progress to the server: the newest status, at a limited rate, numbered so that no report overtakes another."""

import asyncio

import msgspec

from heliograph.agent.clock import sleep_unless
from heliograph.agent.delivery import Delivery
from heliograph.agent.executor import Equipment
from heliograph.agent.journal import Entry
from heliograph.agent.transport import Reply
from heliograph.protocol import Asked, Report, ReportState
from heliograph.protojson.messages import encode_message

SEQ_RESERVE = 32
"""Numbers of reports that one line of the journal reserves, so that progress does not cost a line each."""


class ProgressReports:
    """The reports of one operation but its last."""

    def __init__(self, equipment: Equipment, delivery: Delivery) -> None:
        self._equipment = equipment
        self._delivery = delivery
        self._newest: Report | None = None
        """What has not been sent yet."""
        self._last = asyncio.Event()
        """Set while no further status is waited for."""
        self._task: asyncio.Task[None] | None = None
        self._seq = 0
        self._reserved = 0

    def go_on_from(self, entry: Entry) -> None:
        """Every number that an agent before a restart may have used is used."""
        self._seq = self._reserved = entry.seq

    def next_seq(self) -> int:
        """A number that no report had before."""
        self._seq += 1
        return self._seq

    def report(self, entry: Entry, status: msgspec.Struct, *, asks_user: bool = False) -> None:
        """The server gets this status soon, unless a newer one comes first.  `asks_user`: it says how long the user may take."""
        self._newest = self._numbered(entry, status, asks_user=asks_user)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._send())
            self._task.add_done_callback(self._ended)

    async def delivered(self) -> None:
        """The server has the newest status: what follows does not overtake it."""
        self._last.set()
        if self._task is not None:
            await self._task
        self._last.clear()

    def stop(self) -> None:
        """Nothing more is reported."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _send(self) -> None:
        while (report := self._newest) is not None:
            self._newest = None
            delivered = await self._delivery.deliver(report)
            if report.asks_user and delivered.reply.ok:
                self._limit(report.operation, delivered.reply)
            await sleep_unless(self._equipment.clock, self._equipment.progress_every_s, self._last)

    def _limit(self, operation: str, reply: Reply) -> None:
        """Counted from the answer's arrival: that is later than the server counts, which keeps its word by refusing leave to begin."""
        within_ms = msgspec.json.decode(reply.body, type=Asked).answer_within_ms
        if within_ms is not None:
            self._equipment.executor.answer_within(operation, within_ms / 1_000)

    def _numbered(self, entry: Entry, status: msgspec.Struct, *, asks_user: bool) -> Report:
        seq = self.next_seq()
        if seq > self._reserved:
            self._reserved = seq + SEQ_RESERVE
            self._equipment.journal.amend(entry, seq=self._reserved)
        return Report(
            operation=entry.operation,
            ack_id=entry.ack_id,
            seq=seq,
            state=ReportState.PROGRESS,
            status=msgspec.Raw(encode_message(status)),
            asks_user=asks_user,
        )

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._delivery.fail(error)

"""Reports a command's progress to the server: the newest status, at a limited rate, numbered so that no report overtakes another."""

import asyncio

import msgspec

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
        self._newest: asyncio.Queue[tuple[Entry, msgspec.Struct, bool]] = asyncio.Queue(maxsize=1)
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

    def tell(self, entry: Entry, status: msgspec.Struct, *, asks_user: bool = False) -> None:
        """The server gets this status soon, unless a newer one comes first.  `asks_user`: it says how long the user may take."""
        if self._newest.full():
            self._newest.get_nowait()
        self._newest.put_nowait((entry, status, asks_user))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep_telling())
            self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Nothing more is reported."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _keep_telling(self) -> None:
        while True:
            entry, status, asks_user = await self._newest.get()
            delivered = await self._delivery.deliver(self._numbered(entry, status, asks_user=asks_user))
            if asks_user and delivered.reply.ok:
                self._limit(entry.operation, delivered.reply)
            await self._equipment.clock.sleep(self._equipment.progress_every_s)

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

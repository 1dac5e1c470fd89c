"""A command that waits for its user may expire meanwhile: the phone asks its server before it begins, and journals how far it is.

Source: docs/device-protocol.md, "Waiting for the user".
"""

import msgspec

from heliograph.agent.delivery import Delivery
from heliograph.agent.journal import Entry, Journal
from heliograph.agent.progress_reports import ProgressReports
from heliograph.protocol import Begin


class _Verdict(msgspec.Struct):
    """Execute, or Drop with its reason."""

    drop: str = ""


class ServersLeave:
    """An `executor.Leave` for one operation."""

    def __init__(self, entry: Entry, journal: Journal, delivery: Delivery, progress: ProgressReports) -> None:
        self._entry = entry
        self._journal = journal
        self._delivery = delivery
        self._progress = progress

    def asks(self, status: msgspec.Struct) -> None:
        """Journalled first: an agent after a restart must know that nothing was done."""
        self._journal.amend(self._entry, asking=True)
        self._progress.report(self._entry, status, asks_user=True)

    async def may_begin(self) -> bool:
        """Asked for as long as it takes; the same question gets the same answer. The server knows by then that the user was asked."""
        await self._progress.delivered()
        delivered = await self._delivery.deliver(Begin(operation=self._entry.operation, ack_id=self._entry.ack_id))
        if not delivered.reply.ok or msgspec.json.decode(delivered.reply.body, type=_Verdict).drop:
            return False
        self._journal.amend(self._entry, asking=False)
        return True

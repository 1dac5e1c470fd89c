"""What a Store does with the audit trail: the same in both engines."""

import abc
from collections.abc import Sequence
from typing import Any

from heliograph.domain.audit import CHECKPOINT_STREAM, Acting, Block, Checkpoint, Head, checkpoint_of
from heliograph.service.acting import ACTING
from heliograph.service.audit_log import AuditState
from heliograph.storage.kind import ReadRow

LATEST = 2**63 - 1
"""Above every number of a block."""


class AuditVerbs(abc.ABC):
    """See service/audit_log.py, AuditLog."""

    audited = False

    @abc.abstractmethod
    async def _audit_rows(self, name: str, *values: object) -> Sequence[ReadRow]:
        """The rows of the statement, once all that was committed before is linked."""

    def _acting(self) -> Acting | None:
        """Who is recorded with a decision; None: no one."""
        return self._recorded(ACTING.get())

    def _recorded(self, acting: Acting) -> Acting | None:
        """The party, if it is recorded."""
        return acting if self.audited and not acting.silent else None

    async def audit_state(self) -> AuditState:
        head = next((Head(row[0], row[1]) for row in await self._audit_rows("audit_head")), Head())
        signed = await self._newest_checkpoint()
        ((unsigned,),) = await self._audit_rows("audit_is_unsigned", signed.number if signed is not None else 0, CHECKPOINT_STREAM)
        return AuditState(head, signed, bool(unsigned))

    async def _newest_checkpoint(self) -> Checkpoint | None:
        before = LATEST
        while blocks := await self.audit_blocks(CHECKPOINT_STREAM, before=before, limit=1):
            if (checkpoint := checkpoint_of(blocks[0])) is not None:
                return checkpoint
            before = blocks[0].number
        return None

    async def audit_blocks(self, stream: str | None, *, before: int, limit: int) -> Sequence[Block]:
        return await self._blocks("before", stream, before, limit)

    async def audit_blocks_after(self, stream: str | None, *, after: int, limit: int) -> Sequence[Block]:
        return await self._blocks("after", stream, after, limit)

    async def _blocks(self, way: str, stream: str | None, *values: Any) -> Sequence[Block]:  # noqa: ANN401 - values of a statement
        if stream is None:
            return [Block(*row) for row in await self._audit_rows(f"audit_blocks_{way}", *values)]
        return [Block(*row) for row in await self._audit_rows(f"audit_blocks_of_stream_{way}", stream, *values)]

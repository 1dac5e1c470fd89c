"""The audit trail in the store (glossary: audit entry). Changes are recorded by the store itself; what is no change, by `AddAuditEntry`."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from heliograph.domain.audit import AuditEntry, Block, Checkpoint, Head


class AddAuditEntry(msgspec.Struct, frozen=True):
    """A write: the entry is recorded, in an enterprise's stream or the server's own."""

    stream: str
    entry: AuditEntry


class AddCheckpoint(msgspec.Struct, frozen=True):
    """A write: the checkpoint is recorded."""

    checkpoint: Checkpoint


class AuditState(NamedTuple):
    """Where the chain is."""

    head: Head
    """Everything that was committed before the question is linked up to here."""
    checkpoint: Checkpoint | None
    """The newest one in the trail."""
    unsigned: bool
    """Whether blocks other than checkpoints came after the block that it signs."""


class AuditLog(Protocol):
    """The part of a Store (service/ports.py) that keeps the audit trail."""

    audited: bool
    """Whether changes are recorded. Set before the store is used."""

    async def audit_state(self) -> AuditState:
        """The end of the chain, after everything that waited for its link was linked."""

    async def audit_blocks(self, stream: str | None, *, before: int, limit: int) -> Sequence[Block]:
        """At most `limit` blocks of the stream (None: of all) with a smaller number, the newest first.

        What was committed before the call is there.
        """

    async def audit_blocks_after(self, stream: str | None, *, after: int, limit: int) -> Sequence[Block]:
        """At most `limit` blocks of the stream (None: of all) with a greater number, the oldest first; as `audit_blocks`."""

    async def sweep_audit(self, until: int, *, limit: int) -> int:
        """Remove at most `limit` blocks, the oldest first, none with a number greater than `until`. Returns how many went."""

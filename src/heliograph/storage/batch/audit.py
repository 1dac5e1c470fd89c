"""The audit entry of a decision, from who acts and what it writes; and a batch's entries as blocks.

This is the only place where entries of changes are made: a verb cannot forget its own.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from heliograph.domain.audit import (
    CHECKPOINT_STREAM,
    NAMED_MOST,
    SERVER_STREAM,
    Acting,
    ActorType,
    AuditEntry,
    Block,
    Checkpoint,
    Head,
    StoredCommand,
    StoredEntry,
    digest_of,
    encode_entries,
)
from heliograph.domain.operation import Operation
from heliograph.service.audit_log import AddAuditEntry, AddCheckpoint
from heliograph.service.event_log import AppendEvent
from heliograph.service.outbox import Postponed, Publish, Published
from heliograph.service.rules import Delete, DeleteDevice, Put, PutDevice, PutOperation, PutTombstone, Write
from heliograph.storage.kind import Kind
from heliograph.storage.kinds import OF_KEY, OF_RECORD


class AuditRow(NamedTuple):
    """An entry of a batch, but for those of single commands."""

    stream: str
    said: AuditEntry | Checkpoint


CommandRow = tuple[Acting, Operation]
"""A decision that wrote one operation, and nothing else that is recorded: an issued command, an acknowledgement, a result.

Every command has to pay for these, so what can be put off is done once, when the block is made.
"""


class BlockRow(NamedTuple):
    """A block before it is linked."""

    created_us: int
    stream: str
    entries: bytes


class _Changed(NamedTuple):
    """What one write changed."""

    stream: str
    resource: str
    type: str = ""


def row_of(acting: Acting, writes: Sequence[Write]) -> AuditRow | None:
    """The entry of a decision with these writes; None: they change nothing that is recorded."""
    changed = list(dict.fromkeys(found for write in writes if (found := _CHANGED[type(write)](write)) is not None))
    if not changed or (acting.telemetry and _TELLING.isdisjoint(map(type, writes))):
        return None
    first = changed[0]
    others = [found.resource for found in changed[1:] if found.resource != first.resource]
    entry = AuditEntry(
        actor_type=acting.actor_type,
        actor=acting.actor,
        key_id=acting.key_id,
        address=acting.address,
        method=acting.method,
        resource=first.resource,
        type=first.type,
        also=tuple(others[:NAMED_MOST]),
        more=max(len(others) - NAMED_MOST, 0),
    )
    return AuditRow(first.stream, entry)


def row_of_removal(acting: Acting, count: int) -> AuditRow:
    """The entry of so many rows that were removed since their retention ended."""
    return AuditRow(SERVER_STREAM, AuditEntry(actor_type=acting.actor_type, method=acting.method, count=count))


def row_of_write(write: AddAuditEntry | AddCheckpoint) -> AuditRow:
    """What was asked for as a write."""
    if isinstance(write, AddCheckpoint):
        return AuditRow(CHECKPOINT_STREAM, write.checkpoint)
    return AuditRow(write.stream, write.entry)


def block_rows(rows: Iterable[AuditRow], now_us: int, commands: Iterable[CommandRow] = ()) -> Sequence[BlockRow]:
    """The entries as blocks: one for each stream, those of commands after its others; and one for each checkpoint."""
    blocks: list[BlockRow] = []
    streams: defaultdict[str, list[AuditEntry]] = defaultdict(list)
    for stream, said in rows:
        if type(said) is Checkpoint:
            blocks.append(BlockRow(now_us, stream, msgspec.json.encode(said)))
        elif isinstance(said, AuditEntry):
            streams[stream].append(said)
    parties: dict[tuple[str, int], list[StoredCommand]] = {}
    for acting, operation in commands:
        stream, device = operation.device
        command = device, operation.create_ms, operation.type
        if acting.actor_type is ActorType.DEVICE:  # one phone, one command
            streams[stream].append(_stored(acting, (command,)))
        elif (together := parties.get((stream, id(acting)))) is not None:
            together.append(command)
        else:
            parties[stream, id(acting)] = together = [command]
            streams[stream].append(_stored(acting, together))
    for stream, entries in streams.items():
        blocks.append(BlockRow(now_us, stream, encode_entries(entries)))
    return blocks


def _stored(acting: Acting, commands: Sequence[StoredCommand]) -> StoredEntry:
    """The entries of one party by one method, in one enterprise: of these commands, and of those that are still added to them."""
    return StoredEntry(
        actor_type=acting.actor_type,
        actor=acting.actor,
        key_id=acting.key_id,
        address=acting.address,
        method=acting.method,
        operations=commands,
    )


def linked(head: Head, rows: Iterable[BlockRow]) -> Iterator[Block]:
    """The blocks as they continue the chain."""
    number, digest = head
    for created_us, stream, entries in rows:
        number += 1
        digest = digest_of(digest, number=number, created_us=created_us, stream=stream, entries=entries)
        yield Block(number, created_us, stream, entries, digest)


def _operation(write: PutOperation) -> _Changed:
    operation = write.operation
    return _Changed(operation.device.enterprise, str(operation.name), operation.type)


def _device(write: PutDevice) -> _Changed:
    return _Changed(write.record.name.enterprise, str(write.record.name))


def _record(write: Put[Any]) -> _Changed | None:
    kind = OF_RECORD.get(type(write.record))
    return _named(kind, kind.key_of(write.record)) if kind is not None else None


def _named(kind: Kind[Any, Any] | None, key: tuple[Any, ...]) -> _Changed | None:
    if kind is None or kind.resource is None:
        return None
    return _Changed(key[0] if kind.key_columns[0].name == "enterprise" else SERVER_STREAM, kind.resource(key))


def _nothing(_write: Write) -> None:
    """Notifications are no change of a resource; entries are recorded as they are."""


_CHANGED: Mapping[type, Callable[[Any], _Changed | None]] = {
    PutOperation: _operation,
    PutDevice: _device,
    DeleteDevice: lambda write: _Changed(write.name.enterprise, str(write.name)),
    PutTombstone: lambda write: _Changed(write.tombstone.name.enterprise, str(write.tombstone.name)),
    Put: _record,
    Delete: lambda write: _named(OF_KEY.get(type(write.name)), write.name),
    **dict.fromkeys((Publish, Published, Postponed, AppendEvent, AddAuditEntry, AddCheckpoint), _nothing),
}
_TELLING = frozenset({PutOperation, DeleteDevice, PutTombstone})
"""Writes that are recorded even if the method only says how things are."""

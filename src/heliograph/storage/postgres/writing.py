"""What a batch wrote, as one statement per kind of row, each with its rows as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

from heliograph.storage.batch.audit import BlockRow
from heliograph.storage.batch.rows import OperationKey
from heliograph.storage.batch.writes import Batch
from heliograph.storage.codec import encode_record, operation_columns
from heliograph.storage.kind import Kind, Row
from heliograph.storage.kinds import BELONGING, ENTERPRISES, KINDS, SERIALS, TOMBSTONES, DeviceKey
from heliograph.storage.postgres.link import Link, numbers
from heliograph.storage.postgres.loading import Loaded


async def write(link: Link, loaded: Loaded) -> None:
    """Every row the batch wrote, within the link's transaction; in the order of keys, so that two servers do not wait for each other.

    Raises: DATABASE_ERRORS; a unique violation means that another server was faster.
    """
    batch, absent = loaded
    written = batch.written
    if written.names:
        await link.run_rows("insert_device_keys", sorted((key, *name) for key, name in written.names))
    blocks: Sequence[BlockRow] = batch.audit_blocks() if written.commands or written.audit else ()
    if written.new_operations:
        blocks = await _write_operations(link, "insert", batch, written.new_operations, blocks)
    if written.operations:
        blocks = await _write_operations(link, "replace", batch, written.operations, blocks)
    if written.devices or written.tombstones:
        await _write_devices(link, batch)
    if written.serials:
        await link.run_rows(SERIALS.names.put, sorted(written.serials))
    if written.records:
        await _write_records(link, batch, absent)
    if written.outbox:
        messages = sorted(written.outbox.new, key=lambda message: (message.destination, message.supersedes or ""))
        await link.run_rows("put_messages", messages)
        await link.run_rows("postpone_messages", sorted(written.outbox.postponed))
        await link.run_rows("delete_messages", sorted(written.outbox.published))
    if gone := [name.enterprise for name in written.emptied.get(ENTERPRISES, ())]:
        # What is being numbered meanwhile is an event by the second statement.
        await link.run("delete_event_arrivals_of", gone)
        await link.run("delete_events_of", gone)
    await link.run_rows("append_events", written.events)
    await link.run_rows("append_audit_arrivals", blocks)


async def _write_operations(
    link: Link, verb: str, batch: Batch, keys: Mapping[OperationKey, int], blocks: Sequence[BlockRow]
) -> Sequence[BlockRow]:  # fmt: skip
    """The operations are written, and these blocks with them; the blocks that are left to write."""
    rows: list[Row] = []
    for key, device_key in keys.items():
        operation = batch.operations[key]
        if operation is not None:
            rows.append((key[1], device_key, *operation_columns(operation)))
    if not rows:
        return blocks
    *columns, records = zip(*rows, strict=True)
    if not blocks:
        await link.run(f"{verb}_operations", *map(numbers, columns), records)
    else:
        await link.run(f"{verb}_audited_operations", *map(numbers, columns), records, *zip(*blocks, strict=True))
    return ()


async def _write_devices(link: Link, batch: Batch) -> None:
    states = [(name, batch.states[name]) for name in batch.written.devices]
    await link.run_rows(
        "put_devices",
        sorted(
            (state.key, name.enterprise, record.position, record.credential_hash, record.policy_name, encode_record(record))
            for name, state in states
            if state and (record := state.record)
        ),
    )
    await link.run_rows("delete_devices", sorted((state.key,) for _, state in states if state and not state.record))
    dead = [(state.key, state.tombstone) for name in batch.written.tombstones if (state := batch.states[name]) and state.tombstone]
    await link.run_rows(TOMBSTONES.names.put, sorted(TOMBSTONES.row_of(DeviceKey(key), stone) for key, stone in dead))


async def _write_records(link: Link, batch: Batch, absent: Mapping[Kind[Any, Any], set[Any]]) -> None:
    """Records that were looked for and missing must still be missing; the others are locked, or were not looked for."""
    for parent, keys in batch.written.emptied.items():
        for kind in BELONGING[parent]:
            await link.run_rows(kind.names.delete_of_parent, sorted(keys))
    for kind in [kind for kind in KINDS if kind in batch.written.records]:
        rows, gone = batch.changed(kind)
        new = absent.get(kind, set())
        await link.run_rows(kind.names.insert, sorted(row for key, row in rows.items() if key in new))
        await link.run_rows(kind.names.put, sorted(row for key, row in rows.items() if key not in new))
        await link.run_rows(kind.names.delete, sorted(gone))

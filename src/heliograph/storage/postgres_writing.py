"""What a batch wrote, as one statement per kind of row, each with its rows as arrays."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from heliograph.storage.batch import Batch
from heliograph.storage.codec import encode_record, operation_columns
from heliograph.storage.looking import OperationKey
from heliograph.storage.postgres_link import Link, numbers
from heliograph.storage.postgres_loading import Absent, Loaded

Row = tuple[Any, ...]


async def write(link: Link, loaded: Loaded) -> None:
    """Every row the batch wrote, within the link's transaction; in the order of keys, so that two servers do not wait for each other.

    Raises: DATABASE_ERRORS; a unique violation tells that another server was faster.
    """
    batch, absent = loaded
    written = batch.written
    if written.names:
        await link.run_rows("insert_device_keys", sorted((key, *name) for key, name in written.names))
    if written.new_operations:
        await _write_operations(link, "insert_operations", batch, written.new_operations)
    if written.operations:
        await _write_operations(link, "replace_operations", batch, written.operations.difference(written.new_operations))
    if written.devices or written.tombstones:
        await _write_devices(link, batch)
    if written.serials:
        await link.run_rows("put_serials", sorted(written.serials))
    if written.requests:
        await _write_requests(link, batch, absent)
    if written.enterprises or written.tokens or written.policies:
        await _write_enterprises(link, batch, absent)
    if written.outbox:
        messages = sorted(written.outbox.new, key=lambda message: (message.destination, message.supersedes or ""))
        await link.run_rows("put_messages", messages)
        await link.run_rows("postpone_messages", sorted(written.outbox.postponed))
        await _delete(link, "delete_messages", written.outbox.published)


async def _write_operations(link: Link, name: str, batch: Batch, keys: Iterable[OperationKey]) -> None:
    rows: list[Row] = []
    for key in keys:
        operation, state = batch.operations[key], batch.states[key[0]]
        if operation is not None and state is not None:
            rows.append((key[1], state.key, *operation_columns(operation)))
    if rows:
        *columns, records = zip(*rows, strict=True)
        await link.run(name, *map(numbers, columns), records)


async def _delete(link: Link, name: str, rows: Sequence[Row]) -> None:
    await link.run_rows(name, sorted(rows))


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
    await _delete(link, "delete_devices", [(state.key,) for _, state in states if state and not state.record])
    dead = [(state.key, state.tombstone) for name in batch.written.tombstones if (state := batch.states[name]) and state.tombstone]
    await link.run_rows(
        "put_tombstones", sorted((key, stone.credential_hash, stone.expires_us, encode_record(stone)) for key, stone in dead)
    )


async def _write_requests(link: Link, batch: Batch, absent: Absent) -> None:
    requests = [one for key in batch.written.requests if (one := batch.requests[key])]
    rows = {one.key: (*one.key, one.device.device, one.create_ms, one.digest, one.expires_us) for one in requests}
    await _put(link, "requests", rows, absent.requests)


async def _write_enterprises(link: Link, batch: Batch, absent: Absent) -> None:
    written = batch.written
    emptied = sorted(written.emptied)
    await link.run_rows("delete_tokens_of_enterprises", emptied)
    await link.run_rows("delete_policies_of_enterprises", emptied)
    enterprises = {name: batch.enterprises[name] for name in written.enterprises}
    rows: dict[Any, Row] = {name: (*name, one.position, encode_record(one)) for name, one in enterprises.items() if one}
    await _put(link, "enterprises", rows, absent.enterprises)
    await _delete(link, "delete_enterprises", [name for name, one in enterprises.items() if not one])
    tokens = {name: batch.tokens[name] for name in written.tokens}
    rows = {name: (*name, one.position, one.value, encode_record(one)) for name, one in tokens.items() if one}
    await _put(link, "tokens", rows, absent.tokens)
    await _delete(link, "delete_tokens", [name for name, one in tokens.items() if not one])
    policies = {name: batch.policies[name] for name in written.policies}
    rows = {name: (*name, one.position, encode_record(one)) for name, one in policies.items() if one}
    await _put(link, "policies", rows, absent.policies)
    await _delete(link, "delete_policies", [name for name, one in policies.items() if not one])


async def _put(link: Link, kind: str, rows: dict[Any, Row], absent: Collection[Any]) -> None:
    """Those that were looked for and not there must still not be there; the others are ours, or nobody looked."""
    new = sorted(row for key, row in rows.items() if key in absent)
    await link.run_rows(f"insert_{kind}", new)
    await link.run_rows(f"put_{kind}", sorted(row for key, row in rows.items() if key not in absent))

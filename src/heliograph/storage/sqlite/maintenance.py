"""What removes rows for good. Each runs alone in the writer's thread, inside one transaction.

Memory forgets recent rows before the commit, and reads again what it forgot too early; open operations go with the batch.
"""

from heliograph.domain.names import DeviceName
from heliograph.storage.batch.writes import Batch
from heliograph.storage.kinds import KINDS, TOMBSTONES
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.tables import Tables


def retire(tables: Tables, memory: Memory, batch: Batch, *, ended_before_us: int, events_before_us: int, limit: int) -> int:
    """How many rows went: operations that ended before the time, records past their expiry, kind by kind; and old events."""
    operations = tables.one("ended_before", ended_before_us, limit)
    tables.many("delete_operations", [(create_ms, key) for _, _, create_ms, key in operations])
    tables.many("delete_indexed", sorted((key, create_ms) for _, _, create_ms, key in operations))
    gone = [(DeviceName(enterprise, device), key, create_ms) for enterprise, device, create_ms, key in operations]
    batch.afterwards.append(lambda: memory.unswept.remove(gone))
    for name, _, create_ms in gone:
        memory.operations.forget((name, create_ms))
    removed = len(operations)
    for kind in [kind for kind in KINDS if kind.expires]:
        keys = tables.one(kind.names.expired, batch.now_us, limit - removed)
        if kind is TOMBSTONES:
            for enterprise, device in tables.many("names_of_devices", keys):
                memory.devices.forget(DeviceName(enterprise, device))
        for key in keys if kind in memory.records else ():
            memory.records[kind].forget(key)
        tables.many(kind.names.delete, keys)
        removed += len(keys)
    old: dict[str, int] = {}
    for enterprise, number in tables.one("events_before", events_before_us, limit):
        old[enterprise] = max(number, old.get(enterprise, 0))
        removed += 1
    tables.many("delete_events_until", list(old.items()))
    return removed


def forget_device(tables: Tables, memory: Memory, batch: Batch, name: DeviceName) -> None:
    """Delete everything of the device but its key."""
    state = tables.device_states((name,)).get(name)
    if state is None:
        return
    unswept = [(name, state.key, create_ms) for create_ms in memory.unswept.after(name, 0, memory.unswept.size)]
    tables.many("delete_operations", [(create_ms, key) for _, key, create_ms in unswept])
    batch.afterwards.append(lambda: memory.unswept.remove(unswept))
    tables.one("forget_operations_of", state.key)
    tables.one("forget_indexed_of", state.key)
    for kind in [kind for kind in KINDS if kind.has("enterprise") and kind.has("device")]:
        tables.one(kind.names.forget_of_device, *name)
    tables.many("delete_devices", [(state.key,)])
    tables.many("delete_tombstones", [(state.key,)])
    batch.afterwards.append(lambda: memory.living.put(state.key, lives=False))
    batch.open[name] = []
    batch.given[name] = 0
    # Rare enough to forget every device's rows: nothing says which of them are this device's.
    memory.forget_recent()

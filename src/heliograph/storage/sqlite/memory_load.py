"""What memory must hold completely, read once when the store opens. The cost follows what is there, not what was."""

from heliograph.domain.names import DeviceName
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.tables import Tables


def remembered(tables: Tables) -> Memory:
    """Memory as a crash or a restart finds it."""
    memory = Memory()
    # Above the watermark, too: an operation at or below it would be in no index, and after the next restart not unswept either.
    memory.given.raise_floor(tables.one("newest_create_ms")[0][0])
    memory.unswept.add({(DeviceName(enterprise, device), create_ms): key for enterprise, device, create_ms, key in tables.one("unswept")})
    opened: dict[DeviceName, list[int]] = {}
    for enterprise, device, create_ms in tables.one("all_open"):
        opened.setdefault(DeviceName(enterprise, device), []).append(create_ms)
    memory.open = {name: sorted(create_ms) for name, create_ms in opened.items()}
    for (key,) in tables.one("living_devices"):
        memory.living.put(key, lives=True)
    return memory

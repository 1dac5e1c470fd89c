"""What a batch's rules must see, locked and read from PostgreSQL before they run: sets of keys, one statement per kind of row."""

import contextlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

from heliograph.domain.names import DeviceName
from heliograph.storage.batch.rows import DeviceState, NothingRemembered, SerialKey
from heliograph.storage.batch.writes import Batch
from heliograph.storage.codec import device_from, operation_from, tombstone_from
from heliograph.storage.kind import Codec, Kind, ReadRow
from heliograph.storage.kinds import ENTERPRISES, KINDS
from heliograph.storage.postgres.ids import Numbers
from heliograph.storage.postgres.link import Link, Record, numbers
from heliograph.storage.postgres.read_set import LoadedOnly, NotLoaded, ReadSet
from heliograph.storage.recent import Recent

V = TypeVar("V")

DECODED_MOST = 8_192
"""Records remembered in decoded form, per generation and kind."""
DEVICE_KEY_BLOCK = 64
MESSAGE_ID_BLOCK = 1_024
KEYS_MOST = 262_144
"""Devices with remembered keys: some 300 bytes each. A name keeps its key for ever."""


_position = attrgetter("position")
NOTHING_REMEMBERED = NothingRemembered()


class Decoded(Generic[V]):
    """Records as values, decoded once: the database is asked each time, and mostly it says what it said before."""

    def __init__(self, decode: Callable[[bytes], V]) -> None:
        self._decode = decode
        self._known: Recent[Hashable, tuple[bytes, V]] = Recent(DECODED_MOST)

    def value(self, record: bytes, key: Hashable = None) -> V:
        """The decoded record. `key` identifies it: that costs less than hashing its contents."""
        if key is None:
            key = record
        known = self._known.get(key)
        if known is not None and known[0] == record:
            return known[1]
        value = self._decode(record)
        self._known.put({key: (record, value)})
        return value


class OpenIds(Collection[int]):
    """create_ms of open operations, as the database writes an array, parsed only on use: most rules only count them."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __len__(self) -> int:
        return self._text.count(",") + 1 if self._text != "{}" else 0

    def __iter__(self) -> Iterator[int]:
        return map(int, self._text[1:-1].split(",") if self else ())

    def __contains__(self, create_ms: object) -> bool:
        return create_ms in tuple(self)


class Loaded(NamedTuple):
    """A batch before its rules run: it has everything that was wanted."""

    batch: Batch
    absent: dict[Kind[Any, Any], set[Any]]
    """By kind, the records that were looked for, only by this transaction, and are missing."""


class Loader:
    """Locks and loads; remembers what never changes, and how records read."""

    def __init__(self) -> None:
        self.device_keys = Numbers(DEVICE_KEY_BLOCK)
        self.message_ids = Numbers(MESSAGE_ID_BLOCK)
        self._source = LoadedOnly(self.device_keys, self.message_ids)
        self._keys: dict[DeviceName, int] = {}
        # For reads beside the batches too.
        self.devices = Decoded(device_from)
        self.from_row: Mapping[Kind[Any, Any], Callable[[ReadRow], Any]] = {
            kind: _decoding_once(kind.codec) if kind.codec and kind.remembered else kind.from_row for kind in KINDS
        }
        """For each kind, what makes a record of a row; those that memory would hold are decoded once."""

    async def load(self, link: Link, read_set: ReadSet) -> Loaded:
        """Everything in the read set, within the link's transaction, locked against others.  Raises: DATABASE_ERRORS, NotLoaded."""
        loaded = Loaded(Batch(NOTHING_REMEMBERED, self._source, 0), {})
        if read_set.rare:
            await self.stock(link, device_keys=read_set.device_keys, message_ids=read_set.message_ids)
            await self._lock_rare(link, read_set, loaded)
            read_set.devices.update(await self._owners(link, read_set.credentials))
        await self._load_devices(link, read_set, loaded.batch)
        if read_set.rare:
            await self._load_rare(link, read_set, loaded.batch)
        return loaded

    async def keys_of(self, link: Link, names: Collection[DeviceName]) -> dict[DeviceName, int]:
        """The keys of those that have one.  Raises: DATABASE_ERRORS."""
        known = {name: key for name, key in zip(names, map(self._keys.get, names), strict=True) if key is not None}
        if len(known) < len(names):
            rows = await link.run_rows("keys_of_devices", [name for name in names if name not in known])
            found = {DeviceName(enterprise, device): key for enterprise, device, key in rows}
            if len(self._keys) > KEYS_MOST:
                self._keys.clear()
            self._keys.update(found)
            known |= found
        return known

    @contextlib.contextmanager
    def numbers_for_one_run(self) -> Iterator[None]:
        """Keys and ids given meanwhile are used, unless the block ends with an error."""
        try:
            yield
        except BaseException:
            self.device_keys.take_back()
            self.message_ids.take_back()
            raise
        self.device_keys.keep()
        self.message_ids.keep()

    async def stock(self, link: Link, *, device_keys: int = 1, message_ids: int = 1) -> None:
        """This many numbers are at hand, so that few batches run in vain.  Raises: DATABASE_ERRORS."""
        if blocks := self.device_keys.blocks_for(device_keys):
            self.device_keys.add([number for (number,) in await link.run("device_key_blocks", blocks)])
        if blocks := self.message_ids.blocks_for(message_ids):
            self.message_ids.add([number for (number,) in await link.run("message_id_blocks", blocks)])

    async def _load_devices(self, link: Link, read_set: ReadSet, batch: Batch) -> None:
        keys = await self.keys_of(link, read_set.devices)
        names = {key: name for name, key in keys.items()}
        if keys:
            await link.run("lock_devices", numbers(names))
        if len(keys) < len(read_set.devices):
            nameless = read_set.devices - keys.keys()
            batch.states.update(dict.fromkeys(nameless))
            batch.open.update((name, []) for name in nameless)
            await self.stock(link, device_keys=len(nameless))
        batch.operations.update(dict.fromkeys(read_set.operations))
        enterprises = batch.records[ENTERPRISES]
        for enterprise in read_set.subscriptions:
            enterprises.setdefault(enterprise)
        if read_set.subscriptions:
            # To a topic and to the push endpoint.
            await self.stock(link, message_ids=2 * len(read_set.operations))
        operations = [(keys[name], create_ms) for name, create_ms in read_set.operations if name in keys]
        opened = [keys[name] for name in read_set.opened if name in keys]
        subscriptions = [name.enterprise for name in read_set.subscriptions if enterprises[name] is None]
        if keys or subscriptions:
            devices, times = zip(*operations, strict=True) if operations else ((), ())
            rows = await link.run("load", numbers(names), numbers(devices), numbers(times), numbers(opened), subscriptions)
            self._take(rows, names, batch)

    def _take(self, rows: Iterable[Record], names: Mapping[int, DeviceName], batch: Batch) -> None:
        for key, create_ms, state, deadline_us, ended_us, record, tombstone, newest_ms, opened in rows:
            if state is not None:
                name = names[key]
                batch.operations[name, create_ms] = operation_from(name, create_ms, (state, deadline_us, ended_us, record))
            elif key is not None:
                name = names[key]
                device = self.devices.value(record, key) if record is not None else None
                batch.states[name] = DeviceState(key, device, tombstone_from(tombstone) if tombstone is not None else None)
                batch.open[name] = OpenIds(opened)
                batch.given[name] = newest_ms or 0
            else:
                enterprise = self.from_row[ENTERPRISES]((record,))
                batch.records[ENTERPRISES][enterprise.name] = enterprise

    async def _lock_rare(self, link: Link, read_set: ReadSet, loaded: Loaded) -> None:
        for kind in KINDS:
            names, values = read_set.locked.get(kind), read_set.found.get(kind)
            if names or values:
                await self._lock(link, kind, names or set(), values or set(), loaded)

    async def _lock(self, link: Link, kind: Kind[Any, Any], names: set[Any], values: set[str], loaded: Loaded) -> None:
        looked, found = loaded.batch.records[kind], loaded.batch.found[kind]
        looked.update(dict.fromkeys(names))
        found.update(dict.fromkeys(values))
        rows = await link.run_rows(kind.names.lock, sorted(names))
        if values:
            rows = rows + await link.run(kind.names.lock_found, sorted(values))
        records = list(map(self.from_row[kind], rows))
        if values:
            records.sort(key=_position)
        for record in records:
            key = kind.key_of(record)
            looked[key] = record
            if values and (value := kind.found_value(record)) in values:
                found[value] = key
        loaded.absent[kind] = {name for name in names if looked[name] is None}

    async def _load_rare(self, link: Link, read_set: ReadSet, batch: Batch) -> None:
        # Once more, now that it is locked: the first read only showed which devices to lock.
        owners = await self._owners(link, read_set.credentials)
        if not read_set.devices.issuperset(owners):
            raise NotLoaded(lambda read_set: read_set.devices.update(owners))
        batch.credentials.update(dict.fromkeys(read_set.credentials))
        batch.credentials.update({credential_hash: owner for owner, hashes in owners.items() for credential_hash in hashes})
        found: dict[SerialKey, list[str]] = {}
        for enterprise, serial, device in await link.run_rows("devices_of_serials", sorted(read_set.serials)):
            found.setdefault((enterprise, serial), []).append(str(DeviceName(enterprise, device)))
        batch.serials.update({key: tuple(found.get(key, ())) for key in read_set.serials})
        for kind, names in read_set.read.items():
            looked = batch.records[kind]
            missing = sorted(names - looked.keys())
            looked.update(dict.fromkeys(missing))
            records = map(self.from_row[kind], await link.run_rows(kind.names.named, missing))
            looked.update((kind.key_of(record), record) for record in records)

    async def _owners(self, link: Link, credential_hashes: Collection[bytes]) -> Mapping[DeviceName, Sequence[bytes]]:
        """The devices of these credentials: the managed before the deleted, the newest before the older."""
        if not credential_hashes:
            return {}
        rows = sorted(await link.run("owners", list(credential_hashes)), key=lambda row: (row["living"], row["device_key"]))
        newest = {credential_hash: DeviceName(enterprise, device) for _, _, credential_hash, enterprise, device in rows}
        owners: dict[DeviceName, list[bytes]] = {}
        for credential_hash, owner in newest.items():
            owners.setdefault(owner, []).append(credential_hash)
        return owners


def _decoding_once(codec: Codec[V]) -> Callable[[ReadRow], V]:
    value = Decoded(codec.decode).value
    return lambda row: value(row[0])

"""What the rules of a batch want to see, as sets of keys: from their Sees, and from rules that need more than was foreseen."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Any, NoReturn

from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.service.ports import Sees
from heliograph.storage.batch.rows import OperationKey, SerialKey
from heliograph.storage.batch.view import records_of, serial_key
from heliograph.storage.kind import Kind
from heliograph.storage.kinds import ENTERPRISES, TOKENS
from heliograph.storage.postgres.ids import Numbers, OutOfNumbers

FEW_NUMBERS = 64


class NotLoaded(BaseException):
    """A rule needs rows that are not loaded: `grow(read_set)` adds them, and the batch runs again from its beginning.

    Not an Exception, because rules may catch those.
    """

    def __init__(self, grow: Callable[["ReadSet"], None]) -> None:
        super().__init__()
        self.grow = grow


class ReadSet:
    """What the rules of a batch want to see."""

    def __init__(self) -> None:
        self.devices: set[DeviceName] = set()
        """Locked; with them all that is theirs may be read and changed."""
        self.operations: set[OperationKey] = set()
        """Those of `devices` whose open operations are wanted."""
        self.opened: set[DeviceName] = set()
        self.subscriptions: set[EnterpriseName] = set()
        """Enterprises read and not locked, so that devices of one enterprise do not wait for each other."""
        self.locked: defaultdict[Kind[Any, Any], set[Any]] = defaultdict(set)
        """Records that the rules named, by kind."""
        self.found: defaultdict[Kind[Any, Any], set[str]] = defaultdict(set)
        """Values of the column `found_by`, by kind; the records are locked, too."""
        self.read: defaultdict[Kind[Any, Any], set[Any]] = defaultdict(set)
        """Records that devices lead to, by kind: not locked, for the same reason as subscriptions."""
        self.credentials: set[bytes] = set()
        self.serials: set[SerialKey] = set()
        self.device_keys = 0
        """How many new numbers: requested when those at hand did not suffice."""
        self.message_ids = 0

    @property
    def rare(self) -> bool:
        """Whether anything is wanted besides devices, their operations and subscriptions."""
        return bool(self.locked or self.found or self.read or self.credentials or self.serials or self.device_keys or self.message_ids)

    def more_device_keys(self) -> None:
        """Twice as many new keys as last time: how many a batch needs is unknown until it has run."""
        self.device_keys = 2 * self.device_keys or FEW_NUMBERS

    def more_message_ids(self) -> None:
        """As for keys."""
        self.message_ids = 2 * self.message_ids or FEW_NUMBERS

    def add(self, all_sees: Iterable[Sees]) -> None:
        """What these rules ask for."""
        for sees in all_sees:
            device = sees.device
            if device is not None:
                self.devices.add(device)
                if sees.create_ms is not None:
                    self.operations.add((device, sees.create_ms))
                if sees.open_operations:
                    self.opened.add(device)
                if sees.subscription:
                    self.subscriptions.add(device.parent)
            if (
                device is None or sees.request or sees.enterprise or sees.policy or sees.credential_hash or sees.token_value
                or sees.token_name or sees.records
            ):  # fmt: skip
                self._add_rare(sees)

    def _add_rare(self, sees: Sees) -> None:
        for kind, name in records_of(sees):
            self.locked[kind].add(name)
        if sees.credential_hash is not None:
            self.credentials.add(sees.credential_hash)
        if sees.token_value is not None:
            self.found[TOKENS].add(sees.token_value)
        if (serial := serial_key(sees)) is not None:
            self.serials.add(serial)


class LoadedOnly:
    """The Source of a batch that is fully loaded: any question to it was not foreseen."""

    def __init__(self, device_keys: Numbers, message_ids: Numbers) -> None:
        self._device_keys = device_keys
        self._message_ids = message_ids

    def new_device_key(self) -> int:
        try:
            return self._device_keys.give()
        except OutOfNumbers:
            raise NotLoaded(ReadSet.more_device_keys) from None

    def new_message_id(self, now_us: int) -> int:
        try:
            return self._message_ids.give()
        except OutOfNumbers:
            raise NotLoaded(ReadSet.more_message_ids) from None

    def device_states(self, names: Collection[DeviceName]) -> NoReturn:
        raise NotLoaded(lambda read_set: read_set.devices.update(names))

    def owners(self, credential_hashes: Collection[bytes]) -> NoReturn:
        raise NotLoaded(lambda read_set: read_set.credentials.update(credential_hashes))

    def operations(self, keys: Collection[OperationKey]) -> NoReturn:
        raise NotLoaded(lambda read_set: read_set.operations.update(keys))

    def records(self, kind: Kind[Any, Any], keys: Collection[Any]) -> NoReturn:
        if kind is ENTERPRISES:
            raise NotLoaded(lambda read_set: read_set.subscriptions.update(keys))
        raise NotLoaded(lambda read_set: (read_set.read if kind.of_devices else read_set.locked)[kind].update(keys))

    def records_found(self, kind: Kind[Any, Any], values: Collection[str]) -> NoReturn:
        raise NotLoaded(lambda read_set: read_set.found[kind].update(values))

    def serials(self, keys: Collection[SerialKey]) -> NoReturn:
        raise NotLoaded(lambda read_set: read_set.serials.update(keys))

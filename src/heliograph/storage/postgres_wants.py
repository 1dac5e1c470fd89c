"""What the rules of a batch want to see, as sets of keys: told by their Sees, and by rules that ask for what nobody foresaw."""

from collections.abc import Callable, Collection, Iterable
from typing import NoReturn

from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.request_id import RequestKey
from heliograph.service.ports import Sees
from heliograph.service.record_rules import RecordName
from heliograph.storage.looking import OperationKey, SerialKey
from heliograph.storage.postgres_ids import Numbers, OutOfNumbers
from heliograph.storage.seen import serial_key

FEW_NUMBERS = 64


class Unforeseen(BaseException):
    """A rule needs rows that nobody loaded: `grow(wants)` asks for them besides, and the batch runs again from its beginning.

    No Exception, for rules may catch those.
    """

    def __init__(self, grow: Callable[["Wants"], None]) -> None:
        super().__init__()
        self.grow = grow


class Wants:
    """What the rules of a batch want to see."""

    def __init__(self) -> None:
        self.devices: set[DeviceName] = set()
        """Locked; with them all that is theirs may be read and changed."""
        self.operations: set[OperationKey] = set()
        """Of `devices`, as those are whose open operations are wanted."""
        self.opened: set[DeviceName] = set()
        self.subscriptions: set[EnterpriseName] = set()
        """Enterprises read and not locked, so that devices of one enterprise do not wait for each other."""
        self.applied: set[PolicyName] = set()
        """Policies read and not locked."""
        self.enterprises: set[EnterpriseName] = set()
        """Locked, as are the following."""
        self.token_names: set[EnrollmentTokenName] = set()
        self.token_values: set[str] = set()
        self.policies: set[PolicyName] = set()
        self.requests: set[RequestKey] = set()
        self.credentials: set[bytes] = set()
        self.serials: set[SerialKey] = set()
        self.device_keys = 0
        """So many new numbers: asked for when the ones at hand did not suffice."""
        self.message_ids = 0

    @property
    def rare(self) -> bool:
        """Whether anything is wanted besides devices, their operations and subscriptions."""
        return bool(
            self.requests or self.enterprises or self.token_names or self.token_values or self.policies or self.credentials
            or self.serials or self.applied or self.device_keys or self.message_ids
        )  # fmt: skip

    def more_device_keys(self) -> None:
        """Twice as many new keys as the last time: nobody knows how many a batch needs before it has run."""
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
            if sees.request is not None:
                self.requests.add(sees.request)
            if sees.records:
                self._add_records(sees.records)
            if device is None or sees.enterprise or sees.policy or sees.credential_hash or sees.token_value or sees.token_name:
                self._add_rare(sees)

    def _add_rare(self, sees: Sees) -> None:
        if sees.enterprise is not None:
            self.enterprises.add(sees.enterprise)
        if sees.policy is not None:
            self.policies.add(sees.policy)
        if sees.credential_hash is not None:
            self.credentials.add(sees.credential_hash)
        if sees.token_value is not None:
            self.token_values.add(sees.token_value)
        if sees.token_name is not None:
            self.token_names.add(sees.token_name)
        if (serial := serial_key(sees)) is not None:
            self.serials.add(serial)

    def _add_records(self, names: Iterable[RecordName]) -> None:
        for name in names:
            match name:
                case EnterpriseName():
                    self.enterprises.add(name)
                case EnrollmentTokenName():
                    self.token_names.add(name)
                case PolicyName():
                    self.policies.add(name)
                case _:
                    self.requests.add(RequestKey(*name))


class Demanding:
    """The Source of a batch for which everything was loaded: whoever asks it has found something that was not foreseen."""

    def __init__(self, device_keys: Numbers, message_ids: Numbers) -> None:
        self._device_keys = device_keys
        self._message_ids = message_ids

    def new_device_key(self) -> int:
        try:
            return self._device_keys.give()
        except OutOfNumbers:
            raise Unforeseen(Wants.more_device_keys) from None

    def new_message_id(self, now_us: int) -> int:
        try:
            return self._message_ids.give()
        except OutOfNumbers:
            raise Unforeseen(Wants.more_message_ids) from None

    def device_states(self, names: Collection[DeviceName]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.devices.update(names))

    def owners(self, credential_hashes: Collection[bytes]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.credentials.update(credential_hashes))

    def operations(self, keys: Collection[OperationKey]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.operations.update(keys))

    def enterprises(self, names: Collection[EnterpriseName]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.subscriptions.update(names))

    def tokens_valued(self, values: Collection[str]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.token_values.update(values))

    def tokens_named(self, names: Collection[EnrollmentTokenName]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.token_names.update(names))

    def serials(self, keys: Collection[SerialKey]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.serials.update(keys))

    def requests(self, keys: Collection[RequestKey]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.requests.update(keys))

    def policies(self, names: Collection[PolicyName]) -> NoReturn:
        raise Unforeseen(lambda wants: wants.applied.update(names))

"""Records as the columns that queries ask for, and one cold column for the rest; and back.

What stands here stands in databases: fields of `_ColdOperation` are only ever added, at its end, with a default; records are
wire-style JSON in which an unknown or missing field is not an error.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from heliograph.domain.device import DeviceRecord, DeviceState, Tombstone, state_of
from heliograph.domain.evidence import Judgement
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, ShownOperation, State, TimelineEntry
from heliograph.domain.outcome import ErrorCode, RpcStatus
from heliograph.domain.outcome_hours import EndedCount
from heliograph.protojson.types import Int64, encode_hook
from heliograph.service.fleet_counts import DeviceStates
from heliograph.storage.kind import Codec, ReadRow

R = TypeVar("R")
OperationColumns = tuple[int, int | None, int | None, bytes]
"""state, deadline_us, ended_us, record."""
OperationRow = Iterable[Any]
"""enterprise, device, create_ms, and the columns: as each engine's driver gives a row."""


class _ShownColumn(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The beginning of `_ColdOperation`, as far as callers are shown it: what follows is passed over."""

    type: str
    command: bytes
    duration: str
    user_name: str
    expires_us: int
    ack_id: str
    acked_us: int
    released: bool
    report_seq: int
    status: bytes
    error_code: ErrorCode | None
    error: RpcStatus | None


class _ColdOperation(_ShownColumn, frozen=True, array_like=True, gc=False):
    secret: bytes | None
    timeline: tuple[TimelineEntry, ...]
    asking: bool = False
    begun: bool = False
    evidence: bytes = b""
    judgement: Judgement = Judgement.NOT_OBSERVED
    sealed_to: str = ""
    starts_us: int = 0


_encode_cold = msgspec.msgpack.Encoder().encode
_decode_cold = msgspec.msgpack.Decoder(_ColdOperation).decode
_decode_shown = msgspec.msgpack.Decoder(_ShownColumn).decode
_STATES = tuple(State)


def operation_columns(operation: Operation) -> OperationColumns:
    """The operation's columns after device_key and create_ms."""
    # As a tuple, the fields of _ColdOperation in their order: that reads the same and costs a quarter less.
    cold = (
        operation.type, operation.command, operation.duration, operation.user_name, operation.expires_us,
        operation.ack_id, operation.acked_us, operation.released, operation.report_seq, operation.status,
        operation.error_code, operation.error, operation.secret, operation.timeline, operation.asking, operation.begun,
        operation.evidence, operation.judgement, operation.sealed_to, operation.starts_us,
    )  # fmt: skip
    return int(operation.state), operation.deadline_us, operation.ended_us, _encode_cold(cold)


def operation_from(device: DeviceName, create_ms: int, columns: OperationColumns) -> Operation:
    """The operation that `operation_columns` took apart."""
    state, deadline_us, ended_us, record = columns
    cold = _decode_cold(record)
    return Operation(
        device=device, create_ms=create_ms, type=cold.type, command=cold.command, duration=cold.duration,
        user_name=cold.user_name, expires_us=cold.expires_us, state=_STATES[state], deadline_us=deadline_us,
        ack_id=cold.ack_id, acked_us=cold.acked_us, released=cold.released, report_seq=cold.report_seq,
        status=cold.status, error_code=cold.error_code, error=cold.error, secret=cold.secret, ended_us=ended_us,
        timeline=cold.timeline, asking=cold.asking, begun=cold.begun, evidence=cold.evidence,
        judgement=cold.judgement, sealed_to=cold.sealed_to, starts_us=cold.starts_us,
    )  # fmt: skip


def shown_operation_from(device: DeviceName, create_ms: int, columns: OperationColumns) -> ShownOperation:
    """What callers are shown of the operation that `operation_columns` took apart."""
    cold = _decode_shown(columns[3])
    return ShownOperation(
        device, create_ms, _STATES[columns[0]], cold.type, cold.command, cold.duration, cold.user_name, cold.status,
        cold.error_code, cold.error,
    )  # fmt: skip


def operations_from(rows: Iterable[OperationRow]) -> Iterable[Operation]:
    """Operations of rows (enterprise, device, create_ms, columns…)."""
    return (
        operation_from(DeviceName(enterprise, device), create_ms, (state, deadline_us, ended_us, record))
        for enterprise, device, create_ms, state, deadline_us, ended_us, record in rows
    )


class _Applied(msgspec.Struct, rename="camel", gc=False):
    applied_state: DeviceState = DeviceState.ACTIVE


class _Stated(msgspec.Struct, gc=False):
    """What a device's state follows from, without the rest of its record: read of all devices of an enterprise."""

    wanted_state: DeviceState = DeviceState.ACTIVE
    last_policy_sync_us: int = 0
    report: _Applied = msgspec.field(default_factory=_Applied)


_decode_stated = msgspec.json.Decoder(_Stated).decode


def states_in(rows: Sequence[ReadRow], *, limit: int) -> DeviceStates:
    """The states of devices by their rows (position, record), of which `limit` were asked for."""
    found = map(_decode_stated, (record for _, record in rows))
    counts = Counter(state_of(one.report.applied_state, one.wanted_state, synced=bool(one.last_policy_sync_us)) for one in found)
    return DeviceStates(counts, rows[-1][0] if len(rows) == limit else "")


def ended_counts_from(rows: Iterable[ReadRow]) -> Sequence[EndedCount]:
    """Counts of rows (state, class of TOOK, count)."""
    return [EndedCount(_STATES[state], took, number) for state, took, number in rows]


def _decode_hook(wanted: type, value: int | str) -> Int64:
    """Int64 as `encode_hook` wrote it, or as a plain int that some rule put in its place: what was stored must be readable."""
    if wanted is not Int64:
        raise NotImplementedError(f"no stored form of {wanted.__name__}")
    return Int64(value)


encode_record = msgspec.json.Encoder(enc_hook=encode_hook).encode
"""A record as the column `record` of every table but `operations`."""


def json_of(record: type[R]) -> Codec[R]:
    """Records of this class as JSON."""
    return Codec(encode_record, msgspec.json.Decoder(record, dec_hook=_decode_hook).decode)


device_from = json_of(DeviceRecord).decode
tombstone_from = json_of(Tombstone).decode

"""Whether every record can be read, and none of them holds what it must not."""

from collections.abc import Callable, Iterator, Mapping

import apsw

from heliograph.domain.names import DeviceName
from heliograph.protojson.parser import MALFORMED
from heliograph.storage.checks import Finding, check_reads
from heliograph.storage.codec import device_from, operation_from
from heliograph.storage.kinds import KINDS

NOBODY = DeviceName("", "")
DECODERS: Mapping[str, Callable[[bytes], object]] = {
    "every_record_of_devices": device_from,
    **{kind.names.every_record: kind.codec.decode for kind in KINDS if kind.codec},
}
"""By the statement that reads them all."""


def record_findings(connection: apsw.Connection) -> Iterator[Finding]:
    """Every row is read."""
    unreadable, secrets = 0, 0
    for create_ms, state, deadline_us, ended_us, record in connection.execute(check_reads()["every_operation"]):
        try:
            operation = operation_from(NOBODY, create_ms, (state, deadline_us, ended_us, record))
        except (*MALFORMED, IndexError):
            unreadable += 1
        else:
            secrets += operation.done and operation.secret is not None
    for name, decode in DECODERS.items():
        for (record,) in connection.execute(check_reads()[name]):
            unreadable += not _readable(decode, record)
    yield Finding("records", "Every record can be read.", f"{unreadable} cannot." if unreadable else "")
    yield Finding("secrets", "No ended operation holds a secret.", f"{secrets} do." if secrets else "")


def _readable(decode: Callable[[bytes], object], record: bytes) -> bool:
    try:
        decode(record)
    except (*MALFORMED, ValueError):
        return False
    return True

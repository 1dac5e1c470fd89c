"""Whether every record can be read, and none holds what it must not."""

from collections.abc import Callable, Iterator, Mapping

import apsw
import msgspec

from heliograph.domain.names import DeviceName
from heliograph.storage.checks import Finding, check_reads
from heliograph.storage.codec import device_from, enterprise_from, operation_from, policy_from, token_from, tombstone_from

NOBODY = DeviceName("", "")
DECODERS: Mapping[str, Callable[[bytes], object]] = {
    "devices": device_from,
    "tombstones": tombstone_from,
    "enterprises": enterprise_from,
    "tokens": token_from,
    "policies": policy_from,
}


def record_findings(connection: apsw.Connection) -> Iterator[Finding]:
    """Every row is read."""
    unreadable, secrets = 0, 0
    for create_ms, state, deadline_us, ended_us, record in connection.execute(check_reads()["every_operation"]):
        try:
            operation = operation_from(NOBODY, create_ms, (state, deadline_us, ended_us, record))
        except (msgspec.MsgspecError, IndexError):
            unreadable += 1
        else:
            secrets += operation.done and operation.secret is not None
    for table, decode in DECODERS.items():
        for (record,) in connection.execute(check_reads()[f"every_record_of_{table}"]):
            unreadable += not _readable(decode, record)
    yield Finding("records", "Every record can be read.", f"{unreadable} cannot." if unreadable else "")
    yield Finding("secrets", "No operation that has ended holds a secret.", f"{secrets} do." if secrets else "")


def _readable(decode: Callable[[bytes], object], record: bytes) -> bool:
    try:
        decode(record)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True

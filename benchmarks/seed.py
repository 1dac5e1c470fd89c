"""Databases with a past: many phones, millions of finished operations, written by storage's own statements, kept in a cache folder.

    python -m benchmarks.seed DEVICES OPERATIONS [--days-ago N]

makes one by hand. The cache (.bench-cache, ignored by git) may be deleted at any time.
"""

import argparse
import functools
import hashlib
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.devices import PROFILE
from heliograph.agent.profiles import PROFILES
from heliograph.domain.device import DeviceRecord, EnterpriseRecord
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.operation import Operation, State, TimelineEntry
from heliograph.domain.phone.report_fields import Situation, device_report
from heliograph.storage.codec import encode_record, operation_columns
from heliograph.storage.queries import migrations, queries
from heliograph.storage.sqlite.connection import connect, migrate

CACHE = Path(".bench-cache")
FORM = 2
"""Of what is seeded: another one makes other files."""
ENTERPRISE = "LC0bench00"
DAYS_AGO = 20
"""When the newest operation ended: within retention (30 days)."""
SPAN_MS = 5 * 86_400_000
"""Over how long the operations are spread."""
STRIDE = 7_919
"""Neighbours in time belong to devices far apart; prime, so that it has no factor in common with a number of devices such as 100,000."""
CACHE_KIB = 4_194_304


def device_name(number: int) -> DeviceName:
    """The seeded device with this number (its key is one more)."""
    return DeviceName(ENTERPRISE, f"{number:016x}")


class Seeded:
    """A database with `devices` phones and `operations` finished operations."""

    def __init__(self, devices: int, operations: int, *, days_ago: int = DAYS_AGO, cache: Path = CACHE) -> None:
        self.devices, self.operations, self._cache = devices, operations, cache
        self._days_ago = days_ago
        self.path = cache / f"{devices}-{operations}-{days_ago}-{migrations()[-1].version}-{FORM}.db"
        self._born = cache / f"{self.path.stem}.born"

    @functools.cached_property
    def _begin_ms(self) -> int:
        return int(self._born.read_text(encoding="ascii"))

    def create_ms(self, number: int) -> int:
        """The id of the operation with this number."""
        return self._begin_ms + number * SPAN_MS // max(1, self.operations)

    def operation_name(self, number: int) -> str:
        """The resource name of the operation with this number."""
        return f"{device_name(number * STRIDE % self.devices)}/operations/{self.create_ms(number)}"

    def make(self) -> float:
        """The file is there; how many seconds that took."""
        began = time.monotonic()
        if self._fresh():
            return 0.0
        self._cache.mkdir(exist_ok=True)
        begin_ms = time.time_ns() // 1_000_000 - self._days_ago * 86_400_000 - SPAN_MS
        self._born.write_text(str(begin_ms), encoding="ascii")
        self.path.unlink(missing_ok=True)
        self._write(self.path)
        return time.monotonic() - began

    def copy(self, folder: Path) -> None:
        """A copy is the database of a server with this data directory."""
        self.make()
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path, folder / "heliograph.db")

    def _fresh(self) -> bool:
        """Whether a file is there whose operations retention leaves alone for days to come."""
        return self.path.exists() and self._born.exists() and time.time() - self.path.stat().st_mtime < 5 * 86_400

    def _write(self, path: Path) -> None:
        connection = connect(path, cache_kib=CACHE_KIB)
        migrate(connection, time.time_ns() // 1_000)
        # A crash leaves a file that is not used: only this function needs it durable.
        connection.pragma("journal_mode", "off")
        connection.pragma("synchronous", "off")
        for name, rows in (
            ("put_enterprises", _enterprise_rows()),
            ("insert_device_keys", ((number + 1, *device_name(number)) for number in range(self.devices))),
            ("put_devices", _device_rows(self.devices)),
            ("insert_operations", self._operation_rows()),
            ("put_indexed", self._indexed_rows()),
        ):
            with connection:
                connection.executemany(queries()[name], rows)
        with connection:
            connection.execute(queries()["move_watermark"], (self.create_ms(self.operations),))
        connection.pragma("journal_mode", "wal")
        connection.close()

    def _operation_rows(self) -> Iterator[tuple[object, ...]]:
        state, deadline_us, _, record = operation_columns(_finished(self._begin_ms))
        begin_ms, devices, operations = self._begin_ms, self.devices, max(1, self.operations)
        for number in range(self.operations):
            create_ms = begin_ms + number * SPAN_MS // operations
            yield create_ms, number * STRIDE % devices + 1, state, deadline_us, (create_ms + 900) * 1_000, record

    def _indexed_rows(self) -> Iterator[tuple[int, int]]:
        """In the index's order: the device with number d has the operations whose number is d / STRIDE modulo the number of devices."""
        inverse = pow(STRIDE, -1, self.devices) if self.operations else 0
        for device in range(self.devices):
            for number in range(device * inverse % self.devices, self.operations, self.devices):
                yield device + 1, self.create_ms(number)


def _enterprise_rows() -> Iterator[tuple[object, ...]]:
    name = EnterpriseName(ENTERPRISE)
    record = EnterpriseRecord(name=name, created_us=1, resource=f'{{"name":"{name}"}}'.encode())
    yield ENTERPRISE, record.position, encode_record(record)


def _device_rows(devices: int) -> Iterator[tuple[object, ...]]:
    report = device_report(Situation(phone=PROFILES[PROFILE].phone(serial="BENCH")))
    for number in range(devices):
        name = device_name(number)
        record = DeviceRecord(
            name=name, credential_hash=hashlib.sha256(name.device.encode()).digest(), installation_id=f"bench-{number}",
            enrollment_us=1_000_000 + number, enrollment_token_name="", report=report,
        )  # fmt: skip
        yield number + 1, ENTERPRISE, record.position, record.credential_hash, record.policy_name, encode_record(record)


def _finished(at_ms: int) -> Operation:
    """A LOCK that its phone carried out."""
    at_us = at_ms * 1_000
    words = ("issued", "offered", "acknowledged", "succeeded")
    timeline = tuple(TimelineEntry(at_us=at_us + 200_000 * number, what=what) for number, what in enumerate(words))
    return Operation(
        device=device_name(0), create_ms=at_ms, type="LOCK", command=b"{}", duration="600s", user_name="bench@example.com",
        expires_us=at_us + 600_000_000, state=State.SUCCEEDED, deadline_us=None, ack_id="0" * 32, acked_us=at_us + 400_000,
        report_seq=1, ended_us=at_us + 900_000, timeline=timeline,
    )  # fmt: skip


def main() -> None:
    """Make one and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("devices", type=int)
    parser.add_argument("operations", type=int)
    parser.add_argument("--days-ago", type=int, default=DAYS_AGO)
    given = parser.parse_args()
    seeded = Seeded(given.devices, given.operations, days_ago=given.days_ago)
    took = seeded.make()
    sys.stdout.write(f"{seeded.path}: {seeded.path.stat().st_size / 1e6:,.0f} MB, {took:.0f} s\n")


if __name__ == "__main__":
    main()

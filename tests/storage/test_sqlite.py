"""The SQLite store passes the suite, and keeps the promises that are its own."""

import asyncio
import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import apsw
import pytest
from msgspec.structs import replace

from heliograph.domain.errors import Overloaded
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import FINAL, Operation, State
from heliograph.service.ports import Clock, Lane, PutDevice, PutOperation, Sees, Store
from heliograph.storage.codec import operation_columns
from heliograph.storage.lock_file import DatabaseInUse
from heliograph.storage.queries import DatabaseTooNew, migration_script, migrations, queries
from heliograph.storage.queue.bulk_verbs import SLICE_MOST
from heliograph.storage.queue.lanes import LANE_MOST
from heliograph.storage.sqlite.connection import LOG_MOST_BYTES, LibraryTooOld, check_library
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.sqlite.sweeper import UNSWEPT_MOST
from tests.patience import PATIENCE_S
from tests.running import Running
from tests.storage.audit_conformance import AuditConformance
from tests.storage.bulk_conformance import BulkConformance, enrolments, issues, kept_whole, named, with_operations
from tests.storage.conformance import OpenSandboxStore, OpenStore, SandboxConformance, enrolled
from tests.storage.counts_conformance import CountsConformance
from tests.storage.event_conformance import EventConformance, followed_while_raced
from tests.storage.event_conformance import races as races_of_events
from tests.storage.outbox_conformance import OutboxConformance
from tests.storage.policy_conformance import PolicyConformance
from tests.storage.record_conformance import RecordConformance, lose_no_update, races
from tests.storage.records import (
    SECOND_US,
    START_US,
    BreakableClock,
    SetClock,
    create_times,
    device_name,
    device_record,
    ended,
    issue,
    look,
    operation,
    write,
)
from tests.storage.request_conformance import SandboxRequestConformance
from tests.storage.reservation_conformance import ReservationConformance
from tests.torture.seeds import seed_of

WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from heliograph.service.ports import PutDevice, Sees
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.sqlite.sweeper import UNSWEPT_MOST
from tests.storage.records import SetClock, device_name, device_record, issue, write

class RunningClock(SetClock):
    def now_us(self) -> int:
        self.at_us += 500
        return self.at_us

async def main() -> None:
    store = SqliteStore.open(Path(sys.argv[1]), clock=RunningClock(), ring=lambda device: None, unswept_most=100, waits_most_s=300)
    names = [device_name() for _ in range(8)]
    for name in names:
        await store.decide(Sees(device=name), write(PutDevice(device_record(name))))
    async def client(name) -> None:
        while True:
            issued = await store.decide(Sees(device=name), issue(name))
            print(issued.name, flush=True)
    await asyncio.gather(*map(client, names))

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "heliograph.db"


@pytest.fixture
def first_unswept_most() -> int:
    """How many operations the first store puts into their devices' index at a time; those opened after it never do."""
    return UNSWEPT_MOST


@pytest.fixture
async def open_store(path: Path, first_unswept_most: int) -> AsyncIterator[OpenSandboxStore]:
    opened: list[SqliteStore] = []
    unswept = itertools.chain([first_unswept_most], itertools.repeat(UNSWEPT_MOST))

    async def open_(*, clock: Clock | None = None, ring: Callable[[DeviceName], None] = print) -> SqliteStore:
        while opened:
            await opened.pop().close()
        opened.append(SqliteStore.open(path, clock=clock or SetClock(), ring=ring, unswept_most=next(unswept), waits_most_s=PATIENCE_S))
        return opened[-1]

    yield open_
    while opened:
        await opened.pop().close()


class TestSqlite(SandboxConformance):
    """See conformance.py."""


class TestSqliteThatHasSwept(SandboxConformance):
    """What the first store takes goes into the index with the next batch, and the watermark moves."""

    @pytest.fixture
    def first_unswept_most(self) -> int:
        return 1


class TestBulkInSqlite(BulkConformance):
    """See bulk_conformance.py."""


class TestCountsInSqlite(CountsConformance):
    """See counts_conformance.py."""


class TestOutboxInSqlite(OutboxConformance):
    """See outbox_conformance.py."""


class TestEventsInSqlite(EventConformance):
    """See event_conformance.py."""


class TestAuditInSqlite(AuditConformance):
    """See audit_conformance.py."""


class TestPoliciesInSqlite(PolicyConformance):
    """See policy_conformance.py."""


class TestRecordsInSqlite(RecordConformance):
    """See record_conformance.py."""


class TestReservationsInSqlite(ReservationConformance):
    """See reservation_conformance.py."""


@pytest.fixture
async def one_store(open_store: OpenStore) -> Store:
    """The same for all examples of a property."""
    return await open_store()


@races
async def test_racing_record_rules_lose_no_update(
    one_store: Store, first: list[int], moves: list[tuple[int, int]], counted: list[int]
) -> None:
    await lose_no_update(one_store, first, moves, counted)


@races_of_events
async def test_racing_events_have_one_order(one_store: Store, seed: int) -> None:
    await followed_while_raced([one_store], seed=seed)


class TestRequestsInSqlite(SandboxRequestConformance):
    """See request_conformance.py."""


def test_what_was_answered_survives_kill_9(path: Path) -> None:
    """A process is killed in the middle of its work, sweeping included; everything reported durable is there, and listed."""
    with Running([sys.executable, "-c", WRITES_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE) as process:
        lines = [process.line() for _ in range(500)]
        process.send_signal(signal.SIGKILL)
        lines += [line for line in process.lines() if line.endswith("\n")]

    assert [] == asyncio.run(missing(path, [OperationName.parse(line.strip()) for line in lines]))


async def test_of_a_slice_all_survives_kill_9_or_nothing(path: Path, request: pytest.FixtureRequest) -> None:
    async def open_store() -> Store:
        return SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    await kept_whole(open_store, str(path), Random(seed_of(request)))


async def missing(path: Path, names: list[OperationName]) -> list[OperationName]:
    """Those of the operations that the database does not hold."""
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    lost = [name for name in names if await store.operation(name) is None]
    for device in {name.device for name in names}:
        listed = create_times((await store.operations(device, after_ms=0, limit=1_000)).items)
        assert sorted(set(listed)) == listed
        lost += [name for name in names if name.device == device and name.create_ms not in listed]
    await store.close()
    return lost


async def test_a_list_right_after_an_issue_contains_it_while_operations_are_swept(path: Path) -> None:
    """Small pages are read on the event loop, large ones in a thread, while the writer's thread sweeps after every batch."""
    clock = SetClock()
    store = SqliteStore.open(path, clock=clock, ring=lambda _: None, unswept_most=32, waits_most_s=PATIENCE_S)
    devices = [device_name() for _ in range(4)]
    await enrolled(store, *devices)

    async def issues_and_lists(device: DeviceName, limit: int) -> None:
        issued: list[Operation] = []
        for _ in range(150):
            clock.at_us += 300
            issued.append(await store.decide(Sees(device=device), issue(device)))
            assert issued[-1].create_ms > clock.at_us // 1_000 - 100
            after_ms = issued[max(0, len(issued) - limit)].create_ms - 1
            page = await store.operations(device, after_ms=after_ms, limit=limit)
            assert issued[-limit:] == list(page.items)

    await asyncio.gather(*(issues_and_lists(device, limit) for device, limit in zip(devices, (1, 10, 100, 200), strict=True)))
    await store.close()
    indexed = apsw.Connection(str(path)).execute("SELECT count(*) FROM history").get
    assert indexed > 500


async def test_what_retention_or_the_sandbox_took_is_never_swept(path: Path) -> None:
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    device, forgotten = device_name(), device_name()
    await enrolled(store, device, forgotten)
    issued = [await store.decide(Sees(device=name), issue(name)) for name in (device, device, forgotten)]
    await store.decide(Sees(device=device), write(PutOperation(ended(issued[0], START_US))))

    assert 1 == await store.retire(ended_before_us=START_US + 1, limit=10)
    await store.forget_device(forgotten)

    assert 1 == store._memory.unswept.size  # noqa: SLF001 - an index row of nothing is invisible
    await store.close()
    assert 1 == apsw.Connection(str(path)).execute("SELECT count(*) FROM operations").get


async def test_opening_reads_what_is_open_and_unswept_and_no_index(path: Path) -> None:
    """Shown by what memory holds afterwards: with everything swept, nothing but what is open."""
    clock = SetClock()
    store = SqliteStore.open(path, clock=clock, ring=lambda _: None, unswept_most=10, waits_most_s=PATIENCE_S)
    device = device_name()
    await enrolled(store, device)
    issued = []
    for _ in range(40):
        clock.at_us += SECOND_US
        issued.append(await store.decide(Sees(device=device), issue(device)))
    for one in issued[1:]:
        await store.decide(Sees(device=device), write(PutOperation(ended(one, clock.at_us))))
    await store.close()

    store = SqliteStore.open(path, clock=clock, ring=print, waits_most_s=PATIENCE_S)

    assert store._memory.unswept.size < 20  # noqa: SLF001 - nothing else shows what opening read
    assert issued[:1] == list(await store.open_operations(device))
    assert 40 == len((await store.operations(device, after_ms=0, limit=100)).items)
    await store.close()


async def test_a_second_process_is_refused_until_the_first_is_gone(path: Path) -> None:
    first = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    with pytest.raises(DatabaseInUse, match=r"Another Heliograph uses .*heliograph\.db"):
        SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    await first.close()
    await SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S).close()


def database_of_0001(path: Path) -> apsw.Connection:
    """A database as the first migration alone leaves it."""
    connection = apsw.Connection(str(path))
    connection.execute(migrations()[0].script)
    connection.execute(queries()["migration_applied"], (1, 0))
    return connection


async def test_a_database_of_the_first_schema_opens(path: Path) -> None:
    database_of_0001(path).close()
    device = device_name()

    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    await enrolled(store, device)
    issued = await store.decide(Sees(device=device), issue(device))

    assert issued == await store.operation(issued.name)
    await store.close()


async def test_operations_of_every_state_move_from_the_fifth_schema(path: Path) -> None:
    """Written in no order, as two devices' commands came and went."""
    connection = apsw.Connection(str(path))
    for migration in migrations()[:5]:
        connection.execute(migration_script(migration, "sqlite"))
        connection.execute(queries()["migration_applied"], (migration.version, 0))
    devices = [device_name(1), device_name(2)]
    before = [
        replace(
            operation(devices[number % 2], START_US // 1_000 + 7 * number % 11, state=state),
            deadline_us=None if state in FINAL else START_US + number,
            ended_us=START_US + number if state in FINAL else None,
        )
        for number, state in enumerate(list(State) * 2)
    ]
    for one in before:
        connection.execute(
            "INSERT INTO operations (device_key, create_ms, state, deadline_us, ended_us, record) VALUES (?, ?, ?, ?, ?, ?)",
            (1 + devices.index(one.device), one.create_ms, *operation_columns(one)),
        )
    for number, device in enumerate(devices, 1):
        connection.execute("INSERT INTO device_keys VALUES (?, ?, ?)", (number, *device))
    connection.close()

    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    for device in devices:
        mine = sorted((one for one in before if one.device == device), key=lambda one: one.create_ms)
        assert mine == list((await store.operations(device, after_ms=0, limit=100)).items)
        assert [one for one in mine if one.open] == list(await store.open_operations(device))
        assert mine == [await store.operation(one.name) for one in mine]
    await store.close()


def test_a_database_of_a_newer_heliograph_is_refused(path: Path) -> None:
    connection = database_of_0001(path)
    connection.execute(queries()["migration_applied"], (9_999, 0))
    connection.close()

    with pytest.raises(DatabaseTooNew, match="schema 9999"):
        SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [*range(1, len(migrations()) + 1)] == [migration.version for migration in migrations()]


@pytest.mark.parametrize("version", ["3.51.2", "3.40.1", "2.99.99"])
def test_a_library_with_the_wal_reset_race_is_refused(version: str) -> None:
    with pytest.raises(LibraryTooOld, match=version):
        check_library(version)


def test_newer_libraries_are_fine() -> None:
    check_library("3.51.3")
    check_library("3.60")


async def test_a_full_disk_refuses_whole_batches_and_recovers_by_itself(path: Path) -> None:
    device, other = device_name(), device_name()
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    connection = store._connections.writer  # noqa: SLF001 - only there a disk can be made full
    await enrolled(store, device)
    kept = await store.decide(Sees(device=device), issue(device))
    large = device_record(other, policy_name="x" * 1_000_000)

    connection.pragma("max_page_count", connection.pragma("page_count") + 4)
    answers = await asyncio.gather(
        store.decide(Sees(device=device), issue(device)),
        store.decide(Sees(device=other), write(PutDevice(large))),
        store.decide(Sees(device=device), look),
        return_exceptions=True,
    )

    assert {Overloaded} == set(map(type, answers))
    assert "accepts no writes" in (store.healthy() or "")
    assert [kept] == list((await store.operations(device, after_ms=0, limit=10)).items)
    assert [kept] == list(await store.open_operations(device))
    assert (1, None) == ((await store.decide(Sees(device=device), look)).open_count, await store.device(other))

    connection.pragma("max_page_count", 1_000_000)
    async with asyncio.timeout(PATIENCE_S):
        while store.healthy():  # noqa: ASYNC110 - health is asked for, as /readyz does
            await asyncio.sleep(0.05)
    issued = await store.decide(Sees(device=device), issue(device))
    assert [kept, issued] == list(await store.open_operations(device))
    await store.close()


async def test_a_full_disk_refuses_a_slice_whole_and_keeps_those_before_it(path: Path) -> None:
    store = SqliteStore.open(path, clock=SetClock(), ring=lambda _: None, waits_most_s=PATIENCE_S)
    connection = store._connections.writer  # noqa: SLF001 - only there a disk can be made full
    devices = named(3 * SLICE_MOST)
    async for _ in store.decide_many(enrolments(devices)):
        pass
    many = store.decide_many(issues(devices))
    await anext(many)

    connection.pragma("max_page_count", connection.pragma("page_count") + 1)
    with pytest.raises(Overloaded, match="Nothing was done"):
        await anext(many)

    assert devices[:SLICE_MOST] == await with_operations(store, devices)
    connection.pragma("max_page_count", 1_000_000)
    async for _ in store.decide_many(issues(devices[SLICE_MOST:])):
        pass
    assert devices == await with_operations(store, devices)
    await store.close()


async def test_bulk_displaces_nothing_that_is_remembered(path: Path) -> None:
    store = SqliteStore.open(path, clock=SetClock(), ring=lambda _: None, waits_most_s=PATIENCE_S)
    device, *devices = named(SLICE_MOST)
    await enrolled(store, device)
    issued = await store.decide(Sees(device=device), issue(device))

    async for _ in store.decide_many(enrolments(devices)):
        pass
    async for _ in store.decide_many([*issues(devices), (device, Sees(), write(PutOperation(ended(issued, START_US))))]):
        pass

    remembered = store._memory.operations  # noqa: SLF001 - reads do not show where they find a row
    assert State.SUCCEEDED is getattr(remembered.get(issued.name), "state", None)
    assert [] == [one for other in devices for one in await store.open_operations(other) if remembered.get(one.name)]
    await store.close()


async def test_an_error_of_the_writer_is_fatal_and_answers_everybody(path: Path) -> None:
    """A clock that breaks stands for any error that the writer cannot explain."""
    clock, fatal = BreakableClock(), list[BaseException]()
    store = SqliteStore.open(path, clock=clock, ring=print, on_fatal=fatal.append, waits_most_s=PATIENCE_S)
    clock.at_us = -1

    answers = await asyncio.gather(*(store.decide(Sees(), look) for _ in range(3)), return_exceptions=True)

    assert [Overloaded] * 3 == list(map(type, answers))
    assert [ArithmeticError] == list(map(type, fatal))
    assert "the clock broke" in (store.healthy() or "")
    with pytest.raises(Overloaded):
        await store.decide(Sees(), look)
    await store.close()


async def test_too_many_waiting_rules_are_refused_at_once(path: Path) -> None:
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    calls = [asyncio.ensure_future(store.decide(Sees(), look)) for _ in range(LANE_MOST[Lane.CALLERS] + 5)]
    answers = await asyncio.gather(*calls, return_exceptions=True)

    assert [Overloaded] * 5 == [type(answer) for answer in answers if isinstance(answer, Exception)]
    await store.close()


async def test_a_deleted_secret_is_in_no_file_of_the_database_once_it_is_checkpointed(path: Path) -> None:
    device = device_name()
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    await enrolled(store, device)
    issued = await store.decide(Sees(device=device), issue(device))
    await store.decide(Sees(device=device), write(PutOperation(replace(issued, secret=b"SEALED" * 9))))
    await store.decide(Sees(device=device), write(PutOperation(ended(issued, issued.expires_us))))

    await store.close()

    assert [] == [file.name for file in path.parent.iterdir() if b"SEALED" * 9 in file.read_bytes()]


async def test_the_log_stays_short_however_much_is_written(path: Path) -> None:
    """Passive checkpoints cannot keep up with a writer that never idles; the writer's own ones must."""
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    device = device_name()
    sizes = []

    for _ in range(120):
        large = device_record(device, policy_name="x" * 1_000_000)
        await store.decide(Sees(device=device), write(PutDevice(large)))
        sizes.append(path.with_name(f"{path.name}-wal").stat().st_size)
    await store.close()

    assert max(sizes) < 70 * 1024 * 1024


async def test_nobody_waits_for_a_reader_that_keeps_the_log_long_and_the_file_is_cut_once_it_has_gone(path: Path) -> None:
    """Whoever waits longer than a second is refused: a writer that waited for the reader would refuse everybody."""
    store = SqliteStore.open(path, clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    device, log = device_name(), path.with_name(f"{path.name}-wal")

    async def write_megabytes(count: int) -> None:
        for _ in range(count):
            large = device_record(device, policy_name="x" * 1_000_000)
            await store.decide(Sees(device=device), write(PutDevice(large)))

    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN; SELECT count(*) FROM operations")
    await write_megabytes(90)
    longest = log.stat().st_size
    reader.close()
    while log.stat().st_size > LOG_MOST_BYTES:
        await write_megabytes(1)
    await store.close()

    assert longest > 80 * 1024 * 1024


EXITS = """
import asyncio, sys
from pathlib import Path
from heliograph.service.ports import Sees
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.sqlite.sweeper import UNSWEPT_MOST
from tests.storage.records import SetClock, look

class BrokenClock(SetClock):
    def now_us(self) -> int:
        return self.at_us // (self.at_us - 1)  # breaks at 1

async def main() -> None:
    clock = BrokenClock()
    store = SqliteStore.open(Path(sys.argv[1]), clock=clock, ring=print)
    clock.at_us = 1
    await store.decide(Sees(), look)
    print("still here")

asyncio.run(main())
"""


def test_the_process_exits_at_once_when_its_storage_fails(path: Path) -> None:
    """The supervisor restarts it; no answer was given that is not on disk."""
    done = subprocess.run([sys.executable, "-c", EXITS, str(path)], capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert 70 == done.returncode
    assert "storage.failed" in done.stdout + done.stderr
    assert "still here" not in done.stdout

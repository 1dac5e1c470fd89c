"""The index and what is unswept hold every operation once for each reader, however far a sweep is and whenever the process dies."""

from collections.abc import Sequence

import apsw
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.ports import Page
from heliograph.storage.codec import operation_columns, operation_from
from heliograph.storage.sqlite.connection import migrate
from heliograph.storage.sqlite.memory import Memory
from heliograph.storage.sqlite.memory_load import remembered
from heliograph.storage.sqlite.paging import KeyedDevice, page_of_operations
from heliograph.storage.sqlite.sweeper import TOGETHER, Sweeper
from heliograph.storage.sqlite.tables import Tables
from heliograph.storage.sqlite.unswept import NEIGHBOURS, Unswept
from tests.state_machines import stateful
from tests.storage.records import START_US, create_times, device_name, operation

DEVICES = {device_name(number): number * NEIGHBOURS // 2 + 1 for number in range(4)}
"""With their keys: two and two are neighbours."""
devices = st.sampled_from(sorted(DEVICES))


class SweeperAndModel(RuleBasedStateMachine):
    """The sweeper, a slice at a time, beside the list of all operations. Nothing here runs in a thread: every moment is a step."""

    @initialize(unswept_most=st.integers(1, 20))
    def start(self, unswept_most: int) -> None:
        connection = apsw.Connection(":memory:")
        migrate(connection, 0)
        self.tables = Tables(connection)
        self.tables.many("insert_device_keys", [(key, *name) for name, key in DEVICES.items()])
        self.now_ms = START_US // 1_000
        self.all: dict[tuple[DeviceName, int], Operation] = {}
        self.reading: dict[DeviceName, tuple[int, list[Operation], frozenset[int]]] = {}
        self.crash(unswept_most)

    @rule(unswept_most=st.integers(1, 20))
    def crash(self, unswept_most: int) -> None:
        self.memory: Memory = remembered(self.tables)
        self.sweeper = Sweeper(self.tables, self.memory, unswept_most=unswept_most)

    @rule(batch=st.lists(devices, min_size=1, max_size=12), waited_ms=st.integers(0, 3))
    def issue(self, batch: Sequence[DeviceName], waited_ms: int) -> None:
        self.memory.unswept.add(self.new_operations(batch, waited_ms))

    @rule(device=devices, more=st.lists(devices, max_size=3), waited_ms=st.integers(0, 3))
    def issue_in_bulk(self, device: DeviceName, more: Sequence[DeviceName], waited_ms: int) -> None:
        new = self.new_operations([device] * (3 * TOGETHER) + list(more), waited_ms)
        indexed = self.sweeper.write_at_once(new)
        assert (indexed is None) == (len({DEVICES[name] // NEIGHBOURS for name in (device, *more)}) > len(new) // TOGETHER)
        if indexed is not None:
            indexed()
        else:
            self.memory.unswept.add(new)

    def new_operations(self, batch: Sequence[DeviceName], waited_ms: int) -> dict[tuple[DeviceName, int], int]:
        """They are in their table, with the keys of their devices."""
        self.now_ms += waited_ms
        new: dict[tuple[DeviceName, int], int] = {}
        given: dict[DeviceName, int] = {}
        for device in batch:
            given[device] = max(self.now_ms, (given.get(device) or self.memory.given.newest_ms(device)) + 1)
            key = device, given[device]
            self.all[key] = operation(*key)
            new[key] = DEVICES[device]
        rows = [(create_ms, key, *operation_columns(self.all[device, create_ms])) for (device, create_ms), key in new.items()]
        self.tables.many("insert_operations", rows)
        self.memory.given.put(given, self.now_ms)
        return new

    @rule()
    def sweep(self) -> None:
        self.sweeper.step()

    @rule(came=st.integers(0, 12), commits=st.booleans())
    def sweep_with_a_batch(self, came: int, *, commits: bool) -> None:
        if self.sweeper.due:
            self.tables.one("begin")
            keep = self.sweeper.write(came)
            self.tables.one("commit" if commits else "rollback")
            if commits:
                keep()

    @rule()
    def finish_the_round(self) -> None:
        while self.sweeper.step():
            pass

    @rule(data=st.data())
    def retire(self, data: st.DataObject) -> None:
        gone = data.draw(st.sets(st.sampled_from(sorted(self.all)), max_size=5)) if self.all else set()
        rows = [(device, DEVICES[device], create_ms) for device, create_ms in gone]
        self.tables.many("delete_operations", [(create_ms, key) for _, key, create_ms in rows])
        self.tables.many("delete_indexed", [(key, create_ms) for _, key, create_ms in rows])
        self.memory.unswept.remove(rows)
        for key in gone:
            del self.all[key]

    @rule(device=devices)
    def read_the_next_page(self, device: DeviceName) -> None:
        """A reader who goes on where they were, whatever happened since: all that was there from first to last is seen once."""
        after_ms, seen, expected = self.reading.pop(device, (0, [], frozenset(self.ids(device))))
        page = self.page(device, self.memory, after_ms=after_ms, limit=3)
        seen = [*seen, *page.items]
        if page.more:
            self.reading[device] = page.items[-1].create_ms, seen, expected
            return
        assert sorted(set(create_times(seen))) == create_times(seen)
        assert expected & set(self.ids(device)) <= set(create_times(seen))

    def ids(self, device: DeviceName) -> list[int]:
        return sorted(create_ms for name, create_ms in self.all if name == device)

    @invariant()
    def everything_is_read_once_and_in_order(self) -> None:
        for device in DEVICES:
            mine = [self.all[device, create_ms] for create_ms in self.ids(device)]
            assert mine == self.all_of(device, self.memory)

    @invariant()
    def a_crash_now_would_lose_nothing(self) -> None:
        after_a_crash = remembered(self.tables)
        assert {device: self.ids(device) for device in DEVICES} == {
            device: create_times(self.all_of(device, after_a_crash)) for device in DEVICES
        }

    def all_of(self, device: DeviceName, memory: Memory) -> list[Operation]:
        return list(self.page(device, memory, after_ms=0, limit=1_000).items)

    def page(self, device: DeviceName, memory: Memory, *, after_ms: int, limit: int) -> Page[Operation]:
        keyed = KeyedDevice(device, DEVICES[device])
        return page_of_operations(self.tables, memory, keyed, after_ms=after_ms, limit=limit, read=operation_from)

    @invariant()
    def the_unswept_are_counted(self) -> None:
        assert sum(len(self.memory.unswept.after(device, 0, 1_000)) for device in DEVICES) == self.memory.unswept.size


TestSweeperAndModel = SweeperAndModel.TestCase
TestSweeperAndModel.settings = stateful(examples=60, steps=40)


def test_a_round_goes_through_all_of_the_unswept_in_slices_and_moves_the_watermark_at_its_end() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, 0)
    memory = Memory()
    memory.given.put({}, 1_000)
    memory.unswept.add({(name, create_ms): key for create_ms in range(1, 300) for name, key in DEVICES.items()})
    waits = Sweeper(Tables(connection), memory, unswept_most=4 * 299 + 1)
    sweeps = Sweeper(Tables(connection), memory, unswept_most=4 * 299)

    answers = [waits.step()]
    while sweeps.step():
        answers.append(memory.unswept.size == 0 or connection.execute("SELECT create_ms FROM swept").get == 0)

    assert [False, True] == [answers[0], all(answers[1:])]
    assert len(answers) > 500
    assert 0 == memory.unswept.size
    assert 4 * 299 == connection.execute("SELECT count(*) FROM history").get
    assert 999 == connection.execute("SELECT create_ms FROM swept").get


def test_a_round_catches_up_with_whoever_adds_more_than_a_slice() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, 0)
    memory, device = Memory(), device_name()
    memory.given.put({}, START_US)
    memory.unswept.add({(device, create_ms): 1 for create_ms in range(1, 101)})
    sweeper = Sweeper(Tables(connection), memory, unswept_most=100)

    sizes = []
    for turn in range(1, 12):
        if sweeper.due:
            sweeper.write(came=10)()
        memory.unswept.add({(device, 100 * turn + create_ms): 1 for create_ms in range(1, 11)})
        sizes.append(memory.unswept.size)

    assert max(sizes[-3:]) < 50


def test_one_place_with_many_rows_is_swept_in_slices_too() -> None:
    unswept, device = Unswept(), device_name()
    unswept.add({(device, create_ms): 1 for create_ms in range(1, 101)})

    first = unswept.oldest(0, 30)
    unswept.drop_oldest(first)

    assert [*range(1, 31)] == [create_ms for _, _, create_ms in first]
    assert ([*range(31, 41)], 70) == (unswept.after(device, 0, 10), unswept.size)


def test_what_bulk_has_indexed_makes_a_round_due_too_for_a_start_would_read_it_as_unswept() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, 0)
    memory, device = Memory(), device_name()
    sweeper = Sweeper(Tables(connection), memory, unswept_most=3 * TOGETHER)
    due = [sweeper.due]

    for turn in range(3):
        indexed = sweeper.write_at_once({(device, 100 * turn + create_ms): 1 for create_ms in range(TOGETHER)})
        assert indexed is not None
        indexed()
        memory.given.put({}, 1_000)
        due.append(sweeper.due)
    swept = sweeper.step()

    assert [False, False, False, True] == due
    assert (True, False) == (swept, sweeper.due)
    assert 999 == connection.execute("SELECT create_ms FROM swept").get


def test_a_full_disk_stops_a_round_that_goes_on_where_there_is_room_again() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, 0)
    memory, device = Memory(), device_name()
    memory.given.put({}, START_US)
    memory.unswept.add({(device, create_ms): 1 for create_ms in range(1, 2_001)})
    sweeper = Sweeper(Tables(connection), memory, unswept_most=2_000)

    connection.pragma("max_page_count", connection.pragma("page_count") + 1)
    while sweeper.step():
        pass
    left = memory.unswept.size
    stuck = sweeper.step()
    connection.pragma("max_page_count", 1_000_000)
    swept = connection.execute("SELECT count(*) FROM history").get

    assert (False, left, 2_000 - left) == (stuck, memory.unswept.size, swept)
    assert 0 < left < 2_000
    while sweeper.step():
        pass
    assert (0, 2_000) == (memory.unswept.size, connection.execute("SELECT count(*) FROM history").get)

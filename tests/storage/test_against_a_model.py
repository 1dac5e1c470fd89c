"""Whatever is done to the store, it holds what a few dicts would hold, restarts and sweeps at any moment included."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from heliograph.domain.device import DeviceRecord, Tombstone
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.ports import DeleteDevice, PutDevice, PutOperation, PutTombstone, Sees, Store
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.sqlite.sweeper import UNSWEPT_MOST
from tests.patience import PATIENCE_S
from tests.postgres import Cluster
from tests.state_machines import stateful
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    SetClock,
    create_times,
    credential_of,
    device_name,
    device_record,
    ended,
    issue,
    look,
    tombstone,
    write,
)

DEVICES = [device_name(number) for number in range(3)]
device_names = st.sampled_from(DEVICES)
unswept_sizes = st.sampled_from([1, 40, UNSWEPT_MOST])
"""Sweeping after every batch, as until the first restart; after some, or never."""


class StoreAndModel(RuleBasedStateMachine):
    """A store beside dicts to which the same is done. Subclasses open and restart it."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = SetClock()
        self.devices: dict[DeviceName, DeviceRecord] = {}
        self.tombstones: dict[DeviceName, Tombstone] = {}
        self.operations: dict[tuple[DeviceName, int], Operation] = {}

    def teardown(self) -> None:
        self.loop.run_until_complete(self.store.close())
        self.loop.close()

    @initialize(devices=st.sets(device_names, min_size=1))
    def begin(self, devices: set[DeviceName]) -> None:
        """Some devices are there: else most runs would issue nothing."""
        for device in sorted(devices):
            self.put_device(device, "")

    def open(self) -> None:
        """The store is open."""
        raise NotImplementedError

    @rule(device=device_names, policy_name=st.sampled_from(["", "strict"]))
    def put_device(self, device: DeviceName, policy_name: str) -> None:
        self.devices[device] = device_record(device, policy_name=policy_name)
        self.loop.run_until_complete(self.store.decide(Sees(device=device), write(PutDevice(self.devices[device]))))

    @rule(device=device_names)
    def delete_device(self, device: DeviceName) -> None:
        self.devices.pop(device, None)
        self.tombstones[device] = tombstone(device, expires_us=self.clock.at_us + 2 * SECOND_US)
        writes = write(DeleteDevice(device), PutTombstone(self.tombstones[device]))
        self.loop.run_until_complete(self.store.decide(Sees(device=device), writes))

    @rule(batch=st.lists(device_names, min_size=1, max_size=80))
    def issue(self, batch: list[DeviceName]) -> None:
        async def gathered() -> list[Operation | BaseException]:
            calls = (self.store.decide(Sees(device=device), issue(device)) for device in batch)
            return await asyncio.gather(*calls, return_exceptions=True)

        for device, answer in zip(batch, self.loop.run_until_complete(gathered()), strict=True):
            assert (device in self.devices) == isinstance(answer, Operation)
            if isinstance(answer, Operation):
                key = device, answer.create_ms
                assert key not in self.operations
                self.operations[key] = answer

    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        if not self.operations:
            return
        key = data.draw(st.sampled_from(sorted(self.operations)))
        self.operations[key] = ended(self.operations[key], self.clock.at_us)
        put = write(PutOperation(self.operations[key]))
        self.loop.run_until_complete(self.store.decide(Sees(device=key[0], create_ms=key[1]), put))

    @rule(seconds=st.integers(0, 3))
    def wait(self, seconds: int) -> None:
        self.clock.at_us += seconds * SECOND_US

    @rule()
    def retire(self) -> None:
        before_us = self.clock.at_us
        gone = [key for key, one in self.operations.items() if one.ended_us is not None and one.ended_us < before_us]
        for key in gone:
            del self.operations[key]
        self.tombstones = {name: one for name, one in self.tombstones.items() if one.expires_us > before_us}
        self.loop.run_until_complete(self.store.retire(ended_before_us=before_us, limit=1_000))

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        self.loop.run_until_complete(self._compare())

    async def _compare(self) -> None:
        await self.settled()
        in_order = sorted(self.devices.values(), key=lambda record: record.position)
        assert in_order == list((await self.store.devices(ENTERPRISE, after="", limit=10)).items)
        for device in DEVICES:
            mine = [one for key, one in sorted(self.operations.items()) if key[0] == device]
            open_ = tuple(one for one in mine if one.open)
            left = self.tombstones.get(device)
            left = left if left is not None and left.expires_us > self.clock.at_us else None
            assert mine == list((await self.store.operations(device, after_ms=0, limit=1_000)).items)
            at_hand = self.store.operations_at_hand(device, after_ms=0, limit=100)
            assert at_hand is None or list(map(render_operation, mine)) == list(map(render_operation, at_hand.items))
            assert list(open_) == list(await self.store.open_operations(device))
            assert self.devices.get(device, left) == await self.store.by_credential(credential_of(device))
            facts = await self.store.decide(Sees(device=device, open_operations=True), look)
            assert (self.devices.get(device), left) == (facts.device, facts.tombstone)
            assert (open_, len(open_)) == (facts.open_operations, facts.open_count)
            assert max(create_times(mine), default=0) <= facts.last_create_ms
        deadlines = [one.deadline_us for one in self.operations.values() if one.deadline_us is not None]
        assert min(deadlines, default=None) == await self.nearest_deadline_us()

    async def settled(self) -> None:
        """The store does nothing by itself any more: the same steps end alike each time."""

    async def nearest_deadline_us(self) -> int | None:
        """What the store says of all that was done."""
        return self.store.nearest_deadline_us()


class SqliteAndModel(StoreAndModel):
    """A SQLite store beside dicts; it is also what a sandbox does to its store."""

    store: SqliteStore

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.unswept_most = 1
        self.open()

    def open(self) -> None:
        path = Path(self.folder.name) / "heliograph.db"
        self.store = SqliteStore.open(
            path, clock=self.clock, ring=lambda _: None, unswept_most=self.unswept_most, durable=False, waits_most_s=PATIENCE_S
        )

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()

    @rule(unswept_most=unswept_sizes, behind_ms=st.integers(0, 2_000))
    def restart(self, unswept_most: int, behind_ms: int) -> None:
        """Another server may have another clock, and sweep at another time."""
        self.loop.run_until_complete(self.store.close())
        self.clock.at_us -= behind_ms * 1_000
        self.unswept_most = unswept_most
        self.open()

    async def settled(self) -> None:
        while self.store.sweeping:  # noqa: ASYNC110 - the writer has no event for it
            await asyncio.sleep(0.001)

    @rule(device=device_names)
    def forget(self, device: DeviceName) -> None:
        self.devices.pop(device, None)
        self.tombstones.pop(device, None)
        for key in [key for key in self.operations if key[0] == device]:
            del self.operations[key]
        self.loop.run_until_complete(self.store.forget_device(device))


class PostgresAndModel(StoreAndModel):
    """Two PostgreSQL stores on one database beside dicts; what is done is done by one of them, and the other must know it."""

    store: PostgresStore

    def __init__(self, postgres: Cluster, database: str) -> None:
        super().__init__()
        postgres.empty(database)
        self.database = database
        self.open()

    def open(self) -> None:
        self.store, self.other = self.loop.run_until_complete(self._two())

    async def _two(self) -> tuple[PostgresStore, PostgresStore]:
        return (
            await PostgresStore.open(self.database, clock=self.clock, ring=lambda _: None, waits_most_s=PATIENCE_S),
            await PostgresStore.open(self.database, clock=self.clock, ring=lambda _: None, waits_most_s=PATIENCE_S),
        )

    def teardown(self) -> None:
        self.loop.run_until_complete(self.other.close())
        super().teardown()

    @rule(behind_ms=st.integers(0, 2_000))
    def restart(self, behind_ms: int) -> None:
        """Other servers may have another clock."""
        self.loop.run_until_complete(self.store.close())
        self.loop.run_until_complete(self.other.close())
        self.clock.at_us -= behind_ms * 1_000
        self.open()

    @rule()
    def turn_to_the_other(self) -> None:
        self.store, self.other = self.other, self.store

    async def nearest_deadline_us(self) -> int | None:
        """After a look for what is due: what the other one did is known only then."""
        await self.store.decide_due(lambda *_: (), limit=1_000)
        return self.store.nearest_deadline_us()


class SqliteAndWrongModel(SqliteAndModel):
    """A model that loses what is issued: to a reader, a store with a fault looks like this."""

    lost = False
    runs_since = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs_since += self.lost

    @rule(batch=st.lists(device_names, min_size=1, max_size=80))
    def issue(self, batch: list[DeviceName]) -> None:
        super().issue(batch)
        if self.operations:
            type(self).lost = True
        self.operations.clear()


TestSqliteAndModel = SqliteAndModel.TestCase
TestSqliteAndModel.settings = stateful(examples=50, steps=25)


def test_two_postgres_stores_and_the_model(postgres: Cluster, database: str) -> None:
    run_state_machine_as_test(
        lambda: PostgresAndModel(postgres, database),  # type: ignore[arg-type]  # any factory does
        settings=stateful(examples=4, steps=20),
    )


def test_a_difference_is_shown_with_its_steps_at_once_and_can_be_run_again() -> None:
    with pytest.raises(AssertionError) as found:
        run_state_machine_as_test(SqliteAndWrongModel, settings=stateful(examples=200, steps=25))

    said = "\n".join(found.value.__notes__)
    assert "state.issue(" in said
    assert "@reproduce_failure(" in said
    assert SqliteAndWrongModel.runs_since <= 10, "it went on looking for a smaller example"

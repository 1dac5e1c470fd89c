"""What every Store must do with the audit trail: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio
import contextlib
import random
from collections.abc import Iterator, Sequence

from heliograph.domain.audit import (
    CHECKPOINT_STREAM,
    NOTHING_BEFORE,
    Acting,
    ActorType,
    AuditEntry,
    Block,
    Checkpoint,
    Head,
    decode_checkpoint,
    digest_of,
)
from heliograph.domain.audit import entries_of as entries_in
from heliograph.domain.names import PolicyName
from heliograph.domain.operation import expire
from heliograph.service.acting import ACTING
from heliograph.service.audit_log import AddAuditEntry, AddCheckpoint
from heliograph.service.event_log import AppendEvent
from heliograph.service.ports import Decision, DeleteDevice, Facts, Put, PutDevice, PutOperation, Sees, Store
from tests.storage.conformance import OpenStore, enrolled
from tests.storage.outbox_conformance import notification
from tests.storage.policy_conformance import policy
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    START_US,
    SetClock,
    device_name,
    device_record,
    enterprise_record,
    issue,
    operation,
    write,
)

ALICE = Acting(actor_type=ActorType.PERSON, actor="alice", key_id="k1", address="192.0.2.1", method="enterprises.devices.issueCommand")
LATEST = 2**62


@contextlib.contextmanager
def acting(party: Acting) -> Iterator[None]:
    """What is done in the block is done by this party."""
    before = ACTING.set(party)
    try:
        yield
    finally:
        ACTING.reset(before)


async def opened(open_store: OpenStore, clock: SetClock | None = None) -> Store:
    """A store that keeps a trail."""
    store = await open_store(clock=clock or SetClock())
    store.audited = True
    return store


async def trail_of(store: Store) -> Sequence[Block]:
    """The whole trail, the oldest block first."""
    return await store.audit_blocks_after(None, after=0, limit=100_000)


async def entries_of(store: Store, stream: str = ENTERPRISE.enterprise) -> list[AuditEntry]:
    """All entries of a stream, the oldest first."""
    blocks = await store.audit_blocks_after(stream, after=0, limit=100_000)
    return [entry for block in blocks for entry in entries_in(block)]


def links(blocks: Sequence[Block], previous: bytes = NOTHING_BEFORE) -> bool:
    """Whether each block continues the one before, without a gap."""
    for number, (block, before) in enumerate(zip(blocks, [previous, *(block.digest for block in blocks)], strict=False), blocks[0].number):
        whole = digest_of(before, number=number, created_us=block.created_us, stream=block.stream, entries=block.entries)
        if (number, whole) != (block.number, block.digest):
            return False
    return True


class AuditConformance:
    """The suite."""

    async def test_a_change_is_recorded_with_who_did_it_in_the_same_commit(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await opened(open_store)
        await enrolled(store, device)
        with acting(ALICE):
            issued = await store.decide(Sees(device=device), issue(device))

        entry = (await entries_of(store))[-1]

        expected = AuditEntry(
            actor_type=ActorType.PERSON, actor="alice", key_id="k1", address="192.0.2.1",
            method="enterprises.devices.issueCommand", resource=str(issued.name), type=issued.type,
        )  # fmt: skip
        assert expected == entry

    async def test_what_changes_nothing_is_not_recorded(self, open_store: OpenStore) -> None:
        store = await opened(open_store)

        def refused(_: Facts) -> Decision[None]:
            raise ArithmeticError

        with contextlib.suppress(ArithmeticError):
            await store.decide(Sees(), refused)
        await store.decide(Sees(), write())
        await store.decide(Sees(), write(AppendEvent(ENTERPRISE, notification())))

        assert [] == list(await trail_of(store))

    async def test_nothing_is_recorded_where_no_trail_is_kept_or_an_operator_wants_silence(self, open_store: OpenStore) -> None:
        store = await open_store()
        await store.decide(Sees(), write(Put(enterprise_record())))
        store.audited = True
        with acting(Acting(actor_type=ActorType.DEVICE, silent=True)):
            await store.decide(Sees(), write(Put(enterprise_record())))

        assert [] == list(await trail_of(store))

    async def test_telemetry_is_recorded_only_where_an_operation_or_a_device_comes_or_goes(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await opened(open_store)
        with acting(Acting(actor_type=ActorType.DEVICE, method="device.status", telemetry=True)):
            await store.decide(Sees(device=device), write(PutDevice(device_record(device))))
            silent = await entries_of(store)
            await store.decide(Sees(device=device), write(PutOperation(operation(device, START_US // 1_000), new=True)))
            await store.decide(Sees(device=device), write(DeleteDevice(device)))

        assert [] == silent
        assert 2 == len(await entries_of(store))

    async def test_an_entry_names_the_first_resources_and_counts_the_others(self, open_store: OpenStore) -> None:
        names = [PolicyName(ENTERPRISE.enterprise, f"policy{number}") for number in range(20)]
        store = await opened(open_store)

        await store.decide(Sees(), write(*(Put(policy(name)) for name in (*names, names[0]))))
        (entry,) = await entries_of(store)

        assert (str(names[0]), tuple(map(str, names[1:17])), 3) == (entry.resource, entry.also, entry.more)

    async def test_the_chain_has_no_gap_whatever_comes_together_and_goes_on_after_a_restart(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await opened(open_store, clock)
        names = [device_name() for _ in range(30)]
        await enrolled(store, *names)
        await asyncio.gather(*(store.decide(Sees(device=name), issue(name)) for name in names))
        before = await store.audit_state()

        store = await opened(open_store, clock)
        await store.decide(Sees(), write(AddAuditEntry("", AuditEntry(actor_type=ActorType.OPERATOR, method="keys.create"))))
        blocks = await trail_of(store)

        assert links(blocks)
        assert (blocks[-2].number, blocks[-2].digest) == (before.head.number, before.head.digest)
        assert 60 == len(await entries_of(store))
        assert Head(blocks[-1].number, blocks[-1].digest) == (await store.audit_state()).head

    async def test_a_stream_is_read_both_ways_and_the_whole_trail_too(self, open_store: OpenStore) -> None:
        store = await opened(open_store)
        for number in range(6):
            entry = AuditEntry(actor_type=ActorType.SERVER, method=str(number))
            await store.decide(Sees(), write(AddAuditEntry("even" if number % 2 == 0 else "odd", entry)))

        newest = await store.audit_blocks("even", before=LATEST, limit=2)
        older = await store.audit_blocks("even", before=newest[-1].number, limit=2)
        every = await store.audit_blocks(None, before=LATEST, limit=3)
        ahead = await store.audit_blocks_after("odd", after=2, limit=5)

        assert [5, 3] == [block.number for block in newest]
        assert [1] == [block.number for block in older]
        assert [6, 5, 4] == [block.number for block in every]
        assert [4, 6] == [block.number for block in ahead]

    async def test_a_checkpoint_is_a_block_of_its_own_and_says_what_is_signed(self, open_store: OpenStore) -> None:
        store = await opened(open_store)
        nothing = await store.audit_state()
        await store.decide(Sees(), write(Put(enterprise_record())))
        changed = await store.audit_state()
        checkpoint = Checkpoint(number=1, digest=changed.head.digest.hex(), signed_us=START_US, key_id="k", signature="00")
        await store.decide(Sees(), write(AddCheckpoint(checkpoint)))
        signed = await store.audit_state()
        await store.decide(Sees(), write(Put(enterprise_record())))

        assert (Head(), None, False) == nothing
        assert (None, True) == (changed.checkpoint, changed.unsigned)
        assert (checkpoint, False, 2) == (signed.checkpoint, signed.unsigned, signed.head.number)
        assert (await store.audit_state()).unsigned
        assert [checkpoint] == [decode_checkpoint(b.entries) for b in await store.audit_blocks(CHECKPOINT_STREAM, before=LATEST, limit=9)]

    async def test_what_stands_among_the_checkpoints_and_is_not_one_hides_none(self, open_store: OpenStore) -> None:
        store = await opened(open_store)
        stray = write(AddAuditEntry(CHECKPOINT_STREAM, AuditEntry(actor_type=ActorType.ANYBODY, method="enterprises.delete")))
        await store.decide(Sees(), stray)
        alone = await store.audit_state()
        checkpoint = Checkpoint(number=1, digest=alone.head.digest.hex(), signed_us=START_US, key_id="k", signature="00")
        await store.decide(Sees(), write(AddCheckpoint(checkpoint)))
        for _ in range(2):
            await store.decide(Sees(), stray)

        assert alone.checkpoint is None
        assert (checkpoint, False, 4) == ((state := await store.audit_state()).checkpoint, state.unsigned, state.head.number)

    async def test_the_oldest_blocks_go_and_the_chain_goes_on(self, open_store: OpenStore) -> None:
        store = await opened(open_store)
        for _ in range(5):
            await store.decide(Sees(), write(Put(enterprise_record())))
        floor = (await trail_of(store))[2]

        first = await store.sweep_audit(3, limit=2)
        rest = await store.sweep_audit(3, limit=10)
        none = await store.sweep_audit(3, limit=10)
        await store.decide(Sees(), write(Put(enterprise_record())))
        blocks = await trail_of(store)

        assert (2, 1, 0) == (first, rest, none)
        assert [4, 5, 6] == [block.number for block in blocks]
        assert links(blocks, floor.digest)

    async def test_what_ends_by_time_and_what_retention_removes_is_the_servers(self, open_store: OpenStore) -> None:
        clock = SetClock()
        device = device_name()
        store = await opened(open_store, clock)
        await enrolled(store, device)
        issued = await store.decide(Sees(device=device), issue(device))
        clock.at_us = (issued.deadline_us or 0) + 1
        with acting(Acting.server("expire_operations")):
            await store.decide_due(lambda due, facts: (PutOperation(expire(due, facts.now_us)),), limit=10)
        clock.at_us += SECOND_US
        with acting(Acting.server("retire_operations")):
            await store.retire(ended_before_us=clock.at_us, limit=10)

        expired, removed = (await entries_of(store))[-1], (await entries_of(store, ""))[-1]

        assert ("server.expire_operations", str(issued.name)) == (expired.method, expired.resource)
        assert (ActorType.SERVER, "server.retire_operations", 1) == (removed.actor_type, removed.method, removed.count)


async def raced(stores: Sequence[Store], *, seed: int, writers: int = 6, changes: int = 20) -> None:
    """However servers race, each change has one entry, a writer's stand in its order, and the chain has no gap."""
    chance = random.Random(seed)
    before = (await stores[0].audit_state()).head

    async def change(writer: int) -> None:
        for number in range(changes):
            store = chance.choice(stores)
            with acting(Acting(actor_type=ActorType.PERSON, actor=f"{writer} {number}")):
                await store.decide(Sees(), write(PutDevice(device_record(device_name()))))
            for _ in range(chance.randint(0, 2)):
                await asyncio.sleep(0)

    async def look() -> None:
        for _ in range(20):
            await chance.choice(stores).audit_state()
            await asyncio.sleep(0.001)

    await asyncio.gather(*map(change, range(writers)), look(), look())
    trails = [await store.audit_blocks_after(None, after=before.number, limit=100_000) for store in stores]

    assert all(trails[0] == trail for trail in trails)
    assert links(trails[0], before.digest)
    actors = [entry.actor for block in trails[0] for entry in entries_in(block)]
    for writer in range(writers):
        assert [f"{writer} {number}" for number in range(changes)] == [actor for actor in actors if actor.startswith(f"{writer} ")]
    assert writers * changes == len(actors)

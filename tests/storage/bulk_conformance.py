"""What every Store must do when it decides of many devices: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import TypeVar

import pytest

from heliograph.domain.errors import Overloaded
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.service.outbox import Publish
from heliograph.service.ports import Ask, Decision, Facts, Lane, PutDevice, Rule, Sees, Store
from heliograph.storage.queue.bulk_verbs import SLICE_MOST
from tests.patience import surely
from tests.running import Running
from tests.storage import decides_until_killed
from tests.storage.audit_conformance import ALICE, acting, entries_of
from tests.storage.conformance import OpenStore
from tests.storage.outbox_conformance import PUSH, notification
from tests.storage.records import START_US, device_name, device_record, issue, look, write

T = TypeVar("T")
ODD = 7
"""More devices than fill whole slices."""
NOTHING_BESIDES = Sees()
"""What a rule must see that needs its device only."""


def named(count: int) -> list[DeviceName]:
    return [device_name() for _ in range(count)]


def enrolments(devices: Sequence[DeviceName]) -> list[Ask[object]]:
    return [(device, NOTHING_BESIDES, write(PutDevice(device_record(device)))) for device in devices]


def issues(devices: Sequence[DeviceName]) -> list[Ask[Operation]]:
    return [(device, NOTHING_BESIDES, issue(device)) for device in devices]


async def all_answers(store: Store, asks: Sequence[Ask[T]]) -> list[T | Exception]:
    """Where a busy machine stands still for a second, a slice is refused: what is left is asked again."""
    answers: list[T | Exception] = []
    while len(answers) < len(asks):
        try:
            async for answered in store.decide_many(asks[len(answers) :]):
                answers += answered
        except Overloaded:
            await asyncio.sleep(0.05)
    return answers


async def with_devices(open_store: OpenStore, count: int) -> tuple[Store, list[DeviceName]]:
    """A store in which so many devices have enrolled."""
    store, devices = await open_store(), named(count)
    await all_answers(store, enrolments(devices))
    return store, devices


async def with_operations(store: Store, devices: Sequence[DeviceName]) -> list[DeviceName]:
    """Those of the devices that have an operation."""
    return [device for device in devices if await store.open_operations(device)]


class BulkConformance:
    """The suite."""

    async def test_every_device_gets_its_decision_in_the_order_in_which_they_were_asked(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 2 * SLICE_MOST + ODD)

        answers = await all_answers(store, issues(devices))

        assert devices == [answer.device for answer in answers if isinstance(answer, Operation)]
        store = await open_store()
        assert answers == [(await store.open_operations(device))[-1] for device in devices]

    async def test_a_slice_is_one_commit(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 2 * SLICE_MOST + ODD)
        before = sum(store.counts.commit_s.counts)

        sizes = [len(answers) async for answers in store.decide_many(issues(devices))]

        assert [SLICE_MOST, SLICE_MOST, ODD] == sizes
        assert before + 3 == sum(store.counts.commit_s.counts)

    async def test_nothing_asked_is_nothing_decided(self, open_store: OpenStore) -> None:
        store = await open_store()

        assert [] == [answers async for answers in store.decide_many(())]

    async def test_a_rule_that_raises_has_its_error_for_an_answer_and_harms_no_other(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 6)
        unknown = device_name()

        answers = await all_answers(store, issues([*devices[:3], unknown, *devices[3:]]))

        assert [Operation] * 3 + [LookupError] + [Operation] * 3 == list(map(type, answers))
        assert devices == await with_operations(store, [*devices, unknown])

    async def test_each_rule_sees_its_device_and_what_it_asked_for_besides(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 4)
        issued = await all_answers(store, issues(devices))
        unlike = [NOTHING_BESIDES, Sees(open_operations=True), Sees(open_operations=True), NOTHING_BESIDES]

        def tell(facts: Facts) -> Decision[object]:
            return Decision((facts.device and facts.device.name, facts.open_count, facts.open_operations))

        answers = await all_answers(store, [(device, sees, tell) for device, sees in zip(devices, unlike, strict=True)])

        seen = [(), (issued[1],), (issued[2],), ()]
        assert [(device, 1, operations) for device, operations in zip(devices, seen, strict=True)] == answers

    async def test_rules_see_what_those_before_them_wrote(self, open_store: OpenStore) -> None:
        store, (device,) = await with_devices(open_store, 1)

        await all_answers(store, issues([device] * (SLICE_MOST + ODD)))

        facts = await surely(lambda: store.decide(Sees(device=device), look))
        assert SLICE_MOST + ODD == facts.open_count

    async def test_what_is_asked_is_consumed_slice_by_slice(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 3 * SLICE_MOST)
        consumed: list[DeviceName] = []

        def asks() -> Iterator[Ask[Operation]]:
            for ask in issues(devices):
                consumed.append(ask[0])
                yield ask

        many = store.decide_many(asks())
        assert [] == consumed
        await anext(many)

        assert devices[:SLICE_MOST] == consumed
        assert consumed == await with_operations(store, devices)

    async def test_a_caller_that_is_cancelled_ends_it_after_the_slice_that_waits(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 4 * SLICE_MOST)

        def asks() -> Iterator[Ask[Operation]]:
            for number, ask in enumerate(issues(devices)):
                if number == SLICE_MOST:  # the second slice is about to wait
                    asyncio.get_running_loop().call_soon(asking.cancel)
                yield ask

        async def ask() -> None:
            async for _ in store.decide_many(asks()):
                pass

        asking = asyncio.create_task(ask())
        with pytest.raises(asyncio.CancelledError):
            await asking
        await surely(lambda: store.decide(Sees(device=devices[2 * SLICE_MOST - 1]), look, lane=Lane.BULK))

        assert len(await with_operations(store, devices)) in {SLICE_MOST, 2 * SLICE_MOST}

    async def test_a_store_that_closes_refuses_the_rest(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, 3 * SLICE_MOST)
        many = store.decide_many(issues(devices))
        await anext(many)

        await store.close()
        with pytest.raises(Overloaded):
            await anext(many)

        store = await open_store()
        assert devices[:SLICE_MOST] == await with_operations(store, devices)

    async def test_who_asks_at_the_same_time_takes_turns(self, open_store: OpenStore) -> None:
        store = await open_store()
        decided: list[str] = []

        def noting(name: str) -> Rule[None]:
            def rule(_: Facts) -> Decision[None]:
                if not decided or decided[-1] != name:
                    decided.append(name)
                return Decision(None)

            return rule

        async def ask(name: str) -> None:
            async for _ in store.decide_many([(device_name(), NOTHING_BESIDES, noting(name))] * (3 * SLICE_MOST)):
                pass

        await asyncio.gather(ask("one"), ask("other"))

        assert ["one", "other"] * 3 == decided

    async def test_a_caller_waits_for_a_slice_and_not_for_all_of_them(self, open_store: OpenStore) -> None:
        """Counted in what was decided: time is not looked at."""
        slices, third = 12, 2 * SLICE_MOST
        store, (device, *devices) = await with_devices(open_store, slices * SLICE_MOST + 1)
        decided: list[str] = []
        calls: list[asyncio.Task[Operation]] = []

        def noting(name: str, rule: Rule[Operation]) -> Rule[Operation]:
            def noted(facts: Facts) -> Decision[Operation]:
                decided.append(name)
                return rule(facts)

            return noted

        def asks() -> Iterator[Ask[Operation]]:
            for number, (asked, sees, rule) in enumerate(issues(devices)):
                if number == third:
                    calls.append(asyncio.create_task(store.decide(Sees(device=device), noting("caller", issue(device)))))
                yield asked, sees, noting("bulk", rule)

        async for _ in store.decide_many(asks()):
            pass
        await calls[0]

        assert decided.index("caller") <= third + 2 * SLICE_MOST

    async def test_bells_ring_and_messages_are_in_the_outbox_after_their_slice(self, open_store: OpenStore) -> None:
        rung: list[DeviceName] = []
        store = await open_store(ring=rung.append)
        devices = named(SLICE_MOST + ODD)
        await all_answers(store, enrolments(devices))

        def issue_and_publish(device: DeviceName) -> Rule[Operation]:
            def rule(facts: Facts) -> Decision[Operation]:
                decision = issue(device)(facts)
                return Decision(decision.answer, (*decision.writes, Publish(notification(), PUSH)), ring=device)

            return rule

        await all_answers(store, [(device, NOTHING_BESIDES, issue_and_publish(device)) for device in devices])
        claimed = await store.claim(limit=10_000, now_us=START_US, until_us=START_US + 1)
        await asyncio.sleep(0)

        assert devices == rung
        assert len(devices) == len(claimed)

    async def test_every_decision_is_in_the_audit_trail(self, open_store: OpenStore) -> None:
        store, devices = await with_devices(open_store, SLICE_MOST + ODD)
        store.audited = True

        with acting(ALICE):
            answers = await all_answers(store, issues(devices))

        issued = {str(answer.name) for answer in answers if isinstance(answer, Operation)}
        entries = await entries_of(store)
        assert issued == {entry.resource for entry in entries}
        assert {"alice"} == {entry.actor for entry in entries}
        assert len(devices) == len(entries)


async def kept_whole(open_store: Callable[[], Awaitable[Store]], address: str, chance: Random) -> None:
    """Kill -9 of a process that decides of many, three times: of each slice all is there or nothing, and all that was reported."""
    said: list[str] = []
    for run in range(3):
        said += await asyncio.to_thread(_killed, address, run, chance)
        store = await open_store()
        found = await _slices_found(store)
        await store.close()
        assert {SLICE_MOST} == set(found.values()), "a slice was half applied"
        assert set(said) <= found.keys(), "a slice that was reported is lost"


def _killed(address: str, run: int, chance: Random) -> list[str]:
    """Which slices the process said it had decided, until it was killed."""
    program = [sys.executable, "-m", decides_until_killed.__name__, address, str(run)]
    with Running(program, stdout=subprocess.PIPE) as process:
        lines = [process.line() for _ in range(chance.randint(2, 12))]
        for _ in range(chance.randrange(200_000)):  # into the middle of a slice
            pass
        process.kill()
        lines += [line for line in process.lines() if line.endswith("\n")]
    assert all(lines), "it ended by itself"
    return [line.strip() for line in lines]


async def _slices_found(store: Store) -> dict[str, int]:
    """How many operations of each slice are there."""
    found: dict[str, int] = {}
    for device in decides_until_killed.DEVICES:
        for operation in (await store.operations(device, after_ms=0, limit=100_000)).items:
            found[operation.duration] = found.get(operation.duration, 0) + 1
    return found

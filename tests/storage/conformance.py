"""What every Store must do, whatever engine is behind it: a suite that a backend's test file subclasses.

A subclass gives a fixture `open_store`: it opens the store of one and the same database, as often as it is asked; the one opened
before is closed first.
"""

import asyncio
import enum
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import pytest

from heliograph.domain.device import DeviceRecord
from heliograph.domain.errors import Overloaded
from heliograph.domain.evidence import Judgement
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import DeviceName, EnrollmentTokenName, EnterpriseName
from heliograph.domain.operation import Operation, State
from heliograph.service.ports import (
    Decision,
    Delete,
    DeleteDevice,
    Facts,
    Put,
    PutDevice,
    PutOperation,
    PutTombstone,
    Rule,
    Sees,
    Store,
    Write,
)
from heliograph.service.rules import SeesDevice, SeesOperation
from tests.patience import PATIENCE_S
from tests.storage.records import (
    ENTERPRISE,
    SECOND_US,
    START_US,
    SetClock,
    create_times,
    credential_of,
    device_name,
    device_record,
    ended,
    enterprise_record,
    issue,
    look,
    operation,
    token_record,
    tombstone,
    write,
)


class SandboxStore(Store, Protocol):
    """A Store with what only the sandbox uses."""

    async def forget_device(self, name: DeviceName) -> None:
        """The device never was."""


OpenStore = Callable[..., Awaitable[Store]]
"""`await open_store(clock=SetClock(), ring=print)`."""
OpenSandboxStore = Callable[..., Awaitable[SandboxStore]]


class Answer(enum.Enum):
    """What the rules of these tests answer."""

    FIRST = enum.auto()
    REFUSED = enum.auto()


def enroll(record: DeviceRecord, serial: str) -> Rule[Facts]:
    """A rule that enrols the device and answers with what it saw."""
    return lambda facts: Decision(facts, (PutDevice(record, serial=serial),))


async def enrolled(store: Store, *names: DeviceName) -> None:
    """These devices exist."""
    for name in names:
        await store.decide(Sees(device=name), write(PutDevice(device_record(name))))


class StoreConformance:
    """The suite."""

    # The way of a command.

    async def test_an_issued_operation_is_read_by_name_in_the_list_and_among_the_open_ones(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        issued = await store.decide(Sees(device=device), issue(device))

        assert issued == await store.operation(issued.name)
        assert [issued] == list((await store.operations(device, after_ms=0, limit=10)).items)
        assert [issued] == list(await store.open_operations(device))

    async def test_every_field_of_an_operation_comes_back_after_a_restart(self, open_store: OpenStore) -> None:
        device = device_name()
        whole = operation(
            device, 1_790_000_000_123, user_name="users/1", expires_us=2**62, state=State.ACKNOWLEDGED, deadline_us=2**62,
            ack_id="ab" * 16, acked_us=START_US, released=True, report_seq=7, status=b'{"a":{}}', secret=b"\0sealed\xff",
            evidence=b'{"after":{"bootCount":2}}', judgement=Judgement.CONTRADICTED,
        )  # fmt: skip
        store = await open_store()
        await enrolled(store, device)
        await store.decide(Sees(device=device), write(PutOperation(whole, new=True)))

        store = await open_store()

        assert whole == await store.operation(whole.name)

    async def test_a_second_store_with_a_clock_behind_still_numbers_upwards(self, open_store: OpenStore) -> None:
        """Two servers in turn, the second one's clock a second behind."""
        device = device_name()
        store = await open_store(clock=SetClock(START_US))
        await enrolled(store, device)
        first = await store.decide(Sees(device=device), issue(device))

        store = await open_store(clock=SetClock(START_US - SECOND_US))
        second = await store.decide(Sees(device=device), issue(device))

        assert [first.create_ms, first.create_ms + 1] == create_times([first, second])

    async def test_commands_of_one_millisecond_are_numbered_in_their_order(self, open_store: OpenStore) -> None:
        device, other = device_name(), device_name()
        store = await open_store()
        await enrolled(store, device, other)

        issued = await asyncio.gather(*(store.decide(Sees(device=name), issue(name)) for name in (device, other, device, device)))

        start_ms = START_US // 1_000
        assert [start_ms, start_ms, start_ms + 1, start_ms + 2] == create_times(issued)

    async def test_issue_racing_delete_leaves_no_open_operation_of_a_deleted_device(self, open_store: OpenStore) -> None:
        """Whatever the order: what was issued before ends with the device, what comes after is refused."""
        devices = [device_name() for _ in range(20)]
        store = await open_store()
        await enrolled(store, *devices)

        def delete(device: DeviceName) -> Callable[[Facts], Decision[None]]:
            def rule(facts: Facts) -> Decision[None]:
                ends = [PutOperation(ended(one, facts.now_us, State.FAILED)) for one in facts.open_operations]
                return Decision(None, (DeleteDevice(device), PutTombstone(tombstone(device)), *ends))

            return rule

        calls: list[Awaitable[object]] = []
        for turn, device in enumerate(devices):
            racing: list[Awaitable[object]] = [store.decide(Sees(device=device), issue(device)) for _ in range(4)]
            racing.insert(turn % 5, store.decide(Sees(device=device, open_operations=True), delete(device)))
            calls += racing
        answers = await asyncio.gather(*calls, return_exceptions=True)

        issued = [answer for answer in answers if isinstance(answer, Operation)]
        refused = [answer for answer in answers if isinstance(answer, LookupError)]
        assert (40, 40) == (len(issued), len(refused))
        assert not any([await store.open_operations(device) for device in devices])
        assert {State.FAILED} == {one.state for issue_ in issued if (one := await store.operation(issue_.name))}

    # Rules in batches.

    async def test_a_rule_that_raises_writes_nothing_and_harms_no_other(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        def fail(facts: Facts) -> Decision[None]:
            raise ArithmeticError

        answers = await asyncio.gather(
            store.decide(Sees(device=device), issue(device)),
            store.decide(Sees(device=device), fail),
            store.decide(Sees(device=device), issue(device)),
            return_exceptions=True,
        )

        assert isinstance(answers[1], ArithmeticError)
        assert 2 == len((await store.operations(device, after_ms=0, limit=10)).items)

    async def test_a_decision_that_cannot_be_written_is_refused_whole(self, open_store: OpenStore) -> None:
        """An id that is not newer is the rule's fault: nothing of its decision is taken, and others go on."""
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        first = await store.decide(Sees(device=device), issue(device))
        again = [PutDevice(device_record(device, policy_name="changed")), PutOperation(first, new=True)]

        answers = await asyncio.gather(
            store.decide(Sees(device=device), write(*again)),
            store.decide(Sees(device=device), look),
            return_exceptions=True,
        )

        assert isinstance(answers[0], ValueError)
        assert device_record(device) == (await store.decide(Sees(device=device), look)).device

    async def test_a_rule_sees_the_writes_of_the_rules_before_it(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()

        _, issued, seen, _, gone = await asyncio.gather(
            store.decide(Sees(device=device), write(PutDevice(device_record(device)))),
            store.decide(Sees(device=device), issue(device)),
            store.decide(Sees(device=device, create_ms=START_US // 1_000, open_operations=True), look),
            store.decide(Sees(device=device), write(DeleteDevice(device))),
            store.decide(Sees(device=device), look),
        )

        assert device_record(device) == seen.device
        assert (issued, (issued,)) == (seen.operation, seen.open_operations)
        assert (issued.create_ms, 1) == (seen.last_create_ms, seen.open_count)
        assert (None, 1) == (gone.device, gone.open_count)

    async def test_what_is_seen_of_a_device_alone_is_what_is_seen_of_it_among_all(self, open_store: OpenStore) -> None:
        """In the batch of a step of its life, after it, and after a restart; of what never was, too."""
        device, never, clock = device_name(), device_name(), SetClock()
        store = await open_store(clock=clock)
        steps: list[Rule[object]] = [
            write(PutDevice(device_record(device))),
            issue(device),
            issue(device),
            write(DeleteDevice(device), PutTombstone(tombstone(device))),
            write(),
        ]
        found: list[Facts] = []

        async def see() -> None:
            for name in (device, never):
                among_all, alone = Sees(device=name, enterprise=ENTERPRISE), SeesDevice(device=name)
                found.extend(await asyncio.gather(store.decide(among_all, look), store.decide(alone, look)))

        for step in steps:
            await asyncio.gather(store.decide(Sees(device=device), step), see())
            await see()
            store = await open_store(clock=clock)
            await see()
            if step is steps[3]:
                clock.at_us = tombstone(device).expires_us

        among_all, alone = found[::2], found[1::2]
        assert [msgspec.structs.replace(facts, enterprise=None) for facts in among_all] == alone
        assert {0, 1, 2} == {facts.open_count for facts in alone}
        assert {True, False} == {facts.tombstone is None for facts in alone} == {facts.device is None for facts in alone}

    async def test_what_is_seen_of_one_operation_is_what_is_seen_of_it_among_all(self, open_store: OpenStore) -> None:
        """In the batch of a step of its life, after it, and after a restart; of what was never made, too."""
        device, clock = device_name(), SetClock()
        store = await open_store(clock=clock)
        await enrolled(store, device)
        first = await store.decide(Sees(device=device), issue(device))
        steps: list[Rule[object]] = [
            issue(device),
            write(PutOperation(ended(first, START_US)), Put(enterprise_record())),
            write(DeleteDevice(device), PutTombstone(tombstone(device))),
            write(),
        ]
        found: list[Facts] = []

        async def see(create_ms: int) -> None:
            among_all = Sees(device=device, create_ms=create_ms, subscription=True)
            alone = SeesOperation(device=device, create_ms=create_ms, subscription=True)
            found.extend(await asyncio.gather(store.decide(among_all, look), store.decide(alone, look)))

        for step in steps:
            await asyncio.gather(store.decide(Sees(device=device, enterprise=ENTERPRISE), step), see(first.create_ms), see(1), see(0))
            await see(first.create_ms)
            store = await open_store(clock=clock)
            await see(first.create_ms)
            if step is steps[2]:
                clock.at_us = tombstone(device).expires_us

        among_all, alone = found[::2], found[1::2]
        assert [msgspec.structs.replace(facts, last_create_ms=0) for facts in among_all] == alone
        assert {State.QUEUED, State.SUCCEEDED, None} == {facts.operation.state if facts.operation else None for facts in alone}
        assert {True, False} == {facts.tombstone is None for facts in alone} == {facts.subscription is None for facts in alone}

    async def test_an_operation_that_ended_is_no_longer_open(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        issued = [await store.decide(Sees(device=device), issue(device)) for _ in range(3)]

        await store.decide(Sees(device=device), write(PutOperation(ended(issued[1], START_US))))

        facts = await store.decide(Sees(device=device, open_operations=True), look)
        assert ((issued[0], issued[2]), 2) == (facts.open_operations, facts.open_count)
        store = await open_store()
        assert [issued[0], issued[2]] == list(await store.open_operations(device))

    async def test_a_rule_sees_nothing_of_what_does_not_exist(self, open_store: OpenStore) -> None:
        name = device_name()
        store = await open_store()

        facts = await store.decide(
            Sees(
                device=name, create_ms=1, open_operations=True, credential_hash=credential_of(name), enterprise=ENTERPRISE,
                serial="serial", token_value="value",
            ),
            look,
        )  # fmt: skip

        assert Facts(now_us=START_US) == facts

    async def test_a_caller_that_went_away_changes_nothing_for_the_others(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        calls = [asyncio.ensure_future(store.decide(Sees(device=device), issue(device))) for _ in range(3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)

        assert isinstance(answers[1], asyncio.CancelledError)
        assert isinstance(answers[2], Operation)

    async def test_time_never_goes_back_for_rules(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        before = await store.decide(Sees(), look)

        clock.at_us -= SECOND_US
        after = await store.decide(Sees(), look)

        assert [START_US, START_US] == [before.now_us, after.now_us]

    async def test_the_bell_rings_after_the_commit(self, open_store: OpenStore) -> None:
        device = device_name()
        rings: list[DeviceName] = []
        store = await open_store(ring=rings.append)
        await enrolled(store, device)
        assert [] == rings

        await store.decide(Sees(device=device), issue(device))
        await asyncio.sleep(0.01)

        assert [device] == rings

    # Deadlines.

    async def test_due_operations_come_oldest_deadline_first_and_no_more_than_asked(self, open_store: OpenStore) -> None:
        clock = SetClock()
        device = device_name()
        store = await open_store(clock=clock)
        await enrolled(store, device)
        ms = START_US // 1_000
        dues = [300, 100, 200, 900]
        for offset, due in enumerate(dues):
            due_us = START_US + due * SECOND_US
            await store.decide(Sees(device=device), write(PutOperation(operation(device, ms + offset, deadline_us=due_us), new=True)))
        clock.at_us += 500 * SECOND_US
        seen: list[int] = []

        def expire(one: Operation, facts: Facts) -> list[Write]:
            seen.append((one.deadline_us or 0) - START_US)
            return [PutOperation(ended(one, facts.now_us, State.EXPIRED))]

        counts = [await store.decide_due(expire, limit=2) for _ in range(3)]

        assert [2, 1, 0] == counts
        assert [100 * SECOND_US, 200 * SECOND_US, 300 * SECOND_US] == seen
        assert START_US + 900 * SECOND_US == store.nearest_deadline_us()

    async def test_a_due_rule_that_raises_leaves_everything_as_it_was(self, open_store: OpenStore) -> None:
        clock = SetClock()
        device = device_name()
        store = await open_store(clock=clock)
        await enrolled(store, device)
        issued = [await store.decide(Sees(device=device), issue(device)) for _ in range(2)]
        clock.at_us += 601 * SECOND_US

        def expire(one: Operation, facts: Facts) -> list[Write]:
            if one == issued[1]:
                raise ArithmeticError
            return [PutOperation(ended(one, facts.now_us, State.EXPIRED))]

        with pytest.raises(ArithmeticError):
            await store.decide_due(expire, limit=10)

        assert issued == list(await store.open_operations(device))
        assert issued == list((await store.operations(device, after_ms=0, limit=10)).items)

    async def test_the_nearest_deadline_is_told_when_it_comes_nearer_only(self, open_store: OpenStore) -> None:
        clock = SetClock()
        device = device_name()
        store = await open_store(clock=clock)
        await enrolled(store, device)
        told: list[int | None] = []
        store.on_deadline(lambda: told.append(store.nearest_deadline_us()))
        assert store.nearest_deadline_us() is None

        first = await store.decide(Sees(device=device), issue(device))
        clock.at_us += SECOND_US
        second = await store.decide(Sees(device=device), issue(device))
        await store.decide(Sees(device=device), write(PutOperation(ended(first, clock.at_us))))
        await asyncio.sleep(0.01)

        assert [first.deadline_us] == told
        async with asyncio.timeout(PATIENCE_S):  # it may be too early meanwhile, never too late
            while second.deadline_us != store.nearest_deadline_us():
                assert first.deadline_us == store.nearest_deadline_us()
                await asyncio.sleep(0.01)
        store = await open_store(clock=clock)
        assert second.deadline_us == store.nearest_deadline_us()

    # Reads and pages.

    async def test_operations_are_paged_oldest_first(self, open_store: OpenStore) -> None:
        device, other = device_name(), device_name()
        store = await open_store()
        await enrolled(store, device, other)
        issued = [await store.decide(Sees(device=name), issue(name)) for name in (device, other) * 5][::2]

        first = await store.operations(device, after_ms=0, limit=3)
        rest = await store.operations(device, after_ms=first.items[-1].create_ms, limit=3)

        assert (issued[:3], True) == (list(first.items), first.more)
        assert (issued[3:], False) == (list(rest.items), rest.more)

    @pytest.mark.parametrize("limit", [1, 3, 7, 100, 1_000])
    async def test_what_is_at_hand_is_what_callers_are_shown_of_the_page(self, open_store: OpenStore, limit: int) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        issued = [await store.decide(Sees(device=device), issue(device)) for _ in range(7)]
        await store.decide(Sees(device=device), write(*(PutOperation(ended(one, START_US)) for one in issued[::2])))

        for _ in ("as memory has them", "as the rows say"):
            for after_ms in (0, issued[2].create_ms, issued[-1].create_ms):
                page = await store.operations(device, after_ms=after_ms, limit=limit)
                at_hand = store.operations_at_hand(device, after_ms=after_ms, limit=limit)
                assert at_hand is None or list(map(render_operation, page.items)) == list(map(render_operation, at_hand.items))
                assert at_hand is None or page.more == at_hand.more
            for one in issued:
                assert store.operation_at_hand(one.name) in (None, await store.operation(one.name))
            store = await open_store()

    async def test_nothing_is_at_hand_of_a_device_that_is_not_there(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        issued = await store.decide(Sees(device=device), issue(device))
        await store.decide(Sees(device=device), write(PutOperation(ended(issued, START_US))))
        await store.decide(Sees(device=device), write(DeleteDevice(device)))

        for _ in ("as memory has it", "as the rows say"):
            assert store.operations_at_hand(device, after_ms=0, limit=10) is None
            assert store.operation_at_hand(issued.name) is None
            assert store.operations_at_hand(device_name(), after_ms=0, limit=10) is None
            assert 1 == len((await store.operations(device, after_ms=0, limit=10)).items)
            store = await open_store()

    async def test_a_large_page_reads_the_writes_answered_before_it(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        issued = await asyncio.gather(*(store.decide(Sees(device=device), issue(device)) for _ in range(300)))

        page = await store.operations(device, after_ms=0, limit=1_000)

        assert (issued, False) == (list(page.items), page.more)

    async def test_devices_are_paged_in_order_of_enrolment(self, open_store: OpenStore) -> None:
        store = await open_store()
        records = [device_record(device_name(), enrollment_us=START_US - offset) for offset in range(5)]
        for record in records:
            await store.decide(Sees(device=record.name), write(PutDevice(record)))
        await enrolled(store, DeviceName("LC0other", "0000000000000001"))

        first = await store.devices(ENTERPRISE, after="", limit=3)
        rest = await store.devices(ENTERPRISE, after=first.items[-1].position, limit=3)

        assert (records[:1:-1], True) == (list(first.items), first.more)
        assert (records[1::-1], False) == (list(rest.items), rest.more)

    async def test_enterprises_and_tokens_are_paged_in_order_of_creation(self, open_store: OpenStore) -> None:
        store = await open_store()
        enterprises = [enterprise_record(number, EnterpriseName(f"LC0{9 - number}")) for number in range(3)]
        tokens = [token_record(f"t{9 - number}", number=number) for number in range(3)]
        await store.decide(Sees(), write(*map(Put, enterprises), *map(Put, tokens)))

        first = await store.enterprises(after="", limit=2)
        rest = await store.enterprises(after=first.items[-1].position, limit=2)
        page = await store.tokens(ENTERPRISE, after=tokens[0].position, limit=2)

        assert (enterprises, [True, False]) == ([*first.items, *rest.items], [first.more, rest.more])
        assert (tokens[1:], False) == (list(page.items), page.more)
        assert enterprises[1] == await store.enterprise(enterprises[1].name)
        assert tokens[2] == await store.token(EnrollmentTokenName(ENTERPRISE.enterprise, "t7"))

    # Devices, credentials, tombstones.

    async def test_a_credential_leads_to_its_device_and_then_to_its_tombstone(self, open_store: OpenStore) -> None:
        clock = SetClock()
        name = device_name()
        store = await open_store(clock=clock)
        await enrolled(store, name)
        assert device_record(name) == await store.by_credential(credential_of(name))

        await store.decide(Sees(device=name), write(DeleteDevice(name), PutTombstone(tombstone(name))))

        for _ in range(2):
            seen = await store.decide(Sees(credential_hash=credential_of(name)), look)
            assert tombstone(name) == await store.by_credential(credential_of(name))
            assert tombstone(name) == await store.tombstone(name)
            assert (None, tombstone(name)) == (seen.device, seen.tombstone)
            assert await store.device(name) is None
            store = await open_store(clock=clock)
        clock.at_us = tombstone(name).expires_us
        assert await store.by_credential(credential_of(name)) is None
        assert (await store.decide(Sees(device=name), look)).tombstone is None

    async def test_a_rule_sees_by_credential_what_it_sees_by_name(self, open_store: OpenStore) -> None:
        name = device_name()
        store = await open_store()
        await enrolled(store, name)
        issued = await store.decide(Sees(device=name), issue(name))

        store = await open_store()
        by_name = await store.decide(Sees(device=name, create_ms=issued.create_ms, open_operations=True), look)
        by_credential = await store.decide(
            Sees(credential_hash=credential_of(name), create_ms=issued.create_ms, open_operations=True), look
        )

        assert by_name == by_credential
        assert (device_record(name), issued, (issued,)) == (by_name.device, by_name.operation, by_name.open_operations)

    async def test_a_free_name_beside_a_known_credential_shows_the_credentials_device(self, open_store: OpenStore) -> None:
        """As enrolment asks: is this id free, and did this phone enrol before?"""
        known, free = device_name(), device_name()
        store = await open_store()
        await enrolled(store, known)

        facts = await store.decide(Sees(device=free, credential_hash=credential_of(known)), look)

        assert device_record(known) == facts.device

    async def test_devices_of_one_serial_are_remembered_in_order_also_when_deleted(self, open_store: OpenStore) -> None:
        store = await open_store()
        names = [device_name() for _ in range(3)]
        for offset, name in enumerate(names):
            record = device_record(name, enrollment_us=START_US + offset)
            sees = Sees(device=name, enterprise=ENTERPRISE, serial="R58")
            facts = await store.decide(sees, enroll(record, "R58"))
            assert tuple(map(str, names[:offset])) == facts.previous_device_names
            await store.decide(Sees(device=name), write(DeleteDevice(name)))

        store = await open_store()

        seen = await store.decide(Sees(enterprise=ENTERPRISE, serial="R58"), look)
        other = await store.decide(Sees(enterprise=EnterpriseName("LC0other"), serial="R58"), look)
        assert tuple(map(str, names)) == seen.previous_device_names
        assert () == other.previous_device_names

    # Enterprises and enrolment tokens.

    async def test_a_one_time_token_is_used_once_however_many_race_for_it(self, open_store: OpenStore) -> None:
        store = await open_store()
        token = token_record("once")
        await store.decide(Sees(), write(Put(token)))

        def use(who: str) -> Callable[[Facts], Decision[Answer]]:
            def rule(facts: Facts) -> Decision[Answer]:
                if facts.token is None or facts.token.used_by:
                    return Decision(Answer.REFUSED)
                return Decision(Answer.FIRST, (Put(token_record("once", used_by=who)),))

            return rule

        answers = await asyncio.gather(*(store.decide(Sees(token_value=token.value), use(f"{who}")) for who in range(9)))

        assert [Answer.FIRST, *[Answer.REFUSED] * 8] == answers

    async def test_tokens_go_with_their_enterprise_also_within_a_batch(self, open_store: OpenStore) -> None:
        store = await open_store()
        await store.decide(Sees(), write(Put(enterprise_record()), Put(token_record("old"))))
        sees_old = Sees(token_value="value-of-old", enterprise=ENTERPRISE)

        _, gone, _, back = await asyncio.gather(
            store.decide(Sees(enterprise=ENTERPRISE), write(Delete(ENTERPRISE))),
            store.decide(sees_old, look),
            store.decide(Sees(), write(Put(enterprise_record(1)), Put(token_record("new")))),
            store.decide(Sees(token_name=EnrollmentTokenName(ENTERPRISE.enterprise, "new"), enterprise=ENTERPRISE), look),
        )

        assert (None, None) == (gone.token, gone.enterprise)
        assert (token_record("new"), enterprise_record(1)) == (back.token, back.enterprise)
        assert [token_record("new")] == list((await store.tokens(ENTERPRISE, after="", limit=10)).items)
        await store.decide(Sees(), write(Delete(EnrollmentTokenName(ENTERPRISE.enterprise, "new"))))
        assert await store.token(EnrollmentTokenName(ENTERPRISE.enterprise, "new")) is None

    async def test_devices_of_a_deleted_enterprise_are_orphans(self, open_store: OpenStore) -> None:
        name = device_name()
        store = await open_store()
        await store.decide(Sees(), write(Put(enterprise_record())))
        await enrolled(store, name)
        assert [] == list(await store.orphans(limit=10))

        await store.decide(Sees(), write(Delete(ENTERPRISE)))

        assert [name] == list(await store.orphans(limit=10))

    # What removes rows.

    async def test_retention_takes_ended_operations_and_expired_tombstones_never_open_ones(self, open_store: OpenStore) -> None:
        clock = SetClock()
        device, gone = device_name(), device_name()
        store = await open_store(clock=clock)
        await enrolled(store, device, gone)
        await store.decide(Sees(), write(DeleteDevice(gone), PutTombstone(tombstone(gone, expires_us=START_US + 5))))
        issued = [await store.decide(Sees(device=device), issue(device)) for _ in range(5)]
        for offset in (3, 0, 1):
            await store.decide(Sees(), write(PutOperation(ended(issued[offset], START_US + offset))))
        clock.at_us += 10

        counts = [await store.retire(ended_before_us=START_US + 2, limit=2) for _ in range(3)]

        assert [2, 1, 0] == counts
        left = (await store.operations(device, after_ms=0, limit=10)).items
        assert create_times([issued[2], issued[3], issued[4]]) == create_times(left)
        assert await store.operation(issued[0].name) is None
        assert [issued[2], issued[4]] == list(await store.open_operations(device))
        assert await store.tombstone(gone) is None

    async def test_what_a_clock_behind_issues_after_the_newest_were_retired_stays_in_the_list(self, open_store: OpenStore) -> None:
        """The newest operations are gone, and the next server's clock is behind them: nothing that it issues is lost to the list."""
        clock = SetClock()
        device, other = device_name(), device_name()
        store = await open_store(clock=clock)
        await enrolled(store, device, other)
        first = await store.decide(Sees(device=device), issue(device))
        clock.at_us += SECOND_US
        newest = await store.decide(Sees(device=other), issue(other))
        await store.decide(Sees(), write(*(PutOperation(ended(one, clock.at_us)) for one in (first, newest))))
        clock.at_us += SECOND_US
        assert 2 == await store.retire(ended_before_us=clock.at_us, limit=10)

        store = await open_store(clock=SetClock(START_US))
        issued = [await store.decide(Sees(device=device), issue(device)) for _ in range(2)]
        store = await open_store(clock=SetClock(START_US))

        assert issued == list((await store.operations(device, after_ms=0, limit=10)).items)
        assert issued == list(await store.open_operations(device))
        assert issued == [await store.operation(one.name) for one in issued]

    # Life.

    async def test_a_closed_store_accepts_nothing(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        pending = [asyncio.ensure_future(store.decide(Sees(device=device), issue(device))) for _ in range(3)]
        await asyncio.sleep(0)

        await store.close()

        assert 3 == len(await asyncio.gather(*pending))
        with pytest.raises(Overloaded):
            await store.decide(Sees(device=device), look)


class SandboxConformance(StoreConformance):
    """The suite, and what only the sandbox does to its store."""

    async def test_a_forgotten_device_leaves_nothing_and_its_name_is_free(self, open_store: OpenSandboxStore) -> None:
        name, other = device_name(), device_name()
        store = await open_store()
        await enrolled(store, other)
        await store.decide(Sees(), write(PutDevice(device_record(name), serial="R58"), PutTombstone(tombstone(name))))
        issued = await store.decide(Sees(device=name), issue(name))
        kept = await store.decide(Sees(device=other), issue(other))

        await store.forget_device(name)

        sees = Sees(device=name, credential_hash=credential_of(name), create_ms=issued.create_ms, open_operations=True)
        facts = await store.decide(sees, look)
        assert Facts(now_us=START_US, last_create_ms=facts.last_create_ms) == facts
        assert () == (await store.decide(Sees(enterprise=ENTERPRISE, serial="R58"), look)).previous_device_names
        assert await store.operation(issued.name) is None
        assert [kept] == list(await store.open_operations(other))
        await enrolled(store, name)
        again = await store.decide(Sees(device=name), issue(name))
        assert [again] == list((await store.operations(name, after_ms=0, limit=10)).items)

    async def test_what_a_clock_behind_issues_after_the_newest_were_forgotten_stays_in_the_list(self, open_store: OpenSandboxStore) -> None:
        clock = SetClock()
        name, other = device_name(), device_name()
        store = await open_store(clock=clock)
        await enrolled(store, name, other)
        await store.decide(Sees(device=name), issue(name))
        clock.at_us += SECOND_US
        for _ in range(2):
            await store.decide(Sees(device=name), issue(name))
        await store.forget_device(name)

        store = await open_store(clock=SetClock(START_US))
        issued = await store.decide(Sees(device=other), issue(other))
        store = await open_store(clock=SetClock(START_US))

        assert [issued] == list((await store.operations(other, after_ms=0, limit=10)).items)

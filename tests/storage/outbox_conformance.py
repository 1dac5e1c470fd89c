"""What every Store must do with messages that wait to be sent: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from heliograph.domain.device import EnterpriseRecord
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.notification import Notification, Subscription
from heliograph.service.outbox import OutboxMessage, Postponed, Publish, Published
from heliograph.service.ports import Decision, Delete, Facts, Put, PutOperation, Sees, Store, Write
from tests.storage.conformance import OpenStore, enrolled
from tests.storage.records import ENTERPRISE, SECOND_US, START_US, SetClock, device_name, ended, issue, look, operation, write

PUSH, TOPIC = "push", "projects/p/topics/t"
LONG_AFTER_US = START_US + 10**15


def notification(data: bytes = b"{}", *, supersedes: str = "") -> Notification:
    """A notification with these contents."""
    return Notification(notification_type="COMMAND", data=data, supersedes=supersedes)


def subscribed(*types: NotificationType) -> EnterpriseRecord:
    """The enterprise, with these types enabled."""
    names = ",".join(f'"{one.value}"' for one in types)
    return EnterpriseRecord(name=ENTERPRISE, created_us=START_US, resource=f'{{"enabledNotificationTypes":[{names}]}}'.encode())


async def put(store: Store, *writes: Write) -> None:
    """The writes are durable."""
    await store.decide(Sees(), write(*writes))


async def waiting(store: Store) -> Sequence[OutboxMessage]:
    """Everything that waits; claimed for no time, so by no one."""
    return await store.claim(limit=1_000, now_us=LONG_AFTER_US, until_us=0)


class OutboxConformance:
    """The suite."""

    async def test_a_message_waits_over_restarts_until_it_is_published(self, open_store: OpenStore) -> None:
        store = await open_store()
        await put(store, Publish(notification(b'{"\xc3\xa9":1}'), PUSH))

        store = await open_store()
        (message,) = await waiting(store)
        assert (PUSH, "COMMAND", b'{"\xc3\xa9":1}', START_US, START_US, 0) == (
            message.destination, message.notification_type, message.data, message.created_us, message.due_us, message.attempts,
        )  # fmt: skip
        await put(store, Published(message.message_id))

        assert [] == list(await waiting(store))
        store = await open_store()
        assert [] == list(await waiting(store))

    async def test_a_message_comes_and_goes_with_the_change_it_tells_of(self, open_store: OpenStore) -> None:
        """Both or none: a rule that raises has published nothing."""
        device = device_name()
        store = await open_store()
        await enrolled(store, device)
        issued = await store.decide(Sees(device=device), issue(device))

        def refused(_: Facts) -> Decision[None]:
            raise ArithmeticError

        def rejected(_: Facts) -> Decision[None]:
            stale = operation(device, issued.create_ms - 1)
            return Decision(None, (Publish(notification(), PUSH), PutOperation(stale, new=True)))

        for rule, error in ((refused, ArithmeticError), (rejected, ValueError)):
            with pytest.raises(error):
                await store.decide(Sees(device=device), rule)
        assert [] == list(await waiting(store))

    async def test_no_two_messages_ever_have_the_same_id(self, open_store: OpenStore) -> None:
        """Not in one batch of one microsecond, and not after the outbox was empty and the server was restarted."""
        clock = SetClock()
        seen: set[int] = set()
        for _ in range(3):
            store = await open_store(clock=clock)
            await asyncio.gather(*(put(store, Publish(notification(), PUSH), Publish(notification(), TOPIC)) for _ in range(20)))
            messages = await waiting(store)
            ids = {message.message_id for message in messages}
            assert seen.isdisjoint(ids)
            seen |= ids
            await put(store, *(Published(message.message_id) for message in messages))
            clock.at_us += SECOND_US

        assert 120 == len(seen)

    async def test_messages_come_the_soonest_due_first_and_no_more_than_asked(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        for _ in range(3):
            await put(store, Publish(notification(), PUSH))
            clock.at_us += SECOND_US
        first, second, third = await waiting(store)

        await put(store, Postponed(first.message_id, START_US + 60 * SECOND_US, 1))

        assert [second, third] == list(await store.claim(limit=2, now_us=LONG_AFTER_US, until_us=0))
        put_off = (await waiting(store))[2]
        assert (first.message_id, START_US + 60 * SECOND_US, 1) == (put_off.message_id, put_off.due_us, put_off.attempts)
        assert (first.created_us, first.data) == (put_off.created_us, put_off.data)

    async def test_a_message_is_nobodys_before_it_is_due(self, open_store: OpenStore) -> None:
        store = await open_store()
        await put(store, Publish(notification(), PUSH))

        early = await store.claim(limit=9, now_us=START_US - 1, until_us=START_US + SECOND_US)
        due = await store.claim(limit=9, now_us=START_US, until_us=START_US + SECOND_US)

        assert ([], 1) == (list(early), len(due))

    async def test_a_destination_gets_its_share_and_no_more_and_one_that_rests_nothing(self, open_store: OpenStore) -> None:
        """However many wait for one, the others get theirs."""
        store = await open_store()
        await put(store, *(Publish(notification(), PUSH) for _ in range(50)), *(Publish(notification(), TOPIC) for _ in range(3)))

        first = await store.claim(limit=9, now_us=START_US, until_us=START_US + SECOND_US, each=4)
        rest = await store.claim(limit=9, now_us=START_US, until_us=START_US + SECOND_US, each=4, busy={PUSH: 4})
        one = await store.claim(limit=9, now_us=START_US, until_us=START_US + SECOND_US, each=4, busy={PUSH: 3})

        assert {PUSH: 4, TOPIC: 3} == Counter(message.destination for message in first)
        assert ([], [PUSH]) == (list(rest), [message.destination for message in one])

    async def test_destinations_take_turns_when_there_is_room_for_few(self, open_store: OpenStore) -> None:
        store = await open_store()
        names = [f"projects/p/topics/{letter}" for letter in "abc"]
        await put(store, *(Publish(notification(), name) for name in names for _ in range(2)))

        turns = [await store.claim(limit=1, now_us=START_US, until_us=START_US + SECOND_US) for _ in range(6)]

        assert names * 2 == [message.destination for turn in turns for message in turn]

    async def test_what_an_enterprise_has_waiting_is_counted_and_its_oldest_found(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        for number in range(5):
            clock.at_us += SECOND_US
            await put(store, Publish(notification(b"%d" % number), PUSH, "many"))
        await put(store, Publish(notification(), PUSH, "few"))

        assert {"many": 5} == dict(await store.full_outboxes(most=2))
        oldest = await store.oldest_messages("many", limit=2)
        assert [(b"0", "many"), (b"1", "many")] == [(message.data, message.enterprise) for message in oldest]

    async def test_a_message_that_comes_back_keeps_its_id(self, open_store: OpenStore) -> None:
        store = await open_store()
        await put(store, Publish(notification(), PUSH, "e"))
        (message,) = await waiting(store)
        await put(store, Published(message.message_id))

        await put(store, Publish(notification(), PUSH, "e", message.message_id))

        assert [message.message_id] == [one.message_id for one in await waiting(store)]

    async def test_a_message_that_is_claimed_is_nobody_elses_until_the_claim_lapses(self, open_store: OpenStore) -> None:
        until_us = START_US + 60 * SECOND_US
        store = await open_store()
        await put(store, *(Publish(notification(), PUSH) for _ in range(3)))

        first = await store.claim(limit=2, now_us=START_US, until_us=until_us)
        second = await store.claim(limit=2, now_us=START_US, until_us=until_us)
        third = await store.claim(limit=2, now_us=until_us - 1, until_us=until_us)
        lapsed = await store.claim(limit=9, now_us=until_us, until_us=until_us + 1)

        assert (2, 1, 0) == (len(first), len(second), len(third))
        assert [*first, *second] == list(lapsed)

    async def test_a_claim_ends_when_its_message_is_put_off_and_others_may_try_it_then(self, open_store: OpenStore) -> None:
        later_us, until_us = START_US + SECOND_US, START_US + 60 * SECOND_US
        store = await open_store()
        await put(store, Publish(notification(), PUSH))
        (message,) = await store.claim(limit=9, now_us=START_US, until_us=until_us)

        await put(store, Postponed(message.message_id, later_us, 1))

        early = await store.claim(limit=9, now_us=later_us - 1, until_us=until_us)
        (again,) = await store.claim(limit=9, now_us=later_us, until_us=until_us)
        assert ([], message.message_id, 1) == (list(early), again.message_id, again.attempts)

    async def test_settling_a_message_that_somebody_else_settled_changes_nothing(self, open_store: OpenStore) -> None:
        store = await open_store()
        await put(store, Publish(notification(b"1"), PUSH), Publish(notification(b"2"), PUSH))
        gone = next(message for message in await waiting(store) if message.data == b"1")
        await put(store, Published(gone.message_id))

        await put(store, Published(gone.message_id), Postponed(gone.message_id, START_US, 7))

        assert [b"2"] == [message.data for message in await waiting(store)]

    async def test_a_newer_state_can_be_claimed_while_the_older_one_is_being_sent(self, open_store: OpenStore) -> None:
        """And its sender's word about the older one does not take it away."""
        until_us = START_US + 60 * SECOND_US
        store = await open_store()
        await put(store, Publish(notification(b"1", supersedes="a"), PUSH))
        (older,) = await store.claim(limit=9, now_us=START_US, until_us=until_us)

        await put(store, Publish(notification(b"2", supersedes="a"), PUSH))
        await put(store, Published(older.message_id))

        assert [b"2"] == [message.data for message in await store.claim(limit=9, now_us=START_US, until_us=until_us)]

    async def test_the_newest_state_takes_the_place_of_what_waits_under_its_name(self, open_store: OpenStore) -> None:
        """It keeps its turn, and gets an id of its own: what is being sent meanwhile must not take it away when it is settled."""
        clock = SetClock()
        store = await open_store(clock=clock)
        await put(store, Publish(notification(b"1", supersedes="a"), PUSH), Publish(notification(b"1", supersedes="a"), TOPIC))
        old = {message.destination: message for message in await waiting(store)}
        clock.at_us += SECOND_US

        await put(store, Publish(notification(b"2", supersedes="a"), PUSH), Publish(notification(b"3", supersedes="a"), PUSH))
        await put(store, Publish(notification(b"4", supersedes="b"), PUSH), Publish(notification(b"5"), PUSH))
        await put(store, Published(old[PUSH].message_id))

        messages = await waiting(store)
        assert [b"1", b"3", b"4", b"5"] == sorted(message.data for message in messages)
        newest = next(message for message in messages if message.data == b"3")
        assert newest.message_id != old[PUSH].message_id
        assert (START_US, START_US + SECOND_US) == (newest.due_us, newest.created_us)

    async def test_whoever_listens_is_told_the_ids_after_the_commit_that_brought_them(self, open_store: OpenStore) -> None:
        store = await open_store()
        told: list[int] = []
        store.on_published(told.extend)

        await put(store, Put(subscribed()))
        await put(store, Publish(notification(), PUSH), Publish(notification(), TOPIC))
        await asyncio.sleep(0.01)

        assert sorted(told) == sorted(message.message_id for message in await waiting(store))
        assert 2 == len(told)

    async def test_a_rule_sees_the_subscription_of_its_device_or_enterprise(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        async def seen() -> list[Subscription | None]:
            asked = (Sees(device=device, subscription=True), Sees(enterprise=ENTERPRISE, subscription=True), Sees(device=device))
            return [(await store.decide(sees, look)).subscription for sees in asked]

        assert [None, None, None] == await seen()
        for types in ((NotificationType.COMMAND,), ()):
            await put(store, Put(subscribed(*types)))
            expected = Subscription(enterprise=ENTERPRISE.enterprise, enabled_notification_types=frozenset(one.value for one in types))
            assert [expected, expected, None] == await seen()
        await put(store, Delete(ENTERPRISE))
        assert [None, None, None] == await seen()

    async def test_of_one_batch_a_rule_sees_the_subscription_that_the_rule_before_it_wrote(self, open_store: OpenStore) -> None:
        device = device_name()
        store = await open_store()
        await enrolled(store, device)

        _, facts, _, after = await asyncio.gather(
            store.decide(Sees(), write(Put(subscribed(NotificationType.COMMAND)))),
            store.decide(Sees(device=device, subscription=True), look),
            store.decide(Sees(), write(Delete(ENTERPRISE))),
            store.decide(Sees(device=device, subscription=True), look),
        )

        assert facts.subscription is not None
        assert facts.subscription.wants(NotificationType.COMMAND)
        assert after.subscription is None

    async def test_a_rule_for_what_is_due_sees_the_time_and_the_subscription(self, open_store: OpenStore) -> None:
        clock = SetClock()
        device = device_name()
        store = await open_store(clock=clock)
        await enrolled(store, device)
        await put(store, Put(subscribed(NotificationType.COMMAND)))
        await store.decide(Sees(device=device), issue(device))
        clock.at_us += 601 * SECOND_US
        seen: list[Facts] = []

        def expire(one: object, facts: Facts) -> list[Write]:
            seen.append(facts)
            return [PutOperation(ended(operation(device, START_US // 1_000), facts.now_us)), Publish(notification(b"due"), PUSH)]

        assert 1 == await store.decide_due(expire, limit=10)

        assert [clock.at_us] == [facts.now_us for facts in seen]
        assert seen[0].subscription is not None
        assert [b"due"] == [message.data for message in await waiting(store)]

"""What every Store must do with events: a suite that a backend's test file subclasses, as conformance.py."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import Notification
from heliograph.service.changes import Shelf, Thing
from heliograph.service.event_log import AppendEvent, Event, EventLog
from heliograph.service.ports import Decision, Delete, Facts, Put, PutDevice, Sees, Store
from tests.storage.conformance import OpenStore
from tests.storage.outbox_conformance import subscribed
from tests.storage.records import ENTERPRISE, SECOND_US, START_US, SetClock, device_name, device_record, issue, write

OTHER = EnterpriseName("LC0other")


def event(data: bytes = b"{}", *, enterprise: EnterpriseName = ENTERPRISE) -> AppendEvent:
    """A new event with these contents."""
    return AppendEvent(enterprise, Notification(notification_type="COMMAND", data=data))


async def append(store: Store, *events: AppendEvent) -> None:
    """The events are durable."""
    await store.decide(Sees(), write(*events))


async def read(store: EventLog, *, after: int = 0, limit: int = 1_000, enterprise: EnterpriseName = ENTERPRISE) -> list[Event]:
    """One page."""
    return list((await store.events(enterprise, after=after, limit=limit)).events)


class EventConformance:
    """The suite."""

    async def test_events_have_numbers_without_a_gap_and_keep_them_over_restarts(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        await append(store, event(b'{"\xc3\xa9":1}'), event(b"2"))
        await append(store, event(b"3", enterprise=OTHER))
        clock.at_us += SECOND_US
        before = await read(store)

        store = await open_store(clock=clock)
        await append(store, event(b"4"))

        assert [(1, b'{"\xc3\xa9":1}', START_US), (2, b"2", START_US)] == [(e.number, e.data, e.created_us) for e in before]
        assert [*before, Event(number=3, created_us=START_US + SECOND_US, notification_type="COMMAND", data=b"4")] == await read(store)
        assert [(1, b"3")] == [(e.number, e.data) for e in await read(store, enterprise=OTHER)]

    async def test_a_page_begins_after_its_cursor_and_says_what_the_newest_is(self, open_store: OpenStore) -> None:
        store = await open_store()
        await append(store, *(event(b"%d" % number) for number in range(1, 6)))

        pages = [await store.events(ENTERPRISE, after=after, limit=2) for after in (0, 2, 4, 5, 9)]
        none = await store.events(OTHER, after=0, limit=2)

        assert [[1, 2], [3, 4], [5], [], []] == [[e.number for e in page.events] for page in pages]
        assert [5] * 5 == [page.last for page in pages]
        assert ([], 0) == (list(none.events), none.last)

    async def test_a_page_of_large_events_is_short_but_never_empty(self, open_store: OpenStore) -> None:
        store = await open_store()
        for _ in range(3):
            await append(store, event(bytes(700_000)))

        sizes = [len(await read(store, after=after)) for after in (0, 2)]

        assert [2, 1] == sizes

    async def test_an_event_comes_with_the_change_that_it_reports_or_not_at_all(self, open_store: OpenStore) -> None:
        store = await open_store()

        def refused(_: Facts) -> Decision[None]:
            raise ArithmeticError

        with contextlib.suppress(ArithmeticError):
            await asyncio.gather(store.decide(Sees(), refused), append(store, event(b"1")))
        await append(store, event(b"2"))

        assert [b"1", b"2"] == [e.data for e in await read(store)]

    async def test_the_oldest_go_first_and_their_numbers_are_not_given_again(self, open_store: OpenStore) -> None:
        clock = SetClock()
        store = await open_store(clock=clock)
        for _ in range(3):
            await append(store, event(), event(enterprise=OTHER))
            clock.at_us += SECOND_US

        first = await store.retire(ended_before_us=0, events_before_us=START_US + SECOND_US, limit=100)
        left = [e.number for e in await read(store)]
        while await store.retire(ended_before_us=0, events_before_us=clock.at_us, limit=1):
            pass
        store = await open_store(clock=clock)
        emptied = await store.events(ENTERPRISE, after=0, limit=9)
        await append(store, event(b"new"))

        assert (2, [2, 3]) == (first, left)
        assert ([], 3) == (list(emptied.events), emptied.last)
        assert [(4, b"new")] == [(e.number, e.data) for e in await read(store)]

    async def test_a_clock_that_was_set_back_makes_no_gap(self, open_store: OpenStore) -> None:
        """The older number goes with the younger event behind it, or a reader would miss it unawares."""
        store = await open_store(clock=SetClock(START_US + SECOND_US))
        await append(store, event())
        store = await open_store(clock=SetClock(START_US))
        await append(store, event(), event())

        await store.retire(ended_before_us=0, events_before_us=START_US + 1, limit=100)

        assert [] == await read(store)

    async def test_events_go_with_their_enterprise(self, open_store: OpenStore) -> None:
        """One that gets its name later has other events: no cursor is understood wrongly."""
        store = await open_store()
        await append(store, event(b"old"), event(b"other's", enterprise=OTHER))
        await store.decide(Sees(), write(Put(subscribed())))
        await read(store)
        await append(store, event(b"old, too"))

        await store.decide(Sees(), write(event(b"last"), Delete(ENTERPRISE), Put(subscribed()), event(b"new")))

        assert [b"new"] == [e.data for e in await read(store)]
        assert [b"other's"] == [e.data for e in await read(store, enterprise=OTHER)]
        assert (await store.events(ENTERPRISE, after=0, limit=1)).last >= 2

    async def test_listeners_learn_which_enterprises_have_new_events(self, open_store: OpenStore) -> None:
        store = await open_store()
        heard: list[EnterpriseName] = []
        store.on_events(heard.extend)

        await append(store, event(), event())
        await store.decide(Sees(), write())
        await append(store, event(enterprise=OTHER))
        await asyncio.sleep(0.01)

        assert [ENTERPRISE, OTHER] == heard

    async def test_listeners_learn_which_devices_and_kinds_of_records_changed(self, open_store: OpenStore) -> None:
        store = await open_store()
        heard: list[Thing] = []
        store.on_changes(heard.extend)

        await store.decide(Sees(), write(Put(subscribed())))
        await store.decide(Sees(), write())
        device = device_name()
        await store.decide(Sees(device=device), write(PutDevice(device_record(device))))
        await store.decide(Sees(device=device), issue(device))
        await asyncio.sleep(0.01)

        assert [Shelf(ENTERPRISE.enterprise, "enterprises"), device, device] == heard


_streams = itertools.count(1)


def races(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A property over the `seed` of a race; each example has an enterprise of its own.

    Each engine's file has its own test, for hypothesis takes no test that two classes inherit.
    """
    bounds = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    return bounds(given(seed=st.integers(0, 2**32))(test))


class Follower:
    """Reads on from its cursor, again and again, as a client does."""

    def __init__(self, limit: int) -> None:
        self.seen: list[bytes] = []
        self._after = 0
        self._limit = limit

    async def step(self, store: EventLog, enterprise: EnterpriseName) -> int:
        """How many came."""
        events = await read(store, after=self._after, limit=self._limit, enterprise=enterprise)
        assert [*range(self._after + 1, self._after + 1 + len(events))] == [e.number for e in events]
        self._after += len(events)
        self.seen += [e.data for e in events]
        return len(events)


async def followed_while_raced(stores: Sequence[Store], *, seed: int, writers: int = 6, events: int = 20) -> None:
    """Every reader sees the same order without gap or duplicate, and each writer's events in the order in which it wrote them.

    A writer goes from store to store: what it writes at one was committed before it writes at the next.
    """
    chance = random.Random(seed)
    enterprise = EnterpriseName(f"LC{next(_streams)}")
    followers = [(Follower(chance.randint(1, 7)), store) for store in stores for _ in range(2)]

    async def write_all(writer: int) -> None:
        for number in range(events):
            await append(chance.choice(stores), event(b"%d %d" % (writer, number), enterprise=enterprise))
            for _ in range(chance.randint(0, 2)):
                await asyncio.sleep(0)

    async def follow(follower: Follower, store: EventLog) -> None:
        while len(follower.seen) < events * writers:
            if not await follower.step(store, enterprise):
                await asyncio.sleep(0.001)

    await asyncio.gather(*map(write_all, range(writers)), *(follow(follower, store) for follower, store in followers))

    orders = [follower.seen for follower, _ in followers]
    assert [orders[0]] * len(orders) == orders
    for writer in range(writers):
        mine = [int(data.split()[1]) for data in orders[0] if data.startswith(b"%d " % writer)]
        assert [*range(events)] == mine

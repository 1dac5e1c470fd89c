"""What waits too long for the writer is refused and never run, also while the writer hangs."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from pathlib import Path

import pytest

from heliograph.domain.errors import Overloaded
from heliograph.service.ports import Decision, Facts, Lane, Rule, Sees
from heliograph.storage.queue.lanes import LANE_MOST
from heliograph.storage.sqlite.store import SqliteStore
from tests.storage.records import SetClock, device_name

WHATEVER = Sees()


class Hangs:
    """A rule that keeps the writer's thread until it is let go, as a slow disk would; and rules that note that they ran."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.running = threading.Event()
        self.ran: list[str] = []

    def hang(self, _: Facts) -> Decision[str]:
        self.running.set()
        self.go_on.wait(30)
        return Decision("after all")

    def noting(self, name: str) -> Rule[str]:
        def rule(_: Facts) -> Decision[str]:
            self.ran.append(name)
            return Decision(name)

        return rule


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore.open(tmp_path / "heliograph.db", clock=SetClock(), ring=print)
    yield store
    await store.close()


async def hung(store: SqliteStore) -> tuple[Hangs, "asyncio.Task[str]"]:
    hangs = Hangs()
    first = asyncio.create_task(store.decide(WHATEVER, hangs.hang))
    await asyncio.to_thread(hangs.running.wait)
    return hangs, first


async def test_a_rule_that_waits_a_second_behind_a_slow_commit_is_refused_and_never_run(store: SqliteStore) -> None:
    hangs, first = await hung(store)

    with pytest.raises(Overloaded) as refused:
        await store.decide(WHATEVER, hangs.noting("late"))
    hangs.go_on.set()

    assert 1 == refused.value.retry_after_s
    assert "after all" == await first
    assert "fresh" == await store.decide(WHATEVER, hangs.noting("fresh"))
    assert ["fresh"] == hangs.ran
    assert 1 == store.counts.refused["waited"]


class SetLoop(asyncio.SelectorEventLoop):
    """A loop whose time goes on when it is set: no pause of the machine lets anything wait too long."""

    now_s = 1_000.0

    def time(self) -> float:
        return self.now_s


def on_a_set_loop(tmp_path: Path, steps: Callable[[SqliteStore, SetLoop], Coroutine[None, None, None]]) -> None:
    loop = SetLoop()

    async def with_store() -> None:
        store = SqliteStore.open(tmp_path / "heliograph.db", clock=SetClock(), ring=print)
        await steps(store, loop)
        await store.close()

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(with_store())


async def wait_for_rules(store: SqliteStore, lane: Lane, count: int) -> None:
    while store.waiting()[lane].rules < count:  # noqa: ASYNC110 - a store offers no event
        await asyncio.sleep(0)


def test_what_waited_less_than_a_second_is_run_when_the_writer_goes_on(tmp_path: Path) -> None:
    async def early_and_later(store: SqliteStore, loop: SetLoop) -> None:
        hangs, first = await hung(store)
        early = asyncio.create_task(store.decide(WHATEVER, hangs.noting("early")))
        await wait_for_rules(store, Lane.CALLERS, 1)
        loop.now_s += 0.6
        later = asyncio.create_task(store.decide(WHATEVER, hangs.noting("later")))
        await wait_for_rules(store, Lane.CALLERS, 2)
        loop.now_s += 0.5
        with pytest.raises(Overloaded):
            await early

        hangs.go_on.set()

        assert ["after all", "later"] == [await first, await later]
        assert ["later"] == hangs.ran

    on_a_set_loop(tmp_path, early_and_later)


def test_after_a_jam_phones_are_served_before_callers(tmp_path: Path) -> None:
    async def issue_and_ack(store: SqliteStore, _: SetLoop) -> None:
        hangs, first = await hung(store)
        issue = asyncio.create_task(store.decide(WHATEVER, hangs.noting("issue")))
        ack = asyncio.create_task(store.decide(WHATEVER, hangs.noting("ack"), lane=Lane.PHONES))
        await wait_for_rules(store, Lane.CALLERS, 1)
        await wait_for_rules(store, Lane.PHONES, 1)

        hangs.go_on.set()
        await asyncio.gather(first, issue, ack)

        assert ["ack", "issue"] == hangs.ran

    on_a_set_loop(tmp_path, issue_and_ack)


def test_a_lane_full_of_issues_leaves_room_for_acknowledgements(tmp_path: Path) -> None:
    async def issues_and_an_ack(store: SqliteStore, _: SetLoop) -> None:
        hangs, first = await hung(store)
        issues = [asyncio.create_task(store.decide(WHATEVER, hangs.noting("issue"))) for _ in range(LANE_MOST[Lane.CALLERS])]
        await wait_for_rules(store, Lane.CALLERS, LANE_MOST[Lane.CALLERS])

        with pytest.raises(Overloaded):
            await store.decide(WHATEVER, hangs.noting("one issue more"))
        ack = asyncio.create_task(store.decide(WHATEVER, hangs.noting("ack"), lane=Lane.PHONES))
        await wait_for_rules(store, Lane.PHONES, 1)
        hangs.go_on.set()

        assert "ack" == await ack
        assert "after all" == await first
        await asyncio.gather(*issues)
        assert 1 == store.counts.refused["full"]

    on_a_set_loop(tmp_path, issues_and_an_ack)


def test_a_store_that_closes_answers_what_it_let_in(tmp_path: Path) -> None:
    async def closed_meanwhile(store: SqliteStore, _: SetLoop) -> None:
        hangs, first = await hung(store)
        second = asyncio.create_task(store.decide(WHATEVER, hangs.noting("second")))
        await wait_for_rules(store, Lane.CALLERS, 1)
        closing = asyncio.create_task(store.close())
        await asyncio.sleep(0)

        with pytest.raises(Overloaded):
            await store.decide(WHATEVER, hangs.noting("too late"))
        hangs.go_on.set()
        await closing

        assert ["after all", "second"] == [await first, await second]

    on_a_set_loop(tmp_path, closed_meanwhile)


def test_callers_are_decided_between_slices(tmp_path: Path) -> None:
    """Counted: whoever came while a slice was decided goes before the next one, however long that has waited."""

    async def in_between(store: SqliteStore, _: SetLoop) -> None:
        hangs, first = await hung(store)
        one, other = (asyncio.create_task(decided(store, [hangs.noting(name)] * 3)) for name in ("one", "other"))
        await wait_for_rules(store, Lane.BULK, 6)
        callers = [asyncio.create_task(store.decide(WHATEVER, hangs.noting(f"caller {number}"))) for number in range(2)]
        await wait_for_rules(store, Lane.CALLERS, 2)

        hangs.go_on.set()
        await asyncio.gather(first, one, other, *callers)

        assert ["caller 0", "caller 1", *["one"] * 3, *["other"] * 3] == hangs.ran

    on_a_set_loop(tmp_path, in_between)


async def decided(store: SqliteStore, rules: Sequence[Rule[str]]) -> None:
    async for _ in store.decide_many((device_name(), WHATEVER, rule) for rule in rules):
        pass


def test_what_waits_is_shown_lane_by_lane(tmp_path: Path) -> None:
    async def waiting(store: SqliteStore, loop: SetLoop) -> None:
        hangs, first = await hung(store)
        ack = asyncio.create_task(store.decide(WHATEVER, hangs.noting("ack"), lane=Lane.PHONES))
        await wait_for_rules(store, Lane.PHONES, 1)
        loop.now_s += 0.5

        loads = store.waiting()
        hangs.go_on.set()
        await asyncio.gather(first, ack)

        assert (1, 0, 0, 0) == tuple(loads[lane].rules for lane in Lane)
        assert loads[Lane.PHONES].oldest_wait_s > 0
        assert (0, 0, 0, 0) == tuple(load.rules for load in store.waiting().values())

    on_a_set_loop(tmp_path, waiting)

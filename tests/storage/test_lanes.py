"""The lanes into the store: who goes next, and who has waited too long."""

from collections.abc import Sequence

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from heliograph.domain.errors import Overloaded
from heliograph.service.rules import Lane
from heliograph.storage.queue.lanes import ALONE_WAITS_MOST_S, LANE_MOST, PASSED_MOST, WAITS_MOST_S, Lanes

MIXED = [lane for lane in Lane if lane is not Lane.BULK]
"""Lanes that share batches."""


def filled(**waiting: Sequence[str]) -> Lanes[str]:
    lanes: Lanes[str] = Lanes()
    for name, entries in waiting.items():
        lanes.put_all(entries, lane=Lane[name.upper()], now_s=0.0)
    return lanes


def test_phones_go_before_callers_and_callers_before_timers() -> None:
    lanes = filled(timers=["expiry"], callers=["issue", "cancel"], phones=["ack", "report"])

    assert ["ack", "report", "issue", "cancel", "expiry"] == lanes.take(512, 0.5)
    assert 0 == len(lanes)


def test_a_lower_lane_gets_an_eighth_of_a_batch_however_much_waits_above_it() -> None:
    lanes = filled(phones=["ack"] * 1_000, callers=["issue"] * 1_000, timers=["expiry"] * 1_000)

    batch = lanes.take(64, 0.5)

    assert {"ack": 48, "issue": 8, "expiry": 8} == {kind: batch.count(kind) for kind in set(batch)}


def test_a_place_kept_for_a_lower_lane_that_does_not_need_it_goes_to_the_upper_one() -> None:
    lanes = filled(phones=["ack"] * 100, timers=["expiry"] * 2)

    batch = lanes.take(64, 0.5)

    assert {"ack": 62, "expiry": 2} == {kind: batch.count(kind) for kind in set(batch)}


def test_an_entry_that_waited_a_second_is_overdue_and_not_taken() -> None:
    lanes = filled(callers=["late"])
    lanes.put("fresh", lane=Lane.CALLERS, now_s=0.5)

    assert ["fresh"] == lanes.take(512, WAITS_MOST_S)
    assert ["late"] == lanes.overdue(WAITS_MOST_S)
    assert [] == lanes.overdue(WAITS_MOST_S)


def test_an_entry_that_was_taken_is_never_overdue() -> None:
    lanes = filled(callers=["issue"])
    lanes.take(512, 0.9)

    assert [] == lanes.overdue(9.0)


def test_a_full_lane_refuses_and_the_others_do_not() -> None:
    lanes = filled(callers=["issue"] * LANE_MOST[Lane.CALLERS])

    with pytest.raises(Overloaded) as refused:
        lanes.put("one more", lane=Lane.CALLERS, now_s=0.0)
    lanes.put("ack", lane=Lane.PHONES, now_s=0.0)

    assert 1 == refused.value.retry_after_s
    assert ["ack"] == lanes.take(1, 0.0)


def test_a_burst_that_does_not_fit_leaves_nothing_behind() -> None:
    lanes = filled(timers=["expiry"] * (LANE_MOST[Lane.TIMERS] - 1))

    with pytest.raises(Overloaded):
        lanes.put_all(["one", "two"], lane=Lane.TIMERS, now_s=0.0)

    assert 1 == lanes.room(Lane.TIMERS)


def test_what_runs_alone_gets_a_batch_of_its_own_when_no_rule_waits() -> None:
    lanes = filled(timers=["publish"])
    lanes.put_alone("expire", now_s=0.0)

    assert ["publish"] == lanes.take(512, 0.0)
    assert ["expire"] == lanes.take(512, 0.0)


def test_what_runs_alone_goes_first_once_it_has_given_way_for_long_enough() -> None:
    lanes = filled(phones=["ack"])
    lanes.put_alone("expire", now_s=0.0)

    assert ["expire"] == lanes.take(512, ALONE_WAITS_MOST_S)
    assert ["ack"] == lanes.take(512, ALONE_WAITS_MOST_S)


def test_a_slice_is_taken_by_itself() -> None:
    lanes = filled(callers=["issue"])
    lanes.put_slice("one, two and three", rules=3, now_s=0.0)
    lanes.put_slice("four", rules=1, now_s=0.0)
    lanes.put("five", lane=Lane.BULK, now_s=0.0)

    assert [["issue"], ["one, two and three"], ["four"], ["five"], []] == [lanes.take(2, 0.0) for _ in range(5)]


def test_of_slices_the_rules_are_counted() -> None:
    lanes = filled(callers=["issue"])
    lanes.put_slice("one, two and three", rules=3, now_s=0.0)
    lanes.put_slice("four", rules=1, now_s=0.0)

    waiting = [(len(lanes), lanes.load(Lane.BULK, 0.5)[0], lanes.take(2, 0.5)) for _ in range(4)]

    assert [(5, 4, ["issue"]), (4, 4, ["one, two and three"]), (1, 1, ["four"]), (0, 0, [])] == waiting


def test_all_others_go_before_a_slice_until_so_many_batches_have() -> None:
    lanes = filled(callers=["issue"] * 100)
    lanes.put_slice("one", rules=256, now_s=0.0)
    lanes.put_slice("other", rules=256, now_s=0.0)
    lanes.put_alone("expire", now_s=0.0)

    order = ["".join(sorted(set(lanes.take(1, ALONE_WAITS_MOST_S)))) for _ in range(2 * PASSED_MOST + 2)]

    assert ["expire", *["issue"] * (PASSED_MOST - 1), "one", *["issue"] * PASSED_MOST, "other"] == order


def test_a_slice_that_does_not_fit_leaves_nothing_behind() -> None:
    lanes: Lanes[str] = Lanes()

    with pytest.raises(Overloaded):
        lanes.put_slice("too large", rules=LANE_MOST[Lane.BULK] + 1, now_s=0.0)

    assert LANE_MOST[Lane.BULK] == lanes.room(Lane.BULK)


def test_the_one_that_waits_longest_says_when_to_look_for_overdue_ones() -> None:
    lanes = filled(timers=["expiry"])
    lanes.put("ack", lane=Lane.PHONES, now_s=-3.0)

    assert -3.0 == lanes.oldest_s()
    assert None is Lanes().oldest_s()


def test_a_lane_tells_how_many_wait_and_for_how_long_the_first_has() -> None:
    lanes = filled(callers=["issue", "cancel"])
    lanes.put_alone("expire", now_s=0.25)

    assert (2, 0.5) == lanes.load(Lane.CALLERS, 0.5)
    assert (1, 0.25) == lanes.load(Lane.TIMERS, 0.5)
    assert (0, 0.0) == lanes.load(Lane.PHONES, 0.5)


def test_a_store_that_ends_gets_everything_the_overdue_ones_too() -> None:
    lanes = filled(phones=["ack"], callers=["late"])
    lanes.put_alone("expire", now_s=2.0)
    lanes.put("issue", lane=Lane.CALLERS, now_s=2.0)
    lanes.take(0, 2.0)

    assert {"ack", "late", "expire", "issue"} == set(lanes.take_all())
    assert 0 == len(lanes)


class LanesLife(RuleBasedStateMachine):
    """Puts, takes and sweeps in any order: every entry leaves exactly once, taken in time or overdue, in the order it came."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes: Lanes[int] = Lanes()
        self.now_s = 0.0
        self.came: dict[int, tuple[object, float]] = {}
        self.left: list[int] = []
        self.passed = 0
        """Batches that went before a slice that waits."""

    @rule(after_s=st.sampled_from([0.001, 0.09, 0.3, 1.0, 2.0]))
    def time_passes(self, after_s: float) -> None:
        self.now_s += after_s

    @rule(lane=st.sampled_from(MIXED), count=st.integers(0, 20))
    def a_burst_comes(self, lane: Lane, count: int) -> None:
        entries = range(len(self.came), len(self.came) + count)
        self.lanes.put_all(list(entries), lane=lane, now_s=self.now_s)
        self.came.update(dict.fromkeys(entries, (lane, self.now_s)))

    @rule(size=st.integers(1, 20))
    def a_slice_comes(self, size: int) -> None:
        entry = len(self.came)
        self.lanes.put_slice(entry, rules=size, now_s=self.now_s)
        self.came[entry] = ("slice", self.now_s)

    @rule()
    def one_comes_that_runs_alone(self) -> None:
        entry = len(self.came)
        self.lanes.put_alone(entry, now_s=self.now_s)
        self.came[entry] = ("alone", self.now_s)

    @precondition(lambda self: self.came)
    @rule(most=st.integers(1, 40))
    def a_batch_is_taken(self, most: int) -> None:
        waiting = {lane: [entry for entry in self.came if self.came[entry][0] is lane and self._fresh(entry)] for lane in MIXED}
        slices = [entry for entry, (kind, _) in self.came.items() if kind == "slice" and self._fresh(entry)]

        taken = self.lanes.take(most, self.now_s)

        if taken and self.came[taken[0]][0] == "slice":
            assert slices[:1] == taken
            self.passed = 0
            self._leave(taken)
            return
        self.passed = self.passed + 1 if slices else self.passed
        assert self.passed <= PASSED_MOST
        assert len(taken) <= most
        assert all(self.now_s - self.came[entry][1] < WAITS_MOST_S for entry in taken)
        if any(self.came[entry][0] == "alone" for entry in taken):
            assert 1 == len(taken)
        else:
            by_lane = {lane: [entry for entry in taken if self.came[entry][0] is lane] for lane in MIXED}
            assert taken == [entry for lane in MIXED for entry in by_lane[lane]]
            for lane in MIXED:
                assert by_lane[lane] == waiting[lane][: len(by_lane[lane])]
                assert len(by_lane[lane]) >= min(len(waiting[lane]), most // 8)
            assert len(taken) == min(most, sum(map(len, waiting.values())))
        self._leave(taken)

    @rule()
    def overdue_ones_are_swept(self) -> None:
        overdue = self.lanes.overdue(self.now_s)

        assert all(self.now_s - self.came[entry][1] >= WAITS_MOST_S for entry in overdue)
        self._leave(overdue)
        assert all(self._fresh(entry) for entry in self.came if entry not in self.left)

    @invariant()
    def nobody_leaves_twice(self) -> None:
        assert len(self.left) == len(set(self.left))

    def teardown(self) -> None:
        """Nobody is lost."""
        assert sorted(self.came) == sorted([*self.left, *self.lanes.take_all()])

    def _fresh(self, entry: int) -> bool:
        return entry not in self.left and self.now_s - self.came[entry][1] < WAITS_MOST_S

    def _leave(self, entries: Sequence[int]) -> None:
        self.left += entries


TestLanesLife = LanesLife.TestCase

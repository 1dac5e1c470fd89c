"""What wakes a phone's radio, by the model; and what a goal that gates does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Figures, Number
from benchmarks.radio import LTE

Packets = st.lists(st.floats(0, 10_000), min_size=1).map(sorted)


def test_packets_within_the_tail_are_one_wake_up() -> None:
    packets = [0.0, 0.3, LTE.tail_s, 2 * LTE.tail_s, 100.0, 100.1]

    assert [0.0, 100.0] == LTE.wake_ups_s(packets)


@given(packets=Packets)
def test_every_packet_finds_a_radio_that_woke_for_it_or_had_not_gone_to_sleep(packets: list[float]) -> None:
    wake_ups = LTE.wake_ups_s(packets)

    assert packets[0] == wake_ups[0]
    assert set(wake_ups) <= set(packets)
    for before, at in pairwise(packets):
        assert (at - before > LTE.tail_s) is (at in wake_ups and at != before)


@pytest.mark.parametrize("since_packet_s, most_s", [(0, 0.04), (11, 0.04), (12, 1.5401)])
def test_a_sleeping_radio_is_reached_later(since_packet_s: float, most_s: float) -> None:
    assert most_s == pytest.approx(LTE.delay_s(since_packet_s=since_packet_s, chance=1))


@pytest.mark.parametrize("gate, value, passes", [(True, 13, False), (True, 12, True), (False, 13, True)])
def test_only_a_goal_that_gates_fails_the_run(*, gate: bool, value: float, passes: bool) -> None:
    figures = Figures(numbers=[Number("wake-ups", [value], most=12, gate=gate), Number("without a goal", [99], gate=gate)])

    assert passes is figures.passes

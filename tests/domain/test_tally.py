"""A tally never lets more happen in an hour than it may."""

from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.tally import HOUR_US, Full, Tally, TallyName, counted, used_of

NAME = TallyName("ann@acme.example", "destroyed")
STEPS = st.lists(st.tuples(st.integers(0, HOUR_US // 2), st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=3)), max_size=40)


@given(STEPS, st.integers(1, 4))
def test_no_hour_has_more_distinct_devices_than_places(steps: list[tuple[int, list[str]]], most: int) -> None:
    now_us, tally = 1, None
    done: list[tuple[int, str]] = []
    for passed_us, devices in steps:
        now_us += passed_us
        found = counted(tally, NAME, dict.fromkeys(devices), most=most, distinct=True, now_us=now_us)
        if isinstance(found, Tally):
            tally = found
            done += [(now_us, device) for device in devices]

        # A device that was counted less than an hour ago takes no other place; the hour of its place began at the first time.
        last_hour = {device for at_us, device in done if at_us > now_us - HOUR_US}
        counted_now = {device for device, _ in (tally.deeds if tally else ()) if _ > now_us - HOUR_US}
        assert len(counted_now) <= most
        assert counted_now <= last_hour or not counted_now


@given(STEPS, st.integers(1, 4))
def test_a_full_tally_says_when_there_is_room_and_then_there_is(steps: list[tuple[int, list[str]]], most: int) -> None:
    now_us, tally = 1, None
    for passed_us, (device, *_) in steps:
        now_us += passed_us
        found = counted(tally, NAME, (device,), most=most, distinct=False, now_us=now_us)
        if isinstance(found, Full):
            assert now_us < found.free_at_us <= now_us + HOUR_US
            assert isinstance(counted(tally, NAME, (device,), most=most, distinct=False, now_us=found.free_at_us), Tally)
            assert isinstance(counted(tally, NAME, (device,), most=most, distinct=False, now_us=found.free_at_us - 1), Full)
        else:
            tally = found


def test_the_same_device_takes_one_place() -> None:
    first = counted(None, NAME, ("a",), most=1, distinct=True, now_us=1)
    assert isinstance(first, Tally)

    again = counted(first, NAME, ("a",), most=1, distinct=True, now_us=HOUR_US)
    other = counted(first, NAME, ("b",), most=1, distinct=True, now_us=HOUR_US)

    assert first == again
    assert Full(1, 1 + HOUR_US) == other
    assert 1 == used_of(first, HOUR_US)
    assert 0 == used_of(first, HOUR_US + 1) == used_of(None, 1)


def test_many_at_once_fit_or_do_not() -> None:
    three = counted(None, NAME, ("a", "b", "c"), most=3, distinct=True, now_us=1)

    assert isinstance(three, Tally)
    assert 3 == len(three.deeds)
    assert isinstance(counted(None, NAME, ("a", "b", "c"), most=2, distinct=True, now_us=1), Full)

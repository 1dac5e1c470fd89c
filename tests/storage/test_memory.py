"""What is remembered of ids is enough to give none twice, and no more."""

from hypothesis import given
from hypothesis import strategies as st

from heliograph.domain.names import DeviceName
from heliograph.storage.sqlite.memory import GIVEN_MOST, GivenIds
from tests.storage.records import device_name

DEVICES = [device_name(number) for number in range(4)]
NOW_MS = 1_000


def test_a_device_without_operations_has_no_newest_one() -> None:
    assert 0 == GivenIds().newest_ms(device_name())


def test_ids_of_the_past_are_forgotten_and_those_ahead_of_the_clock_are_not() -> None:
    ids = GivenIds()
    old: dict[DeviceName, int] = {device_name(): NOW_MS - 1 for _ in range(GIVEN_MOST)}

    ids.put({**old, DEVICES[0]: NOW_MS + 5}, NOW_MS)

    assert NOW_MS + 5 == ids.newest_ms(DEVICES[0])
    assert {NOW_MS - 1} == {ids.newest_ms(device) for device in old}
    assert NOW_MS - 1 == ids.newest_ms(DEVICES[1])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1))))
def test_no_device_gets_an_id_twice_or_a_smaller_one_wherever_the_floor_is(steps: list[tuple[int, int, int]]) -> None:
    ids, now_ms, newest = GivenIds(), NOW_MS, dict.fromkeys(DEVICES, 0)
    for number, wait_ms, raise_floor in steps:
        now_ms += wait_ms
        create_ms = max(now_ms, ids.newest_ms(DEVICES[number]) + 1)
        assert newest[DEVICES[number]] < create_ms
        newest[DEVICES[number]] = create_ms
        ids.put({DEVICES[number]: create_ms}, now_ms)
        if raise_floor:
            ids.raise_floor(now_ms - 1)

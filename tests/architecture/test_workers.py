"""The order of the tests loses none, and no worker is left with a long one at the end."""

from hypothesis import given
from hypothesis import strategies as st

from tests.architecture.sources import ROOT
from tests.workers import LONG, dealt


@given(
    long=st.lists(st.lists(st.integers(), max_size=4), max_size=9), short=st.lists(st.integers(), max_size=40), workers=st.integers(1, 9)
)
def test_every_test_is_dealt_once(long: list[list[int]], short: list[int], workers: int) -> None:
    assert sorted([*short, *(one for file in long for one in file)]) == sorted(dealt(long, short, workers=workers))


def test_each_worker_begins_with_long_ones() -> None:
    order = dealt(["AB", "C", "DE"], "abcdefg", workers=2)

    assert "ABDEab" == "".join(order[:6])
    assert "Ccdefg" == "".join(order[6:])


def test_the_folders_that_take_long_exist() -> None:
    assert [] == [name for name in LONG if not (ROOT / "tests" / name).is_dir()]

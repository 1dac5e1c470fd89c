"""What a request costs, counted in opcodes: no more than recorded, and no less, whatever else the machine does."""

import os
import threading

import pytest

from benchmarks.counted import PYTHON, counted, differences, recorded
from benchmarks.opcodes import Tally

LANE, APP = "issueCommand, 64 at once", "issueCommand, 64 at once, --no-hot-lane"


@pytest.fixture(scope="module")
def counts() -> dict[str, int]:
    """The figures of this checkout."""
    found = counted()
    print(found)  # noqa: T201 - a test that fails shows all of them
    return found


def test_every_request_costs_what_is_recorded(counts: dict[str, int]) -> None:
    if PYTHON not in recorded():
        pytest.skip(f"no figures are recorded for Python {PYTHON}: `make count` records them")

    assert [] == list(differences(counts, recorded()[PYTHON]))


def test_a_request_that_takes_the_longer_way_would_be_noticed(counts: dict[str, int]) -> None:
    assert [True] == ["more opcodes" in said for said in differences({LANE: counts[APP]}, {LANE: counts[LANE]})]


def test_the_python_that_ci_runs_has_figures() -> None:
    assert "3.11" in recorded()


@pytest.mark.parametrize("now, said", [
    (1_345, "This change makes get cost 9% more opcodes: 1,234 → 1,345. If that is meant, record it with `make count`"),
    (1_100, "This change makes get cost 11% fewer opcodes: 1,234 → 1,100. Record it with `make count`"),
])  # fmt: skip
def test_a_change_of_the_cost_is_said_with_what_to_do(now: int, said: str) -> None:
    assert [True] == [sentence.startswith(said) for sentence in differences({"get": now}, {"get": 1_234})]


@pytest.mark.parametrize("now", [951, 1_000, 1_050])
def test_a_cost_within_the_tolerance_is_as_recorded(now: int) -> None:
    assert [] == list(differences({"get": now}, {"get": 1_000}))


def test_a_figure_that_only_one_side_has_is_said() -> None:
    assert ["a: no longer counted.", "b: not recorded."] == [
        said.removesuffix(" Record it with `make count`.") for said in differences({"b": 1}, {"a": 1})
    ]


def test_the_same_work_is_the_same_number_of_opcodes_in_whichever_thread_that_is_counted() -> None:
    tally, found = Tally(), list[int]()

    def work(times: int) -> None:
        for number in range(times):
            os.path.join("a", str(number))  # noqa: PTH118 - a function in Python

    def count(times: int) -> None:
        before = tally.read()
        work(times)
        found.append(tally.read() - before)

    with tally.threads_counted():
        tally.begin()
        for times in (10, 10, 20):
            thread = threading.Thread(target=count, args=(times,))
            thread.start()
            thread.join()
        here = tally.read()
        work(10)
        uncounted = tally.read() - here

    assert found[0] == found[1]
    assert 1.5 * found[0] < found[2] < 2 * found[0]
    assert 0 == uncounted

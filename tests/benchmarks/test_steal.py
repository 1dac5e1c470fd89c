"""A run during which the host took much of the time is repeated, a few times, and what is kept says so."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from benchmarks.__main__ import measured
from benchmarks.figures import QUICK, Figures, Results, Row, Run
from benchmarks.report import page, printed
from benchmarks.steal import REPEATS_MOST, Ticks, calmest, ticks, ticks_in

STAT = """cpu  100 20 30 800 10 5 5 30 40 2
cpu0 50 10 15 400 5 2 2 15 20 1
intr 12345 0
ctxt 99
"""


def host(shares: Sequence[float]) -> Callable[[], Ticks]:
    """What one sees of a host that takes these shares of the time, look by look: before and after each run."""

    def looks() -> Iterator[Ticks]:
        stolen = passed = 0
        for share in shares:
            yield Ticks(stolen, passed)
            stolen, passed = stolen + round(share * 1_000), passed + 1_000
            yield Ticks(stolen, passed)

    return looks().__next__


def run(*, stolen: float = 0.0) -> Run:
    return Run(requests=1_000, seconds=1.0, server_cpu_s=1.0, p50_ms=1.0, p99_ms=2.0, stolen=stolen)


def test_steal_is_the_eighth_figure_of_all_processors_and_guests_are_counted_once() -> None:
    assert Ticks(30, 1_000) == ticks_in(STAT)


def test_a_kernel_that_knows_of_no_steal_took_none() -> None:
    assert Ticks(0, 1_000) == ticks_in("cpu  100 20 30 850\n")


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  a b\n"])
def test_what_counts_no_processors_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no line of all processors|invalid literal"):
        ticks_in(text)


def test_the_share_is_of_the_time_in_between() -> None:
    assert 0.25 == Ticks(80, 1_200).share_since(Ticks(30, 1_000))
    assert 0.0 == Ticks(30, 1_000).share_since(Ticks(30, 1_000))


def test_this_machine_says_what_its_host_takes() -> None:
    before = ticks()

    assert 0.0 <= ticks().share_since(before) <= 1.0


@pytest.mark.parametrize("shares, kept", [
    ([0.05], (1, 0.05)),
    ([0.2, 0.01], (2, 0.01)),
    ([0.2, 0.3, 0.04], (3, 0.04)),
    ([0.3, 0.2, 0.1, 0.4], (3, 0.1)),
])  # fmt: skip
def test_a_run_is_repeated_until_the_host_is_calm_or_patience_ends_and_the_calmest_is_kept(
    shares: list[float], kept: tuple[int, float]
) -> None:
    runs = iter(range(1, 100))

    found = calmest(lambda: next(runs), look=host(shares))

    assert kept == found
    assert len(shares) == next(runs) - 1 <= 1 + REPEATS_MOST


@pytest.mark.parametrize("figures, shares, times", [
    (Figures(), [0.01], 1),
    (Figures(), [0.2, 0.1], 2),
    (Figures(rows=[Row("issue", [run()], [run()])]), [0.2], 1),
])  # fmt: skip
def test_a_part_without_rounds_is_repeated_once(figures: Figures, shares: list[float], times: int) -> None:
    done: list[int] = []

    def part(_: object) -> Figures:
        done.append(1)
        return figures

    measured(part, QUICK, look=host(shares))

    assert times == len(done)
    assert shares[-1] == figures.stolen


def test_a_row_says_that_the_host_took_much_of_some_round() -> None:
    row = Row("issue", [run(), run(stolen=0.12)], [run(), run()])

    assert "| issue † (up to 12% taken by the host) |" in printed(Figures(rows=[row]))
    assert "†" not in printed(Figures(rows=[Row("issue", [run(stolen=0.05)], [run()])]))


def test_a_part_says_so_too() -> None:
    assert printed(Figures(stolen=0.09, notes=["n"])).startswith("**The host took 9% of the processors' time away during this part.**")
    assert "host" not in printed(Figures(stolen=0.01, notes=["n"]))


@pytest.mark.parametrize("stolen, said", [
    ([0.01, 0.03], "The host took 2.0% of the processors' time away (steal), at most 3.0% in a part (b)."),
    ([0.01, None], "(a). How much of the processors' time the host took away (steal) was not measured in 1 of 2 parts."),
    ([None, None], "was not measured in 2 of 2 parts."),
])  # fmt: skip
def test_the_machines_line_says_how_much_the_host_took(stolen: list[float | None], said: str) -> None:
    scenarios = {name: Figures(took_s=10, stolen=share) for name, share in zip("ab", stolen, strict=True)}

    assert said in page("<!-- bench:machine -->\n<!-- /bench -->", Results(scenarios=scenarios))

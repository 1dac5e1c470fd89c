"""The page of figures says what was measured, and nothing about what was not."""

from benchmarks.figures import Figures, Number, Promise, Results, Row, Run
from benchmarks.plots import plots, rate_by_size
from benchmarks.report import page, printed
from benchmarks.svg import linear_ticks

FULL = Run(requests=1_000, seconds=1.0, server_cpu_s=1.0, p50_ms=1.0, p99_ms=2.0)
WAITING = Run(requests=1_000, seconds=2.0, server_cpu_s=1.0, p50_ms=1.0, p99_ms=2.0)
BARE = Run(requests=4_000, seconds=1.0, server_cpu_s=1.0, p50_ms=0.1, p99_ms=0.2)
BARE_OF_TEN = Run(requests=1_000, seconds=1.0, server_cpu_s=0.1, p50_ms=0.1, p99_ms=0.2)
TEXT = "before\n<!-- bench:reads -->\nold\n<!-- /bench -->\nafter\n"


def test_a_row_tells_the_ratio_of_each_round_and_whether_the_goal_is_met() -> None:
    row = Row("issue", [FULL, FULL], [BARE, FULL], goal=0.5)

    line = printed(Figures(rows=[row])).splitlines()[-1]

    assert line.startswith("| issue | 0.62 (0.25–1.00) | bare | 0.50, met | 1,000 (1,000–1,000) |")


def test_a_server_that_did_not_use_its_core_is_marked() -> None:
    line = printed(Figures(rows=[Row("issue", [FULL, WAITING], [BARE, BARE])])).splitlines()[-1]

    assert "0.25 (0.25–0.25) *" in line


def test_what_postgresql_used_stands_beside_what_the_server_used() -> None:
    run = Run(requests=1_000, seconds=1.0, server_cpu_s=0.05, p50_ms=1.0, p99_ms=2.0, database_cpu_s=0.1)

    text = printed(Figures(rows=[Row("issue", [run], [BARE])]))

    assert "| issue | 50 | 100 |" in text


def test_a_goal_is_missed_by_the_median() -> None:
    number = Number("memory", [20.0, 25.0, 30.0], "KiB", most=24)

    text = printed(Figures(numbers=[number]))

    assert "| memory | 25 (20–30) KiB | ≤ 24 KiB | **not met** |" in text


def test_a_part_that_failed_says_so() -> None:
    assert "**This part failed:** RuntimeError: no" in printed(Figures(failed="RuntimeError: no"))


def test_the_page_keeps_what_stood_there_for_a_part_that_never_ran() -> None:
    assert TEXT == page(TEXT, Results())


def test_the_page_gets_a_part_that_ran() -> None:
    made = page(TEXT, Results(scenarios={"reads": Figures(notes=["new"])}))

    assert "before\n<!-- bench:reads -->\nnew\n<!-- /bench -->\nafter\n" == made


def test_ticks_are_round_and_hold_the_largest_value() -> None:
    assert (12_500, "12,500") == linear_ticks(11_400, "{:,.0f}")[-1]


def test_a_goal_that_is_missed_by_little_is_not_shown_as_met() -> None:
    row = Row("issue", [Run(requests=187, seconds=1.0, server_cpu_s=0.1, p50_ms=1.0, p99_ms=2.0)], [BARE_OF_TEN], goal=0.19)

    made = page("<!-- bench:goals -->\n<!-- /bench -->\n<!-- bench:x -->\n<!-- /bench -->", Results(scenarios={"x": Figures(rows=[row])}))

    assert "| issue: ≥ 0.19 of bare per server CPU second | 0.187 | **not met** |" in made


def test_what_is_counted_has_a_column_for_each_python() -> None:
    made = page("<!-- bench:counted -->\n<!-- /bench -->", Results())

    assert "| opcodes of Python | CPython 3.11 |" in made
    assert "| operations.get | " in made


def test_the_plot_of_rates_by_size_flatters_no_one() -> None:
    points = [(0.0, 10_000.0), (500_000.0, 9_000.0), (5_000_000.0, 5_000.0)]

    chart = rate_by_size(Figures(series={"per second": points}))

    assert chart is not None
    for axis, values in ((chart.x, [x for x, _ in points]), (chart.y, [y for _, y in points])):
        assert (0.0, "0") == axis.ticks[0]
        assert max(values) <= axis.ticks[-1][0]
        assert [axis.share(value) for value in values] == [value / axis.ticks[-1][0] for value in values]


def test_goals_are_drawn_where_they_were_set() -> None:
    rows = [Row(f"issueCommand, {clients} clients, SQLite", [FULL], [BARE], goal=goal) for clients, goal in ((8, 0.3), (64, 0.5), (256, 0))]

    drawn = plots(Results(scenarios={"issuing": Figures(rows=rows, series={"SQLite": [(8, 0.2), (64, 0.4), (256, 0.3)]})}))

    assert 2 == drawn["issuing-ratio-by-clients"].count('class="goal ring"')


def test_servers_that_promise_different_things_stand_beside_what_they_promise() -> None:
    promise = Promise("1.2", "it is synced to disk", "a worker takes it")
    run = Run(requests=1_000, seconds=1.0, server_cpu_s=1.0, p50_ms=1.0, p99_ms=2.0, database_cpu_s=3.0)

    text = printed(Figures(rows=[Row("queue", [run], [BARE], "Heliograph", promise=promise)]))

    expected = "| queue (1.2) | 1,000 | 250 | 4.00 × (Heliograph) | 100% | 1.00 / 2.00 | it is synced to disk | a worker takes it |"
    assert expected == text.splitlines()[-1]

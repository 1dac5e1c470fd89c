"""Which plots there are: `SCENARIO-what`, drawn where the scenario has run."""

import math

from benchmarks.figures import Figures, Results, Row, Scale
from benchmarks.flat import EMPTY_DEVICES
from benchmarks.svg import Axis, Chart, decade_ticks, linear_ticks, svg


def plots(results: Results) -> dict[str, str]:
    """SVG by name."""
    drawn = {
        "issuing-ratio-by-clients": _ratio_by_clients(results.scenarios.get("issuing")),
        "half-of-peak-latency": _latency(results.scenarios.get("half-of-peak")),
        "flat-rate-by-size": rate_by_size(results.scenarios.get("flat")),
    }
    return {name: svg(chart) for name, chart in drawn.items() if chart is not None}


def _ratio_by_clients(figures: Figures | None) -> Chart | None:
    if figures is None or not figures.series:
        return None
    series = {name: sorted(points) for name, points in figures.series.items()}
    goals = sorted({(_clients(row), row.goal) for row in figures.rows if row.goal and row.beside_name == "bare"})
    most = max(y for points in [*series.values(), goals] for _, y in points)
    clients = sorted({x for points in series.values() for x, _ in points})
    return Chart(
        "Durable issueCommand, of the bare handler, by clients",
        Axis(
            "clients (keep-alive connections, each waits for its answer; logarithmic)", [(x, f"{x:g}") for x in clients], logarithmic=True
        ),
        Axis("of bare, per server CPU second", linear_ticks(most * 1.1, "{:.1f}")),
        series,
        goals=goals,
    )


def _clients(row: Row) -> float:
    """Of `issueCommand, 64 clients, SQLite`."""
    return float(row.name.split(", ")[1].split()[0])


def _latency(figures: Figures | None) -> Chart | None:
    if figures is None or not figures.series:
        return None
    values = [y for points in figures.series.values() for _, y in points]
    series = {name: [(1e6 / x, y) for x, y in points] for name, points in figures.series.items()}
    shares = [(10.0**nines, f"{100 * (1 - 10.0**-nines):.6g} %") for nines in range(6)]
    most = max(x for points in series.values() for x, _ in points)
    return Chart(
        "Latency at half of peak, open loop, everything running",
        Axis("of requests answered within", shares[: max(2, math.floor(math.log10(most)) + 1)], logarithmic=True),
        Axis("ms (logarithmic)", decade_ticks(min(values), max(values)), logarithmic=True),
        {name: [(x, y) for x, y in points if x <= shares[max(1, math.floor(math.log10(most)))][0]] for name, points in series.items()},
        marks=False,
    )


def rate_by_size(figures: Figures | None) -> Chart | None:
    """Both axes linear and from 0: a logarithmic one would draw ten times the operations as one step, and flatter."""
    if figures is None or not figures.series:
        return None
    largest = max(x for points in figures.series.values() for x, _ in points)
    most = max(y for points in figures.series.values() for _, y in points)
    return Chart(
        "Durable issueCommand by finished operations in the database, warm",
        Axis("operations in the database", linear_ticks(largest, "{:,.0f}")),
        Axis("issueCommand, 64 clients", linear_ticks(most * 1.1, "{:,.0f}")),
        figures.series,
        note=f"Leftmost: an empty database, {EMPTY_DEVICES:,} devices. All others: {Scale().devices:,} devices.",
    )

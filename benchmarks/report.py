"""Tables and plots from the figures: `python -m benchmarks.report [FILE]` writes them into docs/performance.md, between its markers.

`<!-- bench:NAME -->` … `<!-- /bench -->`: everything between is made again from scenario NAME (`machine` and `goals` are of all, `counted`
is benchmarks/counted.json).
"""

import argparse
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.counted import Counts, recorded
from benchmarks.figures import RESULTS, Figures, Number, Results, Row, read_results, spread
from benchmarks.load import SATURATED
from benchmarks.plots import plots
from benchmarks.steal import STOLEN_MOST

PAGE = Path("docs/performance.md")
PROOF = 1
"""A number that is at least this shows that a run was what it was to be: no goal."""
PLOTS = Path("docs/performance")
_MARKED = re.compile(r"(<!-- bench:([\w-]+) -->\n).*?(<!-- /bench -->)", re.DOTALL)
HEAD = "| what | ratio | to | goal | per CPU second | per second | core used | p50 / p99 ms |\n|---|---|---|---|---|---|---|---|"
PROMISE_HEAD = (
    "| what | per CPU second | with PostgreSQL's | Heliograph, of it | core used | p50 / p99 ms | an answer means | afterwards |\n"
    "|---|---|---|---|---|---|---|---|"
)
MET = {True: "met", False: "**not met**", None: ""}


def printed(figures: Figures) -> str:
    """The scenario as Markdown."""
    parts = []
    if figures.failed:
        parts.append(f"**This part failed:** {figures.failed}")
    if (figures.stolen or 0.0) > STOLEN_MOST:
        parts.append(f"**The host took {figures.stolen:.0%} of the processors' time away during this part.**")
    if promises := [row for row in figures.rows if row.promise]:
        parts.append("\n".join([PROMISE_HEAD, *map(_promise, promises)]))
    if rows := [row for row in figures.rows if not row.promise]:
        parts.append("\n".join([HEAD, *map(_row, rows)]))
    if any(run.database_cpu_s for row in rows for run in row.runs):
        parts.append(_database(rows))
    if figures.numbers:
        parts.append("\n".join(["| what | figure | goal | |", "|---|---|---|---|", *map(_number, figures.numbers)]))
    parts += figures.notes
    return "\n\n".join(parts)


def _row(row: Row) -> str:
    own = row.runs == row.beside
    ratio = "" if own else spread(row.ratios, lambda value: f"{value:.2f}") + _unsaturated(row)
    met = statistics.median(row.ratios) >= row.goal if row.goal else None
    refused = sum(run.refused for run in row.runs)
    taken = f" † (up to {row.stolen_most:.0%} taken by the host)" if row.stolen_most > STOLEN_MOST else ""
    cells = [
        row.name + (f" ({refused:,} answers were 503)" if refused else "") + taken,
        ratio,
        "" if own else row.beside_name,
        f"{row.goal:.2f}, {MET[met]}" if row.goal else "",
        spread([run.per_cpu_s for run in row.runs], lambda value: f"{value:,.0f}"),
        spread([run.per_s for run in row.runs], lambda value: f"{value:,.0f}"),
        *_how(row),
    ]
    return f"| {' | '.join(cells)} |"


def _promise(row: Row) -> str:
    """Heliograph's rate by the row's, the other way round than elsewhere: these are others."""
    assert row.promise  # noqa: S101 - the caller's choice
    own = row.runs == row.beside
    database = any(run.database_cpu_s for run in row.runs)
    cells = [
        f"{row.name} ({row.promise.version})",
        spread([run.per_cpu_s for run in row.runs], lambda value: f"{value:,.0f}") + _unsaturated(row),
        spread([run.per_whole_cpu_s for run in row.runs], lambda value: f"{value:,.0f}") if database else "",
        "" if own else spread([1 / ratio for ratio in row.ratios], lambda value: f"{value:.2f}") + f" × ({row.beside_name})",
        *_how(row),
        row.promise.answer,
        row.promise.then,
    ]
    return f"| {' | '.join(cells)} |"


def _unsaturated(row: Row) -> str:
    return "" if all(run.share_of_core >= SATURATED for run in row.runs) else " *"


def _how(row: Row) -> tuple[str, str]:
    """How busy the server was, and how long its clients waited."""
    return (
        f"{statistics.median(run.share_of_core for run in row.runs):.0%}",
        f"{statistics.median(run.p50_ms for run in row.runs):.2f} / {statistics.median(run.p99_ms for run in row.runs):.2f}",
    )


def _database(rows: list[Row]) -> str:
    """What PostgreSQL used, which the rates per CPU second leave out."""
    lines = []
    for row in rows:
        costs = [run.database_cpu_s / run.requests * 1e6 for run in row.runs if run.database_cpu_s]
        own = [run.server_cpu_s / run.requests * 1e6 for run in row.runs]
        if costs and not row.name.endswith("to SQLite"):
            lines.append(f"| {row.name} | {statistics.median(own):.0f} | {statistics.median(costs):.0f} |")
    return "\n".join(["| µs of CPU an operation | Heliograph | PostgreSQL |", "|---|---|---|", *lines])


def _number(number: Number) -> str:
    goals = (("≤", number.most), ("≥", number.least))
    goal = " ".join(f"{sign} {value:g} {number.unit}".rstrip() for sign, value in goals if value is not None)
    goal = "none" if number.most == 0 else goal
    unit = f" {number.unit}" if number.unit else ""
    return f"| {number.name} | {spread(number.values, _rounded)}{unit} | {goal} | {MET[number.met]} |"


def _rounded(value: float) -> str:
    """Three digits, if they mean something."""
    if value == int(value) or abs(value) >= 100:  # noqa: PLR2004 - from here on fractions are noise
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def _goals(results: Results, order: Sequence[str]) -> str:
    """Every goal in one table, in the page's order."""
    lines = ["| goal | figure | |", "|---|---|---|"]
    for figures in (results.scenarios[name] for name in order if name in results.scenarios):
        for row in figures.rows:
            if row.goal:
                median = statistics.median(row.ratios)
                wanted = f"≥ {row.goal:.2f} of {row.beside_name} per server CPU second"
                said = f"{median:.2f}" if median >= row.goal or round(median, 2) < row.goal else f"{median:.3f}"  # 0.187 is not 0.19
                lines.append(f"| {row.name}: {wanted} | {said} | {MET[median >= row.goal]} |")
        for number in figures.numbers:
            if number.met is not None and number.least != PROOF:
                cells = _number(number).strip("| ").split(" | ")
                lines.append(f"| {cells[0]}: {cells[2]} | {cells[1]} | {MET[number.met]} |")
    return "\n".join(lines)


def _machine(results: Results) -> str:
    found = results.machine
    when = sorted({figures.at for figures in results.scenarios.values()} - {""})
    took = sum(figures.took_s for figures in results.scenarios.values())
    software = f"kernel {found.get('kernel')}, CPython {found.get('python')}, uvloop {found.get('uvloop')}, SQLite {found.get('sqlite')}"
    return (
        f"Taken {when[0] if when else 'never'} to {when[-1] if when else 'never'} ({took:.0f} s in all) at commit {found.get('commit')}, "
        f"on {found.get('cores')} virtual cores, {software} with `synchronous=FULL`; "
        f"appending 4 KiB and syncing it took {found.get('fsync_p50_us')} µs (p50). {_steal(results)}"
    )


def _steal(results: Results) -> str:
    """How much the host took, of all parts and of the worst."""
    known = {name: figures.stolen for name, figures in results.scenarios.items() if figures.stolen is not None}
    unknown = len(results.scenarios) - len(known)
    said = f"How much of the processors' time the host took away (steal) was not measured in {unknown} of {len(results.scenarios)} parts"
    if not known:
        return f"{said}."
    took_s = {name: results.scenarios[name].took_s for name in known}
    share = sum(known[name] * took_s[name] for name in known) / (sum(took_s.values()) or 1)
    worst = max(known, key=lambda name: known[name])
    taken = f"The host took {share:.1%} of the processors' time away (steal), at most {known[worst]:.1%} in a part ({worst})"
    return f"{taken}. {said}." if unknown else f"{taken}."


def _counted(record: Mapping[str, Counts]) -> str:
    """What is recorded, a column a version of Python."""
    pythons, asked = sorted(record), sorted({what for counts in record.values() for what in counts})
    lines = [f"| opcodes of Python | {' | '.join(f'CPython {python}' for python in pythons)} |", f"|---|{'---|' * len(pythons)}"]
    for what in asked:
        figures = (record[python].get(what) for python in pythons)
        lines.append(f"| {what} | {' | '.join('' if figure is None else f'{figure:,}' for figure in figures)} |")
    return "\n".join(lines)


def _plot_links(name: str, names: Iterator[str]) -> str:
    return "".join(f"\n\n![{found.removeprefix(name + '-')}]({PLOTS.name}/{found}.svg)" for found in names if found.startswith(f"{name}-"))


def page(text: str, results: Results) -> str:
    """The page with everything between its markers made again; a scenario that never ran keeps what stood there."""
    drawn = plots(results)
    order = [found[2] for found in _MARKED.finditer(text)]

    def made(found: re.Match[str]) -> str:
        name = found[2]
        if name == "machine":
            return f"{found[1]}{_machine(results)}\n{found[3]}"
        if name == "counted":
            return f"{found[1]}{_counted(recorded())}\n{found[3]}"
        if name == "goals":
            return f"{found[1]}{_goals(results, order)}\n{found[3]}"
        if name not in results.scenarios:
            return found[0]
        return f"{found[1]}{printed(results.scenarios[name])}{_plot_links(name, iter(drawn))}\n{found[3]}"

    return _MARKED.sub(made, text)


def main() -> None:
    """Write the page and its plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=RESULTS)
    results = read_results(parser.parse_args().file)
    PLOTS.mkdir(exist_ok=True)
    for name, drawing in plots(results).items():
        (PLOTS / f"{name}.svg").write_text(drawing, encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()

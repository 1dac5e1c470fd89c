"""Measures Heliograph: `make bench` (all, some 15 minutes), `python -m benchmarks --only NAME` (a part), `--quick` (does it run?).

The figures go to benchmarks/results/latest.json, each scenario in the place of its older self; `python -m benchmarks.report` then writes
the tables and plots of docs/performance.md.
"""

import argparse
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from benchmarks.audit import measure_audit
from benchmarks.battery import measure_battery
from benchmarks.bulk import measure_bulk
from benchmarks.command_types import measure_types
from benchmarks.console import measure_console
from benchmarks.cycling import measure_cycle
from benchmarks.figures import QUICK, RESULTS, Figures, Results, Scale, machine, read_results, write_results
from benchmarks.flat import measure_flat
from benchmarks.half_of_peak import measure_half_of_peak
from benchmarks.idle import measure_idle
from benchmarks.issuing import measure_issuing, measure_reads, measure_two_servers
from benchmarks.many_phones import measure_many_phones
from benchmarks.pages import measure_pages
from benchmarks.peers import measure_peers
from benchmarks.plugin import measure_plugin
from benchmarks.report import printed
from benchmarks.roles import measure_roles
from benchmarks.starting import measure_starting
from benchmarks.steal import REPEATS_MOST, STOLEN_MOST, Ticks, ticks
from benchmarks.tricks import measure_tricks
from benchmarks.worlds import measure_worlds

SCENARIOS: Mapping[str, Callable[[Scale], Figures]] = {
    "issuing": measure_issuing,
    "types": measure_types,
    "reads": measure_reads,
    "two-servers": measure_two_servers,
    "audit": measure_audit,
    "roles": measure_roles,
    "console": measure_console,
    "cycle": measure_cycle,
    "half-of-peak": measure_half_of_peak,
    "many-phones": measure_many_phones,
    "flat": measure_flat,
    "pages": measure_pages,
    "bulk": measure_bulk,
    "peers": measure_peers,
    "idle": measure_idle,
    "battery": measure_battery,
    "worlds": measure_worlds,
    "plugin": measure_plugin,
    "starting": measure_starting,
    "tricks": measure_tricks,
}


SCENARIO_MOST_S = 300 * (1 + REPEATS_MOST)
"""A scenario that takes longer hangs, also if each of its rounds was repeated: it is ended, cleaned up after, and the next one begins."""


def measured(scenario: Callable[[Scale], Figures], scale: Scale, *, look: Callable[[], Ticks] = ticks) -> Figures:
    """What the scenario gave; where it failed, why: the others go on.

    One without rounds, which repeat themselves (load.py), is repeated as a whole if the host took much: once, since it takes long.
    """
    figures = _once(scenario, scale, look)
    if not figures.rows and not figures.failed and (figures.stolen or 0.0) > STOLEN_MOST:
        again = _once(scenario, scale, look)
        return figures if again.failed or (again.stolen or 0.0) > (figures.stolen or 0.0) else again
    return figures


def _once(scenario: Callable[[Scale], Figures], scale: Scale, look: Callable[[], Ticks]) -> Figures:
    began = time.monotonic()
    signal.alarm(SCENARIO_MOST_S)
    before = look()
    try:
        figures = scenario(scale)
    except Exception as error:  # noqa: BLE001 - it is in the figures, and the exit code says it too
        traceback.print_exc()
        figures = Figures(failed=f"{type(error).__name__}: {error}".splitlines()[0])
    finally:
        signal.alarm(0)
    figures.took_s = round(time.monotonic() - began, 1)
    figures.stolen = look().share_since(before)
    figures.at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    return figures


def scale_of(options: argparse.Namespace) -> Scale:
    """As asked on the command line."""
    scale = QUICK if options.quick else Scale()
    given = {name: value for name in ("rounds", "seconds") if (value := getattr(options, name)) is not None}
    return replace(scale, **given)


def _too_late(_: int, __: object) -> NoReturn:
    message = f"not done after {SCENARIO_MOST_S} s"
    raise TimeoutError(message)


def _end(_: int, __: object) -> NoReturn:
    raise SystemExit(1)  # which ends the servers on its way out


def main() -> int:
    """Measure, keep and print."""
    signal.signal(signal.SIGALRM, _too_late)
    signal.signal(signal.SIGTERM, _end)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="this scenario; may be given several times")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: shows that everything runs, and nothing else")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--out", type=Path, help=f"where the JSON goes (default: {RESULTS}; with --quick: nowhere near it)")
    options = parser.parse_args()
    out: Path = options.out or (Path(".bench-cache/quick.json") if options.quick else RESULTS)
    results: Results = read_results(out)
    results.machine = machine()
    chosen = {name: SCENARIOS[name] for name in options.only or SCENARIOS}
    for name, scenario in chosen.items():
        print(f"\n## {name}", flush=True)
        figures = results.scenarios[name] = measured(scenario, scale_of(options))
        write_results(out, results)
        print(printed(figures), flush=True)
    print(f"\n{out}: {sum(results.scenarios[name].took_s for name in chosen):.0f} s in all", flush=True)
    return int(any(results.scenarios[name].failed or not results.scenarios[name].passes for name in chosen))


if __name__ == "__main__":
    sys.exit(main())

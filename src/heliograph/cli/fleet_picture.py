"""How a running fleet does: a picture on a terminal, otherwise a line now and then."""

import asyncio
from collections.abc import Mapping

from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from heliograph.agent.fleet import Fleet, FleetPlan, FleetProgress
from heliograph.agent.runner import Line
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.tables import console

REFRESH_S = 0.25
REPORT_S = 5.0
"""Between two lines when the output is not a terminal."""


async def run_shown(plan: FleetPlan, line: Line, enrollment_token: str) -> None:
    """Run the fleet until cancelled.  Raises: Failure: the server accepts none of its phones."""
    fleet = Fleet(line, plan)
    fleet.start(enrollment_token)
    try:
        if console().is_terminal:
            await _show(fleet, f"[bold]{plan.count} × {plan.profile.name}[/bold]  seed {plan.seed}  (Ctrl-C ends it)")
        else:
            console().print(f"seed {plan.seed}")
            await _report(fleet)
    finally:
        await fleet.stop()


async def _show(fleet: Fleet, title: str) -> None:
    with Live(console=console(), auto_refresh=False) as live:
        while True:
            progress = fleet.progress()
            live.update(_picture(progress, title), refresh=True)
            _give_up_where_rejected(progress)
            await asyncio.sleep(REFRESH_S)


async def _report(fleet: Fleet) -> None:
    while True:
        progress = fleet.progress()
        console().print(
            f"enrolled {progress.enrolled}/{progress.count}  connected {progress.connected}  executed {progress.executed}  "
            f"refused {progress.refused}  restarts {progress.restarts}"
        )
        _give_up_where_rejected(progress)
        await asyncio.sleep(REPORT_S)


def _give_up_where_rejected(progress: FleetProgress) -> None:
    if progress.refused == progress.count:
        raise Failure(ExitCode.INVALID, f"The server accepts none of these phones: {progress.refusal}")


def _picture(progress: FleetProgress, title: str) -> Group:
    bars = Progress(TextColumn("{task.description:<10}"), BarColumn(bar_width=40), MofNCompleteColumn())
    bars.add_task("enrolled", total=progress.count, completed=progress.enrolled)
    bars.add_task("connected", total=progress.count, completed=progress.connected)
    counts = Table.grid(padding=(0, 2))
    counts.add_row("[bold]executed[/bold]", str(progress.executed), _told(progress.by_outcome))
    if progress.by_type:
        counts.add_row("", "", _told(progress.by_type))
    if progress.restarts:
        counts.add_row("[bold]restarts[/bold]", str(progress.restarts), "")
    if progress.refused:
        counts.add_row("[bold red]refused[/bold red]", str(progress.refused), progress.refusal)
    return Group(title, bars, counts)


def _told(counts: Mapping[str, int]) -> str:
    return "  ".join(f"{name} {number}" for name, number in sorted(counts.items()))

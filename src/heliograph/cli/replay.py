"""`heliograph replay`: a sandbox whose world is one that was written to a file."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from heliograph.cli.command_tree import command, option
from heliograph.cli.event_loop import run
from heliograph.cli.outlet import Outlet

if TYPE_CHECKING:
    from heliograph.sandbox.run import Greeting

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@command("replay")
@click.argument("file", type=FILE, help="A snapshot: the answer of POST /sandbox/v1:export, or what a failed test left.")
@option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    show_default="a free one",
    metavar="PORT",
    help="Port to listen on; 0 takes a free one.",
)
def replay(*, file: Path, port: int) -> None:
    """Run a sandbox with the world of a snapshot: the same devices, operations, phones, clock and faults, for a closer look."""
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server
    from heliograph.sandbox.run import run_sandbox  # noqa: PLC0415
    from heliograph.sandbox.settings import SandboxSettings  # noqa: PLC0415
    from heliograph.sandbox.snapshot import read_snapshot  # noqa: PLC0415
    from heliograph.sandbox.snapshots import settings_of  # noqa: PLC0415

    snapshot = read_snapshot(file.read_bytes())
    log_to_stderr()
    run(run_sandbox(settings_of(snapshot, SandboxSettings(port=port)), ready=_say_ready, snapshot=snapshot))


def _say_ready(there: "Greeting") -> None:
    lines = [
        f"The snapshot's world is at {there.url}   (Ctrl-C ends it)",
        f"  its phones              heliograph devices list --server {there.url}",
        f"  what was asked of it    heliograph tail --from-start --trace --server {there.url}",
        f"  its clock               curl {there.url}/sandbox/v1/clock",
        f"  as the file says again  curl -X POST {there.url}/sandbox/v1:reset",
    ]
    Outlet(sys.stdout.fileno()).put("\n".join(lines) + "\n")

"""`heliograph fleet`: many virtual phones in one process, with a live picture of how they do."""

import contextlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from heliograph.cli.anywhere import SERVER_ALONE
from heliograph.cli.command_tree import command, option
from heliograph.cli.event_loop import run
from heliograph.cli.options import PATH

if TYPE_CHECKING:
    from heliograph.agent.misbehaviour import Misbehaviour

SEEDS = 1_000_000
"""Seeds by chance are below: short enough to type."""
OFFLINE_EVERY_S = 120.0
"""Under chaos a phone loses its network about every two minutes."""


@command("fleet")
@option("--enrollment-token", required=True, metavar="VALUE", help="Value of an enrolment token that is not one-time.")
@option("--profile", required=True, metavar="NAME", help="Profile of the phones: a name from docs/sandbox.md.")
@option("--count", type=click.IntRange(1, 100_000), default=1_000, metavar="N", help="Number of phones.")
@option("--seed", type=int, metavar="N", help="Seed: the same one gives the same phones and the same faults.  [default: by chance]")
@option("--transport", type=click.Choice(("websocket", "long-poll")), default="websocket", help="How phones reach the server.")
@option(
    "--chaos",
    type=click.FloatRange(0, 0.5),
    default=0.0,
    metavar="SHARE",
    help="Share of occasions with a fault: drops, duplicates, crashes, dead spots.",
)
@option(
    "--journals", type=PATH, show_default="in memory", metavar="FOLDER", help="Keep the phones' journals there: they live on after a kill."
)
@option(
    "--effects", type=PATH, show_default="none", metavar="FILE", help="Append a line to this file when a phone begins to execute a command."
)
@SERVER_ALONE
def fleet(  # noqa: PLR0913 - one option each
    *,
    enrollment_token: str,
    profile: str,
    count: int,
    seed: int | None,
    transport: str,
    chaos: float,
    journals: Path | None,
    effects: Path | None,
    server: str,
) -> None:
    """Run many virtual phones that enrol with a token and execute their commands, until Ctrl-C."""
    from heliograph.agent.fleet import FleetPlan  # noqa: PLC0415
    from heliograph.agent.profiles import profile_named  # noqa: PLC0415
    from heliograph.agent.runner import Line, TransportKind  # noqa: PLC0415
    from heliograph.cli.fleet_picture import run_shown  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server

    log_to_stderr()
    if seed is None:
        seed = secrets.randbelow(SEEDS)  # another run is other phones
    if journals is not None:
        journals.mkdir(parents=True, exist_ok=True)
    plan = FleetPlan(
        profile=profile_named(profile), count=count, seed=seed, behaviour=_misbehaviour(chaos), journals=journals, effects=effects
    )
    line = Line(server_url=server.rstrip("/"), kind=TransportKind(transport))
    with contextlib.suppress(KeyboardInterrupt):
        run(run_shown(plan, line, enrollment_token))


def _misbehaviour(chaos: float) -> "Misbehaviour":
    from heliograph.agent.misbehaviour import WELL_BEHAVED, Misbehaviour  # noqa: PLC0415

    if not chaos:
        return WELL_BEHAVED
    return Misbehaviour(
        latency_s=0.2, drop_before_ack=chaos, drop_after_ack=chaos, drop_report=chaos, duplicate=chaos, crash=chaos / 5, late=chaos,
        offline_every_s=OFFLINE_EVERY_S,
    )  # fmt: skip

"""`heliograph fleet`: many virtual phones in one process, with a picture of how they do."""

import contextlib
import enum
from typing import TYPE_CHECKING, Annotated

import typer

from heliograph.cli.event_loop import run
from heliograph.cli.options import DEFAULT_SERVER, Server

if TYPE_CHECKING:
    from heliograph.agent.misbehaviour import Misbehaviour

OFFLINE_EVERY_S = 120.0
"""Under chaos a phone loses its network about every two minutes."""


class TransportOption(enum.Enum):
    """How the phones talk to the server."""

    WEBSOCKET = "websocket"
    LONG_POLL = "long-poll"


def fleet(  # noqa: PLR0913 - one option each
    *,
    enrollment_token: Annotated[str, typer.Option(metavar="VALUE", help="Value of an enrolment token that is not one-time.")],
    profile: Annotated[str, typer.Option(metavar="NAME", help="What kind of phones: a name as in docs/sandbox.md.")],
    count: Annotated[int, typer.Option(min=1, max=100_000, help="How many phones.")] = 1_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same phones and the same misfortunes.")] = 1,
    transport: Annotated[TransportOption, typer.Option(help="How they talk to the server.")] = TransportOption.WEBSOCKET,
    chaos: Annotated[
        float,
        typer.Option(min=0, max=0.5, help="Share of occasions on which something goes wrong: drops, duplicates, crashes, dead spots."),
    ] = 0.0,
    server: Server = DEFAULT_SERVER,
) -> None:
    """Run many virtual phones that enrol with a token and carry out what they are told, until Ctrl-C."""
    from heliograph.agent.fleet import FleetPlan  # noqa: PLC0415
    from heliograph.agent.phone import Line, TransportKind  # noqa: PLC0415
    from heliograph.agent.profiles import profile_named  # noqa: PLC0415
    from heliograph.cli.fleet_picture import run_shown  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415 - the other commands start without a server

    log_to_stderr()
    plan = FleetPlan(profile=profile_named(profile), count=count, seed=seed, behaviour=_misbehaviour(chaos))
    line = Line(server_url=server.rstrip("/"), kind=TransportKind(transport.value))
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

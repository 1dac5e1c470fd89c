"""`heliograph check-agent`: whether an agent keeps the device protocol."""

import asyncio
import contextlib
import json
import logging
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from heliograph.cli.command_tree import command, option
from heliograph.cli.event_loop import run
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.output import print_object, print_paragraph

if TYPE_CHECKING:
    from heliograph.agent_check.run import Outcome, Plan, Result
    from heliograph.agent_check.stand import Stand

COLOURS: Final = {"kept": "green", "broken": "red", "not tried": "bright_black"}
WIDTH: Final = 24
ANY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - as its user wrote it


@command("check-agent")
@click.argument("words", metavar="[-- COMMAND...]", nargs=-1, type=click.UNPROCESSED, help="Starts the agent.")
@option("--host", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 for a phone in the same network.")
@option("--port", type=click.IntRange(0, 65_535), default=0, show_default="a free one", metavar="PORT", help="Port to listen on.")
@option("--case", "names", multiple=True, metavar="NAME", help="Case to run; may be given several times.  [default: all]")
@option(
    "--transport",
    "transports",
    multiple=True,
    type=click.Choice(("websocket", "long-poll")),
    help="Transport to run them on.  [default: both]",
)
@option("--yes", is_flag=True, help="Run the cases at whose end the phone erases itself, too.")
@option("--patience", type=click.FloatRange(min=1), default=60.0, metavar="SECONDS", help="How long to wait for what must come.")
@option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def check_agent(  # noqa: PLR0913 - one option each
    *,
    words: Sequence[str],
    host: str,
    port: int,
    names: Sequence[str],
    transports: Sequence[str],
    yes: bool,
    patience: float,
    as_json: bool,
) -> None:
    """Check whether an agent keeps the device protocol: each case says what it expects, and what came instead.

    With a COMMAND, each case starts it with a phone of its own: HELIOGRAPH_SERVER and HELIOGRAPH_TOKEN say where to enrol,
    HELIOGRAPH_FOLDER where to keep the journal. Without one, enrol the agent yourself with the address and token that are printed. Exit
    code 0: every case that was tried was kept. 1: one was broken. 8: none could be tried. Cases: docs/device-protocol.md.
    """
    from heliograph.agent_check.cases import CASES  # noqa: PLC0415 - the other commands start without a server
    from heliograph.agent_check.run import Plan  # noqa: PLC0415
    from heliograph.agent_check.subject import TRANSPORTS  # noqa: PLC0415
    from heliograph.agent_check.trial import Pace  # noqa: PLC0415
    from heliograph.cli.log_output import log_to_stderr  # noqa: PLC0415

    log_to_stderr(level=logging.ERROR)
    if unknown := [name for name in names if name not in {case.name for case in CASES}]:
        raise Failure(ExitCode.INVALID, f"There is no case {unknown[0]!r}. The cases: {', '.join(case.name for case in CASES)}.")
    if words and shutil.which(words[0]) is None:
        raise Failure(ExitCode.NOT_FOUND, f"Cannot run {words[0]!r}: no such program.")
    plan = Plan(
        names=names, transports=[one for one in TRANSPORTS if not transports or one in transports], last_orders=yes, pace=Pace(patience)
    )
    results: list[Result] = []
    run(_check(results, words, plan, host=host, port=port, as_json=as_json))
    outcomes = [result.outcome for result in results]
    (_print_json if as_json else _print_sum)(results)
    sys.exit(_exit_code(outcomes))


async def _check(results: "list[Result]", words: Sequence[str], plan: "Plan", *, host: str, port: int, as_json: bool) -> None:
    from heliograph.agent_check.run import check_program, check_subject  # noqa: PLC0415
    from heliograph.agent_check.stand import stand_in  # noqa: PLC0415
    from heliograph.agent_check.subject import Asked  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="heliograph-check-agent-") as folder:
        async with stand_in(Path(folder) / "server", host=host, port=port) as stand:
            if words:
                checking = check_program(stand, words, Path(folder) / "phones", plan)
            else:
                invitation = await _invite(stand, host)
                ask = _ask if sys.stdin.isatty() else None
                checking = check_subject(stand, Asked(ask, invitation=invitation), plan)
            async with contextlib.aclosing(checking):
                async for result in checking:
                    results.append(result)
                    if not as_json:
                        _print_result(result)


async def _invite(stand: "Stand", host: str) -> str:
    """How the agent enrols, which is shown."""
    from heliograph.cli.qr import draw  # noqa: PLC0415

    token = await stand.token()
    where = f"this machine's address and port {stand.url.rpartition(':')[2]}" if host in ANY_ADDRESS else stand.url
    click.echo(f"Server: {where}\nEnrollment token: {token}", err=True)
    if sys.stderr.isatty():
        draw(json.dumps({"server_url": stand.url, "enrollment_token": token}))
    return "Enrol the agent with this server and token."


async def _ask(text: str) -> None:
    await asyncio.to_thread(click.prompt, f"{text} Then press Enter", default="", show_default=False, prompt_suffix="", err=True)


def _exit_code(outcomes: "Sequence[Outcome]") -> ExitCode:
    words = {outcome.value for outcome in outcomes}
    if "broken" in words:
        return ExitCode.FAILED
    return ExitCode.OK if "kept" in words else ExitCode.INCONCLUSIVE


def _print_result(result: "Result") -> None:
    word = result.outcome.value
    line = f"{click.style(f'{word:<9}', fg=COLOURS[word])}  {result.transport:<9}  {result.case.name:<{WIDTH}}"
    click.echo(
        f"{line}  expected: {result.case.expects}"
        + (f"; {'came' if word == 'broken' else 'because'}: {result.came}" if result.came else "")
    )


def _print_sum(results: "Sequence[Result]") -> None:
    counts = {word: sum(result.outcome.value == word for result in results) for word in COLOURS}
    print_paragraph(", ".join(f"{count} {word}" for word, count in counts.items() if count) + ".")


def _print_json(results: "Sequence[Result]") -> None:
    found = [
        {
            "case": result.case.name, "transport": result.transport, "outcome": result.outcome.value, "expected": result.case.expects,
            "came": result.came,
        }
        for result in results
    ]  # fmt: skip
    print_object({"results": found})

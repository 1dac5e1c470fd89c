"""`heliograph env`: the variables by which clients find a running sandbox."""

import json
import shlex
import time
from pathlib import Path
from typing import Final

import click

from heliograph.cli.anywhere import SERVER
from heliograph.cli.api_client import address_of
from heliograph.cli.command_tree import command, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import PATH, client_of
from heliograph.cli.ready_file import WORLDS, read_ready_file, variables_of

LOOK_EVERY_S: Final = 0.1


@command("env")
@SERVER
@option("--ready-file", type=PATH, metavar="FILE", help="Take the address from the file that heliograph sandbox --ready-file writes.")
@option(
    "--wait", "wait_s", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="Wait this long at most for a sandbox to start."
)
@option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines for a shell.")
def env(*, server: str, ready_file: Path | None, wait_s: float, as_json: bool) -> None:
    """Print the environment variables for a running sandbox, as in eval "$(heliograph env)"."""
    variables = variables_of(_found_within(wait_s, server, ready_file))
    if as_json:
        click.echo(json.dumps(dict(variables)))
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _found_within(wait_s: float, server: str, ready_file: Path | None) -> str:
    until_s = time.monotonic() + wait_s
    while True:
        try:
            return _found(server, ready_file)
        except Failure as failure:
            if failure.exit_code is not ExitCode.UNAVAILABLE:
                raise
            if time.monotonic() >= until_s:
                raise Failure(ExitCode.WAITED_TOO_LONG if wait_s else failure.exit_code, failure.message) from None
            time.sleep(LOOK_EVERY_S)


def _found(server: str, ready_file: Path | None) -> str:
    """The address of a sandbox that answers.  Raises: Failure: UNAVAILABLE: not yet; another code: it never will."""
    url = address_of(server)
    if ready_file is not None:
        about = read_ready_file(ready_file)
        if about is None:
            raise Failure(ExitCode.UNAVAILABLE, f"There is no {ready_file}: no heliograph sandbox --ready-file {ready_file} is ready.")
        url = str(about["url"])
    try:
        client_of(url).get(WORLDS)
    except Failure as failure:
        if failure.exit_code is not ExitCode.NOT_FOUND:
            raise
        raise Failure(
            ExitCode.NOT_FOUND, f"{url} is not a sandbox: it has no {WORLDS}. Start one with heliograph sandbox, or name it with --server."
        ) from None
    return url.rstrip("/")

"""Wait for an operation to end, and turn its outcome into an exit code."""

import json
import shutil
import sys
import time

import click

from heliograph.backoff import Backoff
from heliograph.cli.api_client import ApiClient, Json
from heliograph.cli.exit_codes import INTERRUPTED, OF_OUTCOME, ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.output import print_json, print_operation
from heliograph.domain.longrunning import read_outcome

FIRST_PAUSE_S = 0.05
"""A phone that is online takes milliseconds."""
LONGEST_PAUSE_S = 1.0


def wait_for(client: ApiClient, name: str, *, timeout: float | None, as_json: bool) -> None:
    """Wait until the operation ends, print it, and exit with the code of its outcome.

    Raises: Failure: not ended within `timeout` seconds, or it cannot be read. SystemExit: any outcome but success.
    """
    body = _ended(client, name, timeout, quiet=as_json)
    operation: Json = json.loads(body)
    if as_json:
        print_json(body)
    else:
        print_operation(operation)
    code = OF_OUTCOME[read_outcome(operation).outcome]
    if code is not ExitCode.OK:
        sys.exit(code)


def _ended(client: ApiClient, name: str, timeout: float | None, *, quiet: bool) -> bytes:
    until = None if timeout is None else time.monotonic() + timeout
    backoff = Backoff(first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
    shown = not quiet and sys.stderr.isatty()
    try:
        while True:
            body = client.get(f"/v1/{name}")
            operation = json.loads(body)
            if operation.get("done"):
                return body
            pause = backoff.next_s()
            left = pause if until is None else until - time.monotonic()
            if left <= 0:
                raise Failure(ExitCode.WAITED_TOO_LONG, _still_pending(operation, timeout), body=body)
            show_progress(f"Waiting for {name} {read_outcome(operation).detail}", shown=shown)
            time.sleep(min(pause, left))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        show_progress("", shown=shown)


def _still_pending(operation: Json, timeout: float | None) -> str:
    detail = read_outcome(operation).detail
    name = operation["name"]
    return f"{name} has not ended within {timeout:g} s{f' ({detail})' if detail else ''}. Why: heliograph operations timeline {name}"


def show_progress(text: str, *, shown: bool) -> None:
    """One line of a terminal, written over the one before; "" takes it away."""
    if shown:
        line = text[: shutil.get_terminal_size().columns - 1]  # a line that wraps cannot be written over
        click.echo(f"\r\x1b[K{line}", err=True, nl=False)

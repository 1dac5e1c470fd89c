"""Waiting for an operation to end, and what the end means for a script."""

import json
import time

import typer
from rich.status import Status

from heliograph.cli.api_client import ApiClient, Failure, Json
from heliograph.cli.exit_codes import INTERRUPTED, OF_OUTCOME, ExitCode
from heliograph.cli.output import console, print_json, print_operation
from heliograph.domain.longrunning import read_outcome

FIRST_PAUSE_S = 0.05
"""A phone that is online takes milliseconds."""
LONGEST_PAUSE_S = 1.0


def wait_for(client: ApiClient, name: str, *, timeout: float | None, as_json: bool) -> None:
    """The operation has ended, is printed, and the program exits as its outcome says.

    Raises: Failure: not ended within `timeout` seconds, or it cannot be read. typer.Exit: any outcome but success.
    """
    body = _ended(client, name, timeout, quiet=as_json)
    operation: Json = json.loads(body)
    if as_json:
        print_json(body)
    else:
        print_operation(operation)
    code = OF_OUTCOME[read_outcome(operation).outcome]
    if code is not ExitCode.OK:
        raise typer.Exit(code)


def _ended(client: ApiClient, name: str, timeout: float | None, *, quiet: bool) -> bytes:
    until = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_PAUSE_S
    with Status(f"Waiting for {name}", console=console(errors=True)) as status:
        if quiet:
            status.stop()
        try:
            while True:
                body = client.get(f"/v1/{name}")
                operation = json.loads(body)
                if operation.get("done"):
                    return body
                left = pause if until is None else until - time.monotonic()
                if left <= 0:
                    raise Failure(ExitCode.WAITED_TOO_LONG, _still_pending(operation, timeout), body=body)
                status.update(f"Waiting for {name} {read_outcome(operation).detail}")
                time.sleep(min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE_S)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def _still_pending(operation: Json, timeout: float | None) -> str:
    detail = read_outcome(operation).detail
    name = operation["name"]
    return f"{name} has not ended within {timeout:g} s{f' ({detail})' if detail else ''}. Why: heliograph operations timeline {name}"

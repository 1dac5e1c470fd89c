"""The JSON that a command sends: on the command line, in a file, or on standard input."""

import sys
from pathlib import Path

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure

HELP = "JSON, @FILE, or - for standard input."


def read_body(given: str) -> bytes:
    """The body that `--body` names.  Raises: Failure: there is no such file."""
    if given == "-":
        return sys.stdin.buffer.read()
    if not given.startswith("@"):
        return given.encode()
    path = Path(given.removeprefix("@"))
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot read {path}: {error.strerror}.") from None

"""How commands run a server or phones."""

from collections.abc import Coroutine
from typing import Any

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine to its end on uvloop.  Raises: Failure: an address is taken, a folder cannot be written."""
    import uvloop  # noqa: PLC0415 - the other commands start without it

    try:
        uvloop.run(coroutine)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise Failure(ExitCode.UNAVAILABLE, f"Cannot run here:{where} {error.strerror or error}.") from None

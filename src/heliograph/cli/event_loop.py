"""How commands run a server or phones."""

from collections.abc import Coroutine
from typing import Any

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine to its end.  Raises: Failure: an address is taken, a folder cannot be written."""
    from heliograph.machine import run_to_end  # noqa: PLC0415 - the other commands start without asyncio

    try:
        run_to_end(coroutine)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        raise Failure(ExitCode.UNAVAILABLE, f"Cannot run here:{where} {error.strerror or error}.") from None

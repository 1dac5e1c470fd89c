"""The APK given with `--agent-apk`: read before anything else is started."""

from pathlib import Path
from typing import TYPE_CHECKING

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure

if TYPE_CHECKING:
    from heliograph.domain.agent_app import AgentApp


def agent_of(file: Path | None) -> "AgentApp | None":
    """The agent in the file; None: no file was given.  Raises: Failure: it cannot be read, or phones would not take it."""
    if file is None:
        return None
    from heliograph.apk.agent_apk import APK_MAX_BYTES, read_agent  # noqa: PLC0415 - most servers have no agent
    from heliograph.apk.signing_block import InvalidApk  # noqa: PLC0415

    try:
        if file.stat().st_size > APK_MAX_BYTES:
            raise Failure(ExitCode.INVALID, f"{file} is larger than {APK_MAX_BYTES >> 20} MiB, more than an agent may have.")
        return read_agent(file.read_bytes())
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot read {file}: {error.strerror}.") from None
    except InvalidApk as error:
        raise Failure(ExitCode.INVALID, f"{file} is not an agent for phones. {error.message}") from None

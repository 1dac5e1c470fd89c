"""The operator's desk of the server that runs on this machine: what `heliograph keys`, `roles` and `can` ask."""

import os
from pathlib import Path

from heliograph.cli.anywhere import DEFAULT_SERVER
from heliograph.cli.api_client import ApiClient
from heliograph.cli.command_tree import AnywhereOption, option
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.cli.options import DEFAULT_DATA_DIR, PATH
from heliograph.storage.operator_file import NAME, read_operator_file

DATA_DIR = option(
    "--data-dir",
    type=PATH,
    show_default=f"{DEFAULT_DATA_DIR}, if used",
    help="Data directory of the `heliograph serve` that runs on this machine.",
)
SERVER = option(
    "--server",
    cls=AnywhereOption,
    metavar="URL",
    show_default=f"HELIOGRAPH_SERVER, or {DEFAULT_SERVER}, where no server has its data here",
    help="Without a data directory: the sandbox to ask.",
)


def desk_client(data_dir: Path | None, server: str | None) -> ApiClient:
    """A client of the server that runs on the data directory, or of the sandbox at the address.  Raises: Failure."""
    if data_dir is None and (server is not None or not (DEFAULT_DATA_DIR / NAME).exists()):
        return ApiClient(server or os.environ.get("HELIOGRAPH_SERVER") or DEFAULT_SERVER)
    try:
        found = read_operator_file(data_dir or DEFAULT_DATA_DIR)
    except OSError as error:
        raise Failure(ExitCode.NOT_PERMITTED, f"Cannot read {error.filename}: {error.strerror}. Run this as the server's user.") from None
    return ApiClient(found.url, bearer=lambda: found.secret)

"""How a running server and its operator's command line find and trust each other: a file that only their user can read."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from heliograph.machine import BYTES, CLOSE_ON_EXEC, NOT_A_LINK
from heliograph.protojson.errors import FailedPrecondition
from heliograph.protojson.parser import MALFORMED

NAME = "operator.json"


class NoServerRuns(FailedPrecondition):
    """No server runs on this data directory."""


class OperatorFile(msgspec.Struct, frozen=True):
    """Where the server answers on its own machine, and the secret that proves access to its data directory."""

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"OperatorFile({self.url!r})"


@contextlib.contextmanager
def operator_file(data_dir: Path, file: OperatorFile) -> Iterator[None]:
    """The file exists (mode 0600) until the block ends; a file that a killed server left is replaced."""
    path, fresh = data_dir / NAME, data_dir / f".{NAME}.{os.getpid()}"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BYTES | CLOSE_ON_EXEC | NOT_A_LINK, 0o600)
    with os.fdopen(descriptor, "wb") as written:
        fresh.chmod(0o600)
        written.write(msgspec.json.encode(file))
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_operator_file(data_dir: Path) -> OperatorFile:
    """What the server that runs on this data directory wrote.  Raises: NoServerRuns, OSError."""
    try:
        return msgspec.json.decode((data_dir / NAME).read_bytes(), type=OperatorFile)
    except (*MALFORMED, FileNotFoundError):
        raise NoServerRuns(f"No server runs on {data_dir}: start `heliograph serve --data-dir {data_dir}` first.") from None

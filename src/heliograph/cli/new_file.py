"""Files that hold a secret: a key, a QR code with a token."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.machine import BYTES, CLOSE_ON_EXEC


@contextlib.contextmanager
def new_private_file(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner can read, written by the block; removed if that fails.  Raises: Failure: it cannot be made."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BYTES | CLOSE_ON_EXEC, 0o600)
    except FileExistsError:
        raise Failure(ExitCode.INVALID, f"{path} exists already. Choose another file: this one is never overwritten.") from None
    except OSError as error:
        raise Failure(ExitCode.INVALID, f"Cannot write {path}: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:
        path.unlink()
        raise

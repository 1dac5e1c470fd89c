"""What a sandbox says of itself to programs once it is ready: one JSON object, in a file or on stdout; and the variables made of it."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure

if TYPE_CHECKING:
    from heliograph.sandbox.run import Greeting

WORLDS: Final = "/sandbox/v1/worlds"


def ready_line(greeting: "Greeting") -> str:
    """The object as one line: `url`, `pid`, `worlds` (where to make worlds), `enterprises` and `phones`."""
    about = {
        "url": greeting.url,
        "pid": os.getpid(),
        "worlds": f"{greeting.url}{WORLDS}",
        "enterprises": [f"enterprises/{enterprise}" for enterprise in greeting.enterprises],
        "phones": [phone.name for phone in greeting.phones],
    }
    return json.dumps(about) + "\n"


def variables_of(url: str) -> Mapping[str, str]:
    """The environment variables by which clients, tests and this command line find the sandbox."""
    return {"AMAPI_EMULATOR_HOST": urlsplit(url).netloc, "HELIOGRAPH_URL": url, "HELIOGRAPH_SERVER": url}


class ReadyFile:
    """A file that is there, whole, from when a sandbox is ready until it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """One that a killed sandbox left is gone at once; in the end the file is gone, too.  Raises: Failure: its folder is missing."""
        if not self._path.parent.is_dir():
            raise Failure(ExitCode.INVALID, f"--ready-file: there is no folder {self._path.parent}: make it first.")
        self._path.unlink(missing_ok=True)
        try:
            yield
        finally:
            self._path.unlink(missing_ok=True)

    def write(self, text: str) -> None:
        """A reader that waits for the file reads all of it.  Raises: OSError."""
        fresh = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self._path)


def read_ready_file(path: Path) -> dict[str, Any] | None:
    """What a ready sandbox wrote; None: no sandbox is ready there.  Raises: Failure: the file holds something else; OSError."""
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        urlsplit(about["url"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure(ExitCode.INVALID, f"{path} was not written by heliograph sandbox --ready-file.") from None
    return dict(about)

"""A recorded history as a file: JSON Lines, the first of which says what the run was made for (docs/history.md)."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from heliograph.history.events import AnyEvent, Deed, FaultKind
from heliograph.history.recorded import FORMAT, VERSION, Header, Recorded
from heliograph.protojson.parser import MALFORMED


class BadHistory(Exception):
    """The file is not a recorded history of a version known here; the message says which line and why."""


class History:
    """A recorded history in the making: all events so far, and the file that holds them too."""

    def __init__(
        self, path: Path, *, now_us: Callable[[], int], faults: Sequence[FaultKind] = (), deeds: Sequence[Deed] = (), about: str = ""
    ) -> None:
        """`now_us()`: monotonic time. `faults`, `deeds`: what the run is made for."""
        self.path = path
        self.header = Header(format=FORMAT, version=VERSION, faults=tuple(faults), deeds=tuple(deeds), about=about)
        self.events: list[AnyEvent] = []
        self._file = path.open("wb")
        self._now_us = now_us
        self._write(self.header)

    def record(self, event: AnyEvent) -> None:
        """The event has happened now. Its line is in the file at the latest when the history is closed."""
        stamped = msgspec.structs.replace(event, at_us=self._now_us())
        self.events.append(stamped)
        self._write(stamped)

    def close(self) -> None:
        self._file.close()

    @property
    def recorded(self) -> Recorded:
        """All of it so far, as it would be read from the file."""
        return Recorded(header=self.header, events=self.events)

    def _write(self, line: Header | AnyEvent) -> None:
        self._file.write(_encode(line) + b"\n")


def read_history(path: Path) -> Recorded:
    """The recorded history in this file.  Raises: BadHistory; OSError."""
    with path.open("rb") as file:
        header = _header(file.readline())
        decode = msgspec.json.Decoder(AnyEvent).decode
        events: list[AnyEvent] = []
        for number, line in enumerate(file, start=2):
            try:
                events.append(decode(line))
            except MALFORMED as error:
                if not line.endswith(b"\n"):
                    return Recorded(header=header, events=events, cut=True)
                raise BadHistory(f"Line {number} is not an event: {error}.") from error
    return Recorded(header=header, events=events)


def _header(line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
    except MALFORMED as error:
        raise BadHistory(f"The first line is not a header: {error}.") from error
    if header.format != FORMAT or header.version != VERSION:
        raise BadHistory(f"The first line says {header.format!r}, version {header.version}; {FORMAT!r}, version {VERSION} is supported.")
    return header


_encode = msgspec.json.Encoder().encode

"""A recorded history as a file: one JSON line an event."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from heliograph.history.events import AnyEvent


class History:
    """All events so far, and the file that holds them too."""

    def __init__(self, path: Path, *, now_us: Callable[[], int]) -> None:
        self.path = path
        self.events: list[AnyEvent] = []
        self._file = path.open("wb")
        self._now_us = now_us

    def record(self, event: AnyEvent) -> None:
        """The event has happened now."""
        stamped = msgspec.structs.replace(event, at_us=self._now_us())
        self.events.append(stamped)
        self._file.write(msgspec.json.encode(stamped) + b"\n")

    def close(self) -> None:
        """The file is whole."""
        self._file.close()


def read_history(path: Path) -> list[AnyEvent]:
    """The events of a kept history file, to be checked again."""
    return list(_decoded(path.read_bytes().splitlines()))


def _decoded(lines: Iterable[bytes]) -> Iterable[AnyEvent]:
    decode = msgspec.json.Decoder(AnyEvent).decode
    return (decode(line) for line in lines)

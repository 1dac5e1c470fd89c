"""Writes lines to a file descriptor that may have no reader: handing over a line never waits."""

import atexit
import contextlib
import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable

HELD_MOST_BYTES = 4 * 1_024 * 1_024
LINE_COSTS_BYTES = 128
"""Besides its text."""
LOOK_EVERY_S = 1.0
END_WITHIN_S = 1.0
"""How long a process that ends waits for its last lines to be taken."""


class Outlet:
    """A queue and the thread that writes it, in order. Lines that find the queue full are dropped; a line marks the gap."""

    def __init__(
        self,
        descriptor: int,
        *,
        held_most_bytes: int = HELD_MOST_BYTES,
        dropped: Callable[[int], str] = "{} lines were not read in time.\n".format,
        on_drop: Callable[[], None] = lambda: None,
        more: Callable[[bool], Iterable[str]] = lambda _: (),
    ) -> None:
        """`dropped(n)`: the line that says how many; `on_drop()` runs for each; `more(at_end)` adds lines every second."""
        self._descriptor = descriptor
        self._held_most_bytes = held_most_bytes
        self._dropped_line = dropped
        self._on_drop = on_drop
        self._more = more
        self._lines: deque[bytes] = deque()
        self._held_bytes = 0
        self._dropped = 0
        self._said: list[int] = []
        """What lines that are not written yet say of it."""
        self._writing = False
        self._changed = threading.Condition()  # reentrant: a line may be logged while another is handed over, by the garbage collector
        threading.Thread(target=self._run, name=f"outlet-{descriptor}", daemon=True).start()
        atexit.register(self.flush, END_WITHIN_S)

    def put(self, text: str) -> None:
        """The line will be written, or counted as dropped."""
        line = text.encode("utf-8", "backslashreplace")
        with self._changed:
            if self._held_bytes >= self._held_most_bytes:
                self._dropped += 1
                self._on_drop()
                return
            self._say_what_is_missing()
            self._append(line)
            self._changed.notify_all()

    def put_last(self, text: str) -> None:
        """As `put`, for a process that is about to end: waits a moment for this line to be written."""
        with self._changed:
            self._held_bytes = min(self._held_bytes, self._held_most_bytes - 1)  # there is room for this one
        self.put(text)
        self.flush(END_WITHIN_S)

    def flush(self, within_s: float) -> bool:
        """Whether everything handed over was written within this time."""
        with self._changed:
            for text in self._more(True):  # noqa: FBT003
                self._append(text.encode("utf-8", "backslashreplace"))
            self._say_what_is_missing()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._lines and not self._writing, within_s)

    def _append(self, line: bytes) -> None:
        self._lines.append(line)
        self._held_bytes += len(line) + LINE_COSTS_BYTES

    def _say_what_is_missing(self) -> None:
        if self._dropped:
            number, self._dropped = self._dropped, 0
            self._said.append(number)
            self._append(self._dropped_line(number).encode())

    def _run(self) -> None:
        while True:
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                if not self._lines:
                    self._changed.wait(LOOK_EVERY_S)
                if not self._lines:
                    for text in self._more(False):  # noqa: FBT003
                        self._append(text.encode("utf-8", "backslashreplace"))
                    self._say_what_is_missing()
                lines = b"".join(self._lines)
                self._lines.clear()
                said, self._said = self._said, []
                self._writing = bool(lines)
            lost = _write(self._descriptor, lines).tobytes().count(b"\n")
            with self._changed:
                if lost:
                    self._dropped += sum(said)
                    for _ in range(lost - len(said)):
                        self._dropped += 1
                        self._on_drop()
                self._held_bytes = sum(len(line) + LINE_COSTS_BYTES for line in self._lines)


def _write(descriptor: int, data: bytes) -> memoryview:
    """Bytes that could not be written: none, however long the rest takes, unless the reader is gone or the disk is full."""
    left = memoryview(data)
    with contextlib.suppress(OSError):
        while left:
            try:
                left = left[os.write(descriptor, left) :]
            except BlockingIOError:  # our parent process made it so
                select.select([], [descriptor], [])
    return left

"""How many opcodes of Python a server's threads execute: the same on every machine, however busy it is."""

import contextlib
import itertools
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any


class Tally:
    """Counts the opcodes of all threads that begin within `threads_counted`, the event loop's and the writer's alike.

    What C does is not counted: SQLite, msgspec, uvloop, the kernel.
    """

    def __init__(self) -> None:
        self._count = itertools.count().__next__  # one step in C: no other thread comes between
        self._looks = 0
        self._counting = False

    def read(self) -> int:
        """Opcodes so far."""
        self._looks += 1
        return self._count() - (self._looks - 1)

    @contextlib.contextmanager
    def threads_counted(self) -> Iterator[None]:
        """Every thread that begins meanwhile is counted, from `begin` on."""
        threading.settrace(self._called)
        try:
            yield
        finally:
            threading.settrace(None)
            self._counting = False

    def begin(self) -> None:
        """From now on opcodes count, also those of functions that run already. Until then nothing is slowed down."""
        self._counting = True
        here = threading.get_ident()
        for thread, top in sys._current_frames().items():  # noqa: SLF001 - documented so
            frame = None if thread == here else top
            while frame is not None:
                self._watch(frame)
                frame.f_trace = self._executed
                frame = frame.f_back

    def end(self) -> None:
        """No more counts, and what begins now is as fast as ever."""
        self._counting = False

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Any:  # noqa: ANN401 - as sys.settrace asks
        if not self._counting:
            return None
        self._watch(frame)
        return self._executed

    def _executed(self, _frame: FrameType, event: str, _argument: Any) -> Any:  # noqa: ANN401 - as sys.settrace asks
        if event == "opcode":
            self._count()
        return self._executed

    def _watch(self, frame: FrameType) -> None:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False

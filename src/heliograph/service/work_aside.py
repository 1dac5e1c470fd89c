"""Long bodies are read beside the event loop, so that no other request waits for one.

Reading is pure computing, so this makes nothing faster: it lets others in between. One thread is enough, with any number of cores.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, sleep
from typing import TypeVar

T = TypeVar("T")

AT_ONCE_BYTES = 16 * 1_024
"""Up to here the worst body costs about as much as changing threads is worth: 20 ms, and a usual one a tenth of a millisecond."""


class Reader:
    """The one thread. After a long read it rests for as long.

    Some steps of reading block the whole process: between two of them, everyone else has a turn.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._rests_until_s = 0.0

    def start(self, read: Callable[[bytes], T], body: bytes) -> "asyncio.Future[T]":
        """What `read` makes of the body, some time."""
        return asyncio.get_running_loop().run_in_executor(self._thread, self._read, read, body)

    def _read(self, read: Callable[[bytes], T], body: bytes) -> T:
        began_s = perf_counter()
        if began_s < self._rests_until_s:
            sleep(self._rests_until_s - began_s)
            began_s = perf_counter()
        try:
            return read(body)
        finally:
            ended_s = perf_counter()
            self._rests_until_s = ended_s + (ended_s - began_s)


_reader = Reader()


async def work_aside(read: Callable[[bytes], T], body: bytes) -> T:
    """What `read` makes of the body.  Raises: what `read` raises."""
    if len(body) <= AT_ONCE_BYTES:
        return read(body)
    return await _reader.start(read, body)

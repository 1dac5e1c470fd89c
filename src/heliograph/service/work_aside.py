"""Long bodies are read beside the event loop, for nobody else's request shall wait until one is read.

What is read is pure computing, so this makes nothing faster: it lets others in between. Hence one thread, whatever the cores.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

AT_ONCE_BYTES = 16 * 1_024
"""Up to here the worst body costs about as much as changing threads is worth: 20 ms, and a usual one a tenth of a millisecond."""

_readers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")


async def work_aside(read: Callable[[bytes], T], body: bytes) -> T:
    """What `read` makes of the body.  Raises: what `read` raises."""
    if len(body) <= AT_ONCE_BYTES:
        return read(body)
    return await asyncio.get_running_loop().run_in_executor(_readers, read, body)

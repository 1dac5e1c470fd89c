"""A real sandbox on a loopback port, in a thread of its own."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Iterator

import uvloop

from heliograph.sandbox.run import running_sandbox
from heliograph.sandbox.settings import SandboxSettings
from tests.patience import PATIENCE_S


@contextlib.contextmanager
def sandbox_in_a_thread(settings: SandboxSettings) -> Iterator[str]:
    """The address of a sandbox with these settings, which ends with the block."""
    found: concurrent.futures.Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = concurrent.futures.Future()

    async def run() -> None:
        stop = asyncio.Event()
        async with running_sandbox(settings) as greeting:
            found.set_result((greeting.url, asyncio.get_running_loop(), stop))
            await stop.wait()

    def live() -> None:
        try:
            uvloop.run(run())
        except BaseException as error:
            if not found.done():
                found.set_exception(error)
            raise

    thread = threading.Thread(target=live)
    thread.start()
    try:
        url, loop, stop = found.result(PATIENCE_S)
        try:
            yield url
        finally:
            loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join(PATIENCE_S)

"""A real sandbox on a loopback port, in a thread of its own, for each module of these tests."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Iterator

import pytest
import uvloop

from heliograph.sandbox.run import running_sandbox
from heliograph.sandbox.settings import SandboxSettings
from tests.sandbox.client import Client


@contextlib.contextmanager
def running(settings: SandboxSettings) -> Iterator[Client]:
    """A client of a sandbox with these settings, which ends with the block."""
    url: concurrent.futures.Future[str] = concurrent.futures.Future()
    stop: list[asyncio.Event] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        stop.append(asyncio.Event())
        loops.append(asyncio.get_running_loop())
        async with running_sandbox(settings) as greeting:
            url.set_result(greeting.url)
            await stop[0].wait()

    def live() -> None:
        try:
            uvloop.run(run())
        except BaseException as error:
            if not url.done():
                url.set_exception(error)
            raise

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield Client(url.result(90))
    finally:
        loops[0].call_soon_threadsafe(stop[0].set)
        thread.join(90)


@pytest.fixture(scope="module")
def sandbox_process() -> Iterator[Client]:
    """One sandbox for the whole module."""
    with running(SandboxSettings(port=0)) as client:
        yield client


@pytest.fixture
def sandbox(sandbox_process: Client) -> Client:
    """The sandbox, all back as at start."""
    sandbox_process.post("/sandbox/v1:reset")
    return sandbox_process

"""The bare handler with a job queue behind it: `python -m benchmarks.queue_server QUEUE PORT WHERE`.

A command is put into the queue as its manual puts a job, one a request, and the answer leaves when the queue has it on the disk. The rest
is the yardstick's: no sign-in, no checks. Without a worker, since only taking commands is measured.
"""

import contextlib
import importlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import procrastinate
import uvicorn
import uvloop
from pgqueuer.adapters.drivers.asyncpg import AsyncpgPoolDriver
from pgqueuer.queries import Queries

from benchmarks.bare import App, Receive, Send, bare_app, settings

Enqueue = Callable[[str, bytes], Awaitable[object]]
"""Takes a device's name and the request's body."""
CONNECTIONS = 16
"""More slow psycopg down by half, and give asyncpg 6 % (docs/spec/performance.md, 3c)."""
NAME = "issue_command"


@contextlib.asynccontextmanager
async def _pgqueuer(where: str) -> AsyncIterator[Enqueue]:
    """Its tables as installed: all of them logged, a notification for workers with each row."""
    async with asyncpg.create_pool(where, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await queries.install()
        yield lambda device, body: queries.enqueue(NAME, b"%b %b" % (device.encode(), body))


@contextlib.asynccontextmanager
async def _procrastinate(where: str) -> AsyncIterator[Enqueue]:
    """Its own connector and pool."""
    connector = procrastinate.PsycopgConnector(conninfo=where, min_size=CONNECTIONS, max_size=CONNECTIONS)
    async with procrastinate.App(connector=connector).open_async() as jobs:
        await jobs.schema_manager.apply_schema_async()

        @jobs.task(name=NAME)
        async def issue_command(device: str, command: str) -> None:
            """Never run."""

        yield lambda device, body: issue_command.defer_async(device=device, command=body.decode())


@contextlib.asynccontextmanager
async def _huey(where: str) -> AsyncIterator[Enqueue]:
    """On the event loop: it has one connection and a lock around it, so threads would only add their switches."""
    jobs = importlib.import_module("huey").SqliteHuey(filename=where, fsync=True)  # a module without types

    def issue_command(device: str, command: str) -> None:
        """Never run."""

    task = jobs.task(name=NAME)(issue_command)

    async def enqueue(device: str, body: bytes) -> None:
        task(device, body.decode())

    yield enqueue


QUEUES = {"pgqueuer": _pgqueuer, "procrastinate": _procrastinate, "huey": _huey}


def queue_app(enqueue: Enqueue) -> App:
    """The bare handler, which answers only what the queue has."""
    bare = bare_app()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        message = await receive()
        if path.endswith(":issueCommand"):
            await enqueue(path[4:-13], message["body"])

        async def again() -> dict[str, Any]:
            return message

        await bare(scope, again, send)

    return app


async def _serve(queue: str, port: int, where: str) -> None:
    async with QUEUES[queue](where) as enqueue:
        await uvicorn.Server(settings(queue_app(enqueue), port)).serve()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))

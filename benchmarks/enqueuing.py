"""Commands taken per CPU second: Heliograph's issueCommand beside NanoMDM and beside job queues, by the same clients in the same rounds.

Every run is counted: what its server says it took must be there afterwards, in its database or, where it has none, by asking as devices do.
"""

import asyncio
import contextlib
import importlib.util
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from subprocess import SubprocessError
from typing import Any

import asyncpg

from benchmarks import nanomdm
from benchmarks.cluster import Cluster, postgres
from benchmarks.figures import Figures, Promise, Row, Run, Scale
from benchmarks.issuing import contender
from benchmarks.lean import Refused
from benchmarks.load import Load, wrk
from benchmarks.servers import running
from benchmarks.signed_in import heliograph, scratch
from tests.ports import reserved_port

CLIENTS = 64
POOLED = 2
"""NanoMDM keeps no more connections to PostgreSQL than these open (Go's default), and makes one for each request above."""
SQLITE, POSTGRESQL, IN_MEMORY = "Heliograph, SQLite", "Heliograph, PostgreSQL", "NanoMDM, in memory"
SYNCED = "it is synced to disk"
BY_POSTGRESQL = f"{SYNCED}, by PostgreSQL"
IN_THE_PROCESS = "it is in memory, and lost with the process"
FOLLOWED = "delivered to its device; acknowledgement, result or expiry are kept and can be asked for; checked whether the caller may"
NANOMDM_THEN = "given to its device when that asks; the result is kept; no expiry"
GOAL = 1.0
"""Of NanoMDM in memory, which syncs nothing: per core, durable commands are to cost no more."""
TROUBLE = (RuntimeError, OSError, Refused, SubprocessError, asyncpg.PostgresError)
"""What leaves a peer out, with a note: it is not installed, does not start, or does not do what it said."""


def _nothing() -> None:
    """A server without a database of its own process has nothing to wait for."""


class Uncounted(RuntimeError):
    """What was answered and what is there do not agree: a run like that is no figure."""


@dataclass(frozen=True)
class Taker:
    """A server that takes one command a request."""

    promise: Promise
    run: Callable[[float], Run]
    taken: Callable[[], int]
    """How many it has taken so far, by what it stores."""
    clients: int = CLIENTS
    rest: Callable[[], None] = _nothing
    """Waits until its database has done what an earlier run left."""

    def counted(self, seconds: float) -> Run:
        """One run, each of whose answers was a success, and stands for a stored command.  Raises: Uncounted; RuntimeError: wrk failed."""
        before = self.taken()
        self.rest()
        run = self.run(seconds)
        if run.refused:
            message = f"{run.refused} of {run.requests + run.refused} answers were no success"
            raise Uncounted(message)
        stored = self.taken() - before
        # The load ends with up to one request of each client on its way.
        if not run.requests <= stored <= run.requests + self.clients:
            message = f"{run.requests} commands were answered, {stored} are there"
            raise Uncounted(message)
        return run


def measure_enqueuing(scale: Scale, figures: Figures) -> None:
    """Rows of every taker, each beside the Heliograph on the same kind of storage."""
    with contextlib.ExitStack() as stack:
        takers = _takers(stack, scale, figures)
        runs: dict[str, list[Run]] = {name: [] for name in takers}
        for _ in range(scale.rounds):
            for name in list(runs):
                try:
                    runs[name].append(takers[name].counted(scale.seconds))
                except TROUBLE as error:
                    if name == SQLITE:
                        raise
                    figures.notes.append(f"{name} does not count: {error}")
                    del runs[name]
        for name, its in runs.items():
            beside = POSTGRESQL if any(run.database_cpu_s for run in its) and POSTGRESQL in runs else SQLITE
            figures.rows.append(Row(name, its, runs[beside], beside, promise=takers[name].promise))
        if IN_MEMORY in runs:
            figures.rows.append(
                Row("issueCommand, 64 clients, SQLite, to NanoMDM in memory", runs[SQLITE], runs[IN_MEMORY], "NanoMDM", GOAL)
            )


def _takers(stack: contextlib.ExitStack, scale: Scale, figures: Figures) -> dict[str, Taker]:
    """Those that could be started; a note for each other."""
    found: dict[str, Taker] = {}

    def tried(name: str, taker: contextlib.AbstractContextManager[Taker]) -> None:
        try:
            found[name] = stack.enter_context(taker)
        except TROUBLE as error:
            if name == SQLITE:
                raise
            figures.notes.append(f"{name} was left out: {error}")

    tried(SQLITE, _heliograph(scale.phones))
    tried(IN_MEMORY, _nanomdm(scale.phones))
    tried("huey, SQLite", _queue("huey", scale.phones))
    try:
        cluster = stack.enter_context(postgres())
    except TROUBLE as error:
        figures.notes.append(f"Everything on PostgreSQL was left out: {error}")
        return found
    tried(POSTGRESQL, _heliograph(scale.phones, cluster))
    tried("NanoMDM, PostgreSQL", _nanomdm(scale.phones, cluster))
    tried(f"NanoMDM, PostgreSQL, {POOLED} clients", _nanomdm(scale.phones, cluster, clients=POOLED))
    for queue in ("pgqueuer", "procrastinate"):
        tried(f"{queue}, PostgreSQL", _queue(queue, scale.phones, cluster))
    return found


@contextlib.contextmanager
def _heliograph(phones: int, cluster: Cluster | None = None) -> Iterator[Taker]:
    database = cluster.database("heliograph") if cluster else ""
    with heliograph(database=database) as server:
        issuer = contender(server, phones, cluster.cpu_s if cluster else float)
        load = Load(issuer.paths, clients=CLIENTS)
        where = database or str(server.folder / "heliograph.db")
        promise = Promise(version("heliograph"), BY_POSTGRESQL if database else SYNCED, FOLLOWED)
        rest = cluster.rest if cluster else _nothing
        yield Taker(promise, lambda seconds: issuer.run(load, seconds), lambda: rows(where, "operations"), rest=rest)


@contextlib.contextmanager
def _nanomdm(devices: int, cluster: Cluster | None = None, *, clients: int = CLIENTS) -> Iterator[Taker]:
    database = cluster.database(f"nanomdm_{clients}") if cluster else ""
    if database:
        schema = (nanomdm.built() / "schema.sql").read_text(encoding="utf-8")
        asyncio.run(_asked(database, lambda connection: connection.execute(schema)))
    with scratch() as folder, nanomdm.nanomdm(folder, devices, database=database) as peer:
        database_cpu_s = cluster.cpu_s if cluster else float
        drained = 0

        def run(seconds: float) -> Run:
            return wrk(peer.server.url, peer.load(clients), cpu_s=peer.server.cpu_s, seconds=seconds, database_cpu_s=database_cpu_s)

        def taken() -> int:
            nonlocal drained
            if database:
                return rows(database, "enrollment_queue")
            drained += peer.drained()
            return drained

        promise = Promise(nanomdm.version(), BY_POSTGRESQL if database else IN_THE_PROCESS, NANOMDM_THEN)
        yield Taker(promise, run, taken, clients, cluster.rest if cluster else _nothing)


QUEUE_TABLES = {"pgqueuer": "pgqueuer", "procrastinate": "procrastinate_jobs", "huey": "task"}
QUEUES_THEN = {
    "pgqueuer": "a worker takes it; a log row for each status; no devices, no result",
    "procrastinate": "a worker takes it; its status and each change are kept; no devices, no result",
    "huey": "a worker takes it, and it is gone; a result until it is read; no devices",
}


@contextlib.contextmanager
def _queue(name: str, phones: int, cluster: Cluster | None = None) -> Iterator[Taker]:
    if importlib.util.find_spec(name) is None:
        message = f"{name} is not installed (uv sync --group bench)"
        raise FileNotFoundError(message)
    port = reserved_port()
    with scratch() as folder:
        where = cluster.database(name) if cluster else str(folder / f"{name}.db")
        with running(["benchmarks.queue_server", name, str(port), where], port) as server:
            load = Load([f"/v1/enterprises/LC03k6enk8/devices/{number:x}:issueCommand" for number in range(phones)], clients=CLIENTS)
            database_cpu_s = cluster.cpu_s if cluster else float

            def run(seconds: float) -> Run:
                return wrk(server.url, load, cpu_s=server.cpu_s, seconds=seconds, database_cpu_s=database_cpu_s)

            promise = Promise(version(name), BY_POSTGRESQL if cluster else SYNCED, QUEUES_THEN[name])
            yield Taker(promise, run, lambda: rows(where, QUEUE_TABLES[name]), rest=cluster.rest if cluster else _nothing)


def rows(where: str, table: str) -> int:
    """How many rows the table has, seen from outside; `where`: a PostgreSQL URL or a SQLite file."""
    count = f"SELECT count(*) FROM {table}"  # noqa: S608 - names of ours
    if where.startswith("postgresql:"):
        found: int = asyncio.run(_asked(where, lambda connection: connection.fetchval(count)))
    else:
        with contextlib.closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True, timeout=30)) as connection:
            found = connection.execute(count).fetchone()[0]
    return found


async def _asked(database: str, ask: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever PostgreSQL answers
    connection = await asyncpg.connect(database)
    try:
        return await ask(connection)
    finally:
        await connection.close()

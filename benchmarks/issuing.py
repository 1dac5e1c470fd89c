"""Durable issueCommand, and reads, with callers signed in: SQLite and PostgreSQL beside the bare handler, round by round."""

import asyncio
import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.cluster import PostgresMissing, postgres
from benchmarks.devices import enroll, issue_paths
from benchmarks.figures import Figures, Row, Run, Scale
from benchmarks.load import Load, wrk, wrk_many
from benchmarks.servers import Running, bare
from benchmarks.signed_in import Heliograph, heliograph

CLIENTS = (1, 8, 64, 256)
GOALS, TO_SQLITE = {1: 0.19, 8: 0.30, 64: 0.52}, {64: 0.8}
"""The least ratios by clients: of bare, and of PostgreSQL to SQLite."""
READERS = 64
READ_GOALS = {"operations.get": 0.75, "operations.list of 10": 0.2}
"""The least ratios to bare."""
LISTED = 200


@dataclass(frozen=True)
class Contender:
    """A Heliograph whose phones are enrolled."""

    server: Heliograph
    paths: list[str]
    """One issueCommand path a phone."""
    database_cpu_s: Callable[[], float] = float

    def run(self, load: Load, seconds: float) -> Run:
        """One run of wrk, signed in."""
        return wrk(
            self.server.url, load, cpu_s=self.server.cpu_s, seconds=seconds, token=self.server.token, database_cpu_s=self.database_cpu_s
        )


def contender(server: Heliograph, phones: int, database_cpu_s: Callable[[], float] = float) -> Contender:
    """The server with so many phones enrolled."""
    return Contender(server, issue_paths(asyncio.run(enroll(server.url, phones, server.token))), database_cpu_s)


def bare_run(server: Running, paths: list[str], clients: int, seconds: float) -> Run:
    """One run against the yardstick."""
    return wrk(server.url, Load(paths, clients=clients), cpu_s=server.cpu_s, seconds=seconds)


def measure_issuing(scale: Scale) -> Figures:
    """Durable issueCommand for every number of clients."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        yardstick = stack.enter_context(bare())
        sqlite = contender(stack.enter_context(heliograph()), scale.phones)
        other: Contender | None = None
        try:
            cluster = stack.enter_context(postgres())
            server = stack.enter_context(heliograph(database=cluster.database("bench")))
            other = contender(server, scale.phones, cluster.cpu_s)
        except (PostgresMissing, RuntimeError) as error:
            figures.notes.append(f"PostgreSQL was left out: {error}")
        for clients in CLIENTS:
            _issue(figures, scale, clients, (yardstick, sqlite, other))
    return figures


def _issue(figures: Figures, scale: Scale, clients: int, servers: tuple[Running, Contender, Contender | None]) -> None:
    yardstick, sqlite, postgresql = servers
    bares, on_sqlite, on_postgres = [], [], []
    for _ in range(scale.rounds):
        bares.append(bare_run(yardstick, sqlite.paths, clients, scale.seconds))
        on_sqlite.append(sqlite.run(Load(sqlite.paths, clients=clients), scale.seconds))
        if postgresql:
            on_postgres.append(postgresql.run(Load(postgresql.paths, clients=clients), scale.seconds))
    name = f"issueCommand, {clients} client{'s' if clients > 1 else ''}"
    figures.rows.append(Row(f"bare handler, {clients} client{'s' if clients > 1 else ''}", bares, bares))
    figures.rows.append(Row(f"{name}, SQLite", on_sqlite, bares, goal=GOALS.get(clients, 0.0)))
    if postgresql:
        figures.rows.append(Row(f"{name}, PostgreSQL", on_postgres, bares))
        figures.rows.append(Row(f"{name}, PostgreSQL to SQLite", on_postgres, on_sqlite, "SQLite", TO_SQLITE.get(clients, 0.0)))
    for series, row in (("SQLite", on_sqlite), ("PostgreSQL", on_postgres)):
        if row:
            figures.series.setdefault(series, []).append((clients, statistics.median(Row("", row, bares).ratios)))


def measure_reads(scale: Scale) -> Figures:
    """operations.get and operations.list of ten, by 64 clients, beside the bare handler's issueCommand."""
    figures = Figures()
    with bare() as yardstick, heliograph() as server:
        reader = contender(server, scale.phones)
        warm = Load([path for path in reader.paths[:LISTED] for _ in range(10)])
        while _least_operations(reader) < 10:  # noqa: PLR2004 - a list of ten
            reader.run(warm, 1)
        lists, gets = _read_paths(reader)
        for name, paths in {"operations.get": gets, "operations.list of 10": lists}.items():
            bares, runs = [], []
            for _ in range(scale.rounds):
                bares.append(bare_run(yardstick, reader.paths, READERS, scale.seconds))
                runs.append(reader.run(Load(paths, "GET", "", READERS), scale.seconds))
            figures.rows.append(Row(f"{name}, {READERS} clients, SQLite", runs, bares, goal=READ_GOALS.get(name, 0.0)))
    return figures


def _least_operations(reader: Contender) -> int:
    """How many operations the phone has that was asked last."""
    path = reader.paths[min(LISTED, len(reader.paths)) - 1].removesuffix(":issueCommand")
    return len(reader.server.call(f"{path}/operations").get("operations", ()))


def _read_paths(reader: Contender) -> tuple[list[str], list[str]]:
    """Paths of lists of ten, and of the operations in them."""
    lists = [path.removesuffix(":issueCommand") + "/operations?pageSize=10" for path in reader.paths[:LISTED]]
    return lists, [f"/v1/{operation['name']}" for path in lists for operation in reader.server.call(path)["operations"]]


def measure_two_servers(scale: Scale) -> Figures:
    """What an operation costs when two servers share one database, beside one server alone."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(postgres())
        except PostgresMissing as error:
            figures.notes.append(f"left out: {error}")
            return figures
        database = cluster.database("pair")
        first = stack.enter_context(heliograph(database=database))
        one = contender(first, scale.phones, cluster.cpu_s)
        second = stack.enter_context(heliograph(database=database, key_file=first.folder / "heliograph.key"))
        pair = (first, second)

        def pair_cpu_s() -> float:
            return sum(server.cpu_s() for server in pair)

        for clients, each in ((64, 32), (64, 64)):
            alone, both = [], []
            for _ in range(scale.rounds):
                alone.append(one.run(Load(one.paths, clients=clients), scale.seconds))
                load = Load(one.paths, clients=each)
                urls = [server.url for server in pair]
                both.append(wrk_many(urls, load, cpu_s=pair_cpu_s, seconds=scale.seconds, token=first.token, database_cpu_s=cluster.cpu_s))
            figures.rows.append(
                Row(f"issueCommand, two servers, {each} clients each, to one server, {clients}", both, alone, "one server", 0.87)
            )
    figures.notes.append("Both servers share the server's core: the figure is CPU per operation, not capacity. 1 / 1.15 = 0.87.")
    return figures

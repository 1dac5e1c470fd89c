"""The full cycle beside the bare handler, on SQLite and on PostgreSQL."""

import contextlib

from benchmarks.cluster import PostgresMissing, postgres
from benchmarks.cycle import CycleClient, cycle_client
from benchmarks.figures import Figures, Row, Run, Scale
from benchmarks.issuing import bare_run
from benchmarks.servers import bare
from benchmarks.signed_in import heliograph

CALLERS = 256
YARDSTICK_PATHS = [f"/v1/enterprises/LC00bench1/devices/{number:016x}:issueCommand" for number in range(2_000)]


def measure_cycle(scale: Scale) -> Figures:
    """Cycles a second with all phones connected all the time, so that a round is nothing but cycles."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        yardstick = stack.enter_context(bare())
        clients: dict[str, CycleClient] = {}
        server = stack.enter_context(heliograph())
        clients["SQLite"] = stack.enter_context(cycle_client(server, phones=scale.phones, callers=CALLERS))
        try:
            cluster = stack.enter_context(postgres())
            server = stack.enter_context(heliograph(database=cluster.database("cycle")))
            clients["PostgreSQL"] = stack.enter_context(cycle_client(server, phones=scale.phones, callers=CALLERS))
        except (PostgresMissing, RuntimeError) as error:
            figures.notes.append(f"PostgreSQL was left out: {error}")
        bares: list[Run] = []
        runs: dict[str, list[Run]] = {name: [] for name in clients}
        for _ in range(scale.rounds):
            bares.append(bare_run(yardstick, YARDSTICK_PATHS, 64, scale.seconds))
            for name, client in clients.items():
                runs[name].append(client.run(scale.seconds))
    for name, rounds in runs.items():
        goal = 0.10 if name == "SQLite" else 0.0
        figures.rows.append(Row(f"full cycle, {scale.phones:,} phones, {name}", rounds, bares, goal=goal))
    return figures

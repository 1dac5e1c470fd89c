"""What the audit trail costs: durable issueCommand with it and without it, on each engine, round by round."""

import contextlib

from benchmarks.cluster import PostgresMissing, postgres
from benchmarks.figures import Figures, Row, Run, Scale
from benchmarks.issuing import Contender, contender
from benchmarks.load import Load
from benchmarks.signed_in import heliograph

CLIENTS = (1, 64)
OFF = ("--audit-retention-days", "0")
GOALS = {64: 0.97}
"""The least ratio by clients."""


def measure_audit(scale: Scale) -> Figures:
    """IssueCommand for few and for many clients, with and without a trail."""
    figures = Figures()
    with contextlib.ExitStack() as stack:
        sqlite = [contender(stack.enter_context(heliograph(options=options)), scale.phones) for options in ((), OFF)]
        _compare(figures, scale, "SQLite", sqlite)
        try:
            cluster = stack.enter_context(postgres())
        except (PostgresMissing, RuntimeError) as error:
            figures.notes.append(f"PostgreSQL was left out: {error}")
            return figures
        servers = [
            stack.enter_context(heliograph(database=cluster.database(name), options=options))
            for name, options in (("audited", ()), ("unaudited", OFF))
        ]
        _compare(figures, scale, "PostgreSQL", [contender(server, scale.phones, cluster.cpu_s) for server in servers])
    return figures


def _compare(figures: Figures, scale: Scale, engine: str, contenders: list[Contender]) -> None:
    """The order changes from round to round: who runs first has the warmer machine."""
    audited, bare = contenders
    for clients in CLIENTS:
        on: list[Run] = []
        off: list[Run] = []
        for number in range(scale.rounds):
            turns = [(audited, on), (bare, off)]
            for one, runs in turns if number % 2 else reversed(turns):
                runs.append(one.run(Load(one.paths, clients=clients), scale.seconds))
        name = f"issueCommand, {clients} client{'s' if clients > 1 else ''}, {engine}"
        figures.rows.append(Row(f"{name}, no trail", off, off, "no trail"))
        figures.rows.append(Row(f"{name}, audit trail", on, off, "no trail", GOALS.get(clients, 0.0) if engine == "SQLite" else 0.0))

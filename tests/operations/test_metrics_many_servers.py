"""/metrics of several servers on one database: each counts what it did, and how late it heard of what the others did."""

from pathlib import Path

import aiohttp

from heliograph.commands import COMMANDS
from tests.operations.exposition import Exposition
from tests.operations.server import Server, done, enterprise, issue, phone

COMMANDS_ISSUED = 5


async def metrics(http: aiohttp.ClientSession) -> Exposition:
    """What /metrics says."""
    async with http.get("/metrics") as answer:
        return Exposition(await answer.text())


async def test_a_command_counts_where_each_step_was_taken(tmp_path: Path, database: str) -> None:
    """Issued at one server, offered and acknowledged at the other, whose doorbell rang."""
    key = ("--key-file", str(tmp_path / "heliograph.key"))
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    here, there = (Server(folder, key, database=database) for folder in folders)
    async with here.running() as callers, there.running() as phones:
        runner = await phone(phones, there, await enterprise(phones))
        for _ in range(COMMANDS_ISSUED):
            await done(callers, await issue(callers, runner.name))
        told_here, told_there = await metrics(callers), await metrics(phones)
        await runner.stop()

    issued, acknowledged = (f"heliograph_operations_{step}_total" for step in ("issued", "acknowledged"))
    row = next(iter(COMMANDS))
    assert {(row,): COMMANDS_ISSUED} == told_here.by(issued, "type") == told_there.by(acknowledged, "type")
    assert {} == told_there.by(issued, "type") == told_here.by(acknowledged, "type")
    assert (0, 1) == tuple(sum(one.by("heliograph_phones_connected", "transport").values()) for one in (told_here, told_there))
    rings = told_there.by("heliograph_doorbell_rings_total", "source")
    assert sum(rings.values()) == told_there["heliograph_doorbell_lag_seconds_count"]
    assert COMMANDS_ISSUED <= sum(rings.values())
    assert 0.0 < told_there["heliograph_doorbell_lag_seconds_sum"]

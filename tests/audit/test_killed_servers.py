"""kill -9 in the middle of everything: each command has its entry, each entry its command, and the chain is whole."""

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from heliograph.domain.audit import AuditEntry, entries_of
from heliograph.domain.audit_export import read_export_blocks
from tests.many_servers.lab import Lab, ServerProcess, lab_on
from tests.operations.server import all_operations
from tests.patience import PATIENCE_S

CALLERS = 8
ISSUE = "enterprises.devices.issueCommand"


async def issue_until_dead(lab: Lab, server: ServerProcess, device: str, answered: list[str]) -> None:
    """Commands, one after the other, until the server answers no more."""
    with contextlib.suppress(aiohttp.ClientError, OSError, AssertionError, ValueError):
        while True:
            answered.append((await lab.post(server, f"/v1/{device}:issueCommand", {"type": "LOCK"}))["name"])


async def killed_under_load(lab: Lab, server: ServerProcess, device: str, *, after: int) -> list[str]:
    """The names of commands that were answered before the server was killed."""
    answered: list[str] = []
    callers = [asyncio.create_task(issue_until_dead(lab, server, device, answered)) for _ in range(CALLERS)]
    async with asyncio.timeout(PATIENCE_S):
        while len(answered) < after:  # noqa: ASYNC110 - the callers signal nothing
            await asyncio.sleep(0.001)
    await server.kill()
    await asyncio.gather(*callers)
    return answered


async def exported(lab: Lab, place: Sequence[str], target: Path) -> list[AuditEntry]:
    """Every entry of an export, after it was verified."""
    ended = await lab.run("audit", "export", str(target), *place)
    assert 0 == ended.code, ended.err
    verified = await lab.run("audit", "verify", str(target), *place[2:], "--json")
    assert [] == json.loads(verified.out)["findings"], verified.out
    lines = target.read_bytes().splitlines()[1:]  # noqa: ASYNC240 - a small file
    return [entry for block in read_export_blocks(lines) for entry in entries_of(block)]


def issued(entries: Sequence[AuditEntry]) -> Counter[str]:
    """How often each command was recorded as issued."""
    return Counter(entry.resource for entry in entries if entry.method == ISSUE)


@pytest.mark.parametrize("seed", range(3))
async def test_a_killed_server_on_sqlite_leaves_no_hole(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with lab_on("", tmp_path) as lab:
        (server,) = await lab.start(1)
        device = await lab.tiny_phone(server, "c" * 43)
        answered: list[str] = []
        for _ in range(2):
            answered += await killed_under_load(lab, server, device, after=chance.randint(1, 60))
            await server.start()
            await server.wait_ready(lab.http)
        async with aiohttp.ClientSession(server.url) as http:
            there = await all_operations(http, device)
        await server.stop()
        entries = await exported(
            lab, ("--data-dir", str(server.data_dir), "--key-file", str(tmp_path / "heliograph.key")), tmp_path / "trail"
        )

    assert set(answered) <= there
    assert dict.fromkeys(there, 1) == issued(entries)
    assert 3 == sum(entry.method == "server.start" for entry in entries)


async def test_a_killed_server_of_two_on_postgresql_leaves_no_hole(database: str, tmp_path: Path) -> None:
    async with lab_on(database, tmp_path) as lab:
        here, there = await lab.start(2)
        device = await lab.tiny_phone(here, "c" * 43)
        others = [lab.post(here, f"/v1/{device}:issueCommand", {"type": "LOCK"}) for _ in range(20)]
        answered, *_ = await asyncio.gather(killed_under_load(lab, there, device, after=20), *others)
        async with aiohttp.ClientSession(here.url) as http:
            known = await all_operations(http, device)
        await here.stop()
        entries = await exported(lab, ("--database", database, "--key-file", str(tmp_path / "heliograph.key")), tmp_path / "trail")

    assert set(answered) <= known
    assert dict.fromkeys(known, 1) == issued(entries)
    assert 2 == sum(entry.method == "server.start" for entry in entries)

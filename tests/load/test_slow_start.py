"""A server whose disk is slow at the start starts all the same."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph.domain.errors import Overloaded
from heliograph.server.starting import once_accepted
from tests.load.slow_disk import set_pace
from tests.patience import PATIENCE_S


@contextlib.asynccontextmanager
async def started(folder: Path, sync_s: float) -> AsyncIterator[asyncio.StreamReader]:
    """What a new server prints, with people and a disk that takes so long for each sync."""
    set_pace(folder / "pace", sync_s)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.load.slow_disk", str(folder / "pace"), "serve", "--port", "0", "--data-dir", str(folder / "data"),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()


async def test_it_invites_its_first_admin_although_the_store_refuses_for_a_while(tmp_path: Path) -> None:
    """Each sync takes longer than anything may wait for the store."""
    async with started(tmp_path, 0.0) as printed, asyncio.timeout(PATIENCE_S):
        await printed.readline()  # the database is made

    async with started(tmp_path, 1.5) as printed, asyncio.timeout(PATIENCE_S):
        said = [(await printed.readline()).decode() for _ in range(3)]

    assert "Heliograph serves on http://" in said[0]
    assert "This link makes the first admin" in said[1]
    assert "http://" in said[2]


async def test_a_store_that_never_accepts_ends_the_start() -> None:
    asked = 0

    async def refused() -> None:
        nonlocal asked
        asked += 1
        raise Overloaded("The disk is full.")

    with pytest.raises(Overloaded, match="The disk is full"):
        await once_accepted(refused, most_s=0.5)

    assert asked > 1

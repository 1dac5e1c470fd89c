"""/readyz and /metrics of a server whose PostgreSQL is careless, or away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.operations.exposition import Exposition
from tests.operations.server import Server, done, enterprise, get, issue, phone
from tests.patience import PATIENCE_S
from tests.postgres import Cluster, here_or_skip


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL of this test's own."""
    here_or_skip()
    with Cluster() as cluster:
        yield cluster


async def metrics(http: aiohttp.ClientSession) -> Exposition:
    """What /metrics says."""
    async with http.get("/metrics") as answer:
        assert 200 == answer.status
        return Exposition(await answer.text())


async def reason(http: aiohttp.ClientSession) -> str:
    """Why the server is not ready."""
    async with http.get("/readyz") as answer:
        assert 503 == answer.status
        return str((await answer.json())["reason"])


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
async def test_a_server_is_not_ready_on_a_database_that_may_lose_what_was_answered(tmp_path: Path, setting: str) -> None:
    here_or_skip()
    with Cluster({setting: "off"}) as careless:
        server = Server(tmp_path, database=careless.fresh_database())
        async with server.running(status=503) as http:
            assert f"{setting}=off" in await reason(http)
            assert {"status": "ok"} == await get(http, "/healthz")
            assert 0 == (await metrics(http))["heliograph_ready"]


async def test_a_server_without_its_database_is_not_ready_and_still_tells_what_it_can(tmp_path: Path, cluster: Cluster) -> None:
    server = Server(tmp_path, database=cluster.fresh_database())
    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http))
        await done(http, await issue(http, runner.name))
        before = await metrics(http)
        assert (1, 0) == (before["heliograph_doorbell_listening"], before["heliograph_operations_open"])

        cluster.stop("immediate")
        await server.until_ready(http, 503)
        assert "database" in await reason(http)
        assert {"status": "ok"} == await get(http, "/healthz")
        async with asyncio.timeout(PATIENCE_S):  # what the database said before is shown for a while
            while "heliograph_operations_open" in (without := await metrics(http)).names:  # noqa: ASYNC110 - only the answer shows it
                await asyncio.sleep(0.2)
        assert 0 == without["heliograph_ready"]
        assert 1 == without.value("heliograph_operations_issued_total", type="LOCK")

        cluster.start()
        await server.until_ready(http, 200)
        await done(http, await issue(http, runner.name))
        await runner.stop()

"""/readyz fails while no requests should come here, and says why; /healthz keeps saying that the process lives."""

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from heliograph.api.readiness import STOPPING
from heliograph.server import SystemClock, assembled, listening_socket, serving, url_of
from heliograph.service.ports import Decision, Facts, Sees
from heliograph.settings import Admission, Settings
from heliograph.storage.sqlite.store import SqliteStore
from tests.files import written
from tests.operations.exposition import Exposition
from tests.operations.server import Server, enterprise, get, post
from tests.patience import PATIENCE_S, patient
from tests.storage.records import SECOND_US, SetClock

ROOM_BYTES = 4 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of ROOM_BYTES, the data directory of `Server(tmp_path)`: its log has room elsewhere."""
    folder = tmp_path / "data"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "none", str(folder)], capture_output=True, check=False, timeout=PATIENCE_S
    )
    if mounted.returncode:
        pytest.skip(f"only root can mount a small disk: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=PATIENCE_S)


async def readiness(http: aiohttp.ClientSession) -> tuple[int, dict[str, str]]:
    """What /readyz answers."""
    async with http.get("/readyz") as answer:
        return answer.status, await answer.json()


async def issue_refused(http: aiohttp.ClientSession, name: str) -> int:
    """The status of a request that writes."""
    async with http.post(f"/v1/{name}/enrollmentTokens", json={}) as answer:
        return answer.status


def events_in(log: str) -> list[str]:
    """What the lines of the log are about; each is JSON, since it is no terminal."""
    return [str(json.loads(line)["event"]) for line in log.splitlines() if line.startswith("{")]


async def test_a_server_whose_disk_is_full_is_not_ready_until_there_is_room(small_disk: Path, tmp_path: Path) -> None:
    server = Server(tmp_path)
    filler = small_disk / "filler"
    async with server.running() as http:
        name = await enterprise(http)
        fill(filler)
        async with asyncio.timeout(PATIENCE_S):
            while await issue_refused(http, name) != 503:
                fill(filler)

        status, told = await readiness(http)
        assert (503, "not ready") == (status, told["status"])
        assert "The database accepts no writes: " in told["reason"]
        assert {"status": "ok"} == await get(http, "/healthz")
        assert name == (await get(http, f"/v1/{name}"))["name"], "reads go on"
        async with http.get("/metrics") as answer:
            metrics = Exposition(await answer.text())
        assert 0 == metrics["heliograph_ready"]
        assert 1 <= metrics.value("heliograph_store_refused_total", reason="storage")

        await asyncio.to_thread(written, server.log, lambda log: "server.not_ready" in log)  # it looks each second
        filler.unlink()
        await server.until_ready(http, 200)
        await post(http, f"/v1/{name}/enrollmentTokens")
        log = await asyncio.to_thread(written, server.log, lambda log: "server.ready_again" in log)

    assert small_disk == server.data
    assert ["server.not_ready", "server.ready_again"] == [event for event in events_in(log) if event.startswith("server.")][:2]


def fill(filler: Path) -> None:
    """Nothing is left on the disk."""
    try:
        with filler.open("ab", buffering=0) as file:
            while file.write(bytes(4_096)):
                pass
    except OSError:
        return


async def test_a_server_that_stops_is_not_ready_while_it_says_goodbye(tmp_path: Path) -> None:
    """A load balancer hears of it before connections are refused."""
    async with assembled(patient(Settings(data_dir=tmp_path, admission=Admission.UNCHECKED)), clock=SystemClock()) as parts:
        with listening_socket("127.0.0.1", 0) as listener:
            async with (
                serving(parts.app, listener, lane=parts.lane, drain=parts.channel.drain),
                aiohttp.ClientSession(url_of(listener)) as http,
            ):
                assert (200, {"status": "ready"}) == await readiness(http)
                await parts.channel.drain()

                status, told = await readiness(http)
                assert (503, STOPPING) == (status, told["reason"])
                assert {"status": "ok"} == await get(http, "/healthz")


async def test_a_store_whose_disk_does_not_answer_is_not_healthy(tmp_path: Path) -> None:
    """What a rule does here, a disk does in the commit: the writer's thread stands still."""
    clock, began, goes_on = SetClock(), threading.Event(), threading.Event()
    store = SqliteStore.open(tmp_path / "heliograph.db", clock=clock, ring=print, waits_most_s=PATIENCE_S)

    def hangs(_: Facts) -> Decision[None]:
        began.set()
        goes_on.wait(PATIENCE_S)
        return Decision(None)

    hanging = asyncio.create_task(store.decide(Sees(), hangs))
    try:
        await asyncio.to_thread(began.wait, PATIENCE_S)
        at_first = store.healthy()
        clock.at_us += 7 * SECOND_US
        then = store.healthy()
    finally:
        goes_on.set()
    await hanging

    assert (None, "The disk has not answered for 7 s.") == (at_first, then)
    async with asyncio.timeout(PATIENCE_S):
        while store.healthy():  # noqa: ASYNC110 - the thread signals nothing
            await asyncio.sleep(0.001)
    await store.close()

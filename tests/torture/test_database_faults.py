"""Two servers on one PostgreSQL, and everything that can happen to either and between them: no promise is broken (docs/faults.md)."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from heliograph.history.file import History
from tests.postgres import Cluster, here_or_skip
from tests.torture.cutting_proxy import CuttingProxy
from tests.torture.database_troubles import CutAtCommit, CutDatabase, FillDatabaseDisk, KillBackends, KillDatabase, SlowDatabase
from tests.torture.run import Stage, Trouble, history_of, tortured
from tests.torture.server_process import Launch, ServerProcess
from tests.torture.small_disk import SmallDisk, tmpfs
from tests.torture.test_faults import plan_of, scaled
from tests.torture.troubles import KillServer

MADE_FOR = (
    *KillServer.kinds, *KillDatabase.kinds, *KillBackends.kinds, *CutDatabase.kinds, *CutAtCommit.kinds, *SlowDatabase.kinds,
)  # fmt: skip

DATABASE_DISK_MIB = 320
"""An empty PostgreSQL, its log at its longest, and some room."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """Two servers, each with a proxy of its own before the database."""

    cluster: Cluster
    url: str
    servers: Sequence[ServerProcess]
    proxies: Sequence[CuttingProxy]

    def stage(self, *troubles: Trouble) -> Stage:
        """Callers ask any server; every second phone has another one."""
        urls = [server.url for server in self.servers]
        return Stage(servers=self.servers, callers_at=urls, phones_at=urls, troubles=troubles)


@contextlib.asynccontextmanager
async def site(cluster: Cluster, folder: Path, history: History) -> AsyncIterator[Site]:
    """Two servers on a new database; none is started."""
    url = cluster.fresh_database()
    name = url.rpartition("/")[2]
    async with CuttingProxy(("127.0.0.1", cluster.port)) as one, CuttingProxy(("127.0.0.1", cluster.port)) as other:
        proxies = [one, other]
        servers = [
            ServerProcess(folder, history, name=f"server {number}", launch=_launch(folder, number, cluster.url(name, port=proxy.port)))
            for number, proxy in enumerate(proxies)
        ]
        yield Site(cluster=cluster, url=url, servers=servers, proxies=proxies)


def _launch(folder: Path, number: int, database: str) -> Launch:
    return Launch(
        data_dir=folder / f"data {number}",
        options=("--key-file", str(folder / "heliograph.key")),
        environment={"HELIOGRAPH_DATABASE": database},
        supervised=True,
    )


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL to be killed."""
    here_or_skip()
    with Cluster() as made:
        yield made


@scaled
async def test_no_promise_is_broken_by_what_happens_to_the_database(
    request: pytest.FixtureRequest, tmp_path: Path, cluster: Cluster, scale: int
) -> None:
    plan = plan_of(request, scale, seconds=4)
    history = history_of(tmp_path, plan.seed, MADE_FOR)
    async with site(cluster, tmp_path, history) as made:
        await tortured(plan, made.stage(*all_of_it(made, history, scale)), folder=tmp_path, history=history)


def all_of_it(made: Site, history: History, scale: int) -> Sequence[Trouble]:
    """Every trouble there is, at once."""
    one, other = made.proxies
    return (
        KillServer(server=made.servers[0], times=scale, young=0.0),
        KillServer(server=made.servers[1], times=scale, young=0.0),
        KillDatabase(cluster=made.cluster, history=history, times=scale),
        KillBackends(cluster=made.cluster, url=made.url, history=history, times=scale),
        CutDatabase(proxy=one, history=history, times=3 * scale),
        CutAtCommit(proxy=other, history=history, times=4 * scale),
        SlowDatabase(proxy=other, url=made.url, history=history, times=scale),
    )


@pytest.fixture
def small_disk() -> Iterator[SmallDisk]:
    """A disk that PostgreSQL's own user gets at, as pytest's folders it does not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    with tmpfs(folder / "small", size_mib=DATABASE_DISK_MIB) as mounted:
        if not mounted:
            pytest.skip("no file system may be mounted here: it takes root, or sudo without a password")
        yield SmallDisk(folder / "small", real=True)
    shutil.rmtree(folder)


@pytest.mark.torture
@pytest.mark.timeout(1_800)
async def test_no_promise_is_broken_by_a_full_disk_of_the_database(
    request: pytest.FixtureRequest, tmp_path: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    here_or_skip()
    plan = plan_of(request, 3, seconds=6)
    history = history_of(tmp_path, plan.seed, FillDatabaseDisk.kinds)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk.folder))
    with Cluster({"max_wal_size": "64MB", "min_wal_size": "32MB"}) as cluster:
        async with site(cluster, tmp_path, history) as made:
            trouble = FillDatabaseDisk(cluster=cluster, disk=small_disk, servers=made.servers, history=history, times=3)
            await tortured(plan, made.stage(trouble), folder=tmp_path, history=history)

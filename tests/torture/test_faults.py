"""One fault class after the other, callers, phones and crashing agents all the while: no promise is broken (docs/faults.md).

Each class has a short run in `make test` and a long one in `make torture`.
"""

from pathlib import Path

import pytest

from tests.torture.cutting_proxy import CuttingProxy
from tests.torture.driven_server import SEED, SURVIVORS
from tests.torture.run import Plan, Stage, history_of, tortured
from tests.torture.seeds import seed_of
from tests.torture.server_process import Launch, ServerProcess
from tests.torture.small_disk import FillDisk, SmallDisk, tmpfs
from tests.torture.stepped_clock import StepClock, SteppedClock
from tests.torture.troubles import CutLines, CutPower, KillServer, SuspendServer

scaled = pytest.mark.parametrize(
    "scale",
    [pytest.param(1, id="short"), pytest.param(5, id="long", marks=[pytest.mark.torture, pytest.mark.timeout(1_800)])],
)
"""How many times the faults of a short run."""


def plan_of(request: pytest.FixtureRequest, scale: int, *, seconds: float) -> Plan:
    """A run of about so many seconds, times the scale."""
    return Plan(seed=seed_of(request), seconds=seconds * scale, phones=10 + scale)


@scaled
async def test_no_promise_is_broken_by_power_cuts(request: pytest.FixtureRequest, tmp_path: Path, scale: int) -> None:
    plan = plan_of(request, scale, seconds=4)
    history = history_of(tmp_path, plan.seed, CutPower.kinds)
    survivors = tmp_path / "survivors"
    launch = Launch(module="tests.torture.driven_server", environment={SURVIVORS: str(survivors), SEED: plan.seed})
    server = ServerProcess(tmp_path, history, launch=launch)
    trouble = CutPower(server=server, survivors=survivors, times=2 * scale)
    await tortured(plan, Stage.of(server, trouble), folder=tmp_path, history=history)


async def filled(plan: Plan, folder: Path, disk: SmallDisk, *, times: int) -> None:
    """One run on a disk that is full so many times."""
    history = history_of(folder, plan.seed, FillDisk.kinds)
    server = ServerProcess(folder, history, launch=disk.launch)
    trouble = FillDisk(server=server, disk=disk, history=history, times=times)
    await tortured(plan, Stage.of(server, trouble), folder=folder, history=history)


@scaled
async def test_no_promise_is_broken_by_a_full_disk(request: pytest.FixtureRequest, tmp_path: Path, scale: int) -> None:
    with tmpfs(tmp_path / "small") as mounted:
        way = "a full file system" if mounted else "a drive that says it is full: no file system may be mounted here"
        print(way)  # noqa: T201 - two ways, and not the same proof
        disk = SmallDisk(tmp_path / "small", real=mounted)
        await filled(plan_of(request, scale, seconds=4), tmp_path, disk, times=2 * scale)


@pytest.mark.torture
async def test_no_promise_is_broken_by_a_drive_that_says_it_is_full(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    disk = SmallDisk(tmp_path / "small", real=False)
    await filled(plan_of(request, 1, seconds=4), tmp_path, disk, times=2)


@scaled
async def test_no_promise_is_broken_by_a_clock_that_jumps_and_a_server_that_stands_still(
    request: pytest.FixtureRequest, tmp_path: Path, scale: int
) -> None:
    plan = plan_of(request, scale, seconds=4)
    history = history_of(tmp_path, plan.seed, (*StepClock.kinds, *SuspendServer.kinds))
    clock = SteppedClock(tmp_path)
    server = ServerProcess(tmp_path, history, launch=clock.launch)
    stepping = StepClock(server=server, clock=clock, history=history, offsets_s=(3_600, -3_600, 86_400 * 40, 0)[: 2 * scale] * scale)
    suspending = SuspendServer(server=server, times=2 * scale)
    await tortured(plan, Stage.of(server, stepping, suspending), folder=tmp_path, history=history)


@scaled
async def test_no_promise_is_broken_by_cut_lines_and_kills_together(request: pytest.FixtureRequest, tmp_path: Path, scale: int) -> None:
    plan = plan_of(request, scale, seconds=5)
    history = history_of(tmp_path, plan.seed, (*CutLines.kinds, *KillServer.kinds))
    server = ServerProcess(tmp_path, history)
    target = ("127.0.0.1", server.port)
    async with CuttingProxy(target) as callers_line, CuttingProxy(target) as phones_line:
        stage = Stage(
            servers=[server],
            callers_at=[callers_line.url],
            phones_at=[phones_line.url],
            troubles=[
                CutLines(proxy=callers_line, whose="callers", history=history, times=8 * scale),
                CutLines(proxy=phones_line, whose="phones", history=history, times=8 * scale),
                KillServer(server=server, times=2 * scale),
            ],
        )
        await tortured(plan, stage, folder=tmp_path, history=history)

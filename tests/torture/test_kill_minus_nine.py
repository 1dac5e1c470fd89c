"""kill -9 of the server at random moments, agents killed and networks cut besides, callers all the while: no promise is broken.

A failed run names its seed and its history. `pytest --seed=…` makes the same choices again (the machine's timing is its own).
"""

from pathlib import Path

import pytest

from tests.torture.callers import Habits
from tests.torture.listener import listener_of
from tests.torture.run import Plan, Stage, history_of, tortured
from tests.torture.seeds import seed_of
from tests.torture.server_process import Launch, ServerProcess
from tests.torture.troubles import KillServer


async def killed(plan: Plan, folder: Path, *, times: int) -> None:
    """One run with so many kills."""
    history = history_of(folder, plan.seed, KillServer.kinds)
    async with listener_of(history) as listener:
        server = ServerProcess(folder, history, launch=Launch(options=("--push-endpoint", listener.url)))
        stage = Stage.of(server, KillServer(server=server, times=times), listener=listener)
        await tortured(plan, stage, folder=folder, history=history)


async def test_no_promise_is_broken_by_kill_minus_nine(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    await killed(Plan(seed=seed_of(request), seconds=4), tmp_path, times=4)


@pytest.mark.torture
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("round_number", range(5))
async def test_no_promise_is_broken_by_a_hundred_kills(request: pytest.FixtureRequest, tmp_path: Path, round_number: int) -> None:
    habits = Habits(callers=24, share_short=0.05 + 0.1 * round_number)
    await killed(Plan(seed=seed_of(request), seconds=20, habits=habits), tmp_path, times=20)

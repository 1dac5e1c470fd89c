"""The APK's agent keeps every case of `heliograph check-agent`."""

import sys
from pathlib import Path

import pytest

from heliograph.agent_check.cases import CASES
from heliograph.agent_check.run import Outcome, Plan
from heliograph.agent_check.subject import TRANSPORTS
from tests.agent_check.checking import PACE, QUICK_S, broken, results_of


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_app_s_agent_keeps_every_case(class_path: str, tmp_path: Path, transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNKNOWN_FIRST_S", str(QUICK_S))
    command = (sys.executable, "-m", "tests.android.host_agent", class_path)

    results = await results_of(command, tmp_path, Plan(transports=[transport], last_orders=True, pace=PACE))

    assert {} == broken(results)
    assert len([case for case in CASES if not case.once or transport == TRANSPORTS[-1]]) <= len(results)
    assert {Outcome.KEPT} == {result.outcome for result in results}

"""The APK's agent keeps every case of `heliograph check-agent`."""

import json
import sys
from pathlib import Path

import pytest

from heliograph.agent.profiles import PROFILES
from heliograph.agent_check.cases import CASES
from heliograph.agent_check.run import Outcome, Plan
from heliograph.agent_check.subject import TRANSPORTS
from heliograph.domain.phone.virtual_device import device_facts
from scripts.android_tools import program
from tests.agent_check.checking import PACE, QUICK_S, broken, results_of
from tests.android import host_agent
from tests.android.subjects import STATUSES, everything_reported, refusals

PROFILE = "galaxy-a14-a13-byod"


def prepared(folder: Path) -> Path:
    """The folder, with what a phone for each case is."""
    folder.mkdir()
    for number in range(len(CASES)):
        device = PROFILES[PROFILE].phone(f"phone {number:02}")
        said = {
            "serial": device.serial,
            "facts": everything_reported(device),
            "refuses": refusals(device_facts(device)),
            "statuses": STATUSES,
            "androidId": "9774d56d682e549c",
            "unknownFirstMs": int(QUICK_S * 1_000),
        }
        (folder / device.serial).write_text(json.dumps(said), encoding="utf-8")
    return folder


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_the_app_s_agent_keeps_every_case(class_path: str, tmp_path: Path, transport: str) -> None:
    java = (program("java"), "-XX:TieredStopAtLevel=1", "-cp", class_path)
    # Isolated and without site-packages, which takes a tenth of the time.
    command = (sys.executable, "-I", "-S", host_agent.__file__, str(prepared(tmp_path / "phones to be")), *java)

    results = await results_of(command, tmp_path, Plan(transports=[transport], last_orders=True, pace=PACE))

    assert {} == broken(results)
    assert len([case for case in CASES if not case.once or transport == TRANSPORTS[-1]]) <= len(results)
    assert {Outcome.KEPT} == {result.outcome for result in results}

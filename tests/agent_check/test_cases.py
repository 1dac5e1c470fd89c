"""Every case is kept by agents that are right, and finds the agent that is wrong there."""

import asyncio
import sys
from pathlib import Path

import pytest

from heliograph.agent_check.cases import CASES
from heliograph.agent_check.run import Outcome, Plan
from tests.agent_check.checking import EXAMPLE, PACE, QUICK_S, broken, results_of, wrong
from tests.hung import Watched

FLEET = (
    sys.executable, "-m", "heliograph", "fleet", "--server", "{server}", "--enrollment-token", "{token}", "--count", "1", "--seed", "1",
    "--profile", "galaxy-a14-a13-byod", "--transport", "{transport}", "--journals", "{folder}/journals", "--effects", "{effects}",
)  # fmt: skip
AT_ITS_OWN_PACE = "unknown-credential"
"""A fleet's phone waits a minute there; the phone below is one that can be hurried."""

CAUGHT = {
    "acks late": ["ack-before-execute"],
    "runs twice": ["offer-twice"],
    "reports under another ackId": ["ack-before-execute"],
    "refuses late": ["refuse"],
    "acks again with another ackId": ["lost-ack", "lost-ack-answer"],
    "reports again with another seq": ["lost-report-answer"],
    "waits for nothing": ["retry-after"],
    "ignores drop": ["cancelled", "expired"],
    "starts too late": ["too-late"],
    "enrols again as another phone": ["enrol-again"],
    "sends its status before hello": ["hello-first"],
    "never confirms": ["last-order"],
    "confirms unexecuted": ["last-order-while-away", "wipe"],
    "acks after a restart with another ackId": ["killed-acknowledged"],
    "forgets what it was acknowledging": ["killed-acking"],
    "forgets what it was executing": ["killed-executing"],
    "executes again": ["killed-executing"],
    "executes again what it has done": ["killed-result", "killed-reported"],
    "hammers": ["unknown-credential"],
}
"""Each wrong agent, and the cases that find it."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents that can be hurried are."""
    monkeypatch.setenv("UNKNOWN_FIRST_S", str(QUICK_S))


@pytest.mark.parametrize("transport", ["websocket", "long-poll"])
async def test_the_virtual_phone_keeps_every_case(tmp_path: Path, transport: str) -> None:
    names = [case.name for case in CASES if case.name != AT_ITS_OWN_PACE]

    results = await results_of(FLEET, tmp_path, Plan(names=names, transports=[transport], last_orders=True, pace=PACE))

    assert {} == broken(results)
    assert names == [result.case.name for result in results if result.outcome is Outcome.KEPT]


async def test_the_example_keeps_every_case(tmp_path: Path) -> None:
    command = (sys.executable, str(EXAMPLE), "{server}", "{token}", "{folder}/journal.json")

    results = await results_of(command, tmp_path, Plan(transports=["long-poll"], last_orders=True, pace=PACE))

    assert {} == broken(results)
    assert ["wipe"] == [result.case.name for result in results if result.outcome is Outcome.NOT_TRIED]


async def test_the_agent_that_the_faults_are_seeded_in_keeps_every_case(tmp_path: Path) -> None:
    results = await results_of(wrong("none"), tmp_path, Plan(transports=["long-poll"], last_orders=True, pace=PACE))

    assert {} == broken(results)
    assert [case.name for case in CASES] == [result.case.name for result in results if result.outcome is Outcome.KEPT]


@pytest.mark.parametrize("fault", CAUGHT)
async def test_a_wrong_agent_is_found(tmp_path: Path, fault: str) -> None:
    plan = Plan(names=CAUGHT[fault], transports=["long-poll"], last_orders=True, pace=PACE._replace(patience_s=20))

    results = await results_of(wrong(fault), tmp_path, plan)

    assert len(CAUGHT[fault]) == len(broken(results)), results


def test_every_case_finds_an_agent() -> None:
    assert {case.name for case in CASES} == {name for names in CAUGHT.values() for name in names}


async def test_an_agent_without_a_web_socket_is_asked_once(tmp_path: Path) -> None:
    names = ["cancelled", "expired", "lost-ack"]

    results = await results_of(wrong("none"), tmp_path, Plan(names=names, transports=["websocket"], pace=PACE))

    assert [Outcome.NOT_TRIED] * 3 == [result.outcome for result in results]
    assert 1 == len({result.came for result in results})


async def test_no_phone_is_erased_unasked(tmp_path: Path) -> None:
    names = [case.name for case in CASES if case.last_order]

    results = await results_of(wrong("none"), tmp_path, Plan(names=names, transports=["long-poll"], pace=PACE))

    assert names
    assert {Outcome.NOT_TRIED} == {result.outcome for result in results}


async def test_nothing_of_an_agent_is_left(tmp_path: Path) -> None:
    await results_of(wrong("none"), tmp_path, Plan(names=["lost-ack"], transports=["long-poll"], pace=PACE))

    listed = await asyncio.create_subprocess_exec("ps", "-eo", "args", stdout=asyncio.subprocess.PIPE)
    with Watched(listed.pid):
        running, _ = await listed.communicate()
    assert str(tmp_path) not in running.decode()

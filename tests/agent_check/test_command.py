"""`heliograph check-agent` as people and scripts call it."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

from heliograph.agent_check.cases import CASES
from tests.agent_check.checking import EXAMPLE, wrong
from tests.hung import Watched

CHECK = (sys.executable, "-m", "heliograph", "check-agent", "--transport", "long-poll")


async def ran(*words: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*CHECK, *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    with Watched(process.pid):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_case_that_is_kept_is_a_line() -> None:
    code, out, err = await ran("--case", "lost-ack", "--", *wrong("none"))

    assert (0, "") == (code, err)
    assert out.startswith("kept ")
    assert "lost-ack" in out
    assert "1 kept." in out


async def test_a_broken_one_says_what_was_expected_and_what_came() -> None:
    code, out, _ = await ran("--patience", "20", "--case", "lost-ack", "--", *wrong("acks again with another ackId"))

    assert 1 == code
    assert out.startswith("broken ")
    assert "expected: a lost acknowledgement is sent again with the same ackId; came: it acknowledged again with another ackId: " in out


async def test_as_json_for_scripts() -> None:
    code, out, _ = await ran("--json", "--case", "refuse", "--case", "wipe", "--", *wrong("none"))

    assert 0 == code
    results = json.loads(out)["results"]
    assert [("refuse", "long-poll", "kept"), ("wipe", "long-poll", "not tried")] == [
        (result["case"], result["transport"], result["outcome"]) for result in results
    ]
    assert ["", "it erases the phone: --yes allows that"] == [result["came"] for result in results]


async def test_mistakes_are_named() -> None:
    unknown, _, cases = await ran("--case", "nonsense")
    missing, _, program = await ran("--", "no-such-agent")

    assert (2, 3) == (unknown, missing)
    assert all(case.name in cases for case in CASES)
    assert "Cannot run 'no-such-agent': no such program." in program


async def test_nothing_tried_proves_nothing() -> None:
    code, out, _ = await ran("--case", "wipe", "--", *wrong("none"))

    assert 8 == code
    assert "1 not tried." in out


async def test_an_agent_that_a_person_enrols(tmp_path: Path) -> None:
    """No one can be asked to kill it here, so that is not tried; all else is, with the one phone."""
    pipe = asyncio.subprocess.PIPE
    checking = await asyncio.create_subprocess_exec(
        *CHECK, "--yes", "--json", *(word for case in CASES if not case.once for word in ("--case", case.name)),
        stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
    )  # fmt: skip
    assert checking.stderr is not None
    with Watched(checking.pid):
        server, token = [(await checking.stderr.readline()).decode().split(": ")[1].strip() for _ in range(2)]
    agent = await asyncio.create_subprocess_exec(sys.executable, str(EXAMPLE), server, token, str(tmp_path / "journal.json"), stdout=pipe)

    try:
        with Watched(checking.pid):
            out, _ = await checking.communicate()
    finally:
        for process in (checking, agent):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await agent.communicate()

    outcomes = {result["case"]: result["outcome"] for result in json.loads(out)["results"]}
    assert 0 == checking.returncode, out
    assert {case.name for case in CASES if case.kills} | {"hello-first", "wipe"} == {
        name for name, one in outcomes.items() if one != "kept"
    }
    assert {"kept", "not tried"} == set(outcomes.values())

"""A store that is slower than its callers stays honest: what it answers with 200 is there, what it refuses never was."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.channel.phones import ACK_ID, Identity
from tests.load.callers import Answer, Connection, Fates, ask_surely, operations_of
from tests.load.fleet import enroll_devices
from tests.load.serve_process import ServeProcess
from tests.load.slow_disk import set_pace

SLOW_S = 0.3
"""Of a slow disk: a phone waits for two commits at most, far less than anybody may."""
TOO_SLOW_S = 1.5
"""A rule that comes during the first third of a commit waits longer than any rule may."""
CALLERS = 800
PHONES = 20
COMMANDS_EACH = 3


async def issue_until(enough: Callable[[], bool], port: int, device: str, fates: Fates) -> None:
    connection = Connection(port)
    while not enough():
        fates.answers.append(await connection.ask("POST", f"/v1/{device}:issueCommand", {"type": "LOCK"}))
    await connection.close()


async def issued(port: int, phone: Identity) -> str:
    answer = await ask_surely(port, "POST", f"/v1/{phone.name}:issueCommand", {"type": "LOCK"})
    return str(answer.body["name"])


async def acknowledge(port: int, phone: Identity, operations: list[str]) -> list[Answer]:
    """Every answer; a phone that was refused, on a machine that stood still, asks again."""
    connection = Connection(port)
    answers = []
    for operation in operations:
        path = f"/device/v1/{operation}:acknowledge"
        answers.append(await connection.ask("POST", path, {"ackId": ACK_ID}, credential=phone.credential))
        while answers[-1].status == 503:
            answers.append(await connection.ask("POST", path, {"ackId": ACK_ID}, credential=phone.credential))
    await connection.close()
    return answers


async def refusals_counted(url: str) -> int:
    """Rules that were refused because they had waited too long, as /metrics shows."""
    async with aiohttp.ClientSession() as http, http.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return int(float(next(line.split()[-1] for line in lines if line.startswith('heliograph_store_refused_total{reason="waited"}'))))


async def test_a_store_that_cannot_keep_up_answers_200_or_503_and_both_are_true(tmp_path: Path) -> None:
    pace, fates, acks = tmp_path / "pace", Fates(), list[list[Answer]]()

    def enough() -> bool:
        return bool(acks) and fates.statuses() >= {200, 503}

    set_pace(pace, 0)
    program = ("-m", "tests.load.slow_disk", str(pace))
    # Without an audit trail: its checkpoints would be refused, too, and counted.
    options = "--open-commands-most", "100000", "--audit-retention-days", "0"
    async with ServeProcess(tmp_path, *options, program=program) as server:
        phones, targets = await enroll_devices(server.port, PHONES), await enroll_devices(server.port, 4)
        waiting = {phone: [await issued(server.port, phone) for _ in range(COMMANDS_EACH)] for phone in phones}

        set_pace(pace, SLOW_S)
        callers = asyncio.gather(*(issue_until(enough, server.port, targets[number % 4].name, fates) for number in range(CALLERS)))
        await asyncio.sleep(SLOW_S)
        acks += await asyncio.gather(*(acknowledge(server.port, phone, operations) for phone, operations in waiting.items()))
        set_pace(pace, TOO_SLOW_S)
        await callers
        set_pace(pace, 0)
        found = set().union(*[await operations_of(server.port, target.name) for target in targets])
        counted = await refusals_counted(server.url)

    of_phones = [answer for answers in acks for answer in answers]
    refusals = [answer for answer in fates.answers if answer.status == 503]
    assert {200, 503} == fates.statuses()
    assert {"OVERLOADED"} == {answer.body["error"]["details"][0]["reason"] for answer in refusals}
    assert {"1"} == {answer.headers["retry-after"] for answer in refusals}
    assert found == fates.issued()
    assert PHONES * COMMANDS_EACH == sum(answer.status == 200 for answer in of_phones)
    assert {"startWithinMs"} == {key for answer in of_phones if answer.status == 200 for key in answer.body}
    assert len(refusals) + sum(answer.status == 503 for answer in of_phones) == counted

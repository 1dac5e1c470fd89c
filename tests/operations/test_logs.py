"""What a server leaves in its log: nothing of single commands by default, everything of them where asked, and never a secret."""

import json
from pathlib import Path
from typing import Any

import pytest

from heliograph.agent.journal import Journal
from heliograph.commands import COMMANDS
from tests.operations.server import Server, done, enterprise, heliograph, issue, phone, post

ABOUT = {"operation", "device", "type"}
PASSWORD = "hg7Xq2-needle-91Kz"
CODE = "LPA:1$smdp.example.com$NEEDLE-55Tq"
SECRETS: dict[str, dict[str, Any]] = {
    "RESET_PASSWORD": {"newPassword": PASSWORD},
    "ADD_ESIM": {"addEsimParams": {"activationCode": CODE, "activationState": "ACTIVATED"}},
}


def lines_of(server: Server) -> list[dict[str, object]]:
    """The log; every line of the server's is JSON, since stderr is no terminal."""
    return [json.loads(line) for line in server.log.read_text().splitlines() if not line.startswith("Heliograph serves on")]


async def walk(server: Server) -> list[str]:
    """The names of operations of every type, ended; the one that ends the phone's management last."""
    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http))
        names = []
        for row in sorted(COMMANDS.values(), key=lambda row: row.final_at_ack):
            body = dict(row.example) | SECRETS.get(row.name, {})
            name = await issue(http, runner.name, type=row.name, **body)
            await done(http, name)
            names.append(name)
            if row.final_at_ack:
                break  # one that ends the phone's management, or that it refuses
        await runner.stop()
    return names


async def test_commands_leave_no_line_by_default(tmp_path: Path) -> None:
    server = Server(tmp_path)

    names = await walk(server)

    assert len(names) > len(COMMANDS) / 2
    assert [] == [line for line in lines_of(server) if any(name in str(line) for name in names)]


async def test_every_step_of_every_command_is_a_line_where_asked_for(tmp_path: Path) -> None:
    server = Server(tmp_path, options=("--log-level", "debug"))

    names = await walk(server)

    lines = [line for line in lines_of(server) if str(line["event"]).startswith("command.")]
    assert [] == [line for line in lines if set(line) < ABOUT]
    assert [] == [line for line in lines if not str(line["operation"]).startswith(str(line["device"]))]
    steps = {name: [line["event"] for line in lines if line["operation"] == name] for name in names}
    assert names == [name for name, told in steps.items() if told[0] == "command.issued" and told[-1] == "command.ended"]
    assert any("command.acknowledged" in told for told in steps.values())
    assert all("command.offered" in told for told in steps.values())


@pytest.mark.parametrize("level", ["debug", "info"])
async def test_no_secret_is_in_the_log_of_a_whole_run_nor_in_a_backup(tmp_path: Path, level: str) -> None:
    server = Server(tmp_path, options=("--log-level", level))
    copy = tmp_path / "copy.db"
    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http))
        token = (await post(http, f"/v1/{runner.name.rsplit('/devices/', 1)[0]}/enrollmentTokens"))["value"]
        await runner.power_off()
        waiting = [await issue(http, runner.name, type=name, **body) for name, body in SECRETS.items()]
        assert 0 == (await heliograph("db", "backup", str(copy), "--data-dir", str(server.data))).code
        runner.power_on()
        for operation in waiting:
            await done(http, operation)
        async with http.post(f"/v1/{runner.name}:issueCommand", json={"type": "LOCK", "newPassword": PASSWORD}) as refused:
            assert 400 == refused.status
        await runner.stop()
    identity = Journal(tmp_path / "OPS1.journal").identity
    assert identity is not None

    log = server.log.read_bytes()
    assert b"api.refused" in log, "the log is where it is looked for"
    needles = {"password": PASSWORD, "activation code": CODE, "credential": identity.credential, "enrolment token": token}
    assert [] == [what for what, needle in needles.items() if needle.encode() in log]
    assert [] == [what for what in ("password", "activation code", "credential") if needles[what].encode() in copy.read_bytes()]

"""The agent of docs/device-protocol.md really works: the program itself, against a real server."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from heliograph.domain.device import DeviceReport, DeviceState, ManagementMode, Ownership
from heliograph.protocol import Enroll
from heliograph.service.phones import enroll_device
from tests.channel.conftest import ENTERPRISE, Server
from tests.channel.phones import Identity
from tests.hung import Watched
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.both_ways

AGENT = Path(__file__).parents[2] / "examples" / "minimal_agent.py"


@contextlib.asynccontextmanager
async def running(server: Server, journal: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The agent, enrolling with a new token where its journal is new."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(AGENT), server.url, await server.token(), str(journal), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def said(process: asyncio.subprocess.Process) -> str:
    """The agent's next line."""
    assert process.stdout is not None
    with Watched(process.pid):
        return (await process.stdout.readline()).decode().strip()


async def device_of(server: Server) -> Identity:
    """The one device that there is."""
    async with asyncio.timeout(PATIENCE_S):
        while not (page := await server.parts.store.devices(ENTERPRISE, after="", limit=2)).items:  # noqa: ASYNC110 - the store has no event
            await asyncio.sleep(0.05)
    return Identity(str(page.items[0].name), "")


async def test_the_minimal_agent_lives_a_whole_life(server: Server, tmp_path: Path) -> None:
    """It locks, reboots, refuses, outlives kill -9, and carries out its last order."""
    journal = tmp_path / "journal.json"
    async with running(server, journal) as process:
        device = await device_of(server)
        lock = await server.issue(device, type="LOCK")
        locked = await said(process)
        reboot = await server.issue(device, type="REBOOT")
        rebooted = await said(process)
        refused_operation = await server.issue(device, type="REQUEST_DEVICE_INFO", requestDeviceInfoParams={"deviceInfo": "EID"})
        refused = await said(process)
    while_away = await server.issue(device, type="LOCK")
    async with running(server, journal) as process:
        locked_again = await said(process)
        await server.delete(device)
        last = await said(process)
        with Watched(process.pid):
            code = await process.wait()

    assert ["LOCK: done", "REBOOT: done", "REQUEST_DEVICE_INFO: refused"] == [locked, rebooted, refused]
    assert ["LOCK: done", "last order: WIPE", 0] == [locked_again, last, code]
    assert ["succeeded"] * 2 == [await server.outcome(name) for name in (lock, reboot)]
    assert "UNSUPPORTED" == (await server.operation(refused_operation))["metadata"]["errorCode"]
    assert await server.outcome(while_away) in {"succeeded", "failed"}  # killed with its device where the report came too late
    assert not journal.exists()


async def test_the_minimal_agent_asks_on_where_it_is_not_known_and_works_once_it_is(server: Server, tmp_path: Path) -> None:
    journal, credential = tmp_path / "journal.json", "0" * 64
    identity = {"credential": credential, "installationId": "i", "name": "enterprises/e/devices/d", "operations": {}}
    journal.write_text(json.dumps(identity), encoding="utf-8")
    async with running(server, journal, UNKNOWN_FIRST_S="0.02") as process:
        heard = [await said(process) for _ in range(3)]
        report = DeviceReport(
            management_mode=ManagementMode.DEVICE_OWNER, ownership=Ownership.COMPANY_OWNED, api_level=35, applied_state=DeviceState.ACTIVE
        )
        credential_hash = sha256(credential.encode()).hexdigest()
        enroll = Enroll(enrollment_token=await server.token(), installation_id="i", credential_hash=credential_hash, report=report)
        device = Identity((await enroll_device(server.parts.ports, enroll)).name, "")
        lock = await server.issue(device, type="LOCK")
        while (line := await said(process)) == heard[0]:
            continue
        outcome = await asyncio.wait_for(eventual(server, lock), 90)

    assert ["the server does not know this phone"] * 3 == heard
    assert ("LOCK: done", "succeeded") == (line, outcome)


async def eventual(server: Server, operation: str) -> str:
    """The operation's outcome, once it has one."""
    while not (await server.operation(operation)).get("done"):  # noqa: ASYNC110 - the store has no event
        await asyncio.sleep(0.02)
    return await server.outcome(operation)

"""Where agents are checked: a real server of its own on a port, with a tap before it, and one enterprise."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from heliograph.agent_check.tap import Tap
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.device import DeviceRecord
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server import Parts, assembled, listening_socket, near_url, serving
from heliograph.service.devices import delete_device
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation, get_operation
from heliograph.settings import Settings

US_PER_S = 1_000_000
STORE_WAITS_MOST_S = 20.0
"""A machine that gives the server no time for a second is busy, which no case is about: no one is refused for it."""


class Stand:
    """The server as a case sees it: what its callers do, and what its agents say."""

    def __init__(self, parts: Parts, tap: Tap, clock: AdvancingClock, url: str, enterprise: EnterpriseName) -> None:
        self.tap = tap
        self.url = url
        self._ports = parts.ports
        self._clock = clock
        self._enterprise = enterprise

    async def token(self) -> str:
        """The value of a new enrollment token, for any kind of phone."""
        return (await create_enrollment_token(self._ports, self._enterprise, EnrollmentToken())).value

    async def device(self, name: str) -> DeviceRecord | None:
        """What the server keeps of the device."""
        return await self._ports.store.device(DeviceName.parse(name))

    async def issue(self, device: str, type_: str, *, duration_s: int = 600) -> str:
        """The name of the operation of the type's example."""
        body = {"type": type_, **COMMANDS[type_].example, "duration": f"{duration_s}s"}
        operation = await issue_command(self._ports, DeviceName.parse(device), ENVELOPE.decode(msgspec.json.encode(body)))
        return str(operation.name)

    async def cancel(self, operation: str) -> None:
        """Nobody wants the command any more."""
        await cancel_operation(self._ports, OperationName.parse(operation))

    async def delete(self, device: str) -> None:
        """The device is not managed any more; its last order is a wipe."""
        await delete_device(self._ports, DeviceName.parse(device))

    async def shown(self, operation: str) -> dict[str, object]:
        """The operation as callers read it."""
        found = await get_operation(self._ports, OperationName.parse(operation))
        view: dict[str, object] = msgspec.json.decode(render_operation(found))
        return view

    def advance(self, seconds: float) -> None:
        """The server's clock, later."""
        self._clock.advance(round(seconds * US_PER_S))


@contextlib.asynccontextmanager
async def stand_in(folder: Path, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Stand]:
    """A stand that listens there; nothing but the device protocol is reached through it.  Raises: OSError: the address is taken."""
    clock = AdvancingClock()
    settings = Settings(data_dir=folder, durable=False, web_push=False, store_waits_most_s=STORE_WAITS_MOST_S)
    async with assembled(settings, clock=clock) as parts:
        tap = Tap(parts.app)
        with listening_socket(host, port) as listener:
            async with serving(tap, listener, drain=parts.drain, shutdown_s=1):
                enterprise = await create_enterprise(parts.ports, Enterprise())
                yield Stand(parts, tap, clock, near_url(listener), enterprise.name)

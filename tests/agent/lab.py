"""A real server on a loopback port, phones that talk to it, and a wire between them that can be cut."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import msgspec

from heliograph.agent.clock import AgentClock, MachineClock
from heliograph.agent.delivery import never
from heliograph.agent.executor import Checkpoint, Moment, pass_by
from heliograph.agent.journal import Journal
from heliograph.agent.misbehaviour import WELL_BEHAVED, Misbehaviour
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import Pace, User, VirtualPhone
from heliograph.commands import ENVELOPE
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.longrunning import render_operation
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.domain.operation import Operation
from heliograph.server import SystemClock, assembled, listening_socket, serving, url_of
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise
from heliograph.service.issue_command import issue_command
from heliograph.service.ports import Ports
from heliograph.settings import Settings
from tests.patience import PATIENCE_S, patient, surely

QUICK = Pace(times=0.02, reboot_s=0.05)
WILLING = User(after_s=0.05)
SEEN_UNDER_A_MASK_FROM_BYTES = 10
"""Six bytes are then compared."""


class Lab:
    """One enterprise on one server."""

    def __init__(self, url: str, ports: Ports, enterprise: EnterpriseName, folder: Path) -> None:
        self.url = url
        self.ports = ports
        self.enterprise = enterprise
        self.folder = folder
        self.phones: list[PhoneRunner] = []
        self._last = 0

    async def token(self, profile_name: str) -> str:
        """An enrolment token for phones of this profile."""
        allow = PROFILES[profile_name].allow_personal_usage
        record = await create_enrollment_token(self.ports, self.enterprise, EnrollmentToken(allow_personal_usage=allow))
        return record.value

    def line(self, url: str = "", *, kind: TransportKind = TransportKind.WEBSOCKET) -> Line:
        """A line of an impatient phone."""
        return Line(server_url=url or self.url, kind=kind, progress_every_s=0.01, backoff_first_s=0.02, backoff_most_s=0.2)

    async def phone(
        self, profile_name: str, line: Line | None = None, *, behaviour: Misbehaviour = WELL_BEHAVED, checkpoint: Checkpoint = pass_by,
        clock: AgentClock | None = None,
    ) -> PhoneRunner:  # fmt: skip
        """A quick phone with its journal on disk, enrolled and connected; its clock is the machine's, or the one that is given."""
        self._last += 1
        number = self._last
        chance = random.Random(f"{profile_name} {number}")
        phone = VirtualPhone(
            PROFILES[profile_name].phone(f"LAB{number}"), clock=clock or MachineClock(), chance=chance, user=WILLING, pace=QUICK
        )
        journal = self.folder / f"LAB{number}.journal"
        runner = PhoneRunner(
            phone, line or self.line(), behaviour=behaviour, checkpoint=checkpoint, open_journal=lambda: Journal(journal, durable=False)
        )  # fmt: skip
        self.phones.append(runner)
        if isinstance(checkpoint, KillAt):
            checkpoint.runner = runner
        runner.start(await self.token(profile_name))
        async with asyncio.timeout(PATIENCE_S):
            await runner.wait_connected()
        return runner

    def journal_of(self, phone: PhoneRunner) -> Path:
        """The phone's journal."""
        return self.folder / f"{phone.phone.device.serial}.journal"

    async def issue(self, phone: PhoneRunner, **command: object) -> Operation:
        """The operation of a command for the phone."""
        device, envelope = DeviceName.parse(phone.name), ENVELOPE.decode(msgspec.json.encode(command))
        return await surely(lambda: issue_command(self.ports, device, envelope))

    async def ended(self, operation: Operation, *, within_s: float = PATIENCE_S) -> Operation:
        """The operation once it has ended."""
        async with asyncio.timeout(within_s):
            while (found := await self.ports.store.operation(operation.name)) is None or not found.done:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return found

    async def story(self, operation: Operation) -> list[str]:
        """What happened to the operation, in order."""
        found = await self.ports.store.operation(operation.name)
        assert found is not None
        return [entry.what for entry in found.timeline]


async def eventually(condition: Any, *, within_s: float = PATIENCE_S) -> None:  # noqa: ANN401 - any callable
    """Returns once the condition holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for offers no event
            await asyncio.sleep(0.005)


def shown(operation: Operation) -> dict[str, Any]:
    """The operation as a caller reads it."""
    view: dict[str, Any] = msgspec.json.decode(render_operation(operation))
    return view


class KillAt:
    """A checkpoint at which the phone's agent dies once, as by kill -9, to be started again at once."""

    def __init__(self, moment: Moment) -> None:
        self.moment = moment
        self.killed = False
        self.runner: PhoneRunner | None = None

    async def __call__(self, moment: Moment, operation: str) -> None:
        """Dies, where this is the moment."""
        if moment is self.moment and not self.killed and self.runner is not None:
            self.killed = True
            self.runner.crash()
            await never()


def executions(phone: PhoneRunner, operation: Operation) -> int:
    """How often the phone began to execute the command."""
    return sum(1 for effect in phone.phone.effects if effect.operation == str(operation.name) and effect.step == "began")


@contextlib.asynccontextmanager
async def lab_in(folder: Path) -> AsyncIterator[Lab]:
    """A lab whose server and phones are gone afterwards."""
    clock = SystemClock()
    async with assembled(patient(Settings(data_dir=folder / "server", durable=False)), clock=clock) as parts:
        with listening_socket("127.0.0.1", 0) as listener:
            async with serving(parts.app, listener, lane=parts.lane, drain=parts.channel.drain, shutdown_s=1):
                record = await create_enterprise(parts.ports, Enterprise())
                lab = Lab(url_of(listener), parts.ports, record.name, folder)
                try:
                    yield lab
                finally:
                    await asyncio.gather(*(phone.stop() for phone in lab.phones))


class Wire:
    """A TCP proxy before the server. Armed, it lets one request through, and cuts the connection or holds the answer back.

    What the server pushes over a WebSocket meanwhile goes past an answer that is held.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._marker: bytes | None = None
        self._cuts_next = True
        self._released = asyncio.Event()
        self._late: asyncio.Task[None] | None = None
        """Brings the held answer."""
        self.cuts = 0
        self.url = ""

    def cut_next_answer(self, marker: bytes = b"") -> None:
        """The answer to the next message that holds the marker gets lost."""
        self._marker, self._cuts_next = marker, True

    def hold_next_answer(self, marker: bytes) -> None:
        """The answer to the next message that holds the marker waits for `release`."""
        self._marker, self._cuts_next = marker, False

    @property
    def holds(self) -> bool:
        """Whether the server has given the answer that is held."""
        return self._late is not None

    def release(self) -> None:
        """The answer that is held goes on."""
        self._released.set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.release()

    async def _serve(self, phone_in: asyncio.StreamReader, phone_out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", self._to)
        marked = asyncio.Event()
        """The next answer on this connection is the one."""

        async def upwards() -> None:
            while data := await phone_in.read(65_536):
                if self._marker is not None and _holds(data, self._marker):
                    self._marker = None
                    marked.set()
                server_out.write(data)
            server_out.close()

        async def downwards() -> None:
            async for data, framed in _pieces(server_in):
                if marked.is_set() and self._cuts_next:
                    self.cuts += 1
                    break
                if marked.is_set() and not (framed and _is_pushed(data)):
                    marked.clear()
                    self._late = asyncio.get_running_loop().create_task(self._bring_late(data, phone_out))
                    if not framed:
                        await self._late  # the rest of it comes behind
                else:
                    phone_out.write(data)
            phone_out.close()
            server_out.close()

        with contextlib.suppress(OSError):
            await asyncio.gather(upwards(), downwards())
        for writer in (phone_out, server_out):
            with contextlib.suppress(OSError):
                writer.close()

    async def _bring_late(self, answer: bytes, phone_out: asyncio.StreamWriter) -> None:
        await self._released.wait()
        phone_out.write(answer)


async def _pieces(server_in: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bool]]:
    """What comes from the server, and whether it is one whole frame of a WebSocket."""
    try:
        head = await server_in.readuntil(b"\r\n\r\n")
        yield head, False
        while head.startswith(b"HTTP/1.1 101 "):
            yield await _frame(server_in), True
    except asyncio.IncompleteReadError as end:
        yield end.partial, False
    while data := await server_in.read(65_536):
        yield data, False


async def _frame(server_in: asyncio.StreamReader) -> bytes:
    """The next frame of a WebSocket.  Source: RFC 6455 §5.2; a server masks nothing."""
    start = await server_in.readexactly(2)
    length = start[1]
    extended = await server_in.readexactly({126: 2, 127: 8}.get(length, 0))
    return start + extended + await server_in.readexactly(int.from_bytes(extended) if extended else length)


def _is_pushed(frame: bytes) -> bool:
    """Whether the frame is no answer."""
    return b'"replyTo"' not in frame


def _holds(data: bytes, marker: bytes) -> bool:
    """Whether the marker is in it, in clear or under a WebSocket's mask; the latter is looked for if chance cannot look like it."""
    return marker in data or (len(marker) >= SEEN_UNDER_A_MASK_FROM_BYTES and _steps(marker) in _steps(data))


def _steps(data: bytes) -> bytes:
    """How each byte differs from the one four on: a mask repeats every four bytes, so it changes none of this."""
    return bytes(one ^ other for one, other in zip(data, data[4:], strict=False))


def port_of(url: str) -> int:
    """The port of a loopback address."""
    return int(url.rsplit(":", 1)[1])

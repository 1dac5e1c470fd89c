"""A real server on loopback: uvicorn, SQLite and all; and phones that are enrolled in it."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import pytest

from heliograph.asgi import HAND_OVER, Asgi, Receive, Scope, Send
from heliograph.channel.requests import header
from heliograph.commands import ENVELOPE
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.longrunning import read_outcome, render_operation
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.server import Parts, SystemClock, assembled, listening_socket, serving, url_of
from heliograph.service.devices import delete_device
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation, get_operation
from heliograph.settings import Settings
from tests.channel.phones import BY_MESSAGES, FACTS, HttpPhone, Identity, Json, Phone, Reply, SocketPhone, hash_of
from tests.patience import PATIENCE_S, patient
from tests.ways_in import WAYS

ENTERPRISE = EnterpriseName("LC01test")


@dataclass
class Server:
    """The server as a scenario sees it: the caller's verbs, and the phone's address."""

    parts: Parts
    url: str
    http: aiohttp.ClientSession

    async def token(self, **fields: Any) -> str:  # noqa: ANN401 - JSON
        """The value of a new enrolment token."""
        return (await create_enrollment_token(self.parts.ports, ENTERPRISE, EnrollmentToken(**fields))).value

    async def post(self, path: str, body: object, credential: str = "") -> Reply:
        """The answer to one request; a body of bytes is sent as it is."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        async with self.http.post(f"{self.url}/device/v1/{path}", data=data, headers=headers) as answer:
            return Reply(answer.status, await answer.json())

    async def enroll(self, credential: str | None = None) -> Identity:
        """A new phone."""
        credential = credential or secrets.token_urlsafe(32)
        enroll = {
            "enrollmentToken": await self.token(),
            "installationId": secrets.token_hex(8),
            "credentialHash": hash_of(credential),
            "report": FACTS,
        }
        reply = await self.post("enroll", enroll)
        assert reply.status == 200, reply
        return Identity(reply.body["name"], credential)

    async def issue(self, device: Identity, **command: object) -> str:
        """The name of a new operation."""
        issued = ENVELOPE.decode(json.dumps(command).encode())
        return str((await issue_command(self.parts.ports, DeviceName.parse(device.name), issued)).name)

    async def cancel(self, operation: str) -> None:
        await cancel_operation(self.parts.ports, OperationName.parse(operation))

    async def delete(self, device: Identity, wipe_data_flags: Sequence[str] = (), wipe_reason: str = "") -> None:
        await delete_device(self.parts.ports, DeviceName.parse(device.name), wipe_data_flags=wipe_data_flags, wipe_reason=wipe_reason)

    async def waited_on(self, device: Identity, *, waits: bool = True) -> None:
        """Returns once the device waits for offers, in an open poll or on a WebSocket; or no longer does."""
        name, peers = DeviceName.parse(device.name), self.parts.channel.peers
        async with asyncio.timeout(PATIENCE_S):
            while waits is ((peer := peers.find(name)) is None or peer.link is None):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.005)

    async def operation(self, name: str) -> Json:
        """The operation as a caller reads it."""
        read: Json = json.loads(render_operation(await get_operation(self.parts.ports, OperationName.parse(name))))
        return read

    async def outcome(self, name: str) -> str:
        """How the operation came out."""
        return str(read_outcome(await self.operation(name)).outcome)


def by_messages_if_asked(app: Asgi) -> Asgi:
    """The app; a WebSocket whose phone asks so is not handed over to it."""

    async def passing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and header(scope, BY_MESSAGES.encode()):
            del scope["extensions"][HAND_OVER]
        await app(scope, receive, send)

    return passing


@pytest.fixture
async def server(tmp_path: Path, way_in: str) -> AsyncIterator[Server]:
    """A server with one enterprise."""
    listener = listening_socket("127.0.0.1", 0)
    settings = patient(Settings(data_dir=tmp_path / way_in, shutdown_s=1, durable=False))
    async with (
        assembled(settings, clock=SystemClock()) as parts,
        serving(by_messages_if_asked(parts.app), listener, lane=WAYS.lane(parts.lane), drain=parts.channel.drain, shutdown_s=1),
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=90)) as http,
    ):
        await create_enterprise(parts.ports, Enterprise(), enterprise_id=ENTERPRISE.enterprise)
        yield Server(parts, url_of(listener), http)


class Connect(Protocol):
    """Connects a phone."""

    def __call__(self, identity: Identity, *in_flight: Json) -> AbstractAsyncContextManager[Phone]:
        """The phone, which has said hello with what its journal holds."""


@pytest.fixture(params=["long-poll", "WebSocket", "WebSocket by messages"])
def connect(request: pytest.FixtureRequest, server: Server) -> Connect:
    """Connects a phone by one of the transports; it has said hello."""

    @contextlib.asynccontextmanager
    async def connected(identity: Identity, *in_flight: Json) -> AsyncIterator[Phone]:
        if request.param == "long-poll":
            phone = HttpPhone(server.http, server.url, identity.credential)
            assert (await phone.hello(*in_flight)).status == 200
            yield phone
        else:
            by_messages = request.param == "WebSocket by messages"
            async with SocketPhone(server.http, server.url, identity.credential, by_messages=by_messages) as socket_phone:
                assert (await socket_phone.hello(*in_flight)).status == 200
                yield socket_phone

    return connected

"""A real server that asks callers for a key, and key files for it made by the operator's desk."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import uvloop

from heliograph.domain.access import Role
from heliograph.domain.device import DeviceReport, DeviceState, ManagementMode, Ownership
from heliograph.protocol import Enroll
from heliograph.server import assembled, listening_socket, serving
from heliograph.server.store import clock_for
from heliograph.service.phones import enroll_device
from heliograph.settings import Settings
from tests.api.live import Live, Response
from tests.patience import patient
from tests.sign_in.key_pairs import KeyPair, assertion, key_pair, signed
from tests.ways_in import WAYS

OPERATOR = "the operator's secret"


class Guarded(Live):
    """A server at which callers must sign in."""

    folder: Path
    """Its data directory, for who looks into it."""

    def operate(self, http_method: str, path: str, body: str | None = None, *, secret: str = OPERATOR) -> Any:  # noqa: ANN401
        """The desk's answer."""
        return self.call(http_method, f"/heliograph/v1/keys{path}", body, authorization=f"Bearer {secret}")

    def enrolled(self, token: str, *, serial: str = "") -> str:
        """The name of a device that enrols with this token."""
        number = next(self._numbers)
        report = DeviceReport(
            management_mode=ManagementMode.DEVICE_OWNER, ownership=Ownership.COMPANY_OWNED, api_level=35, applied_state=DeviceState.ACTIVE
        )
        message = Enroll(
            enrollment_token=token, installation_id=f"installation-{number}", credential_hash=f"{number:064x}", serial=serial, report=report
        )  # fmt: skip
        return self.run(enroll_device(self.ports, message)).name

    def key_file(
        self, enterprises: Sequence[str], role: str = Role.ADMIN, *, pair: KeyPair | None = None, **more: object
    ) -> dict[str, Any]:
        """A key file as `heliograph keys create` writes it; `more`: what the desk is given besides."""
        pair = pair or key_pair(0)
        answer = self.operate("POST", "", json.dumps({"publicKey": pair.public, "enterprises": enterprises, "role": role, **more}))
        assert answer.status == 200, answer.body
        return {
            "type": "service_account",
            "project_id": answer.json["projectId"],
            "private_key_id": answer.json["keyId"],
            "private_key": pair.private,
            "client_email": answer.json["clientEmail"],
            "token_uri": f"{self.url}/token",
        }

    def desk(self, http_method: str, path: str, body: object = None) -> Response:
        """The answer of the operator's desk at this path below /heliograph/v1."""
        sent = None if body is None else json.dumps(body)
        return self.call(http_method, f"/heliograph/v1{path}", sent, authorization=f"Bearer {OPERATOR}")

    def call_as(self, key: dict[str, Any], http_method: str, path: str, body: object = None, **headers: str) -> Response:
        """The answer to a caller with this key."""
        sent = body if isinstance(body, str | None) else json.dumps(body)
        return self.call(http_method, path, sent, authorization=bearer_of(key), **headers)


def bearer_of(key: dict[str, Any]) -> str:
    """An Authorization header of the key's holder."""
    email = key["client_email"]
    claims = assertion(email, sub=email, aud=None)
    return f"Bearer {signed(claims, key['private_key'], kid=key['private_key_id'])}"


@contextlib.contextmanager
def guarded_server(settings: Settings, *, port: int = 0) -> Iterator[Guarded]:
    """A server answering on this port (0: a free one), everything in front of the API included."""
    started: Future[Guarded] = Future()

    async def run() -> None:
        stopping = asyncio.Event()
        with listening_socket("127.0.0.1", port) as listener:
            async with (
                assembled(patient(settings), clock=clock_for(settings), operator_secret=OPERATOR) as parts,
                serving(parts.app, listener, lane=WAYS.lane(parts.lane), drain=parts.channel.drain),
            ):
                server = Guarded(listener.getsockname()[1], parts.ports, asyncio.get_running_loop(), stopping)
                server.folder = settings.data_dir
                started.set_result(server)
                await stopping.wait()

    def live() -> None:
        try:
            uvloop.run(run())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise

    thread = threading.Thread(target=live)
    thread.start()
    server = started.result(timeout=90)
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=90)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, way_in: str) -> Iterator[Guarded]:
    """A server that asks for a key."""
    with guarded_server(Settings(data_dir=Path(tmp_path_factory.mktemp(way_in)), durable=False)) as server:
        yield server


@pytest.fixture(params=["SQLite", "PostgreSQL with two servers"])
def servers(request: pytest.FixtureRequest, tmp_path: Path, way_in: str) -> Iterator[list[Guarded]]:
    """All servers of one database; they ask for keys."""
    key_file = tmp_path / f"{way_in}.key"
    with contextlib.ExitStack() as stack:
        if request.param == "SQLite":
            yield [stack.enter_context(guarded_server(Settings(data_dir=tmp_path / "a", key_file=key_file, durable=False)))]
            return
        database = request.getfixturevalue("database")
        yield [
            stack.enter_context(guarded_server(Settings(data_dir=tmp_path / name, key_file=key_file, database_url=database)))
            for name in ("a", "b")
        ]

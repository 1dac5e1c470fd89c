"""A real server on a loopback port in a thread of its own, and a plain HTTP client for it."""

import asyncio
import contextlib
import http.client
import itertools
import json
import socket
import threading
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import uvloop

from heliograph.api.app import rest_app
from heliograph.domain.device import DeviceReport, DeviceState, HardwareInfo, ManagementMode, Ownership
from heliograph.protocol import Enroll
from heliograph.server import assembled, listening_socket, serving
from heliograph.server.store import clock_for
from heliograph.service.limits import HttpLimits, Limits
from heliograph.service.phones import enroll_device
from heliograph.service.ports import Ports
from heliograph.settings import Settings
from tests.patience import patient
from tests.ways_in import WAYS

T = TypeVar("T")


class Response(NamedTuple):
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.json["error"]["message"])


@contextlib.contextmanager
def corked(connection: socket.socket) -> Iterator[None]:
    """What is written leaves in one piece, on Linux."""
    option = getattr(socket, "TCP_CORK", None)
    if option is not None:
        connection.setsockopt(socket.IPPROTO_TCP, option, 1)
    yield
    if option is not None:
        connection.setsockopt(socket.IPPROTO_TCP, option, 0)


class Live:
    """The server: its address, its ports, and its event loop for verbs that have no REST method."""

    def __init__(self, port: int, ports: Ports, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        self.port, self.ports, self._loop, self._stopping = port, ports, loop, stopping
        self.url = f"http://127.0.0.1:{port}"
        self._numbers = itertools.count(1)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, run on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=90)

    def stop(self) -> None:
        """The server begins to stop."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    def call(self, http_method: str, path: str, body: bytes | str | None = None, **headers: str) -> Response:
        """The answer to one request on a connection of its own; header names have _ for -."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)) as connection:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.connect()
            # http.client writes head and body apart: whether a server reads them together, and its lane takes them, would be chance.
            with corked(connection.sock):
                connection.request(http_method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Response(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    def post(self, path: str, body: object) -> Response:
        """The answer to this JSON."""
        return self.call("POST", path, json.dumps(body), content_type="application/json")

    def enterprise(self) -> str:
        """The name of a new enterprise."""
        return str(self.post("/v1/enterprises?projectId=p&agreementAccepted=true", {"enterpriseDisplayName": "Lab"}).json["name"])

    def device(self, enterprise: str, *, ownership: Ownership = Ownership.COMPANY_OWNED) -> str:
        """The name of a newly enrolled device."""
        token = self.post(f"/v1/{enterprise}/enrollmentTokens", {"policyName": "default"}).json
        number = next(self._numbers)
        report = DeviceReport(
            management_mode=ManagementMode.DEVICE_OWNER if ownership is Ownership.COMPANY_OWNED else ManagementMode.PROFILE_OWNER,
            ownership=ownership,
            api_level=35,
            applied_state=DeviceState.ACTIVE,
            hardware_info=HardwareInfo(brand="google", model="Pixel 8", serial_number=f"SN{number:05d}"),
        )
        message = Enroll(
            enrollment_token=token["value"],
            installation_id=f"installation-{number}",
            credential_hash=f"{number:064x}",
            report=report,
        )
        return self.run(enroll_device(self.ports, message)).name


@contextlib.contextmanager
def live_server(settings: Settings, **options: Any) -> Iterator[Live]:  # noqa: ANN401 - whatever rest_app takes
    """A server answering on a free port, its connections bounded by `settings.http`; `options` go to `rest_app`."""
    started: Future[Live] = Future()
    thread = threading.Thread(target=_run, args=(_serve(settings, started, options),))
    thread.start()
    live = started.result(timeout=90)
    try:
        yield live
    finally:
        live.stop()
        thread.join(timeout=90)


def settings_for(
    data_dir: Path, *, limits: Limits | None = None, http: HttpLimits | None = None, expose_enterprises: bool = False
) -> Settings:
    """Settings of a test's server."""
    # Without a publisher, a pubsubTopic is refused. No one listens on the discard port.
    return Settings(
        data_dir=data_dir,
        limits=limits or Limits(),
        http=http or HttpLimits(),
        expose_enterprises=expose_enterprises,
        push_endpoint="http://127.0.0.1:9/",
        durable=False,
    )


def _run(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


async def _serve(settings: Settings, started: "Future[Live]", options: Mapping[str, Any]) -> None:
    stopping = asyncio.Event()
    try:
        with listening_socket("127.0.0.1", 0) as listener:
            async with contextlib.AsyncExitStack() as stack:
                parts = await stack.enter_async_context(assembled(patient(settings), clock=clock_for(settings)))
                app = rest_app(parts.ports, **options)
                lane = app.lane if settings.hot_lane else None
                await stack.enter_async_context(
                    serving(app, listener, drain=parts.channel.drain, limits=settings.http, lane=WAYS.lane(lane)),
                )
                started.set_result(Live(listener.getsockname()[1], parts.ports, asyncio.get_running_loop(), stopping))
                await stopping.wait()
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
        raise

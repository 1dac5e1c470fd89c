"""A whole server on a loopback port, and a caller of it: what receivers fetch from it is part of what is tested."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from heliograph.domain.enterprise import Enterprise, NotificationType
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server import Parts, assembled, listening_socket, serving
from heliograph.service.enterprises import create_enterprise
from heliograph.service.operations import cancel_operation
from heliograph.settings import Admission, Settings
from tests.notifications.lab import LAB, Lab
from tests.patience import PATIENCE_S, patient

LOOPBACK = ("127.0.0.0/8", "::1/128")
EMAIL = "push@emm.example.com"
OIDC = {"oidc": {"serviceAccountEmail": EMAIL}}
SECOND_US = 1_000_000
ENDPOINTS = f"/heliograph/v1/{LAB}/pushEndpoints"


class Answer(NamedTuple):
    """An answer of the server."""

    status: int
    json: Any

    @property
    def message(self) -> str:
        """The error's message."""
        return str(self.json["error"]["message"])


class WholeServer(Lab):
    """A lab that is called over HTTP, too."""

    def __init__(self, parts: Parts, clock: AdvancingClock, url: str, session: aiohttp.ClientSession) -> None:
        super().__init__(parts.ports, clock)
        self.url = url
        self._session = session

    async def call(self, http_method: str, path: str, body: object = None) -> Answer:
        """The answer to one request."""
        data = None if body is None else json.dumps(body)
        async with self._session.request(http_method, f"{self.url}{path}", data=data) as answer:
            return Answer(answer.status, await answer.json())

    async def made(self, url: str, endpoint_id: str = "mine", **fields: object) -> Any:  # noqa: ANN401 - any JSON
        """A new push endpoint."""
        answer = await self.call("POST", f"{ENDPOINTS}?pushEndpointId={endpoint_id}", {"url": url, **fields})
        assert 200 == answer.status, answer.json
        return answer.json

    async def patched(self, mask: str, endpoint_id: str = "mine", **fields: object) -> Any:  # noqa: ANN401 - any JSON
        """The endpoint afterwards."""
        answer = await self.call("PATCH", f"{ENDPOINTS}/{endpoint_id}?updateMask={mask}", fields)
        assert 200 == answer.status, answer.json
        return answer.json

    async def tried_out(self, endpoint_id: str = "mine") -> None:
        """A test message is on its way to the endpoint."""
        answer = await self.call("POST", f"{ENDPOINTS}/{endpoint_id}:test", {})
        assert (200, {}) == answer

    async def shown(self, endpoint_id: str = "mine") -> Mapping[str, Any]:
        """The endpoint as a GET shows it."""
        found: Mapping[str, Any] = (await self.call("GET", f"{ENDPOINTS}/{endpoint_id}")).json
        return found

    async def ended(self) -> str:
        """The name of an operation that has just ended."""
        operation = await self.issue((await self.phone()).name)
        await cancel_operation(self.ports, operation)
        return str(operation)

    def at_rest(self) -> bool:
        """Whether no message is on its way."""
        return self.ports.publishing.begun == self.ports.publishing.ended

    async def dead_letters(self) -> list[Any]:
        """The enterprise's dead letters, oldest first."""
        found: list[Any] = (await self.call("GET", f"/heliograph/v1/{LAB}/deadLetters")).json.get("deadLetters", [])
        return found


@contextlib.asynccontextmanager
async def whole_server(
    folder: Path, *, networks: tuple[str, ...] = LOOPBACK, database_url: str = "", enabled: tuple[NotificationType, ...] = ()
) -> AsyncIterator[WholeServer]:
    """A server whose one enterprise enabled these types; its push endpoints may be in `networks`."""
    clock = AdvancingClock()
    settings = Settings(
        data_dir=folder, database_url=database_url, durable=False, admission=Admission.UNCHECKED, push_allow_networks=networks
    )
    with listening_socket("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            assembled(patient(settings), clock=clock) as parts,
            serving(parts.app, listener, lane=parts.lane, drain=parts.drain, limits=settings.http),
            aiohttp.ClientSession() as session,
        ):
            if await parts.store.enterprise(LAB) is None:
                await create_enterprise(parts.ports, Enterprise(enabled_notification_types=enabled), enterprise_id=LAB.enterprise)
            yield WholeServer(parts, clock, url, session)


async def until(happened: Callable[[], bool]) -> None:
    """Returns once it has.  Raises: TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while not happened():  # noqa: ASYNC110 - counters have no listeners
            await asyncio.sleep(0.01)

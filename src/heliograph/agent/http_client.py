"""One phone's way out over HTTP."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp

from heliograph.agent.client import HEARTBEAT_S, Denied, Socket, retry_after_of
from heliograph.agent.time_limits import TimeLimits
from heliograph.agent.transport import REPLY_WITHIN_S, ConnectionLost, Reply
from heliograph.protocol import POLICY_MESSAGE_MAX_BYTES

LOST = (aiohttp.ClientError, OSError, TimeoutError)
"""What aiohttp raises if no answer came."""


class HttpClient:
    """A phone's own HTTP session: opened by the first request, its sockets shut by `shut` as a killed process's are."""

    def __init__(
        self, server_url: str, *, connector: Callable[[], aiohttp.BaseConnector] | None = None, heartbeat_s: float | None = HEARTBEAT_S
    ) -> None:  # fmt: skip
        """`connector()` makes what opens sockets; every phone has its own, so that cutting one cuts no other.

        `heartbeat_s`: how often a WebSocket is pinged from below its messages; None: never.
        """
        self._heartbeat_s = heartbeat_s
        self._base = server_url.rstrip("/") + "/device/v1/"
        self._connector = connector or (lambda: aiohttp.TCPConnector(limit=0))
        self._session: aiohttp.ClientSession | None = None
        self._limits = TimeLimits()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._connector(),
                timeout=aiohttp.ClientTimeout(total=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "heliograph-agent"},
            )
        return self._session

    def url(self, path: str) -> str:
        """The address of a path of the device protocol."""
        return self._base + path

    async def web_socket(self, headers: Mapping[str, str]) -> Socket:
        """A WebSocket to the device protocol.  Raises: Denied, ConnectionLost."""
        try:
            return await self.session.ws_connect(
                self.url("connect"),
                headers=headers,
                heartbeat=self._heartbeat_s,
                autoclose=False,
                max_msg_size=POLICY_MESSAGE_MAX_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise Denied(error.status, retry_after_s=retry_after_of(error.headers or {})) from None
        except AssertionError:  # aiohttp 3.14 asserts that a connection with a handshake answered a moment ago still stands
            raise ConnectionLost("lost while connecting") from None

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """The server's answer.  Raises: ConnectionLost."""
        headers = {**headers, "Content-Type": "application/json"}
        async with self.open_for(REPLY_WITHIN_S), self.session.post(self.url(path), data=body, headers=headers) as response:
            return Reply(response.status, await response.read(), retry_after_of(response.headers))

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> Reply:
        """The server's answer.  Raises: ConnectionLost."""
        async with self.open_for(within_s), self.session.get(self.url(path), headers=headers) as response:
            return Reply(response.status, await response.read(), retry_after_of(response.headers))

    @contextlib.asynccontextmanager
    async def open_for(self, within_s: float) -> AsyncIterator[None]:
        """What is done inside must end in time and before the client is shut.  Raises: ConnectionLost."""
        try:
            async with self._limits.within(within_s):
                yield
        except LOST as error:
            raise ConnectionLost(str(error) or type(error).__name__) from error

    async def shut(self) -> None:
        """Close every socket; requests in progress lose their answers."""
        # Not left to aiohttp: if a session closes while a response's body is being read, the read waits for ever (3.14).
        self._limits.end_all()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

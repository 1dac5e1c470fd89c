"""One phone's way out: its HTTP requests to its server, and its WebSocket."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import aiohttp
import msgspec

from heliograph.agent.time_limits import TimeLimits
from heliograph.agent.transport import REPLY_WITHIN_S, ConnectionLost, Reply
from heliograph.protocol import POLICY_MESSAGE_MAX_BYTES

LOST = (aiohttp.ClientError, OSError, TimeoutError)
"""What aiohttp raises if no answer came."""
HEARTBEAT_S = 60.0
"""A phone that has agreed on no keep-alive pings as seldom as is enough to notice a server that vanished."""


class Denied(Exception):
    """The server refuses to open a WebSocket and answers with this HTTP status."""

    def __init__(self, status: int, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"the server answers {status}")
        self.status = status
        self.retry_after_s = retry_after_s


class Socket(Protocol):
    """One WebSocket, seen from the phone: the part of aiohttp's that is used."""

    async def send_frame(self, message: bytes, opcode: aiohttp.WSMsgType) -> None:
        """The frame is on its way."""

    async def receive(self) -> aiohttp.WSMessage:
        """The next frame, or the word that the connection is closed."""

    async def close(self) -> bool: ...


class Client(Protocol):
    """What the transports need of a way out.

    Raises (any method but `shut`): ConnectionLost, or what `LOST` names inside `open_for`.
    """

    def open_for(self, within_s: float) -> AbstractAsyncContextManager[None]:
        """What is done inside must end in time and before the client is shut.  Raises: ConnectionLost."""

    async def web_socket(self, headers: Mapping[str, str]) -> Socket:
        """A WebSocket to the device protocol.  Raises: Denied."""

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply: ...

    async def get(self, path: str, headers: Mapping[str, str], *, within_s: float) -> Reply: ...

    async def shut(self) -> None:
        """Close everything; requests in progress lose their answers."""


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


def bearer(credential: str) -> dict[str, str]:
    """The header that identifies the sender."""
    return {"Authorization": f"Bearer {credential}"} if credential else {}


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After; its form as a date is not used by this protocol."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def error_text(reply: Reply) -> str:
    """What the server's error says, for people."""
    with contextlib.suppress(msgspec.MsgspecError):
        return msgspec.json.decode(reply.body, type=_ErrorBody).error.message
    return f"status {reply.status}"


class _Error(msgspec.Struct):
    message: str


class _ErrorBody(msgspec.Struct):
    error: _Error

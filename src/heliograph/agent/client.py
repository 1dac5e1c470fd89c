"""A phone's way out, as its transports see it: requests to its server, and a WebSocket. Over HTTP: http_client.py."""

import contextlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

import msgspec

from heliograph.agent.transport import Reply

HEARTBEAT_S = 60.0
"""A phone that has agreed on no keep-alive pings as seldom as is enough to notice a server that vanished."""
TEXT: Final = 1  # RFC 6455, §11.8: opcodes
BINARY: Final = 2
CLOSE: Final = 8


class Denied(Exception):
    """The server refuses to open a WebSocket and answers with this HTTP status."""

    def __init__(self, status: int, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"the server answers {status}")
        self.status = status
        self.retry_after_s = retry_after_s


class Frame(Protocol):
    """What came over a WebSocket, in aiohttp's words: without loading aiohttp, which a phone in its server's process does not need."""

    @property
    def type(self) -> int:
        """TEXT, BINARY, CLOSE by the server; everything else: the connection is lost."""

    @property
    def data(self) -> Any:  # noqa: ANN401 - as the type says
        """The message; of CLOSE the code."""

    @property
    def extra(self) -> Any:  # noqa: ANN401 - as the type says
        """Of CLOSE the reason."""


class Socket(Protocol):
    """One WebSocket, seen from the phone: the part of aiohttp's that is used."""

    async def send_str(self, data: str) -> None:
        """The frame is on its way.  Raises: OSError: the connection is lost."""

    async def receive(self) -> Frame:
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

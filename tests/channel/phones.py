"""Two tiny phones, one for each transport, with the same four verbs: what a scenario says holds for both."""

import asyncio
import hashlib
import json
import secrets
from typing import Any, NamedTuple, Protocol, Self

import aiohttp

Json = dict[str, Any]

FACTS: Json = {"managementMode": "DEVICE_OWNER", "ownership": "COMPANY_OWNED", "apiLevel": 35, "hardwareInfo": {"serialNumber": "S1"}}
ACK_ID = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
OTHER_ACK_ID = "00000000000000000000000000000001"

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
"""The headers that ask for a WebSocket."""

BY_MESSAGES = "x-by-messages"
"""A header of tests: the server shall serve this WebSocket by ASGI's messages, as where something stands around the app."""


class Reply(NamedTuple):
    """Status and body, whatever carried them."""

    status: int
    body: Json


class Identity(NamedTuple):
    """An enrolled phone."""

    name: str
    credential: str


class Phone(Protocol):
    """A phone on one transport."""

    async def hello(self, *in_flight: Json) -> Reply:
        """The answer to hello."""

    async def offer(self, within_s: float = 20.0) -> Json | None:
        """The next offer, None where none came in time."""

    async def send(self, kind: str, operation: str = "", **body: Any) -> Reply:  # noqa: ANN401 - JSON
        """The answer to a message."""

    async def ended(self, within_s: float = 20.0) -> int:
        """With which status or close code the server ended the connection."""


class HttpPhone:
    """A phone that long-polls."""

    def __init__(self, http: aiohttp.ClientSession, base: str, credential: str) -> None:
        self._http = http
        self._base = base
        self._headers = {"Authorization": f"Bearer {credential}", "Heliograph-Connection": secrets.token_hex(8)}

    async def hello(self, *in_flight: Json) -> Reply:
        return await self.send("hello", inFlight=in_flight)

    async def offer(self, within_s: float = 20.0) -> Json | None:
        reply = await self.poll(within_s)
        assert reply.status == 200, reply
        return reply.body.get("offer")

    async def poll(self, wait_s: float) -> Reply:
        """The answer to one poll; less than a second is asked for by asking again."""
        if wait_s >= 1:
            return await self._answer("GET", f"commands?wait={int(wait_s)}")
        deadline = asyncio.get_running_loop().time() + wait_s
        while True:
            reply = await self._answer("GET", "commands")
            if reply.status != 200 or reply.body or asyncio.get_running_loop().time() > deadline:
                return reply
            await asyncio.sleep(0.02)

    async def ask(self, query: str) -> Reply:
        """The answer to a poll with this query."""
        return await self._answer("GET", f"commands?{query}")

    async def send(self, kind: str, operation: str = "", **body: Any) -> Reply:  # noqa: ANN401 - JSON
        return await self._answer("POST", f"{operation}:{kind}" if operation else kind, body)

    async def ended(self, within_s: float = 20.0) -> int:
        return (await self.poll(within_s)).status

    async def _answer(self, method: str, path: str, body: Json | None = None) -> Reply:
        async with self._http.request(method, f"{self._base}/device/v1/{path}", json=body, headers=self._headers) as answer:
            return Reply(answer.status, await answer.json())


class SocketPhone:
    """A phone on a WebSocket; use as a context manager."""

    def __init__(self, http: aiohttp.ClientSession, base: str, credential: str, *, by_messages: bool = False) -> None:
        headers = {"Authorization": f"Bearer {credential}"} | ({BY_MESSAGES: "1"} if by_messages else {})
        self._connecting = http.ws_connect(f"{base}/device/v1/connect", headers=headers)
        self._reader: asyncio.Task[int] | None = None
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._last_id = 0
        self.offers: asyncio.Queue[Json] = asyncio.Queue()
        self.others: list[Json] = []
        self.close_reason = ""

    async def __aenter__(self) -> Self:
        self.socket = await self._connecting
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()
        if self._reader is not None:
            await self._reader

    async def hello(self, *in_flight: Json) -> Reply:
        return await self.send("hello", inFlight=in_flight)

    async def offer(self, within_s: float = 20.0) -> Json | None:
        try:
            return await asyncio.wait_for(self.offers.get(), within_s)
        except TimeoutError:
            return None

    async def send(self, kind: str, operation: str = "", **body: Any) -> Reply:  # noqa: ANN401 - JSON
        self._last_id += 1
        named = {"operation": operation} if operation else {}
        reply = self._replies[self._last_id] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._last_id, "kind": kind, "body": {**named, **body}})
        return await asyncio.wait_for(reply, 90)

    async def ended(self, within_s: float = 20.0) -> int:
        assert self._reader is not None
        return await asyncio.wait_for(asyncio.shield(self._reader), within_s)

    async def _read(self) -> int:
        while (message := await self.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            frame = json.loads(message.data)
            if "offer" in frame:
                self.offers.put_nowait(frame["offer"])
            elif "replyTo" in frame:
                self._replies.pop(frame["replyTo"]).set_result(Reply(frame["status"], frame["body"]))
            else:
                self.others.append(frame)
        self.close_reason = str(message.extra)
        return int(message.data or 0)


def hash_of(credential: str) -> str:
    """The part of its credential that the phone sends."""
    return hashlib.sha256(credential.encode()).hexdigest()

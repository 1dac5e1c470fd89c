"""Callers that know the outcome of each of their requests, below any library that would retry for them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.patience import was_overloaded

Json = dict[str, Any]


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: Json


@dataclass
class Fates:
    """The outcomes of the requests of many callers."""

    answers: list[Answer] = field(default_factory=list)
    refused: int = 0
    """Connections that were not let in: nothing was sent."""
    lost: list[str] = field(default_factory=list)
    """Requests that were sent and not answered, and why: whether they were executed is unknown."""

    def statuses(self) -> set[int]:
        """Every status there was."""
        return {answer.status for answer in self.answers}

    def issued(self) -> set[str]:
        """Names of the operations that were answered with 200."""
        return {answer.body["name"] for answer in self.answers if answer.status == 200}


class Connection:
    """One connection that is kept as long as the server keeps it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: Json | None = None, *, credential: str = "") -> Answer:
        """The whole answer.  Raises: ConnectionRefusedError: nothing was sent; ConnectionError, IncompleteReadError: no answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        content = b"" if body is None else json.dumps(body).encode()
        authorization = f"Authorization: Bearer {credential}\r\n" if credential else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Content-Length: {len(content)}\r\n\r\n"
        writer.write(head.encode() + content)
        answer = await _read(reader)
        if answer.headers.get("connection") == "close":
            await self.close()
        return answer

    async def ask_surely(self, method: str, path: str, body: Json | None = None, *, credential: str = "") -> Answer:
        """The answer, asked for until it is no refusal of a store on a machine that stood still."""
        while True:
            answer = await self.ask(method, path, body, credential=credential)
            if not was_overloaded(answer.status, answer.body):
                return answer
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """There is no connection any more."""
        if self._streams is not None:
            _, writer = self._streams
            self._streams = None
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def ask(port: int, method: str, path: str, body: Json | None = None, *, credential: str = "") -> Answer:
    """The answer to one request on a connection of its own."""
    async with _once(port) as connection:
        return await connection.ask(method, path, body, credential=credential)


async def ask_surely(port: int, method: str, path: str, body: Json | None = None, *, credential: str = "") -> Answer:
    """As `Connection.ask_surely`, on a connection of its own."""
    async with _once(port) as connection:
        return await connection.ask_surely(method, path, body, credential=credential)


@contextlib.asynccontextmanager
async def _once(port: int) -> AsyncIterator[Connection]:
    connection = Connection(port)
    try:
        yield connection
    finally:
        await connection.close()


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(head[0].split()[1]), headers, json.loads(content))


async def issue_until_refused(port: int, device: str, fates: Fates) -> None:
    """Issues one command after the other, until the server accepts no more."""
    connection = Connection(port)
    while True:
        try:
            fates.answers.append(await connection.ask("POST", f"/v1/{device}:issueCommand", {"type": "LOCK"}))
        except ConnectionRefusedError:
            fates.refused += 1
            return
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            fates.lost.append(repr(error))
            await connection.close()
            return


async def operations_of(port: int, device: str) -> set[str]:
    """The names of all operations of the device."""
    connection, names, token = Connection(port), set[str](), ""
    while True:
        query = f"pageSize=1000&pageToken={token}&fields=operations/name,nextPageToken"
        page = (await connection.ask_surely("GET", f"/v1/{device}/operations?{query}")).body
        names |= {operation["name"] for operation in page.get("operations", ())}
        token = page.get("nextPageToken", "")
        if not token:
            await connection.close()
            return names

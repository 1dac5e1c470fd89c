"""What an app sends is written as uvicorn writes it: each app of a list answers behind uvicorn's own protocol and behind ours."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

import pytest
import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from heliograph.api.http.cycle import FIELDS_REMEMBERED, read_field
from heliograph.asgi import Asgi, Message, Receive, Scope, Send
from heliograph.server import listening_socket, serving
from tests.patience import PATIENCE_S

LENGTH, CHUNKED, PLAIN = (b"content-length", b"5"), (b"transfer-encoding", b"chunked"), (b"content-type", b"text/plain")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Message:
    """The message that begins an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: bytes = b"", *, more: bool = False) -> Message:
    """A message of its body."""
    return {"type": "http.response.body", "body": body, "more_body": more}


ANSWERS: dict[str, list[Message]] = {
    "with a length": [start(PLAIN, LENGTH), part(b"hello")],
    "with a length, in parts": [start(LENGTH), part(b"he", more=True), part(b"llo")],
    "with a length, and an empty end": [start(LENGTH), part(b"hello", more=True), part()],
    "without a length": [start(PLAIN), part(b"hello")],
    "without a length, in parts": [start(), part(b"he", more=True), part(more=True), part(b"llo", more=True), part()],
    "said to be chunked": [start(CHUNKED), part(b"hello", more=True), part(b"!")],
    "chunked after a length": [start(LENGTH, CHUNKED), part(b"hello")],
    "empty": [start((b"content-length", b"0")), part()],
    "no content": [start(status=204), part()],
    "not modified": [start(status=304), part()],
    "a status that has no name": [start(LENGTH, status=299), part(b"hello")],
    "not found": [start(LENGTH, status=404), part(b"hello")],
    "a name in capitals": [start((b"Content-Length", b"5"), (b"X-Y", b"Z")), part(b"hello")],
    "the last one": [start(LENGTH, (b"connection", b"close")), part(b"hello")],
    "the last one, among other tokens": [start(LENGTH, (b"connection", b"x, Close")), part(b"hello")],
    "kept alive by its word": [start(LENGTH, (b"connection", b"keep-alive")), part(b"hello")],
    "headers twice": [start(LENGTH, (b"x", b"1"), (b"x", b"2")), part(b"hello")],
}
FAULTS: dict[str, list[Message]] = {
    "too long": [start(LENGTH), part(b"hello!")],
    "too long in its second part": [start(LENGTH), part(b"hell", more=True), part(b"oh")],
    "too short": [start(LENGTH), part(b"hell")],
    "no end": [start(LENGTH), part(b"hell", more=True)],
    "no body": [start(LENGTH)],
    "a second start": [start(LENGTH), start(LENGTH)],
    "no start": [part(b"hello")],
    "nothing": [],
    "a name with a line in it": [start((b"a\r\nb", b"c")), part()],
    "a value with a line in it": [start((b"a", b"b\r\nc: d")), part()],
    "a value with a NUL": [start((b"a", b"\0")), part()],
}
TOO_MUCH = {"an end after the end": [*ANSWERS["with a length"], part()], "a start after the end": [*ANSWERS["empty"], start()]}
REQUESTS = {
    "1.1": b"GET /%d HTTP/1.1\r\nhost: x\r\n\r\n",
    "1.1, the last": b"GET /%d HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    "1.0": b"GET /%d HTTP/1.0\r\n\r\n",
    "HEAD": b"HEAD /%d HTTP/1.1\r\nhost: x\r\n\r\n",
    "with a body": b"POST /%d HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc",
}
SCRIPTS = [*(ANSWERS | FAULTS | TOO_MUCH).items()]


async def play(scope: Scope, _receive: Receive, send: Send) -> None:
    """The app: it sends the answer whose number is the path."""
    for message in SCRIPTS[int(scope["path"][1:])][1]:
        await send(message)


class Ports(NamedTuple):
    """Where the same app answers."""

    ours: int
    theirs: int


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    """Both servers, in one thread."""
    started: Future[tuple[Ports, asyncio.AbstractEventLoop, asyncio.Event]] = Future()
    thread = threading.Thread(target=lambda: uvloop.run(_serve(play, started)))
    thread.start()
    found, loop, stopping = started.result(PATIENCE_S)
    yield found
    loop.call_soon_threadsafe(stopping.set)
    thread.join(PATIENCE_S)


async def _serve(app: Asgi, started: "Future[Any]") -> None:
    async def drain() -> None:
        """Nothing stays open."""

    stopping = asyncio.Event()
    config = uvicorn.Config(
        app, loop="none", http=HttpToolsProtocol, lifespan="off", access_log=False, log_config=None, server_header=False, date_header=False
    )
    uvicorns = uvicorn.Server(config)
    with listening_socket("127.0.0.1", 0) as ours, listening_socket("127.0.0.1", 0) as theirs:
        async with serving(app, ours, drain=drain):
            task = asyncio.create_task(uvicorns._serve(sockets=[theirs]))  # noqa: SLF001 - `serve` takes the process's signals
            started.set_result((Ports(ours.getsockname()[1], theirs.getsockname()[1]), asyncio.get_running_loop(), stopping))
            await stopping.wait()
        uvicorns.should_exit = True
        await task


def bytes_of(port: int, request: bytes, *, hang_up: bool) -> bytes:
    """All that the server sends until it closes: because it wants to, or because we have sent our last request."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        # In one piece: a server that closes with something left unread resets the connection, and its answer may be lost.
        connection.sendall(request + REQUESTS["1.1, the last"] % 0 if hang_up else request)
        heard = b""
        while data := connection.recv(65_536):
            heard += data
        return heard


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_written_as_uvicorn_writes_it(ports: Ports, name: str, request_: str) -> None:
    number = [script for script, _ in SCRIPTS].index(name)
    request = REQUESTS[request_] % number

    theirs = bytes_of(ports.theirs, request, hang_up=True)

    assert theirs.startswith(b"HTTP/1.1 ")
    assert theirs == bytes_of(ports.ours, request, hang_up=True)


@pytest.mark.parametrize("name", FAULTS)
def test_an_app_that_sends_no_answer_ends_the_connection_in_both(ports: Ports, name: str) -> None:
    number = [script for script, _ in SCRIPTS].index(name)

    theirs = bytes_of(ports.theirs, REQUESTS["1.1"] % number, hang_up=False)
    ours = bytes_of(ports.ours, REQUESTS["1.1"] % number, hang_up=False)

    if theirs.startswith(b"HTTP/1.1 500"):  # the words are ours
        assert ours.startswith(b"HTTP/1.1 500")
        assert b"connection: close" in ours
        assert b'"INTERNAL"' in ours
    else:
        assert theirs == ours


@pytest.mark.parametrize("name", TOO_MUCH)
def test_what_an_app_sends_after_its_answer_is_not_written(ports: Ports, name: str) -> None:
    number = [script for script, _ in SCRIPTS].index(name)
    request = REQUESTS["1.1, the last"] % number

    assert bytes_of(ports.theirs, request, hang_up=False) == bytes_of(ports.ours, request, hang_up=False)


def test_no_more_headers_are_remembered_than_that() -> None:
    for number in range(2 * FIELDS_REMEMBERED):
        read_field(b"x", b"%d" % number)

    assert read_field.cache_info().currsize <= FIELDS_REMEMBERED

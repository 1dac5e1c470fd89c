"""The socket, and uvicorn on it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import uvicorn

from heliograph.api.http.address import parse_networks
from heliograph.api.http.connections import SPARES, Connections
from heliograph.api.http.cycle import Lane
from heliograph.api.http.http_protocol import Http11
from heliograph.api.http.ws_protocol import WebSocket13
from heliograph.asgi import Asgi
from heliograph.machine import allow_open_files, open_files_allowed
from heliograph.protocol import MESSAGE_MAX_BYTES
from heliograph.server.stopping import Listener
from heliograph.service.limits import HttpLimits

DEAD_PEER_MS = 60_000
"""The kernel cuts off a peer that reads nothing for this long; no layer above can abort such a socket."""


RESERVE_LEAST, RESERVE_MOST = 12, 256
"""File descriptors that no connection takes: databases, their logs and servers, notifications on their way."""
OPEN_FILES_GUESS = 32
UNCHANGED = HttpLimits()


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound, listening TCP socket; `port` 0 takes a free one.  Raises: OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
    # Inherited by every connection. An event loop does this by itself only for sockets that it made: without it, an answer's body
    # waits 40 ms for the acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, port))
    listener.listen(4_096)  # a restarted server meets all its phones at once
    return listener


def _descriptors_left() -> int | None:
    """How many connections may have one; None: no limit."""
    most = open_files_allowed()
    if most is None:
        return None
    reserve = min(max(most // 8, RESERVE_LEAST), RESERVE_MOST)
    return max(most - _open_files() - reserve - SPARES, 1)


def _open_files() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return OPEN_FILES_GUESS


def allow_many_connections() -> None:
    """As many sockets may be open as the system lets this process have: a fleet is thousands of idle connections."""
    allow_open_files()


def _is_news(record: logging.LogRecord) -> bool:
    """Uvicorn takes every WebSocket that is denied (401, 410: daily bread) for an error of ours."""
    return "without completing handshake" not in str(record.msg)


@contextlib.asynccontextmanager
async def serving(  # noqa: PLR0913 - one option each
    app: Asgi,
    listener: socket.socket,
    *,
    drain: Callable[[], Awaitable[None]],
    shutdown_s: int = 10,
    limits: HttpLimits = UNCHANGED,
    trusted_proxies: Sequence[str] = (),
    lane: Lane | None = None,
) -> AsyncIterator[Listener]:
    """The app answers on the socket; on leaving, every request is answered and no more are accepted (stopping.py).

    That takes at most four fifths of `shutdown_s`; the rest is for the store to close. `drain()` is awaited on the way.
    `limits`: what connections may cost; addresses of `trusted_proxies` may have as many as there are. `lane`: a way around the app.

    Raises: InvalidArgument: a trusted proxy that is not an address or network.
    """
    connections = Connections(limits=limits, descriptors=_descriptors_left(), trusted=parse_networks(trusted_proxies))
    config = uvicorn.Config(
        app, loop="none", http=Http11, ws=WebSocket13, ws_ping_interval=30.0, ws_ping_timeout=30.0,
        ws_per_message_deflate=False, ws_max_size=MESSAGE_MAX_BYTES,
        interface="asgi3", proxy_headers=False, lifespan="off", access_log=False, log_config=None,
        server_header=False, date_header=False,
    )  # fmt: skip
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    server = Listener(config, connections=connections, drain=drain, shutdown_s=shutdown_s, lane=lane)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn offers a flag, not an event
        await asyncio.sleep(0.005)
    try:
        yield server
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


def url_of(listener: socket.socket) -> str:
    """The address of a listening socket, as a client writes it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def near_url(listener: socket.socket) -> str:
    """The address of a listening socket for a client on the same machine."""
    return url_of(listener).replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")

"""How a server ends: every request is answered, and no client can keep it from ending.

First no new connections; then phones are sent away, each with a hint when to come again, and callers with `Connection: close` on the
answer to their last request; then connections are closed, and unfinished ones are cut off.
"""

import asyncio
import contextlib
import os
import selectors
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import structlog
import uvicorn

from heliograph.api.http.connections import Connections, Place
from heliograph.api.http.cycle import Lane
from heliograph.api.http.http_protocol import Http11
from heliograph.asgi import Asgi
from heliograph.machine import on_signal
from heliograph.server.accepting import Acceptor
from heliograph.server.entrance import Entrance
from heliograph.storage.exit_now import EX_SOFTWARE

T = TypeVar("T")
log = structlog.get_logger()

ANSWERS_SHARE = 0.8
"""Share of the time to stop for requests in progress. The rest is for the store to close."""
LAST_REQUESTS_SHARE = 0.1
"""Of the time to stop: how long connections without a request stay open, for one may be on its way. Its answer closes them."""
LOOK_EVERY_S = 0.02
LOOK_EVERY_TICKS = 5
"""Of a tenth of a second: who is overdue is seen so late."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Listener(uvicorn.Server):
    """uvicorn, ending as above. Signals are left to us: it would end the process by the signal's default before the store closes."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        connections: Connections,
        drain: Callable[[], Awaitable[None]],
        shutdown_s: float,
        lane: Lane | None = None,
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._drain = drain
        self._shutdown_s = shutdown_s
        self._lane = lane

    def entrance(self, listener: socket.socket, app: Asgi) -> Entrance:
        """Another socket, at which another app answers: it shares this server's bounds, and costs no task.

        It is closed before this server ends.  Raises: NoDescriptorLeft.
        """
        self._connections.less_by_one()
        return Entrance(self.config, self.server_state, listener, app, self._connections)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Connections are taken, as many as there may be: uvicorn would take every one that comes."""
        await super().startup(sockets=[])

        def protocol(place: Place) -> asyncio.Protocol:
            state = self.lifespan.state
            return Http11(self.config, self.server_state, state, connections=self._connections, place=place, lane=self._lane)

        # uvicorn closes them and waits for their end, no more.
        self.servers = [Acceptor(listener, protocol, self._connections) for listener in sockets or ()]  # type: ignore[misc]

    async def on_tick(self, counter: int) -> bool:
        if counter % LOOK_EVERY_TICKS == 0:
            self._connections.look(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Every request is answered and every connection closed, or the time is over."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await self._stop_listening(sockets or [])
        self._close_with_next_answers()
        await self._drain()
        last_requests_until_s = began_s + LAST_REQUESTS_SHARE * self._shutdown_s
        while self._http_connections() and loop.time() < last_requests_until_s:  # noqa: ASYNC110 - uvicorn offers a set, not an event
            await asyncio.sleep(LOOK_EVERY_S)
        # Typed as whole seconds, but handed on to asyncio.wait_for.
        left_s = max(LOOK_EVERY_S, began_s + ANSWERS_SHARE * self._shutdown_s - loop.time())
        self.config.timeout_graceful_shutdown = left_s  # type: ignore[assignment]
        await super().shutdown(sockets)

    async def _stop_listening(self, sockets: Sequence[socket.socket]) -> None:
        """Who connects from now on is refused; who was let in by the kernel already is served: its request may be there."""
        waiting = selectors.DefaultSelector()
        for listener in sockets:
            waiting.register(listener, selectors.EVENT_READ)
        until_s = asyncio.get_running_loop().time() + LAST_REQUESTS_SHARE * self._shutdown_s
        while waiting.select(0) and asyncio.get_running_loop().time() < until_s:  # noqa: ASYNC110 - the loop accepts meanwhile
            await asyncio.sleep(0)
        waiting.close()
        for server in self.servers:
            server.close()
        for listener in sockets:
            listener.close()

    def _close_with_next_answers(self) -> None:
        self.config.encoded_headers.append((b"connection", b"close"))
        self.server_state.default_headers = self.config.encoded_headers
        for connection in self._http_connections():
            # Requests of one connection that wait behind another are answered first.
            connection.end_soon()

    def _http_connections(self) -> list[Http11]:
        return [connection for connection in self.server_state.connections if isinstance(connection, Http11)]


@contextlib.contextmanager
def first_signal() -> Iterator[asyncio.Event]:
    """What SIGINT or SIGTERM sets. After the block another one ends the process at once, as kill -9 does: what was promised is on disk."""
    came = asyncio.Event()
    with contextlib.ExitStack() as handlers:
        for number in SIGNALS:
            handlers.enter_context(on_signal(number, came.set))
        yield came


async def begun_before(came: asyncio.Event, beginning: Awaitable[T]) -> T | None:
    """The result of the beginning; None: the event came first, so the beginning was cancelled and undid its work."""
    limit = asyncio.timeout(None)
    try:
        async with limit:
            watch = asyncio.create_task(_expire(limit, came))
            try:
                return await beginning
            finally:
                watch.cancel()
    except TimeoutError:
        if not limit.expired():  # it is not ours
            raise
    return None


async def _expire(limit: asyncio.Timeout, came: asyncio.Event) -> None:
    await came.wait()
    limit.reschedule(asyncio.get_running_loop().time())


@contextlib.contextmanager
def ended_within(most_s: float) -> Iterator[None]:
    """What is done inside ends by then, or the process ends without it: a disk that hangs must not keep it for ever."""
    timer = threading.Timer(most_s, _end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end() -> None:
    log.critical("server.end_forced", why="The server did not end in time: its storage does not answer, or the machine is overloaded.")
    os._exit(EX_SOFTWARE)

"""Accepts connections up to a bound: the others wait in the kernel, or may only ask how the server is.

An event loop's own server accepts all, and resets everyone when no file descriptor is left.
"""

import asyncio
import errno
import functools
import socket
from collections.abc import Callable

import structlog

from heliograph.api.http.connections import Connections, Place
from heliograph.service.metrics import PROCESS

log = structlog.get_logger()

AT_ONCE = 64
"""Connections taken before anything else has its turn."""
PAUSE_S = 0.05
"""Until the next look, if no connection can be accepted now."""
NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Acceptor:
    """Of one listening socket, from its creation to `close()`."""

    def __init__(self, listener: socket.socket, protocol: Callable[[Place], asyncio.Protocol], connections: Connections) -> None:
        listener.setblocking(False)  # noqa: FBT003
        self._listener = listener
        self._protocol = protocol
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._closed = False
        self._listen()

    def close(self) -> None:
        """Accept no more connections."""
        if self._closed:
            return
        self._closed = True
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Every accepted connection has a protocol."""
        if self._opening:
            await asyncio.wait(self._opening)

    def _listen(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._take)

    def _wait(self) -> None:
        """The socket stays ready meanwhile, but is not watched."""
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(PAUSE_S, self._listen)

    def _take(self) -> None:
        for _ in range(AT_ONCE):
            if not self._connections.may_come(self._loop.time()):
                self._wait()
                return
            try:
                taken, address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in NO_ROOM:
                    PROCESS.connections_crowded["descriptors"] += 1
                    log.error("http.no_descriptors", reason=error.strerror)  # noqa: TRY400 - a traceback would add nothing
                    self._wait()
                    return
                continue  # it went away before it was taken
            place = self._connections.come(address[0], self._loop.time())
            if place is None:
                taken.close()
                continue
            task = self._loop.create_task(self._open(taken, place))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, taken: socket.socket, place: Place) -> None:
        try:
            taken.setblocking(False)  # noqa: FBT003
            await self._loop.connect_accepted_socket(functools.partial(self._protocol, place), taken)
        except OSError:  # it went away
            taken.close()
            place.free()

"""A TCP proxy that breaks what goes through it: cuts connections, lets them fall silent, delays, closes one half; by direction."""

import asyncio
import contextlib
import enum
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

CHUNK_BYTES = 65_536


class Way(enum.Enum):
    """A direction."""

    IN = "from whoever connects"
    OUT = "to whoever connected"


@dataclass(eq=False)
class Link:
    """One connection through the proxy: its two sockets, and what flows."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    flows: dict[Way, asyncio.Event] = field(default_factory=lambda: {way: asyncio.Event() for way in Way})
    """A direction flows while its event is set."""
    moved: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    """Bytes passed on so far."""
    cut_after: dict[Way, int] = field(default_factory=dict)
    """The byte after which the connection is cut."""

    def cut(self) -> None:
        """Both sides see a reset; what was on its way is lost."""
        for writer in (self.client, self.server):
            reset(writer)
        # Whoever waits to pass something on finds out.
        for flow in self.flows.values():
            flow.set()

    def silence(self, *ways: Way) -> None:
        """Nothing more gets through (in these directions; none: in both), and no one learns of it."""
        for way in ways or Way:
            self.flows[way].clear()

    def half_close(self, way: Way) -> None:
        """The end of the stream gets through in this direction; the other one goes on."""
        writer = self.server if way is Way.IN else self.client
        with contextlib.suppress(OSError, RuntimeError):
            writer.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """The connection is closed by a reset, not by an end of the stream."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


Watch = Callable[[Link, Way, bytes], bool]
"""`watch(link, way, chunk)`: whether the chunk is passed on. It may cut or silence the link."""


def pass_on(_link: Link, _way: Way, _chunk: bytes) -> bool:
    """Nothing is held back."""
    return True


class CuttingProxy:
    """Listens on a free loopback port and passes everything on to `target` (host and port), until a test meddles."""

    def __init__(self, target: tuple[str, int], *, watch: Watch = pass_on) -> None:
        self.links: set[Link] = set()
        self.delay_s = 0.0
        """How long every chunk waits."""
        self.refusing = False
        """Whether new connections are reset at once."""
        self.watch = watch
        self._target = target
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where HTTP clients find it."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, sock=self._socket)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> int:
        """How many connections were cut: all."""
        links = tuple(self.links)
        for link in links:
            link.cut()
        return len(links)

    def cut_some(self, chance: random.Random) -> None:
        """Each connection is cut or not."""
        for link in tuple(self.links):
            if chance.random() < 0.5:
                link.cut()

    async def refuse_for(self, seconds: float) -> None:
        """All connections are cut, and new ones reset, for this long."""
        self.refusing = True
        self.cut()
        await asyncio.sleep(seconds)
        self.heal()

    def heal(self) -> None:
        """Nothing is broken any more; connections that had fallen silent are cut."""
        self.refusing, self.delay_s, self.watch = False, 0.0, pass_on
        for link in tuple(self.links):
            link.cut_after.clear()
            if not all(flow.is_set() for flow in link.flows.values()):
                link.cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pumps.add(task)
        task.add_done_callback(self._pumps.discard)
        if self.refusing:
            reset(writer)
            return
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            reset(writer)
            return
        link = Link(writer, to_server)
        self.links.add(link)
        for flow in link.flows.values():
            flow.set()
        try:
            await asyncio.gather(self._pump(link, Way.IN, reader, to_server), self._pump(link, Way.OUT, from_server, writer))
        finally:
            self.links.discard(link)
            link.cut()

    async def _pump(self, link: Link, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Returns at the end of the stream, which is passed on, or when the connection is cut."""
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.watch(link, way, chunk):
                    await self._pass(link, way, writer, chunk)
            await link.flows[way].wait()
            link.half_close(way)
        except (OSError, RuntimeError):
            link.cut()

    async def _pass(self, link: Link, way: Way, writer: asyncio.StreamWriter, chunk: bytes) -> None:
        await link.flows[way].wait()
        most = link.cut_after.get(way)
        writer.write(chunk if most is None else chunk[: max(0, most - link.moved[way])])
        link.moved[way] += len(chunk)
        await writer.drain()
        if most is not None and link.moved[way] >= most:
            link.cut()

"""A WebSocket of which only ASGI's messages are to be had: of a server that hands none over, or one that something stands around."""

import asyncio
from collections.abc import Callable

from heliograph.asgi import Listener, Message, Receive, Send

Keep = Callable[[float, bool], None]
"""Sets after how many seconds of silence the connection is in doubt, and whether the server pings then."""


class AsgiWire:
    """A `Wire`. What is sent goes in order, in a task that lasts as long as that takes; what comes is read in the caller's own."""

    def __init__(self, send: Send, listener: Listener, keep: Keep | None = None) -> None:
        """`keep` sets how the connection below is kept open, if it can be lost unnoticed."""
        self._send = send
        self._listener = listener
        self._keep = keep
        self._reader = asyncio.current_task()
        self._sender: asyncio.Task[None] | None = None
        self._unsent: list[Message] = []
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._ended = self._cut = False

    @property
    def waits(self) -> bool:
        return self._sender is not None

    def send(self, text: bytes) -> None:
        if not self._ended:
            self._put({"type": "websocket.send", "text": text.decode()})

    def close(self, code: int, reason: str) -> None:
        if not self._ended:
            self._put({"type": "websocket.close", "code": code, "reason": reason})
            self._ended = True
            self._resumed.set()

    async def closed(self) -> None:
        if self._sender is not None:
            await asyncio.wait([self._sender])

    def pause(self) -> None:
        self._resumed.clear()

    def resume(self) -> None:
        self._resumed.set()

    def keep_alive(self, every_s: float, server_pings: bool) -> None:  # noqa: FBT001 - as the extension KEEP_ALIVE
        if self._keep is not None:
            self._keep(every_s, server_pings)

    async def serve(self, receive: Receive) -> None:
        """What comes is the listener's, until the connection ends."""
        try:
            while (message := await receive())["type"] == "websocket.receive":
                text = message.get("text")
                self._listener.take(text.encode() if text is not None else message.get("bytes") or b"")
                await self._resumed.wait()
                if self._ended:
                    break
            await self.closed()
        except asyncio.CancelledError:
            if not self._cut:
                raise
        finally:
            self._lose()

    def _put(self, message: Message) -> None:
        self._unsent.append(message)
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        sender, loop = self._sender, asyncio.get_running_loop()
        try:
            while self._unsent:
                # Not asyncio.timeout, which costs as much as the sending itself.
                timer = loop.call_later(self._listener.unread_most_s, self._cut_off, sender)
                try:
                    await self._send(self._unsent.pop(0))
                finally:
                    timer.cancel()
        except OSError:  # ASGI's word for a peer that has gone
            self._cut_off(None)
        finally:
            self._sender = None
        self._listener.ready()

    def _cut_off(self, sender: asyncio.Task[None] | None) -> None:
        """Nothing more is read from the peer, and nothing is sent."""
        self._ended = self._cut = True
        self._unsent.clear()
        self._lose()
        for task in (self._reader, sender):
            if task is not None:
                task.cancel()

    def _lose(self) -> None:
        self._ended = True
        self._listener.lost()

"""How a WebSocket's bytes are read: every refusal of a handshake has Google's form, and a peer that does not read is not read."""

import asyncio
import http
import logging
from typing import Any, cast

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from heliograph.api.http.connections import Place
from heliograph.api.http.errors import Internal, Malformed, http_status
from heliograph.api.http.ws_frames import SILENT_MOST, Frames
from heliograph.asgi import HAND_OVER, KEEP_ALIVE, Asgi, Listener, indented
from heliograph.domain.error_body import error_body

INTERNAL_ERROR = 500


class Handshake(ServerProtocol):
    """The protocol, its refusals in Google's form."""

    def reject(self, status: http.HTTPStatus | int, text: str) -> Response:
        """What was wrong is said in JSON."""
        code = int(status)
        error = Internal() if code >= INTERNAL_ERROR else Malformed(" ".join(text.split())[:512])
        body = indented(error_body(error, code))
        fields = (("Connection", "close"), ("Content-Length", str(len(body))), ("Content-Type", "application/json; charset=UTF-8"))
        return Response(code, http.HTTPStatus(code).phrase, Headers(fields), body)


class WebSocket13(WebSocketsSansIOProtocol):
    """One WebSocket connection; its place is free again when it is closed."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        place: Place | None = None,
        app: Asgi | None = None,
    ) -> None:
        """`app`: other than the configuration's."""
        super().__init__(config, server_state, app_state, _loop)
        if app is not None:
            self.app = app
        self._place = place
        self._silent_most_s = 0.0
        self._heard_at_s = 0.0
        self._silence: asyncio.TimerHandle | None = None
        self._has_read = False
        """Whether something came after the head of the handshake."""
        self.conn = Handshake(max_size=config.ws_max_size, logger=logging.getLogger("uvicorn.error"))

    def keep_alive(self, every_s: float, server_pings: bool) -> None:  # noqa: FBT001 - an extension of ASGI is called by position
        """With `server_pings`, the peer is pinged this often; else it is given up if it is silent for one and a half times as long."""
        self.stop_keepalive()
        self._stop_listening()
        if server_pings:
            self.ping_interval = every_s
            self.start_keepalive()
        else:
            self._silent_most_s = every_s * SILENT_MOST
            self._heard_at_s = self.loop.time()
            self._silence = self.loop.call_later(self._silent_most_s, self._give_up_if_silent)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = cast("dict[str, Any]", self.scope["extensions"])
            extensions[KEEP_ALIVE] = self.keep_alive
            extensions[HAND_OVER] = self.hand_over

    def hand_over(self, listener: Listener) -> Frames | None:
        """As `HandOver`. Nothing of this object is needed any more, nor of the handshake."""
        if not self.handshake_complete or self.disconnected or self.close_sent or self.transport.is_closing() or self._has_read:
            return None
        self._stop_listening()
        self.stop_keepalive()
        transport, self.transport = self.transport, _Elsewhere()
        place, self._place = self._place, None
        self.connections.discard(self)
        frames = Frames(transport, listener, connections=self.connections, place=place, max_bytes=self.config.ws_max_size)
        if not self.writable.is_set():
            frames.pause_writing()
        transport.set_protocol(frames)
        self.conn.parser.close()  # it and the library's object would hold each other
        self._forget_extensions()
        return frames

    def data_received(self, data: bytes) -> None:
        self._heard_at_s = self.loop.time()
        self._has_read = self.handshake_initiated
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._reject_handshake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_listening()
        self._forget_extensions()
        if self._place is not None:
            self._place.free()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """A peer that does not take its pongs sends no more pings."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    def _forget_extensions(self) -> None:
        """They would keep this object alive."""
        extensions: dict[str, Any] = vars(self).get("scope", {}).get("extensions", {})
        extensions.pop(KEEP_ALIVE, None)
        extensions.pop(HAND_OVER, None)

    def _give_up_if_silent(self) -> None:
        left_s = self._heard_at_s + self._silent_most_s - self.loop.time()
        if left_s > 0:
            self._silence = self.loop.call_later(left_s, self._give_up_if_silent)
        elif not self.disconnected:
            self._silence = None
            self.keepalive_timeout()

    def _stop_listening(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _reject_handshake(self) -> None:
        """Uvicorn leaves a head that its WebSocket library cannot read without an answer."""
        output = b"".join(self.conn.data_to_send())
        if not output:
            response = self.conn.reject(http_status(Malformed()), "The WebSocket handshake is not valid.")
            output = response.serialize()
        self.handshake_complete = self.close_sent = True
        self.transport.write(output)
        self.transport.close()


class _Elsewhere(asyncio.Transport):
    """In place of a transport that has another protocol now: uvicorn closes it when the app returns."""

    def is_closing(self) -> bool:
        return True

    def close(self) -> None:
        """It is not ours."""

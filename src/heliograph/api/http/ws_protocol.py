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
from heliograph.asgi import KEEP_ALIVE, Asgi, indented
from heliograph.domain.error_body import error_body

INTERNAL_ERROR = 500

SILENT_MOST = 1.5
"""Of the interval at which a peer keeps its connection open: a phone that sleeps is woken late at times."""


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

    def data_received(self, data: bytes) -> None:
        self._heard_at_s = self.loop.time()
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._reject_handshake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_listening()
        vars(self).get("scope", {}).get("extensions", {}).pop(KEEP_ALIVE, None)  # it would keep this object alive
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

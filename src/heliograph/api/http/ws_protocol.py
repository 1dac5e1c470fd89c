"""How a WebSocket's bytes are read: every refusal of a handshake has Google's form, and a peer that does not read is not read."""

import asyncio
import http
import logging
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.server import ServerProtocol

from heliograph.api.http.connections import Place
from heliograph.api.http.errors import Internal, Malformed, http_status
from heliograph.asgi import Asgi, indented
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
        self.conn = Handshake(max_size=config.ws_max_size, logger=logging.getLogger("uvicorn.error"))

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._reject_handshake()

    def connection_lost(self, exc: Exception | None) -> None:
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

    def _reject_handshake(self) -> None:
        """Uvicorn leaves a head that its WebSocket library cannot read without an answer."""
        output = b"".join(self.conn.data_to_send())
        if not output:
            response = self.conn.reject(http_status(Malformed()), "The WebSocket handshake is not valid.")
            output = response.serialize()
        self.handshake_complete = self.close_sent = True
        self.transport.write(output)
        self.transport.close()

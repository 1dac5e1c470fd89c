"""Another listening socket of a running server, with an app of its own: a thousand of them cost a file descriptor and 3 KB each."""

import asyncio
import socket

import uvicorn
from uvicorn.server import ServerState

from heliograph.api.http.connections import Connections, Place
from heliograph.api.http.http_protocol import Http11
from heliograph.asgi import Asgi
from heliograph.server.accepting import Acceptor


class Entrance:
    """Made by `Listener.entrance`. Event loop only."""

    def __init__(self, config: uvicorn.Config, shared: ServerState, listener: socket.socket, app: Asgi, connections: Connections) -> None:
        self._listener = listener
        self._connections = connections
        # Tasks are waited for when the server ends; connections are this entrance's own, and go with it.
        self._state = state = ServerState()
        state.tasks, state.default_headers = shared.tasks, shared.default_headers

        def protocol(place: Place) -> asyncio.Protocol:
            return Http11(config, state, {}, connections=connections, place=place, app=app)

        self._acceptor = Acceptor(listener, protocol, connections)

    async def close(self) -> None:
        """Who connects is refused, and no connection is left that is not being answered; the others end with their answer.

        The port may be given to another app soon.
        """
        self._acceptor.close()
        self._listener.close()
        await self._acceptor.wait_closed()  # those that were taken have a protocol now
        for connection in list(self._state.connections):
            connection.shutdown()
        self._connections.more_by_one()

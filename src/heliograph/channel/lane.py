"""The hot lane of phones that speak HTTP: an acknowledgement or a report is answered without a task, if nothing but its rule is waited for.

It takes a request whose body is there, of a device that is known without asking the storage; every other goes to the ASGI app as it came
(app.py). What it does with a message is what the app and a WebSocket do, by the same functions (session.py).
"""

from collections.abc import Awaitable, Callable

import msgspec

from heliograph.asgi import Asgi, Exchange, Receive, Scope, Send
from heliograph.channel.answer import Answer
from heliograph.channel.peers import Peers
from heliograph.channel.requests import credential, headers_of, send_answer
from heliograph.channel.session import AT_ONCE, Session
from heliograph.domain.names import OperationName
from heliograph.protocol import MESSAGE_MAX_BYTES
from heliograph.protojson.errors import HeliographError
from heliograph.service.ports import Ports


class DeviceLane:
    """The lane into the device protocol, whose paths begin with `root`."""

    def __init__(
        self, ports: Ports, peers: Peers, *, root: str, address_of: Callable[[Scope], str], around: Callable[[Asgi], Asgi]
    ) -> None:
        """`address_of(scope)`: the IP address of a request's sender; `around`: what stands around the app, and around what a task does."""
        self._ports = ports
        self._peers = peers
        self._root = root
        self._address_of = address_of
        self._around = around

    def take(self, exchange: Exchange) -> bool:
        """Whether the request is answered, or will be. False: nothing was done. Never raises."""
        scope, body = exchange.scope, exchange.whole_body
        path: str = scope["path"]
        if body is None or len(body) > MESSAGE_MAX_BYTES or scope["method"] != "POST" or not path.startswith(self._root):
            return False
        operation, _, kind = path[len(self._root) :].rpartition(":")
        if kind not in AT_ONCE:
            return False
        try:
            supposed = OperationName.parse(operation).device
            session = Session(self._ports, self._peers, credential(scope), address=self._address_of(scope), supposed=supposed)
        except HeliographError:
            return False
        return session.handle_at_once(kind, bytes(body), RequestAnswering(exchange, self._around), operation=operation)


class RequestAnswering(msgspec.Struct, frozen=True):
    """An `Answering` of a request."""

    exchange: Exchange
    around: Callable[[Asgi], Asgi]

    def answered(self, answer: Answer) -> None:
        """Written at once."""
        self.exchange.answer(answer.status, headers_of(answer), answer.body)

    def go_on(self, answering: Awaitable[Answer]) -> None:
        """In a task of its own."""

        async def rest(_scope: Scope, _receive: Receive, send: Send) -> None:
            await send_answer(send, await answering)

        self.exchange.start(self.around(rest))

"""A phone's message that waits for its rule without a task."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

from heliograph.channel.answer import OK, Answer, encode
from heliograph.channel.peers import Peer
from heliograph.domain.audit import Acting
from heliograph.protocol import Message
from heliograph.protojson.errors import HeliographError


class Waiting(NamedTuple):
    """The message, and who sent it."""

    kind: str
    body: bytes
    acting: Acting
    peer: Peer
    """One of its requests is this one, until the rule is decided."""


class Handler(Protocol):
    """Who answers what is not the usual."""

    async def handle(self, kind: str, body: bytes) -> Answer:
        """The answer to the message."""

    async def rejected(self, acting: Acting, error: HeliographError) -> Answer:
        """The answer to a message that met this error."""


class Answering(Protocol):
    """Who brings the answer to the phone."""

    def answered(self, answer: Answer) -> None:
        """Brought to the phone, and its next message is read."""

    def go_on(self, answering: Awaitable[Answer]) -> None:
        """The answer must be waited for."""


class MessageWaiter:
    """A `Waiter`: the rule's answer becomes the phone's."""

    __slots__ = ("_answering", "_conclude", "_handler", "_waiting")

    def __init__(self, handler: Handler, waiting: Waiting, conclude: Callable[[Any], Message | None], answering: Answering) -> None:
        """`conclude(the rule's answer)`: None if the message must be handled otherwise."""
        self._handler = handler
        self._waiting = waiting
        self._conclude = conclude
        self._answering = answering

    def done(self) -> bool:
        """The rule runs in any case; a phone that has gone asks again."""
        return False

    def set_result(self, result: Any, /) -> None:  # noqa: ANN401 - the rule's
        """The phone is answered."""
        self._waiting.peer.requests -= 1
        try:
            message = self._conclude(result)
            if message is None:
                self._answering.go_on(self._handler.handle(self._waiting.kind, self._waiting.body))
            else:
                self._answering.answered(Answer(OK, encode(message)))
        except Exception as error:  # noqa: BLE001 - others wait for their answers behind this one
            self._answering.go_on(self._failed(error))

    def set_exception(self, exception: Exception, /) -> None:
        """The phone is answered in a task: the rejection is recorded."""
        self._waiting.peer.requests -= 1
        self._answering.go_on(self._failed(exception))

    async def _failed(self, error: Exception) -> Answer:
        if not isinstance(error, HeliographError):
            raise error
        return await self._handler.rejected(self._waiting.acting, error)

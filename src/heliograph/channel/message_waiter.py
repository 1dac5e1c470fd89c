"""A phone's message that waits for its rule without a task."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from heliograph.channel.answer import OK, Answer, encode
from heliograph.channel.peers import Peer
from heliograph.domain.audit import Acting
from heliograph.protocol import Message
from heliograph.protojson.errors import HeliographError


class Handler(Protocol):
    """Who answers what is not the usual."""

    async def handle(self, kind: str, body: bytes, *, operation: str = "") -> Answer:
        """The answer to the message."""

    async def rejected(self, acting: Acting, error: HeliographError) -> Answer:
        """The answer to a message that met this error."""


class Answering(Protocol):
    """Who brings the answer to the phone."""

    def answered(self, answer: Answer) -> None:
        """Brought to the phone, and its next message is read."""

    def go_on(self, answering: Awaitable[Answer]) -> None:
        """The answer must be waited for."""


class MessageWaiter(msgspec.Struct, frozen=True):
    """A `Waiter`: the rule's answer becomes the phone's."""

    handler: Handler
    kind: str
    body: bytes
    operation: str
    """That an HTTP path names."""
    acting: Acting
    """Who sent it."""
    peer: Peer
    """One of its requests is this one, until the rule is decided."""
    conclude: Callable[[Any], Message | None]
    """`conclude(the rule's answer)`: None if the message must be handled otherwise."""
    answering: Answering

    def done(self) -> bool:
        """The rule runs in any case; a phone that has gone asks again."""
        return False

    def set_result(self, result: Any, /) -> None:  # noqa: ANN401 - the rule's
        """The phone is answered."""
        self.peer.requests -= 1
        try:
            message = self.conclude(result)
            if message is None:
                self.answering.go_on(self.handler.handle(self.kind, self.body, operation=self.operation))
            else:
                self.answering.answered(Answer(OK, encode(message)))
        except Exception as error:  # noqa: BLE001 - others wait for their answers behind this one
            self.answering.go_on(self._failed(error))

    def set_exception(self, exception: Exception, /) -> None:
        """The phone is answered in a task: the rejection is recorded."""
        self.peer.requests -= 1
        self.answering.go_on(self._failed(exception))

    async def _failed(self, error: Exception) -> Answer:
        if not isinstance(error, HeliographError):
            raise error
        return await self.handler.rejected(self.acting, error)

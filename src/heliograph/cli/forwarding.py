"""Events handed on to an endpoint, as `serve --push-endpoint` would push them: one after the other, each until it is taken."""

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import msgspec

from heliograph.backoff import Backoff
from heliograph.cli.exit_codes import ExitCode
from heliograph.cli.failure import Failure
from heliograph.notifications.push import PushPublisher
from heliograph.protojson.errors import InvalidArgument
from heliograph.protojson.times import parse_timestamp_us
from heliograph.service.destination_rests import LONGEST_ASKED_US
from heliograph.service.outbox import PUSH, DestinationClosed, NotPublished, OutboxMessage

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""Shorter than a server's: a developer who has mended a handler waits for the next attempt."""


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    cursor: str
    notification_type: str
    create_time: str
    data: msgspec.Raw = msgspec.Raw()


class Forwarder:
    """A connection to one endpoint; a context manager, which closes it."""

    def __init__(self, endpoint: str, *, attempts_most: int, on_failure: Callable[[str], None]) -> None:
        """`attempts_most`: an event is given up after so many, 0: never. `on_failure` gets a sentence for each failure.

        Raises: Failure: not the address of an endpoint.
        """
        try:
            self._publisher = PushPublisher(endpoint)
        except InvalidArgument as error:
            raise Failure(ExitCode.INVALID, f"--forward-to: {error.message}") from None
        self._attempts_most = attempts_most
        self._on_failure = on_failure
        self._loop = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._loop.run(self._publisher.close())
        self._loop.close()

    def forward(self, event: bytes) -> bool:
        """Whether the endpoint took the event, one line of JSON; otherwise it was given up."""
        message = _message(event)
        backoff = Backoff(random.random, first_s=FIRST_PAUSE_S, most_s=LONGEST_PAUSE_S)
        attempts = 0
        while True:
            attempts += 1
            try:
                self._loop.run(self._publisher.publish(message))
            except NotPublished as error:
                given_up = isinstance(error, DestinationClosed) or attempts == self._attempts_most
                pause_s = backoff.next_s(min(error.retry_after_us or 0, LONGEST_ASKED_US) / 1_000_000)
                after = "given up" if given_up else f"again in {pause_s:.1f} s"
                self._on_failure(f"Event {message.message_id} was not taken (attempt {attempts}): {error}; {after}.")
                if given_up:
                    return False
                time.sleep(pause_s)
            else:
                return True


def _message(line: bytes) -> OutboxMessage:
    """The event as a message to push; its cursor is the message id, so that it is the same at every attempt."""
    event = msgspec.json.decode(line, type=_Event)
    created_us = parse_timestamp_us(event.create_time)
    return OutboxMessage(
        message_id=int(event.cursor),
        destination=PUSH,
        notification_type=event.notification_type,
        data=bytes(event.data),
        created_us=created_us,
        due_us=created_us,
    )

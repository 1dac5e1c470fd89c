"""How a phone talks to its server: one port, two ways (long-poll and WebSocket) that carry the same messages."""

from dataclasses import dataclass
from typing import Protocol

from heliograph.protocol import (
    Acknowledge,
    Begin,
    Enroll,
    Hello,
    Message,
    Offer,
    OrderCarriedOut,
    PhonePolicy,
    Ping,
    PushSubscription,
    Refuse,
    Report,
    StatusReport,
    UsageLogs,
)

OK = 200
BAD_REQUEST = 400
REQUEST_TIMEOUT = 408
TOO_MANY_REQUESTS = 429
UNAUTHENTICATED = 401
CONFLICT = 409
GONE = 410
SERVER_ERROR = 500

REPLY_WITHIN_S = 30.0
"""How long a phone waits for the answer to a message before it takes the connection for dead: thrice the slowest honest commit."""
NEWER_CONNECTION_RETRY_S = 60.0
"""Another holder of this credential is connected (a restored backup): two of them must not take turns in closing each other."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MOST_S = 60.0
"""A server that comes back after an outage is met by its whole fleet within a minute, spread by jitter."""
UNKNOWN_FIRST_S = 60.0
UNKNOWN_MOST_S = 3_600.0
"""A server that does not know the phone may have the wrong database until someone notices: it is asked again, but rarely: a fleet of
100,000 that asks hourly is 28 requests a second."""

KIND_OF: dict[type[Message], str] = {
    Enroll: "enroll",
    Hello: "hello",
    Acknowledge: "acknowledge",
    Begin: "begin",
    Refuse: "refuse",
    Report: "report",
    StatusReport: "status",
    UsageLogs: "usageLogs",
    Ping: "ping",
    PushSubscription: "pushSubscription",
    OrderCarriedOut: "orderCarriedOut",
}
"""A message's name on the wire."""


class ConnectionLost(Exception):
    """No answer came; whether the server heard the message is unknown."""

    def __init__(self, why: str, *, retry_after_s: float | None = None) -> None:
        """`retry_after_s`: when the server asked not to be called again before."""
        super().__init__(why)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered: an HTTP status, over WebSocket too, and a JSON body."""

    status: int
    body: bytes = b"{}"
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the server took the message."""
        return OK <= self.status < 300  # noqa: PLR2004 - HTTP's 2xx

    @property
    def try_again(self) -> bool:
        """Whether the same message may find a better answer later."""
        return self.status in {REQUEST_TIMEOUT, TOO_MANY_REQUESTS} or self.status >= SERVER_ERROR


class Transport(Protocol):
    """One phone's way to its server. Used by one agent, from one event loop.

    Raises (any method but `close`): ConnectionLost.
    """

    @property
    def needs_pings(self) -> bool:
        """Whether a silent connection says nothing by itself; else it asks from time to time."""

    async def connect(self, credential: str, hello: Hello) -> Reply:
        """The answer to Hello. Connected if it is ok, else not; a connection that there was is gone."""

    async def send(self, message: Message) -> Reply:
        """The answer to a message on the connection. Several may be in progress at once."""

    async def next_offer(self) -> Offer | PhonePolicy | Reply:
        """The next command offered on the connection, the policy that has changed, or what the server answers instead.

        One caller at a time, always waiting.
        """

    async def post(self, message: Message, credential: str = "") -> Reply:
        """The answer to a message that needs no connection: Enroll, OrderCarriedOut."""

    async def cut(self) -> None:
        """The connection is gone, without a word to the server, as when a process is killed. Every waiting method raises."""

    async def close(self) -> None:
        """Close the connection in good order; nothing is left open."""

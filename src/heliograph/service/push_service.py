"""Push services as the verbs see them: a port, and what all that wakes phones has in common."""

import enum
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from heliograph.domain.web_push import WakeUp, WebPushSubscription

if TYPE_CHECKING:
    from heliograph.service.vapid import VapidKey


class Outcome(enum.Enum):
    """How an attempt to wake a phone ended."""

    TAKEN = "taken"
    """The push service has the message; whether it reaches the phone is its business."""
    GONE = "gone"
    """It does not know the subscription any more."""
    PUT_OFF = "put_off"
    """It did not answer, or cannot now: later it may."""
    REFUSED = "refused"
    """It will not, however often it is asked."""
    GIVEN_UP = "given_up"
    """It was put off too often."""
    DROPPED = "dropped"
    """Too many phones waited, so it was not asked."""


class Pushed(NamedTuple):
    """What a push service answered."""

    outcome: Outcome
    said: str
    """For the log; of the subscription's URL only the host."""
    retry_after_us: int = 0
    """How long it wants to be left alone."""


class Pusher(Protocol):
    """How messages reach push services."""

    async def push(self, subscription: WebPushSubscription, wake_up: WakeUp) -> Pushed:
        """Posted, encrypted for the phone. Never raises what a push service can cause."""

    async def close(self) -> None:
        """Every connection is closed."""


class WebPush:
    """What the verbs and the waker of one process share; a server without it wakes no phones. Event loop only."""

    def __init__(self, key: "VapidKey") -> None:
        self.key = key
        self.used = False
        """Whether a phone of this database may have given a subscription: otherwise no command costs anything for this."""
        self.outcomes: Counter[Outcome] = Counter()

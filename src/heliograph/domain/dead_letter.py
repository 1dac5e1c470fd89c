"""Dead letters: notifications that were given up, kept for a while to be looked at and sent again."""

from typing import NamedTuple

import msgspec

from heliograph.domain.device import position


def is_message_id(text: str) -> bool:
    """Whether the text is a message's number."""
    return text.isascii() and text.isdigit() and len(text) < 19  # noqa: PLR2004 - digits of an int64, less one


class DeadLetterName(NamedTuple):
    """What a dead letter is found by: it keeps the message's id."""

    enterprise: str
    message_id: int

    def __str__(self) -> str:
        return f"enterprises/{self.enterprise}/deadLetters/{self.message_id}"


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """What the server keeps of a notification that was given up."""

    name: DeadLetterName
    destination: str
    notification_type: str
    data: bytes
    created_us: int
    attempts: int
    reason: str
    """Why it was given up, without secrets."""
    given_up_us: int
    expires_us: int

    @property
    def position(self) -> str:
        """The dead letter's place in lists: the oldest message first."""
        return position(self.created_us, f"{self.name.message_id:020d}")

"""The keys that this server's tokens to push endpoints are signed with: which one signs, and when there must be a new one."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from heliograph.domain.device import position

DAY_US = 86_400 * 1_000_000
SIGNS_US = 30 * DAY_US
"""After that there is a new key."""
AHEAD_US = DAY_US
"""How long a key is published before it signs: far longer than a receiver may keep what it fetched."""
AFTER_US = DAY_US
"""How long a key is published after it signs: far longer than a token lives."""
LIFE_US = 90 * DAY_US
"""How long a key is published. Mostly that is long after the next one took over; a server that pushes rarely may still sign with it."""


class SigningKeyName(NamedTuple):
    """What a signing key is found by: `kid` in tokens."""

    key_id: str


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key pair."""

    name: SigningKeyName
    created_us: int
    expires_us: int
    certificate: str
    """The public half: X.509 in PEM, signed by itself."""
    sealed: bytes
    """The private half, PKCS #8 in DER, sealed."""

    @property
    def position(self) -> str:
        """The key's place in lists (oldest first)."""
        return position(self.created_us, self.name.key_id)


def key_that_signs(keys: Iterable[SigningKey], *, now_us: int) -> SigningKey | None:
    """The newest key that has been published long enough, or the oldest; None: there is none.

    One that ends within AFTER_US signs no more: its tokens would outlive its publication.
    """
    oldest_first = sorted((key for key in keys if now_us + AFTER_US <= key.expires_us), key=lambda key: key.position)
    ready = [key for key in oldest_first if key.created_us + AHEAD_US <= now_us]
    return next(iter([*ready[-1:], *oldest_first[:1]]), None)


def needs_a_new_one(keys: Iterable[SigningKey], *, now_us: int) -> bool:
    """Whether the newest has signed long enough, or there is none."""
    return all(key.created_us + SIGNS_US <= now_us for key in keys)

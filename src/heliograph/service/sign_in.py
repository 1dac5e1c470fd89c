"""What telling callers apart needs from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from heliograph.domain.access import ServiceKey


class ServiceKeys(Protocol):
    """Durable storage of service-account keys' public halves. Few: whoever lists them gets them all.

    Raises (any method): as ports.Store.
    """

    async def service_key(self, key_id: str) -> ServiceKey | None:
        """The key."""

    async def service_keys_of(self, client_email: str) -> Sequence[ServiceKey]:
        """All keys of one account, oldest first."""

    async def service_keys(self) -> Sequence[ServiceKey]:
        """All keys, oldest first."""

    async def put_service_key(self, key: ServiceKey) -> None:
        """The key is durable, in place of one with the same id."""

    async def delete_service_key(self, key_id: str) -> bool:
        """Whether the key was there; it is no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How callers are told apart; made once, in the composition root."""

    keys: ServiceKeys
    secret: bytes
    """What access tokens are signed with: the same in every server process that shares the key file, so each knows all tokens."""
    now_us: Callable[[], int]
    """The true wall clock, which may step either way: callers date their tokens by their own clocks, and not by a clock that this server
    slews or that a sandbox advanced."""
    admits_strangers: bool = False
    """The sandbox's friendliness: who shows no token, or one that this server cannot know, is admitted all the same."""

"""Who may add to an enterprise now, and what it holds already.

Tokens, policies and web apps of an enterprise are added one after the other in each server, so one server never exceeds a limit; several
servers may by one each. Request ids are on the way of commands, so each server counts them once a minute and adds its own: a limit may be
exceeded by what the other servers issue in that minute.
"""

import asyncio
import contextlib
import enum
from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol
from weakref import WeakValueDictionary

from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import InvalidArgument, ResourceExhausted, Violation
from heliograph.service.limits import Limits

COUNTED_AGAIN_US = 60_000_000
REMEMBERED_MOST = 10_000
"""Enterprises whose request ids are counted in memory; beyond that, all are counted again."""


class Held(enum.Enum):
    """What is counted of an enterprise: all but devices is limited in number."""

    DEVICES = "devices"
    ENROLLMENT_TOKENS = "enrollment tokens"
    POLICIES = "policies"
    REQUEST_IDS = "request ids"
    DEAD_LETTERS = "dead letters"
    WEB_APPS = "web apps"
    PUSH_ENDPOINTS = "push endpoints"


class Holding(NamedTuple):
    """How many an enterprise has, and (of policies) how many bytes they have together, as they are stored."""

    number: int
    size: int = 0


class Counting(Protocol):
    """The part of a store that counts."""

    async def holding(self, enterprise: EnterpriseName, held: Held, *, most: int) -> Holding:
        """What the enterprise has of this kind, expired ones included; counted up to `most`, so the cost is bounded."""


class Turns:
    """Of one process."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[EnterpriseName, Held], asyncio.Lock] = WeakValueDictionary()
        self._requests: dict[EnterpriseName, tuple[int, int]] = {}
        self.signing_keys = asyncio.Lock()
        """Held by who makes a key that tokens are signed with: there are few for all enterprises together."""

    @contextlib.asynccontextmanager
    async def adding(self, store: Counting, enterprise: EnterpriseName, held: Held, *, most: int) -> AsyncIterator[Holding]:
        """What the enterprise holds, counted up to `most`; nothing in this process adds to it before the block ends."""
        lock = self._locks.setdefault((enterprise, held), asyncio.Lock())
        async with lock:
            yield await store.holding(enterprise, held, most=most)

    async def request_ids(self, store: Counting, enterprise: EnterpriseName, *, now_us: int, most: int) -> int:
        """How many request ids of the enterprise are remembered, as far as this server knows."""
        count, counted_us = self._requests.get(enterprise, (0, -COUNTED_AGAIN_US))
        if not 0 <= now_us - counted_us < COUNTED_AGAIN_US:
            if len(self._requests) >= REMEMBERED_MOST:
                self._requests.clear()
            # Said before it is known, so that of many commands at once only one counts.
            self._requests[enterprise] = (count, now_us)
            try:
                count = (await store.holding(enterprise, Held.REQUEST_IDS, most=most)).number
            except BaseException:
                self._requests.pop(enterprise, None)
                raise
            self._requests[enterprise] = (count, now_us)
        return count

    def request_id_added(self, enterprise: EnterpriseName) -> None:
        """One more is remembered."""
        if (known := self._requests.get(enterprise)) is not None:
            count, counted_us = known
            self._requests[enterprise] = (count + 1, counted_us)


class TooManyEnrollmentTokens(ResourceExhausted):
    """The enterprise has too many enrolment tokens."""

    reason = "TOO_MANY_ENROLLMENT_TOKENS"


class TooManyPolicies(ResourceExhausted):
    """The enterprise has too many policies."""

    reason = "TOO_MANY_POLICIES"


class TooManyRequestIds(ResourceExhausted):
    """The enterprise has too many remembered request ids."""

    reason = "TOO_MANY_REQUEST_IDS"


class TooManyWebApps(ResourceExhausted):
    """The enterprise has too many web apps."""

    reason = "TOO_MANY_WEB_APPS"


class TooManyPushEndpoints(ResourceExhausted):
    """The enterprise has too many push endpoints."""

    reason = "TOO_MANY_PUSH_ENDPOINTS"


def require_room_for_token(holding: Holding, limits: Limits) -> None:
    """Raises: TooManyEnrollmentTokens."""
    most = limits.enrollment_tokens_most
    if holding.number >= most:
        message = f"The enterprise has {most} enrollment tokens, the maximum. Delete some, or wait until some expire."
        raise TooManyEnrollmentTokens(message, metadata={"limit": str(most)})


def require_room_for_policy(holding: Holding, limits: Limits, *, new: bool, grows_by: int) -> None:
    """Raises: TooManyPolicies."""
    if new and holding.number >= limits.policies_most:
        message = f"The enterprise has {limits.policies_most} policies, the maximum. Delete some that no device has."
        raise TooManyPolicies(message, metadata={"limit": str(limits.policies_most)})
    if grows_by > 0 and holding.size + grows_by > limits.policy_bytes_most:
        message = (
            f"The policies of the enterprise would have more than {limits.policy_bytes_most} bytes, their maximum together. "
            "Delete some that no device has, or make them smaller."
        )
        raise TooManyPolicies(message, metadata={"limit": str(limits.policy_bytes_most)})


def require_room_for_web_app(holding: Holding, limits: Limits) -> None:
    """Raises: TooManyWebApps."""
    most = limits.web_apps_most
    if holding.number >= most:
        message = f"The enterprise has {most} web apps, the maximum. Delete some."
        raise TooManyWebApps(message, metadata={"limit": str(most)})


def require_room_for_push_endpoint(holding: Holding, limits: Limits) -> None:
    """Raises: TooManyPushEndpoints."""
    most = limits.push_endpoints_most
    if holding.number >= most:
        message = f"The enterprise has {most} push endpoints, the maximum. Delete some."
        raise TooManyPushEndpoints(message, metadata={"limit": str(most)})


def require_room_for_request_id(count: int, limits: Limits) -> None:
    """Raises: TooManyRequestIds."""
    most = limits.request_ids_most
    if count >= most:
        message = f"The enterprise used {most} request ids in 24 hours, the most that are remembered. Wait, or send requests without one."
        raise TooManyRequestIds(message, metadata={"limit": str(most)})


def require_size(size: int, limits: Limits, *, what: str, path: str, ever: int | None = None) -> None:
    """`ever`: what it may have at most, whatever the limits.

    Raises: InvalidArgument: the resource (or part of one) at this proto path has too many bytes.
    """
    most = limits.resource_bytes_most if ever is None else min(limits.resource_bytes_most, ever)
    if size > most:
        raise InvalidArgument(violations=[Violation(path, f"The {what} is too large: {size} of {most} bytes.")])

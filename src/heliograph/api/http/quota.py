"""Requests per minute for each caller; more are refused as Google's quotas refuse. Off unless an operator sets a number.

Source: amapi.md §4.5 (the message, as seen), §4.10, §8.1; google.api.ErrorReason RATE_LIMIT_EXCEEDED.
"""

from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Protocol

from heliograph.api.http.authorization import SERVICE, Scope
from heliograph.domain.access import ANYBODY, Caller
from heliograph.domain.rights import Called
from heliograph.protojson.errors import ResourceExhausted

MINUTE_US = 60_000_000
AMAPI_PER_MINUTE = 600
"""What Google documents, 1,000 requests in 100 seconds, in the unit of the metric that its refusals name today (amapi.md §4.5, §8.1)."""
PROJECT = "project_number:123456789012"
"""Consumer of the quota if all callers share one, as the callers of one Google Cloud project do."""
CONSUMERS_MOST = 10_000
"""Callers counted at a time, 2 MB of them; beyond that the oldest minute starts again."""
IPV6_SITE_BITS = 64
"""A single host has so many addresses that counting each would count nothing."""


class QuotaExceeded(ResourceExhausted):
    """The caller sent more requests in a minute than it may."""

    reason = "RATE_LIMIT_EXCEEDED"

    def __init__(self, consumer: str, *, per_minute: int, retry_after_s: int) -> None:
        """Google's words, and what its ErrorInfo carries."""
        message = (
            f"Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service '{SERVICE}' for consumer '{consumer}'."
        )
        metadata = {
            "consumer": consumer,
            "quota_limit": "RequestsPerMinute",
            "quota_limit_value": str(per_minute),
            "quota_metric": f"{SERVICE}/requests",
            "quota_unit": "1/min",
            "service": SERVICE,
        }
        super().__init__(message, metadata=metadata, retry_after_s=retry_after_s)


class Quota:
    """Counts requests by consumer: at most `per_minute` in each minute, which begins with a consumer's first request."""

    def __init__(self, per_minute: int, *, consumers_most: int = CONSUMERS_MOST) -> None:
        """Starts with no requests counted."""
        self._per_minute = per_minute
        self._consumers_most = consumers_most
        self._minutes: dict[str, tuple[int, int]] = {}
        """When the consumer's minute began (us), and the requests since; the minute that began first stands first."""

    def __len__(self) -> int:
        """How many consumers are counted."""
        return len(self._minutes)

    def count(self, consumer: str, now_us: int) -> None:
        """The request is one of the consumer's.  Raises: QuotaExceeded: it has had all of this minute's; this one does not count."""
        began_us, requests = self._minutes.get(consumer, (now_us, 0))
        if now_us - began_us >= MINUTE_US or not requests:
            began_us, requests = now_us, 0
            self._minutes.pop(consumer, None)  # so that it stands last when it is put in
            while len(self._minutes) >= self._consumers_most:
                del self._minutes[next(iter(self._minutes))]
        if requests >= self._per_minute:
            left_s = -((now_us - began_us - MINUTE_US) // 1_000_000)
            raise QuotaExceeded(consumer, per_minute=self._per_minute, retry_after_s=left_s)
        self._minutes[consumer] = (began_us, requests + 1)


class Admission(Protocol):
    """Who lets callers pass: `authorization.Authorizer`, or another `MeteredAuthorizer`."""

    async def admit(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller:
        """The caller.  Raises: HeliographError: it may not pass."""

    def admit_at_once(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller | None:
        """The caller, if `admit` need not wait for anything; None: ask `admit`.  Raises: HeliographError: it may not pass."""

    async def identify(self, scope: Scope) -> Caller:
        """The caller, before any method is known.  Raises: HeliographError: the caller is not known."""

    async def sender(self, scope: Scope) -> Caller:
        """The caller, if it is known, otherwise anybody."""


class MeteredAuthorizer:
    """Lets the callers pass that `authorizer` lets pass (None: everyone), each this many times a minute."""

    def __init__(
        self, authorizer: Admission | None, quota: Quota, *, address_of_client: Callable[[Scope], str], now_us: Callable[[], int],
        consumer: str = "",
    ) -> None:  # fmt: skip
        """`address_of_client(scope)`: the IP address of a caller without a name; `consumer`: all callers are this one."""
        self._consumer = consumer
        self._authorizer = authorizer
        self._quota = quota
        self._address_of_client = address_of_client
        self._now_us = now_us

    async def admit(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller:
        """The caller.  Raises: QuotaExceeded; what the authorizer raises: refused callers are not counted."""
        return self._counted(ANYBODY if self._authorizer is None else await self._authorizer.admit(method, ids, scope), scope)

    def admit_at_once(self, method: Called, ids: tuple[str, ...], scope: Scope) -> Caller | None:
        """The caller, if the authorizer knows it at once: else it is not counted.  Raises: QuotaExceeded."""
        caller = ANYBODY if self._authorizer is None else self._authorizer.admit_at_once(method, ids, scope)
        return None if caller is None else self._counted(caller, scope)

    def _counted(self, caller: Caller, scope: Scope) -> Caller:
        self._quota.count(self._consumer or self._consumer_of(caller, scope), self._now_us())
        return caller

    def _consumer_of(self, caller: Caller, scope: Scope) -> str:
        return f"service_account:{caller.email}" if caller.email else f"address:{site_of(self._address_of_client(scope))}"

    async def identify(self, scope: Scope) -> Caller:
        """The caller.  Raises: what the authorizer raises."""
        return ANYBODY if self._authorizer is None else await self._authorizer.identify(scope)

    async def sender(self, scope: Scope) -> Caller:
        """The caller, if it is known, otherwise anybody."""
        return ANYBODY if self._authorizer is None else await self._authorizer.sender(scope)


def site_of(address: str) -> str:
    """The IPv4 address, or the IPv6 network that one site has."""
    try:
        parsed = ip_address(address)
    except ValueError:  # no peer address (a UNIX socket): all of them are one
        return "unknown"
    return str(parsed) if parsed.version == 4 else str(ip_network((parsed, IPV6_SITE_BITS), strict=False))  # noqa: PLR2004 - IPv4

"""What an operator may bound."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from heliograph.domain.behaviour import Behaviour
from heliograph.domain.tally import MOST as TALLY_MOST
from heliograph.protojson.errors import InvalidArgument

KIB, MIB = 1_024, 1_024 * 1_024

BY_NAME: Mapping[str, str] = MappingProxyType(
    {
        "enrollment-tokens": "enrollment_tokens_most",
        "policies": "policies_most",
        "policy-bytes": "policy_bytes_most",
        "request-ids": "request_ids_most",
        "web-apps": "web_apps_most",
        "push-endpoints": "push_endpoints_most",
        "open-command-bytes": "open_bytes_most",
        "resource-bytes": "resource_bytes_most",
        "notifications": "notifications_most",
        "dead-letters": "dead_letters_most",
        "blast-radius": "blast_radius",
        "keep-alive-seconds": "keep_alive_most_s",
    }
)
"""The limits that `--limit NAME=NUMBER` sets, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Numbers an operator may change; the defaults are the documented ones."""

    open_operations_most: int = 1_000
    """Commands of one device that are neither finished nor expired."""
    open_bytes_most: int = 16 * MIB
    """Bytes of these commands together; up to 4 KiB each, small ones are only counted."""
    enrollment_tokens_most: int = 10_000
    """Of one enterprise, expired ones included for a day."""
    policies_most: int = 10_000
    """Of one enterprise."""
    policy_bytes_most: int = 512 * MIB
    """Bytes of these policies together, as they are stored."""
    request_ids_most: int = 1_000_000
    """Idempotency keys and requestIds of one enterprise that are remembered at a time (each for a day)."""
    web_apps_most: int = 1_000
    """Of one enterprise, icons and all up to half a gigabyte."""
    push_endpoints_most: int = 16
    """Of one enterprise, disabled ones included: each gets a message of its own for every notification."""
    resource_bytes_most: int = 512 * KIB
    """Of one policy, enterprise, enrolment token, web app, or the text of a disabled device."""
    notifications_most: int = 100_000
    """That wait for an enterprise's destinations; beyond that the oldest become dead letters."""
    dead_letters_most: int = 100_000
    """Of one enterprise; beyond that the oldest are dropped."""
    blast_radius: int = 10
    """Distinct devices that an actor may wipe, relinquish or delete in an hour: of new keys, if nothing else is said, and of people."""
    quota_per_minute: int = 0
    """Requests a caller may send in a minute; 0: as many as it likes."""
    quota_per_project: bool = False
    """Whether all callers share that number, as the callers of one Google Cloud project do."""
    tombstone_days: int = 30
    retention_days: int = 30
    event_retention_days: int = 7
    """How long events are kept for those who read them; 0: there are none. As long as Pub/Sub keeps a message (amapi.md §5.12)."""
    audit_retention_days: int = 400
    """How long the audit trail is kept; 0: there is none. As long as Google Cloud keeps its own of admins' activities."""
    audit_phones: bool = True
    """Whether what phones say about commands is in it."""
    operations_of_deleted_devices: str = "keep"
    """`keep`, or `404` as clients of the real AMAPI may see it (amapi.md §6.11)."""
    keep_alive_most_s: int = 900
    """How long a phone's idle connection may be silent, and its poll wait: less than what cuts connections on the way, a proxy say."""
    behaviour: Behaviour = Behaviour.DOCUMENTED


def with_limits(limits: Limits, given: Iterable[str]) -> Limits:
    """The limits with those that are given as `NAME=NUMBER`.  Raises: InvalidArgument: an unknown name, or not a positive number."""
    for text in given:
        name, _, number = text.partition("=")
        field = BY_NAME.get(name.strip())
        if field is None or not (number.isascii() and number.isdecimal()) or not 0 < int(number[:20]) < 2**53:
            message = f"{text[:64]!r} must be NAME=NUMBER, as in policies=500. The names: {', '.join(BY_NAME)}."
            raise InvalidArgument(message)
        if field == "blast_radius" and int(number) > TALLY_MOST:
            raise InvalidArgument(f"{text[:64]!r}: blast-radius is at most {TALLY_MOST}. A key may have none: --blast-radius unlimited.")
        limits = replace(limits, **{field: int(number)})  # type: ignore[arg-type]
    return limits


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one connection, one address and all of them may cost."""

    head_max_bytes: int = 32 * 1_024
    header_lines_most: int = 100
    head_s: float = 15.0
    """For a whole head, from the connection or its first byte on."""
    body_s: float = 30.0
    """For a whole body, from its head on."""
    idle_s: float = 75.0
    """Between two requests."""
    held_max_bytes: int = 256 * 1_024 * 1_024
    """Of all requests in progress, together."""
    connections_most: int | None = None
    """None: as many as there are file descriptors, less a reserve."""
    per_address_most: int | None = None
    """None: half of all, except for loopback and trusted proxies; 0: no limit."""

"""Which request of a caller a command came from, so that the same request, sent again, gets the same operation.

Heliograph's own: AMAPI has nothing like it (amapi.md §1.26).

Source: AIP-155; IETF draft-ietf-httpapi-idempotency-key-header.
"""

import re
from typing import NamedTuple

import msgspec

from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import InvalidArgument, Violation

REQUEST_ID_LIFE_S = 24 * 3_600
"""How long a request may be sent again: longer than any client retries."""
KEY_MAX_CHARS = 128

_KEY = re.compile(rf"[!-~](?:[ -~]{{0,{KEY_MAX_CHARS - 2}}}[!-~])?")
_UUID4 = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class RequestKey(NamedTuple):
    """What a caller calls its request; callers of other enterprises may use the same words."""

    enterprise: str
    request_id: str


class IssueRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One request that issued a command: `digest` shows whether a later one with its key asks for the same."""

    key: RequestKey
    device: DeviceName
    create_ms: int
    digest: bytes
    expires_us: int


def request_id_of(*, idempotency_key: str | None, request_id: str) -> str:
    """The caller's name for its request, "" without one: the header `Idempotency-Key` (or None), or the parameter `requestId`.

    Raises: InvalidArgument: no key of printable ASCII, no UUID4, or two that differ.
    """
    violations = []
    if idempotency_key is not None and not _KEY.fullmatch(idempotency_key):
        description = f"Idempotency-Key must have 1 to {KEY_MAX_CHARS} printable ASCII characters."
        violations.append(Violation("idempotency_key", description))
    if request_id and not _UUID4.fullmatch(request_id.lower()):
        description = 'request_id must be a UUID4, as in "6c84fb90-12c4-41e1-840d-d0b1a8a4b5c2".'
        violations.append(Violation("request_id", description))
    if idempotency_key and request_id and idempotency_key.lower() != request_id.lower():
        violations.append(Violation("request_id", "requestId differs from Idempotency-Key: send one of them, or the same value in both."))
    if violations:
        raise InvalidArgument(violations=violations)
    return idempotency_key or request_id.lower()

"""The JSON body of an error, in Google's form. Which HTTP status goes with it is the transport's choice.

Source: AIP-193; google.rpc.Status and error_details.proto; amapi.md §4.1, §4.3.
"""

from collections.abc import Sequence

import msgspec

from heliograph.protojson.errors import HeliographError, Violation, violations_text

ERROR_MAX_BYTES = 56 * 1_024
"""Of the compact body; indented, as most callers get it, it stays below 64 KiB."""
MESSAGE_MAX_CHARS = 4_096
DESCRIPTION_MAX_CHARS = 1_024
FIELD_MAX_CHARS = 256
METADATA_MAX_CHARS = 1_024

GOOGLE_REASONS = frozenset(
    {
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "ACCOUNT_STATE_INVALID",
        "CREDENTIALS_MISSING",
        "RATE_LIMIT_EXCEEDED",
    }
)
"""Reasons that Google defines; every other one is this server's own and says so in its domain."""


def error_body(error: HeliographError, http_status: int, *, v1_reason: str = "") -> bytes:
    """`{"error": {code, message, status, details}}`, compact; empty `details` are left out.

    Never longer than ERROR_MAX_BYTES, whatever it quotes from the caller.

    With a `v1_reason` the list `errors` of Google's old form stands in it too.
    """
    violations = [_bounded(violation) for violation in error.violations]
    more = error.more_violations
    body = _encoded(error, http_status, v1_reason, violations, more)
    while len(body) > ERROR_MAX_BYTES and violations:
        half = len(violations) // 2
        more, violations = more + len(violations) - half, violations[:half]
        body = _encoded(error, http_status, v1_reason, violations, more)
    return body


def _encoded(error: HeliographError, http_status: int, v1_reason: str, violations: Sequence[Violation], more: int) -> bytes:
    message = error.message
    if message == violations_text(error.violations, more=error.more_violations):
        message = violations_text(violations, more=more)
    else:
        message = _cut(message, MESSAGE_MAX_CHARS)
    status: dict[str, object] = {"code": http_status, "message": message}
    if v1_reason:
        status["errors"] = [{"message": message, "domain": "global", "reason": v1_reason}]
    status["status"] = error.code.name
    details = _details(error, violations)
    if details:
        status["details"] = details
    return msgspec.json.encode({"error": status})


def _bounded(violation: Violation) -> Violation:
    return Violation(_cut(violation.field, FIELD_MAX_CHARS), _cut(violation.description, DESCRIPTION_MAX_CHARS))


def _cut(text: str, most: int) -> str:
    """The text, which may quote the caller, with at most this many characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _details(error: HeliographError, violations: Sequence[Violation]) -> list[dict[str, object]]:
    details: list[dict[str, object]] = []
    if error.reason:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": error.reason,
                "domain": "googleapis.com" if error.reason in GOOGLE_REASONS else "heliograph",
                **(
                    {"metadata": {name: _cut(value, METADATA_MAX_CHARS) for name, value in error.metadata.items()}}
                    if error.metadata
                    else {}
                ),
            }
        )
    if violations:
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [*map(_violation, violations)]})
    if error.retry_after_s is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after_s}s"})
    return details


def _violation(violation: Violation) -> dict[str, str]:
    """As proto3 JSON says it: an empty field is left out."""
    return {**({"field": violation.field} if violation.field else {}), "description": violation.description}

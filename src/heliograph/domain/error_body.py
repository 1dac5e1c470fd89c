"""The JSON body of an error, in Google's form. Which HTTP status goes with it is the transport's choice.

Source: AIP-193; google.rpc.Status and error_details.proto; amapi.md §4.1, §4.3.
"""

import msgspec

from heliograph.domain.errors import HeliographError, Violation

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
    """`{"error": {code, message, status, details}}`, compact; `details` is left out when there is nothing to say.

    With a `v1_reason` the list `errors` of Google's old form stands in it too.
    """
    status: dict[str, object] = {"code": http_status, "message": error.message}
    if v1_reason:
        status["errors"] = [{"message": error.message, "domain": "global", "reason": v1_reason}]
    status["status"] = error.code.name
    details = _details(error)
    if details:
        status["details"] = details
    return msgspec.json.encode({"error": status})


def _details(error: HeliographError) -> list[dict[str, object]]:
    details: list[dict[str, object]] = []
    if error.reason:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": error.reason,
                "domain": "googleapis.com" if error.reason in GOOGLE_REASONS else "heliograph",
                **({"metadata": error.metadata} if error.metadata else {}),
            }
        )
    if error.violations:
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [*map(_violation, error.violations)]})
    if error.retry_after_s is not None:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{error.retry_after_s}s"})
    return details


def _violation(violation: Violation) -> dict[str, str]:
    """As proto3 JSON says it: an empty field is left out."""
    return {**({"field": violation.field} if violation.field else {}), "description": violation.description}

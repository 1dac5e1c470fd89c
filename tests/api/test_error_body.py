"""The error envelope, byte for byte."""

import json

from heliograph.domain.error_body import error_body
from heliograph.domain.errors import InvalidArgument, NotFound, Overloaded, Unauthenticated, Violation


def test_an_error_without_details_has_code_message_and_status_only() -> None:
    assert b'{"error":{"code":404,"message":"No such thing.","status":"NOT_FOUND"}}' == error_body(NotFound("No such thing."), 404)


def test_every_violation_stands_in_the_message_and_in_the_details() -> None:
    error = InvalidArgument(violations=[Violation("a.b", "First."), Violation("c", "Second.")])

    body = json.loads(error_body(error, 400))["error"]

    assert "First.\nSecond." == body["message"]
    assert [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "a.b", "description": "First."}, {"field": "c", "description": "Second."}],
        }
    ] == body["details"]


def test_a_reason_travels_with_its_domain_and_metadata_and_the_time_to_wait() -> None:
    body = json.loads(error_body(Overloaded(metadata={"queue": "full"}, retry_after_s=2), 503))["error"]

    assert [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "OVERLOADED",
            "domain": "heliograph",
            "metadata": {"queue": "full"},
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2s"},
    ] == body["details"]


def test_a_reason_of_googles_keeps_googles_domain() -> None:
    (info,) = json.loads(error_body(Unauthenticated(), 401))["error"]["details"]

    assert ("CREDENTIALS_MISSING", "googleapis.com") == (info["reason"], info["domain"])

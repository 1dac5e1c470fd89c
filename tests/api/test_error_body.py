"""The error envelope, byte for byte."""

import json
from collections.abc import Iterator

import msgspec
import pytest

from heliograph.domain.error_body import error_body
from heliograph.domain.errors import Overloaded
from heliograph.protojson.errors import InvalidArgument, NotFound, Unauthenticated, Violation


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


def test_twenty_violations_are_told_and_the_others_counted() -> None:
    error = InvalidArgument(violations=(Violation(f"f{number}", f"Fault {number}.") for number in range(1_000)))

    body = json.loads(error_body(error, 400))["error"]

    assert [*(f"Fault {number}." for number in range(20)), "And 980 more."] == body["message"].split("\n")
    assert 20 == len(body["details"][0]["fieldViolations"])


def test_nobody_counts_beyond_ten_thousand() -> None:
    asked = 0

    def endless() -> Iterator[Violation]:
        nonlocal asked
        while True:
            asked += 1
            yield Violation("f", "Fault.")

    assert InvalidArgument(violations=endless()).message.endswith("\nAnd at least 9980 more.")
    assert 10_000 == asked


@pytest.mark.parametrize("text", ["x" * 100_000, "\x00" * 100_000, "é" * 100_000, "𝄞" * 100_000], ids=["x", "NUL", "é", "𝄞"])
def test_an_error_is_shorter_than_64_kibibytes_whatever_it_quotes(text: str) -> None:
    quoting = [
        InvalidArgument(text),
        InvalidArgument(violations=[Violation(text, text)] * 30),
        InvalidArgument(text, violations=[Violation(text, text)] * 30),
        Unauthenticated(metadata={"why": text}),
    ]

    for error in quoting:
        body = msgspec.json.format(error_body(error, 400, v1_reason="badRequest"), indent=2)
        assert len(body) < 64 * 1_024
        assert json.loads(body)["error"]["message"]


def test_when_few_violations_fit_the_others_are_counted() -> None:
    body = json.loads(error_body(InvalidArgument(violations=[Violation("f", "\x00" * 1_000)] * 30), 400))["error"]

    told = len(body["details"][0]["fieldViolations"])
    assert body["message"].endswith(f"\nAnd {30 - told} more.")

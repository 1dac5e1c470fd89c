"""An operation as callers read it."""

import itertools
import json
from typing import Any

import msgspec
import pytest

from heliograph.domain.longrunning import OutcomeView, operation_view, read_outcome, render_operation
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import FINAL, Operation, State
from heliograph.domain.outcome import CANCELLED, DEVICE_DELETED, ERROR_OF, EXPIRED, NEVER_REPORTED, ErrorCode, RpcStatus
from tests.discovery import schema

NAME = "enterprises/LC03k6enk8/devices/36c339908766f292/operations/1786048723669"
OPERATION = Operation(
    device=DeviceName("LC03k6enk8", "36c339908766f292"),
    create_ms=1_786_048_723_669,
    type="WIPE",
    command=b'{"wipeParams":{}}',
    duration="315360000s",
    user_name="enterprises/LC03k6enk8/users/115152678574749474491",
    expires_us=1,
    deadline_us=1,
)


def shown(**changes: object) -> dict[str, Any]:
    """The operation with these changes, as JSON."""
    rendered: dict[str, Any] = json.loads(render_operation(msgspec.structs.replace(OPERATION, **changes)))
    return rendered


def test_a_pending_operation_looks_as_real_amapi_shows_it() -> None:
    """Source: amapi.md §1.4, with `done` omitted while false (§1.8)."""
    assert {
        "name": NAME,
        "metadata": {
            "@type": "type.googleapis.com/google.android.devicemanagement.v1.Command",
            "type": "WIPE",
            "createTime": "2026-08-06T20:38:43.669Z",
            "duration": "315360000s",
            "userName": "enterprises/LC03k6enk8/users/115152678574749474491",
            "wipeParams": {},
        },
    } == shown()


def test_a_success_always_has_a_response() -> None:
    operation = shown(state=State.SUCCEEDED, status=b'{"startLostModeStatus":{"status":"SUCCESS"}}')

    assert operation["done"] is True
    assert {"@type": "type.googleapis.com/google.android.devicemanagement.v1.IssueCommandResponse"} == operation["response"]
    assert {"status": "SUCCESS"} == operation["metadata"]["startLostModeStatus"]


def test_an_error_is_quoted_as_json() -> None:
    operation = shown(state=State.FAILED, error=RpcStatus(9, 'He said "no"\n'), error_code=ErrorCode.UNSUPPORTED)

    assert {"code": 9, "message": 'He said "no"\n'} == operation["error"]
    assert "UNSUPPORTED" == operation["metadata"]["errorCode"]
    assert "response" not in operation


def test_a_dedicated_device_has_no_user_name() -> None:
    assert "userName" not in shown(user_name="")["metadata"]


def test_nothing_is_shown_that_the_discovery_document_does_not_know() -> None:
    for error, code, status in itertools.product((None, CANCELLED), (None, ErrorCode.UNKNOWN), (b"", b'{"esimStatus":{}}')):
        operation = shown(state=State.FAILED if error else State.SUCCEEDED, error=error, error_code=code, status=status)

        assert set(operation) <= set(schema("Operation")["properties"])
        assert set(operation["metadata"]) - {"@type"} <= set(schema("Command")["properties"])
        assert ("response" in operation) != ("error" in operation)


@pytest.mark.parametrize(
    "changes,expected",
    [
        ({}, OutcomeView("pending")),
        ({"state": State.ACKNOWLEDGED, "status": b'{"esimStatus":{"status":"IN_PROGRESS"}}'}, OutcomeView("pending", "IN_PROGRESS")),
        ({"state": State.SUCCEEDED}, OutcomeView("succeeded")),
        (
            {"state": State.SUCCEEDED, "status": b'{"clearAppsDataStatus":{"results":{"a":{"clearingResult":"SUCCESS"},"b":{}}}}'},
            OutcomeView("succeeded", "a: SUCCESS, b: "),
        ),
        ({"state": State.CANCELLED, "error": CANCELLED}, OutcomeView("cancelled", CANCELLED.message)),
        ({"state": State.EXPIRED, "error": EXPIRED}, OutcomeView("expired", EXPIRED.message)),
        ({"state": State.FAILED, "error": NEVER_REPORTED, "error_code": ErrorCode.UNKNOWN}, OutcomeView("timed out", "UNKNOWN")),
        ({"state": State.FAILED, "error": DEVICE_DELETED}, OutcomeView("failed", DEVICE_DELETED.message)),
        (
            {"state": State.FAILED, "error": ERROR_OF[ErrorCode.API_LEVEL], "error_code": ErrorCode.API_LEVEL},
            OutcomeView("failed", "API_LEVEL"),
        ),
        (
            {"state": State.FAILED, "error": RpcStatus(9, "x"), "status": b'{"esimStatus":{"status":"ERROR_USER_DENIED"}}'},
            OutcomeView("failed", "ERROR_USER_DENIED"),
        ),
    ],
)
def test_an_outcome_is_read_in_the_documented_order(changes: dict[str, object], expected: OutcomeView) -> None:
    assert expected == read_outcome(shown(**changes))


def test_a_filter_sees_what_callers_see() -> None:
    view = operation_view(msgspec.structs.replace(OPERATION, state=State.CANCELLED, error=CANCELLED))

    assert (True, "WIPE", 1_786_048_723_669_000, 1) == (view.done, view.type, view.create_time_us, view.error_code)
    assert {State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED} == set(FINAL)

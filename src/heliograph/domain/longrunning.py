"""An operation as google.longrunning.Operation JSON: the one place that writes it, and the one that reads an outcome from it.

Source: disc, schemas Operation and Command; google.longrunning; amapi.md §1.
"""

import functools
from collections.abc import Mapping
from typing import Any

import msgspec

from heliograph.domain.filters import FilterView
from heliograph.domain.messages import PACKAGE
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, ShownOperation, State
from heliograph.protojson.errors import Code
from heliograph.protojson.times import format_timestamp_ms

_PACKAGE = f"type.googleapis.com/{PACKAGE}."
_RESPONSE = b'},"done":true,"response":{"@type":"%bIssueCommandResponse"}}' % _PACKAGE.encode()
_BEFORE_TYPE = f'","metadata":{{"@type":"{_PACKAGE}Command","type":"'
_EMPTY_OBJECT = len(b"{}")
_STATUS_SUFFIX = "Status"
"""How the name of every specific status field of Command ends, and of no other field."""

_encoded = msgspec.json.Encoder().encode


def render_operation(operation: Operation | ShownOperation) -> bytes:
    """The google.longrunning.Operation, compact. Hot: parts that are canonical JSON already are spliced, not decoded.

    `done` is omitted while false (amapi.md §1.8), errors carry no details, and no secret is in anything spliced.
    """
    create_ms = operation.create_ms
    text = (
        f"{_before_id(operation.device)}{create_ms}{_BEFORE_TYPE}{operation.type}"
        f'","createTime":"{format_timestamp_ms(create_ms)}","duration":"{operation.duration}"'
    )
    if operation.user_name:
        text = f'{text},"userName":{_quoted(operation.user_name)}'
    spliced = text.encode()
    if len(operation.command) > _EMPTY_OBJECT:
        spliced += b"," + operation.command[1:-1]
    if operation.error_code is not None:
        spliced += b',"errorCode":"%b"' % operation.error_code.value.encode()
    if len(operation.status) > _EMPTY_OBJECT:
        spliced += b"," + operation.status[1:-1]
    if operation.state is State.SUCCEEDED:
        return spliced + _RESPONSE
    if operation.error is not None:
        return b'%b},"done":true,"error":%b}' % (spliced, _encoded(operation.error))
    return spliced + b"}}"


@functools.lru_cache(maxsize=4_096)
def _before_id(device: DeviceName) -> str:
    """Cached: callers look at one device's operations again and again."""
    return f'{{"name":{_quoted(f"{device}/operations/")[:-1]}'


@functools.lru_cache(maxsize=4_096)
def _quoted(text: str) -> str:
    """As a JSON string.  Cached: a device has one user."""
    return _encoded(text).decode()


def operation_view(operation: Operation) -> FilterView:
    """The operation as a filter sees it."""
    return FilterView(
        done=operation.done,
        type=operation.type,
        create_time_us=operation.create_ms * 1_000,
        error_code=operation.error.code if operation.error else None,
    )


class OutcomeView(msgspec.Struct, frozen=True):
    """How an operation came out, for people and for tests."""

    outcome: str
    """pending, succeeded, failed, cancelled, expired or timed out."""
    detail: str = ""
    """Why, or how far: the specific status, else the errorCode, else the error's message."""


def read_outcome(operation: Mapping[str, Any]) -> OutcomeView:
    """The outcome of an operation read from its JSON, the causes in the documented order.

    Source: disc, Command.errorCode ("prefer fields in the following order (most preferred first)").
    """
    metadata = operation.get("metadata", {})
    detail = _specific_status(metadata) or metadata.get("errorCode", "")
    if not operation.get("done"):
        return OutcomeView("pending", detail)
    error = operation.get("error")
    if error is None:
        return OutcomeView("succeeded", detail)
    return OutcomeView(_failed(error.get("code", 0), metadata), detail or error.get("message", ""))


def _failed(code: int, metadata: Mapping[str, Any]) -> str:
    if code == Code.CANCELLED:
        return "cancelled"
    if code == Code.DEADLINE_EXCEEDED:
        return "timed out" if "errorCode" in metadata else "expired"
    return "failed"


def _specific_status(metadata: Mapping[str, Any]) -> str:
    status = next((value for field, value in metadata.items() if field.endswith(_STATUS_SUFFIX)), None)
    if not status:
        return ""
    if "status" in status:
        return str(status["status"])
    results = status.get("results", {})
    return ", ".join(f"{package}: {result.get('clearingResult', '')}" for package, result in results.items())

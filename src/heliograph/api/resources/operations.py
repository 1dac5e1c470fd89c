"""devices.issueCommand and devices.operations: the hot methods, and the timeline beside them."""

from functools import partial
from typing import TypedDict

import msgspec

from heliograph.api.http.heads import head_of
from heliograph.api.http.query import PageQuery
from heliograph.api.method import Begun, Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.commands import ENVELOPE
from heliograph.domain.longrunning import render_operation
from heliograph.domain.messages import Message
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation
from heliograph.domain.request_id import request_id_of
from heliograph.protojson.errors import Unimplemented
from heliograph.service.issue_command import issue_command, issuing
from heliograph.service.operations import (
    Listed,
    cancel_operation,
    get_operation,
    list_operations,
    operation_at_hand,
    operations_at_hand,
)
from heliograph.service.timeline import get_timeline
from heliograph.service.work_aside import AT_ONCE_BYTES, work_aside


class ListOperationsQuery(PageQuery):
    """Source: disc, devices.operations.list."""

    filter: str = ""
    return_partial_success: bool = False


class IssueCommandQuery(Message):
    """Heliograph's own: AMAPI has no such parameter.  Source: AIP-155."""

    request_id: str = ""


class CancelOperationRequest(Message):
    """No body, or an object without fields.  Source: google.longrunning.CancelOperationRequest."""


async def issue(call: Call) -> bytes:
    """The operation of the command in the body; of a request that names itself, the one that it issued first.

    Source: disc, devices.issueCommand.
    """
    request_id = _request_id(call)
    command = await work_aside(partial(ENVELOPE.decode, behaviour=call.ports.limits.behaviour), call.body)
    operation = await issue_command(
        call.ports, DeviceName(*call.ids), command, caller=call.caller, permit=call.permit, request_id=request_id
    )
    return render_operation(operation)


def issue_at_once(call: Call) -> Begun | None:
    """As `issue`, of a short request that does not name itself."""
    if len(call.body) > AT_ONCE_BYTES or _request_id(call):
        return None
    command = ENVELOPE.decode(call.body, behaviour=call.ports.limits.behaviour)
    asked = issuing(call.ports, DeviceName(*call.ids), command, caller=call.caller, permit=call.permit)
    return Begun(asked.sees, asked.rule, render_operation)


def _rendered(operation: Operation | None) -> bytes | None:
    return None if operation is None else render_operation(operation)


def _request_id(call: Call) -> str:
    """How the request names itself; empty: it does not.  Raises: InvalidArgument."""
    query: IssueCommandQuery = call.query
    key = head_of(call.scope).idempotency_key
    if key is None and not query.request_id:
        return ""
    return request_id_of(idempotency_key=None if key is None else key.decode("latin-1"), request_id=query.request_id)


async def get(call: Call) -> bytes:
    """The operation.  Source: disc, devices.operations.get."""
    return render_operation(await get_operation(call.ports, operation_name(call)))


def get_at_once(call: Call) -> bytes | None:
    """As `get`, of an operation that is at hand."""
    return _rendered(operation_at_hand(call.ports, operation_name(call)))


async def list_(call: Call) -> bytes:
    """One page of a device's operations, oldest first.

    Raises: Unimplemented: `return_partial_success` is set, as the document promises ("will result in an UNIMPLEMENTED error if set").
    Source: disc, devices.operations.list.
    """
    return _body_of(await list_operations(call.ports, DeviceName(*call.ids), **_wanted(call)))


def list_at_once(call: Call) -> bytes | None:
    """As `list_`, of a page that is at hand."""
    listed = operations_at_hand(call.ports, DeviceName(*call.ids), **_wanted(call))
    return None if listed is None else _body_of(listed)


class _Wanted(TypedDict):
    filter_text: str
    page_size: int
    page_token: str


def _wanted(call: Call) -> _Wanted:
    """Which page is asked for.  Raises: Unimplemented."""
    query: ListOperationsQuery = call.query
    if query.return_partial_success:
        raise Unimplemented("returnPartialSuccess is not supported: leave it out. Every page is complete, since nothing is unreachable.")
    return {"filter_text": query.filter, "page_size": query.page_size, "page_token": query.page_token}


def _body_of(listed: Listed) -> bytes:
    operations, next_page_token = listed
    return list_body("operations", map(render_operation, operations), next_page_token)


async def cancel(call: Call) -> bytes:
    """An empty answer; read from the operation whether it was cancelled.  Source: disc, devices.operations.cancel."""
    if call.body:
        await call.message(CancelOperationRequest, root="")
    await cancel_operation(call.ports, operation_name(call), permit=call.permit)
    return EMPTY


async def timeline(call: Call) -> bytes:
    """Every change of the operation with its time.  Heliograph's own: not in AMAPI."""
    return msgspec.json.encode(await get_timeline(call.ports, operation_name(call)))


def operation_name(call: Call) -> OperationName:
    """The operation that the path names."""
    return OperationName.of_ids(*call.ids)

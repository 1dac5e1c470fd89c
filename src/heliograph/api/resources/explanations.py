"""`GET /heliograph/v1/{name}:explain`: why something is not done.  Heliograph's own: not in AMAPI."""

import msgspec

from heliograph.api.method import Call
from heliograph.api.resources.operations import operation_name
from heliograph.domain.dead_letter import DeadLetterName, is_message_id
from heliograph.domain.names import ApprovalName, PushEndpointName, ReservationName
from heliograph.protojson.errors import NotFound
from heliograph.service.explanations import (
    explain_approval,
    explain_dead_letter,
    explain_operation,
    explain_push_endpoint,
    explain_reservation,
)


async def operation(call: Call) -> bytes:
    """Why the command is not done, or how it ended."""
    return msgspec.json.encode(await explain_operation(call.ports, operation_name(call)))


async def approval(call: Call) -> bytes:
    """Whom the approval waits for, or how it was decided."""
    return msgspec.json.encode(await explain_approval(call.ports, ApprovalName(*call.ids)))


async def reservation(call: Call) -> bytes:
    """Why the phone cannot be reserved, or that it can."""
    return msgspec.json.encode(await explain_reservation(call.ports, ReservationName(*call.ids)))


async def dead_letter(call: Call) -> bytes:
    """Why the notification was given up."""
    enterprise, message_id = call.ids
    if not is_message_id(message_id):
        raise NotFound
    return msgspec.json.encode(await explain_dead_letter(call.ports, DeadLetterName(enterprise, int(message_id))))


async def push_endpoint(call: Call) -> bytes:
    """Why notifications do not reach the endpoint, or that they do."""
    return msgspec.json.encode(await explain_push_endpoint(call.ports, PushEndpointName(*call.ids)))

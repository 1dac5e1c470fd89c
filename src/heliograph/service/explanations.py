"""Why something is not done, found out: which way of waiting it is, and the names and times in its text (domain/explanation.py)."""

from collections.abc import Sequence

from heliograph.domain.approval import ApprovalState
from heliograph.domain.dead_letter import DeadLetter, DeadLetterName
from heliograph.domain.explanation import AFTER, Explanation, Waiting, explanation
from heliograph.domain.names import ApprovalName, EnterpriseName, OperationName, PushEndpointName, ReservationName
from heliograph.domain.operation import Operation, State, withheld
from heliograph.domain.people import Invitation
from heliograph.domain.reservation import ReservationState
from heliograph.protojson.errors import NotFound
from heliograph.protojson.times import format_timestamp
from heliograph.service.approval_gate import operation_approval
from heliograph.service.approvals import Standing, get_approval
from heliograph.service.devices import successor_of
from heliograph.service.not_found import enterprise_absence
from heliograph.service.offer_command import PARKED, holds_until_us
from heliograph.service.operations import get_operation
from heliograph.service.ports import Ports, Whereabouts
from heliograph.service.push_endpoints import get_push_endpoint
from heliograph.service.reservations import get_reservation

PENDING_USER_ACTION = b"PENDING_USER_ACTION"


async def explain_operation(ports: Ports, name: OperationName) -> Explanation:
    """Why the command is not done, or how it ended.  Raises: as `get_operation`."""
    return await explanation_of(ports, await get_operation(ports, name))


async def explanation_of(ports: Ports, operation: Operation) -> Explanation:
    """Why the command is not done, or how it ended."""
    if not operation.open:
        return _ended(operation)
    if withheld(operation, ports.clock.now_us()):
        return _of_approval(operation.name, await get_approval(ports, operation_approval(operation.name)))
    if operation.state is State.ACKNOWLEDGED:
        return await _acknowledged(ports, operation)
    return await _unreachable(ports, operation) or await _reachable(ports, operation)


def _ended(operation: Operation) -> Explanation:
    at = f" at {format_timestamp(operation.ended_us)}" if operation.ended_us else ""
    message = f": {operation.error.message}" if operation.error is not None else "."
    then = AFTER.get(operation.error_code or operation.state) or AFTER.get(operation.state, "")
    return explanation(operation.name, Waiting.NOTHING, done=f"The command is {operation.state.name}{at}{message}", then=then)


async def _acknowledged(ports: Ports, operation: Operation) -> Explanation:
    status = f" Its last status: {operation.status.decode()}." if operation.status else ""
    words = {"acknowledged": format_timestamp(operation.acked_us), "status": status}
    next_time = format_timestamp(operation.deadline_us or operation.expires_us)
    waiting = Waiting.USER_ASKED if operation.asking or PENDING_USER_ACTION in operation.status else Waiting.COMMAND_UNDER_WAY
    where, _ = await ports.presence.sighting(operation.device)
    if where is Whereabouts.NOWHERE:
        waiting = Waiting.PHONE_OFFLINE_SINCE_ACKNOWLEDGING
        if successor := await _successor(ports, operation):
            waiting = Waiting.PHONE_REPLACED_SINCE_ACKNOWLEDGING
            words |= successor
    return explanation(operation.name, waiting, next_time=next_time, **words)


async def _unreachable(ports: Ports, operation: Operation) -> Explanation | None:
    """Why the phone cannot be offered anything here; None: it can."""
    where, seen_us = await ports.presence.sighting(operation.device)
    words: dict[str, str] = {}
    if where is Whereabouts.HERE:
        return None
    if where is Whereabouts.AT_ANOTHER_SERVER:
        waiting = Waiting.PHONE_AT_ANOTHER_SERVER
    elif where is Whereabouts.NOT_HERE:
        waiting = Waiting.PHONE_NOT_AT_THIS_SERVER
    elif words := await _successor(ports, operation):
        waiting = Waiting.PHONE_REPLACED
    else:
        record = await ports.store.device(operation.device)
        seen_us = max(seen_us, record.last_status_report_us or 0 if record else 0)
        waiting = Waiting.PHONE_OFFLINE if seen_us else Waiting.PHONE_NEVER_CONNECTED
        words = {"seen": format_timestamp(seen_us)}
    return explanation(operation.name, waiting, next_time=format_timestamp(operation.expires_us), **words)


async def _reachable(ports: Ports, operation: Operation) -> Explanation:
    """Why a command of a phone that is connected here has not started."""
    next_time = format_timestamp(operation.expires_us)
    words = {"here": " by this server" if ports.shared else ""}  # what others offered, they remember
    live = ports.offers.note(operation.device, operation.create_ms)
    if live is not None:
        words["times"] = "once" if live.count == 1 else f"{live.count} times"
        words["offered"] = format_timestamp(live.until_us or live.at_us)
        if live.detail == PARKED:
            return explanation(operation.name, Waiting.COMMAND_PARKED, next_time=next_time, **words)
    if (holder := await _holder(ports, operation)) is not None:
        first = "was acknowledged" if holder.ack_id else "is older"
        return explanation(operation.name, Waiting.OTHER_COMMAND, next_time=next_time, holder=holder.name, is_first=first)
    waiting = Waiting.PHONE_SILENT if live is not None else Waiting.COMMAND_TO_BE_OFFERED
    return explanation(operation.name, waiting, next_time=next_time, **words)


async def _successor(ports: Ports, operation: Operation) -> dict[str, str]:
    """What is known of the device that a phone is by now which was reset by hand and enrolled again; empty: it was not."""
    record = await ports.store.device(operation.device)
    successor = await successor_of(ports, record) if record is not None else None
    if successor is None:
        return {}
    return {"device": str(operation.device), "successor": str(successor.name), "replaced": format_timestamp(successor.enrollment_us)}


async def _holder(ports: Ports, operation: Operation) -> Operation | None:
    """Another operation that holds the device's queue, if any."""
    now_us = ports.clock.now_us()
    others = [other for other in await ports.store.open_operations(operation.device) if other.create_ms != operation.create_ms]
    return _held_by_acknowledged(others, now_us) or next(
        (
            other
            for other in others
            if other.state is State.QUEUED
            and other.create_ms < operation.create_ms
            and not withheld(other, now_us)
            and not _is_parked(ports, other)
        ),
        None,
    )


def _held_by_acknowledged(others: Sequence[Operation], now_us: int) -> Operation | None:
    return next((other for other in others if holds_until_us(other) > now_us), None)


def _is_parked(ports: Ports, operation: Operation) -> bool:
    entry = ports.offers.note(operation.device, operation.create_ms)
    return entry is not None and entry.detail == PARKED


def explain_invitation(invitation: Invitation) -> Explanation:
    """What an open invitation waits for."""
    until = format_timestamp(invitation.expires_us)
    return explanation(f"people/{invitation.person}", Waiting.INVITATION_TO_BE_USED, next_time=until, person=invitation.person)


async def explain_approval(ports: Ports, name: ApprovalName) -> Explanation:
    """Whom it waits for, or how it was decided.  Raises: as `get_approval`."""
    return explain_standing(await get_approval(ports, name))


def explain_standing(standing: Standing) -> Explanation:
    """Whom it waits for, or how it was decided."""
    return _of_approval(standing.approval.name, standing)


def _of_approval(name: object, standing: Standing) -> Explanation:
    """What an approval says of itself, or of the command `name` that waits for it."""
    approval, state = standing.approval, standing.state
    words = {"asked_by": approval.asked_by, "approval": approval.name.approval}
    until = format_timestamp(approval.deadline_us)
    if state is ApprovalState.PENDING:
        missing = approval.needed - len(approval.votes)
        left = [actor for actor in standing.approvers if all(actor != vote.actor for vote in approval.votes)]
        waiting = Waiting.APPROVAL if len(left) >= missing else Waiting.APPROVERS_MISSING
        people = f"{missing}{' more' if approval.votes else ''} {'person' if missing == 1 else 'people'}"
        return explanation(name, waiting, next_time=until, people=people, approvers=", ".join(left) or "no one", **words)
    if state is ApprovalState.APPROVED and standing.starts_us:
        return explanation(name, Waiting.GRACE_PERIOD, next_time=format_timestamp(standing.starts_us), **words)
    if state is ApprovalState.APPROVED and approval.of_method:
        return explanation(name, Waiting.APPROVED_CALL, next_time=until, **words)
    by = f" by {approval.decided_by}" if approval.decided_by else ""
    why = f": {approval.reason}" if approval.reason else "."
    then = f"heliograph explain {approval.target} says what came of it." if state is ApprovalState.APPROVED else ""
    return explanation(name, Waiting.NOTHING, done=f"The approval is {state.value}{by}{why}", then=then)


async def explain_reservation(ports: Ports, name: ReservationName) -> Explanation:
    """Why the phone cannot be reserved, or that it can.  Raises: as `get_reservation`."""
    found, now_us = await get_reservation(ports, name), ports.clock.now_us()
    state, serial = found.state(now_us), name.serial
    if state is ReservationState.ACTIVE:
        holder = found.owner or found.account or "somebody who gave no name"
        ends = format_timestamp(found.expires_us)
        return explanation(name, Waiting.RESERVATION_TO_END, next_time=ends, holder=holder, serial=serial)
    ended_us = found.end_us(now_us) or now_us
    device = await ports.store.device(found.device)
    successor = await successor_of(ports, device) if device is not None else None
    if device is not None and successor is None and device.enrollment_us <= ended_us:
        return explanation(name, Waiting.PHONE_TO_BE_RESET, ended=format_timestamp(ended_us))
    done = f"The phone's last reservation ended at {format_timestamp(ended_us)} ({state.value})."
    return explanation(name, Waiting.NOTHING, done=done, then=f"heliograph lab reserve makes the next one of {serial}.")


async def explain_dead_letter(ports: Ports, name: DeadLetterName) -> Explanation:
    """Why the notification was given up.  Raises: EnterpriseNotAuthorized, NotFound."""
    found = await ports.store.record(DeadLetter, name)
    if found is None:
        raise await enterprise_absence(ports, EnterpriseName(name.enterprise)) or NotFound()
    return explanation(
        name, Waiting.NOTIFICATION_GIVEN_UP, next_time=format_timestamp(found.expires_us),
        given_up=format_timestamp(found.given_up_us), attempts="one attempt" if found.attempts == 1 else f"{found.attempts} attempts",
        reason=found.reason.rstrip("."), destination=found.destination,
    )  # fmt: skip


async def explain_push_endpoint(ports: Ports, name: PushEndpointName) -> Explanation:
    """Why notifications do not reach the endpoint, or that they do.  Raises: as `get_push_endpoint`."""
    found = await get_push_endpoint(ports, name)
    words = {"endpoint": str(name), "url": found.message.url, "reason": found.disabled_reason.rstrip(".")}
    if not found.enabled:
        return explanation(name, Waiting.ENDPOINT_DISABLED, **words)
    until_us = ports.publishing.resting_until_us.get(str(name), 0)
    if until_us > ports.clock.now_us():
        return explanation(name, Waiting.ENDPOINT_RESTS, next_time=format_timestamp(until_us), **words)
    return explanation(name, Waiting.NOTHING, done="The endpoint is enabled, and this server does not leave it alone.", then="")

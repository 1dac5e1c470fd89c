"""The point of no return: a phone says "I can and I will", and the server says whether that stands."""

import re

import msgspec
import structlog

from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain import operation as life
from heliograph.domain.device import DeviceRecord, LastOrder, StatusName
from heliograph.domain.errors import OperationNotFound
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.domain.outcome import DEVICE_DELETED
from heliograph.protocol import ACK_ID_BYTES, Acknowledge, Drop, DropWhy, Execute
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.devices import management_ended, tombstone_expiry_us
from heliograph.service.evidence import with_facts_before
from heliograph.service.metrics import about
from heliograph.service.notifications import operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.operations import own_operation
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutOperation, Sees
from heliograph.service.rules import Inquiry, SeesOperation
from heliograph.service.sealed_secrets import phone_command

_ACK_ID = re.compile(f"[0-9a-f]{{{2 * ACK_ID_BYTES}}}")
_DROPPED = {State.CANCELLED: DropWhy.CANCELLED, State.EXPIRED: DropWhy.EXPIRED}

log = structlog.get_logger()


class _Stands(msgspec.Struct, frozen=True):
    """The acknowledgement stands. Either the operation is open, or the command is its device's last order."""

    start_within_ms: int
    operation: Operation | None = None
    last_order: LastOrder | None = None
    """Always part of the answer: the device's policy may have widened what was offered."""


class _Ack(msgspec.Struct, frozen=True):
    """Who acknowledges; and whether the rule sees all that an end of the operation concerns."""

    credential_hash: bytes
    operation: OperationName
    ack_id: str
    sees_all: bool
    begun: bool
    """Whether the phone says that it has begun: then the operation's time is not looked at, for that was judged before it began."""
    evidence: msgspec.Raw | None = None


_Verdict = _Stands | DropWhy


async def acknowledge_command(
    ports: Ports, credential_hash: bytes, device: DeviceName, message: Acknowledge, *, begun: bool = False
) -> Execute | Drop:
    """The first ackId owns the operation, durably: it gets `execute` every time it asks, every other one gets `drop`.

    Judged in one rule against cancel, expiry and deletion; it looks at the time itself, whether or not a timer fired. A row that is
    final at ack ends its operation and its device here: the tombstone answers the same ackId from then on, and `startWithinMs` is
    the tombstone's life, because such a command is executed whenever the phone learns that it is in force.

    `begun`: the phone has begun under this ackId already, which the server lost (ADR 0016).

    Raises: InvalidArgument: a bad name or ackId; OperationNotFound: unknown, or another device's.
    """
    # Only a row that is final at ack, or a command that has expired, concerns more than the operation: no other ack pays for reading it.
    for sees_all in (False, True):
        inquiry = acknowledging(ports, credential_hash, device, message, begun=begun, sees_all=sees_all)
        answer = inquiry.conclude(await ports.store.decide(inquiry.sees, inquiry.rule, lane=Lane.PHONES))
        if answer is not None:
            return answer
    return Drop(drop=DropWhy.FINISHED)


def acknowledging(
    ports: Ports, credential_hash: bytes, device: DeviceName, message: Acknowledge, *, begun: bool = False, sees_all: bool = False
) -> Inquiry[_Verdict | None, Execute | Drop | None]:
    """What `acknowledge_command` asks the store. It concludes None if the acknowledgement concerns more than the operation: see all, then.

    Raises: InvalidArgument: a bad name or ackId; OperationNotFound: another device's. What the rule raises: `acknowledge_command`.
    """
    name = own_operation(device, message.operation)
    if not _ACK_ID.fullmatch(message.ack_id):
        raise InvalidArgument(f"ackId must be {ACK_ID_BYTES} random bytes in lower-case hex.")
    ack = _Ack(credential_hash, name, message.ack_id, sees_all, begun, message.evidence)
    sees: Sees = SeesOperation(device=device, create_ms=name.create_ms)
    if sees_all:
        sees = Sees(
            device=device, create_ms=name.create_ms, open_operations=True, device_policy=True, subscription=True,
            records=(StatusName(*device),),
        )  # fmt: skip

    def conclude(verdict: _Verdict | None) -> Execute | Drop | None:
        if not isinstance(verdict, _Stands):
            return Drop(drop=verdict) if verdict is not None else None
        if verdict.last_order is not None:
            ports.offers.forget_device(device)
            return Execute(start_within_ms=verdict.start_within_ms, command=verdict.last_order.command)  # it has no secrets
        ports.offers.noted(device, name.create_ms)
        if not message.need_command or verdict.operation is None:
            return Execute(start_within_ms=verdict.start_within_ms)
        command = phone_command(ports, verdict.operation)
        return Execute(start_within_ms=verdict.start_within_ms, command=command.command, sealed_command=command.sealed)

    return Inquiry(sees, lambda facts: _judge(ports, facts, ack), conclude)


def _judge(ports: Ports, facts: Facts, ack: _Ack) -> Decision[_Verdict | None]:
    device, operation = facts.device, facts.operation
    if (order := _last_order_of(facts, ack)) is not None:
        return Decision(order)
    if device is None or device.credential_hash != ack.credential_hash:
        return Decision(DropWhy.DEVICE_DELETED)
    if operation is None:
        raise OperationNotFound
    if life.withheld(operation, facts.now_us):
        raise OperationNotFound  # no phone was shown it
    if (why := why_dropped(operation, ack.ack_id)) is not None:
        return Decision(why)
    row = COMMANDS[operation.type]
    late = not operation.ack_id and not ack.begun and facts.now_us >= operation.expires_us
    if late or row.final_at_ack:
        if not ack.sees_all:
            return Decision(None)
        return _expired(ports, facts, operation) if late else _ended_by_ack(ports, facts, ack, device, operation)
    offered = with_offers(ports, operation)
    acknowledged = life.acknowledge(offered, ack.ack_id, facts.now_us, result_timeout_s=row.result_timeout_s)
    start_within_ms = max(0, (operation.expires_us - facts.now_us) // 1_000)
    return Decision(_Stands(start_within_ms, acknowledged), (PutOperation(acknowledged),))


def _last_order_of(facts: Facts, ack: _Ack) -> _Stands | None:
    tombstone = facts.tombstone
    if (
        tombstone is None
        or not tombstone.ack_id
        or (tombstone.ack_id, tombstone.credential_hash) != (ack.ack_id, ack.credential_hash)
        or tombstone.last_order.operation != str(ack.operation)
    ):
        return None
    return _Stands((tombstone.expires_us - facts.now_us) // 1_000, last_order=tombstone.last_order)


def why_dropped(operation: Operation, ack_id: str) -> DropWhy | None:
    """Why the phone with this ackId must not execute the command; None: its state keeps it from nothing."""
    if operation.open:
        return DropWhy.TAKEN if operation.ack_id and operation.ack_id != ack_id else None
    if operation.error == DEVICE_DELETED:
        return DropWhy.DEVICE_DELETED
    return _DROPPED.get(operation.state, DropWhy.FINISHED)


def _expired(ports: Ports, facts: Facts, operation: Operation) -> Decision[_Verdict | None]:
    expired = life.expire(with_offers(ports, operation), facts.now_us)
    return Decision(DropWhy.EXPIRED, operation_writes(ports, facts, operation, expired), ring=operation.device)


def _ended_by_ack(ports: Ports, facts: Facts, ack: _Ack, device: DeviceRecord, operation: Operation) -> Decision[_Verdict | None]:
    now_us = facts.now_us
    flags = facts.policy.wipe_data_flags if facts.policy is not None else ()
    widened = COMMANDS[operation.type].under_policy(operation.command, flags, api_level=device.report.api_level)
    command = msgspec.Raw(ENVELOPE.full_command(operation.type, widened))
    order = LastOrder(type=operation.type, command=command, operation=str(ack.operation))
    succeeded = life.acknowledge_final(with_offers(ports, operation), ack.ack_id, now_us, begun=ack.begun)
    succeeded = with_facts_before(succeeded, ack.evidence, now_us)
    writes = [*operation_writes(ports, facts, operation, succeeded), *management_ended(ports, facts, device, order, ack_id=ack.ack_id)]
    start_within_ms = (tombstone_expiry_us(now_us, ports.limits) - now_us) // 1_000
    return Decision(_Stands(start_within_ms, last_order=order), writes, ring=device.name)


def may_adopt(operation: Operation, now_us: int) -> bool:
    """Whether the server issued the command and no acknowledgement of it is stored.

    One that is over stays as it is: its end was shown to callers.
    """
    return operation.state is State.QUEUED and not operation.ack_id and not life.withheld(operation, now_us)


def adopted(operation: Operation, ack_id: str, now_us: int) -> Operation:
    """The operation with the acknowledgement that its phone knows; `may_adopt`, and its row is not final at ack."""
    return life.adopt(operation, ack_id, now_us, result_timeout_s=COMMANDS[operation.type].result_timeout_s)


def log_adoption(operation: Operation) -> None:
    """A line in the log: seen without a restored backup or a failover, it names an agent that never acknowledges."""
    log.warning("command.adopted", **about(operation))

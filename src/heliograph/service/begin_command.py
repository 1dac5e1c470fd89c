"""A phone's user has agreed: may the phone begin?  What has expired meanwhile must have no effect, ever."""

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.errors import DeviceNoLongerManaged, OperationNotFound
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State
from heliograph.protocol import Begin, Drop, DropWhy, Execute
from heliograph.service.acknowledge_command import why_dropped
from heliograph.service.notifications import operation_writes
from heliograph.service.operations import own_operation
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutOperation, Sees
from heliograph.service.report_result import NotAcknowledged, waits_in_time


async def begin_command(ports: Ports, device: DeviceName, message: Begin) -> Execute | Drop:
    """Who asks in time, or was let before, may begin, durably: the operation expires no more. Every other one must not, ever.

    It looks at the time itself, whether or not a timer fired, in one rule with expiry, deletion and reports.

    Raises: InvalidArgument: a bad name; NotAcknowledged: the server knows of no acknowledgement, so it offers the command again;
        OperationNotFound: unknown, or another device's; DeviceNoLongerManaged.
    """
    name = own_operation(device, message.operation)

    def rule(facts: Facts) -> Decision[Execute | Drop]:
        operation = facts.operation
        if facts.device is None:
            raise DeviceNoLongerManaged
        if operation is None or life.withheld(operation, facts.now_us):
            raise OperationNotFound
        if (why := why_dropped(operation, message.ack_id)) is not None:
            return Decision(Drop(drop=why))
        if operation.state is State.QUEUED:
            raise NotAcknowledged
        if not operation.begun and facts.now_us >= operation.expires_us and waits_in_time(ports, COMMANDS[operation.type]):
            expired = life.expire(operation, facts.now_us)
            return Decision(Drop(drop=DropWhy.EXPIRED), operation_writes(ports, facts, operation, expired), ring=device)
        return Decision(_let(operation, facts.now_us), (PutOperation(_begun(operation, facts.now_us)),))

    sees = Sees(device=device, create_ms=name.create_ms, subscription=True)
    return await ports.store.decide(sees, rule, lane=Lane.PHONES)


def _let(operation: Operation, now_us: int) -> Execute:
    return Execute(start_within_ms=max(0, operation.expires_us - now_us) // 1_000)


def _begun(operation: Operation, now_us: int) -> Operation:
    return life.begin(operation, now_us, result_timeout_s=COMMANDS[operation.type].result_timeout_s)

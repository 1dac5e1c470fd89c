"""A phone refuses a command before it acknowledges: nothing was executed."""

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.behaviour import Behaviour
from heliograph.domain.device import DeviceRecord
from heliograph.domain.errors import DeviceNoLongerManaged, OperationNotFound
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation, State
from heliograph.domain.outcome import ErrorCode
from heliograph.domain.quirks import Quirk
from heliograph.protocol import Refuse
from heliograph.protojson.errors import Aborted, InvalidArgument
from heliograph.service.notifications import operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.operations import own_operation
from heliograph.service.ports import Decision, Facts, Lane, Ports, Sees
from heliograph.service.report_result import Reported, reported_failure


class AlreadyAcknowledged(Aborted):
    """The command was acknowledged: report its outcome."""

    reason = "ALREADY_ACKNOWLEDGED"


async def refuse_command(ports: Ports, device: DeviceName, message: Refuse) -> None:
    """A queued operation FAILED with the phone's errorCode or status; one that is over already stays as it is.

    Raises: InvalidArgument: neither or both of errorCode and status, or one that is not a failure of this type;
        AlreadyAcknowledged; OperationNotFound: unknown, or another device's; DeviceNoLongerManaged.
    """
    name = own_operation(device, message.operation)

    def rule(facts: Facts) -> Decision[None]:
        operation = facts.operation
        if facts.device is None:
            raise DeviceNoLongerManaged
        if operation is None or life.withheld(operation, facts.now_us):
            raise OperationNotFound
        if operation.state is State.ACKNOWLEDGED:
            raise AlreadyAcknowledged
        if operation.done:
            return Decision(None)
        offered = with_offers(ports, operation)
        if facts.now_us >= operation.expires_us:
            ended = life.expire(offered, facts.now_us)
        else:
            ended = _refused(ports, offered, facts.device, message, now_us=facts.now_us)
        return Decision(None, operation_writes(ports, facts, operation, ended), ring=device)

    await ports.store.decide(Sees(device=device, create_ms=name.create_ms, subscription=True), rule, lane=Lane.PHONES)
    ports.offers.noted(device, name.create_ms)


def _refused(ports: Ports, operation: Operation, device: DeviceRecord, message: Refuse, *, now_us: int) -> Operation:
    row = COMMANDS[operation.type]
    if not message.error_code and message.status is None:
        raise InvalidArgument("A refusal needs an errorCode or a status.")
    failure = reported_failure(row, Reported(message.status, message.error_code, message.message))
    silent = (
        ports.limits.behaviour is Behaviour.AS_OBSERVED
        and Quirk.SILENT_ON_PERSONAL in row.as_observed
        and failure.error_code is ErrorCode.MANAGEMENT_MODE
        and device.personally_owned
    )
    if silent:
        return life.ignored(operation, 0, now_us)
    return life.finish(operation, 0, now_us, status=failure.status, error_code=failure.error_code, error=failure.error)

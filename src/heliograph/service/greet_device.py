"""A phone connects and says what its journal holds."""

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.device import DeviceRecord
from heliograph.domain.errors import DeviceNoLongerManaged, InvalidArgument
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.protocol import Hello, InFlight, Policy
from heliograph.service._policy import phone_policy
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutOperation, Sees


async def greet_device(ports: Ports, device: DeviceName, hello: Hello) -> Policy:
    """Each acknowledged operation that the phone lists has its result timeout started anew; one that it does not list is offered again.

    Names that the server does not know are the phone's to find out when it reports.

    Raises: InvalidArgument: more operations than a device can have open; DeviceNoLongerManaged.
    """
    if len(hello.in_flight) > ports.limits.open_operations_most:
        raise InvalidArgument("inFlight lists more operations than a device can have open.")
    listed = dict(_listed(device, hello.in_flight))

    def rule(facts: Facts) -> Decision[DeviceRecord]:
        if facts.device is None:
            raise DeviceNoLongerManaged
        alive = [operation for operation in facts.open_operations if _is_alive(operation, listed)]
        return Decision(facts.device, [PutOperation(_heard(operation, facts.now_us)) for operation in alive])

    if listed:
        record: DeviceRecord | None = await ports.store.decide(Sees(device=device, open_operations=True), rule, lane=Lane.PHONES)
    else:
        record = await ports.store.device(device)
    if record is None:
        raise DeviceNoLongerManaged
    ports.offers.greeted(device, frozenset(listed), ports.clock.now_us())
    return await phone_policy(ports, record)


def _listed(device: DeviceName, in_flight: tuple[InFlight, ...]) -> list[tuple[int, str]]:
    named = ((OperationName.parse(entry.operation), entry.ack_id) for entry in in_flight)
    return [(name.create_ms, ack_id) for name, ack_id in named if name.device == device]


def _is_alive(operation: Operation, listed: dict[int, str]) -> bool:
    return operation.state is State.ACKNOWLEDGED and operation.ack_id == listed.get(operation.create_ms)


def _heard(operation: Operation, now_us: int) -> Operation:
    return life.heard(operation, now_us, result_timeout_s=COMMANDS[operation.type].result_timeout_s)

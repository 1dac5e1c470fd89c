"""A phone connects and says what its journal holds."""

from collections.abc import Mapping
from typing import NamedTuple

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.device import DeviceRecord
from heliograph.domain.errors import DeviceNoLongerManaged, InvalidArgument
from heliograph.domain.names import DeviceName, OperationName
from heliograph.domain.operation import Operation, State
from heliograph.protocol import Acknowledge, Hello, InFlight, InFlightState, Policy
from heliograph.service._adoption import adopted, log_adoption, may_adopt
from heliograph.service._offers_told import with_offers
from heliograph.service._policy import phone_policy
from heliograph.service.acknowledge_command import acknowledge_command
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutOperation, Sees

BEGUN = frozenset({InFlightState.EXECUTING, InFlightState.RESULT})
"""What a journal says once the acknowledgement was answered with `execute`; one that says ACKING asks again by itself."""


class _Greeted(NamedTuple):
    """What the rule found."""

    device: DeviceRecord
    adopted: tuple[Operation, ...] = ()
    last: Operation | None = None
    """A begun command that is final at ack, and whose acknowledgement the server lost."""


async def greet_device(ports: Ports, credential_hash: bytes, device: DeviceName, hello: Hello) -> Policy:
    """Each acknowledged operation that the phone lists has its result timeout started anew; one that it does not list is offered again.

    A queued one that the phone has begun is adopted: acknowledged by the phone's ackId, whatever its time (ADR 0016). One that is
    final at ack ends its device with that, and DeviceNoLongerManaged is raised.

    Names that the server does not know are the phone's to find out when it reports.

    Raises: InvalidArgument: more operations than a device can have open; DeviceNoLongerManaged.
    """
    if len(hello.in_flight) > ports.limits.open_operations_most:
        raise InvalidArgument("inFlight lists more operations than a device can have open.")
    listed = _listed(device, hello.in_flight)
    if listed:
        sees = Sees(device=device, open_operations=True)
        greeted = await ports.store.decide(sees, lambda facts: _greeted(ports, facts, listed), lane=Lane.PHONES)
        await _told(ports, credential_hash, device, greeted, listed)
        record: DeviceRecord | None = greeted.device
    else:
        record = await ports.store.device(device)
    if record is None:
        raise DeviceNoLongerManaged
    ports.offers.greeted(device, frozenset(listed), ports.clock.now_us())
    return await phone_policy(ports, record)


async def _told(
    ports: Ports, credential_hash: bytes, device: DeviceName, greeted: _Greeted, listed: Mapping[int, InFlight]
) -> None:  # fmt: skip
    for operation in greeted.adopted:
        ports.offers.noted(device, operation.create_ms)
        log_adoption(operation)
    if greeted.last is None:
        return
    entry = listed[greeted.last.create_ms]
    message = Acknowledge(operation=str(greeted.last.name), ack_id=entry.ack_id)
    await acknowledge_command(ports, credential_hash, device, message, begun=True)
    log_adoption(greeted.last)
    if await ports.store.device(device) is None:
        raise DeviceNoLongerManaged


def _listed(device: DeviceName, in_flight: tuple[InFlight, ...]) -> dict[int, InFlight]:
    named = ((OperationName.parse(entry.operation), entry) for entry in in_flight)
    return {name.create_ms: entry for name, entry in named if name.device == device}


def _greeted(ports: Ports, facts: Facts, listed: Mapping[int, InFlight]) -> Decision[_Greeted]:
    if facts.device is None:
        raise DeviceNoLongerManaged
    heard: list[Operation] = []
    adoptions: list[Operation] = []
    last: Operation | None = None
    for operation in facts.open_operations:
        entry = listed.get(operation.create_ms)
        if entry is None:
            continue
        if operation.state is State.ACKNOWLEDGED and operation.ack_id == entry.ack_id:
            heard.append(_heard(operation, facts.now_us))
        elif may_adopt(operation) and entry.state in BEGUN:
            if COMMANDS[operation.type].final_at_ack:
                last = last or operation
            else:
                adoptions.append(adopted(with_offers(ports, operation), entry.ack_id, facts.now_us))
    return Decision(_Greeted(facts.device, tuple(adoptions), last), [PutOperation(operation) for operation in (*heard, *adoptions)])


def _heard(operation: Operation, now_us: int) -> Operation:
    return life.heard(operation, now_us, result_timeout_s=COMMANDS[operation.type].result_timeout_s)

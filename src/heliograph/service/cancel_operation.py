"""A caller takes a command back."""

from __future__ import annotations  # a rule is made per call, and its annotations would be evaluated with it

from heliograph.domain import operation as life
from heliograph.domain.names import OperationName
from heliograph.service._absence import hidden_operations, operation_absence
from heliograph.service._notifications import operation_writes
from heliograph.service._offers_told import with_offers
from heliograph.service.ports import Decision, Facts, Ports, Sees


async def cancel_operation(ports: Ports, name: OperationName) -> None:
    """A command that no phone acknowledged and whose time is not over is CANCELLED; any other stays as it is.

    Raises: OperationNotFound, EnterpriseNotAuthorized; DeviceNoLongerManaged where operations of deleted devices are hidden.
    Source: disc, devices.operations.cancel (best effort; success is not guaranteed); amapi.md §3.
    """

    def rule(facts: Facts) -> Decision[bool | None]:
        operation = facts.operation
        if operation is None or not life.allows(operation, life.Event.CANCEL):
            return Decision(None if operation is None else False)
        told = with_offers(ports, operation)
        ended = life.expire(told, facts.now_us) if facts.now_us >= operation.expires_us else life.cancel(told, facts.now_us)
        # What waited behind it may be next.
        return Decision(answer=True, writes=tuple(operation_writes(ports, facts, operation, ended)), ring=name.device)

    ended = await ports.store.decide(Sees(device=name.device, create_ms=name.create_ms, subscription=bool(ports.destinations)), rule)
    if ended:
        ports.offers.noted(name.device, name.create_ms)
        return
    # What could be cancelled was open, so its device and its enterprise are there.
    if (error := await hidden_operations(ports, name.device)) is not None:
        raise error
    if ended is None:
        raise await operation_absence(ports, name)

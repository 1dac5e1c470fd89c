"""How a device's management ends: the writes that every way of deleting a device shares."""

import msgspec

from heliograph.commands import ENVELOPE
from heliograph.domain import operation as life
from heliograph.domain.device import DeviceRecord, LastOrder, Tombstone
from heliograph.domain.operation import Operation
from heliograph.service._notifications import departure_published, operation_writes
from heliograph.service._offers_told import with_offers
from heliograph.service.limits import Limits
from heliograph.service.ports import DeleteDevice, Facts, Ports, PutTombstone, Write

DAY_US = 86_400 * 1_000_000


def delete_order(type_name: str, command: bytes) -> LastOrder:
    """The last order of a device that is deleted without an operation."""
    return LastOrder(type=type_name, command=msgspec.Raw(ENVELOPE.full_command(type_name, command)))


def management_ended(ports: Ports, facts: Facts, device: DeviceRecord, order: LastOrder, *, ack_id: str = "") -> list[Write]:
    """The writes after which the device is gone, its tombstone holds the last order, and none of its operations is open.

    `facts` must hold the device's open operations and the subscription; the operation that the order came from is the caller's to end.
    """
    tombstone = Tombstone(
        name=device.name,
        credential_hash=device.credential_hash,
        last_order=order,
        ack_id=ack_id,
        created_us=facts.now_us,
        expires_us=tombstone_expiry_us(facts.now_us, ports.limits),
    )
    ended = [
        write
        for operation in facts.open_operations
        if str(operation.name) != order.operation
        for write in operation_writes(ports, facts, operation, ended_with_device(with_offers(ports, operation), facts.now_us))
    ]
    return [DeleteDevice(device.name), PutTombstone(tombstone), *ended, *departure_published(ports, facts, device)]


def ended_with_device(operation: Operation, now_us: int) -> Operation:
    """The open operation, ended because its device is gone; one whose time was over before that has expired."""
    if life.allows(operation, life.Event.EXPIRE) and now_us >= operation.expires_us:
        return life.expire(operation, now_us)
    return life.device_deleted(operation, now_us)


def tombstone_expiry_us(now_us: int, limits: Limits) -> int:
    """Until when a phone whose management ends now can learn its last order."""
    return now_us + limits.tombstone_days * DAY_US

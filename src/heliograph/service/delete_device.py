"""An admin deletes a device: it is gone at once, its phone wipes itself when it is next heard."""

from collections.abc import Sequence

from heliograph.commands import last_order_of_delete
from heliograph.domain.names import DeviceName
from heliograph.service._absence import device_absence
from heliograph.service._last_orders import delete_order, management_ended
from heliograph.service.ports import Decision, Facts, Ports, Sees


async def delete_device(ports: Ports, name: DeviceName, *, wipe_data_flags: Sequence[str] = (), wipe_reason: str = "") -> None:
    """The device and its open operations are over; for 30 days its phone learns its last order, a wipe with these flags and reason.

    Raises: InvalidArgument: an unknown flag, a reason too long; EnterpriseNotAuthorized, DeviceNoLongerManaged, NotFound.
    Source: disc, devices.delete; amapi.md §6.12.
    """
    order = delete_order(*last_order_of_delete(wipe_data_flags, wipe_reason))

    def rule(facts: Facts) -> Decision[bool]:
        if facts.device is None:
            return Decision(answer=False)
        # Whoever serves its connection learns that the device is gone.
        return Decision(answer=True, writes=management_ended(ports, facts, facts.device, order), ring=name)

    if not await ports.store.decide(Sees(device=name, open_operations=True, subscription=True), rule):
        raise await device_absence(ports, name)
    ports.offers.forget_device(name)

"""Usage logs of devices: each event is published once."""

import msgspec

from heliograph.domain.errors import DeviceNoLongerManaged
from heliograph.domain.names import DeviceName
from heliograph.domain.usage_log import Batch, new_since
from heliograph.service.notifications import usage_published
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutDevice, Sees


async def report_usage_logs(ports: Ports, device: DeviceName, batch: Batch) -> None:
    """Events that are new are published if the enterprise enabled USAGE_LOGS, and are kept nowhere else.

    Raises: DeviceNoLongerManaged.
    Source: disc, NotificationType.USAGE_LOGS ("sent when device sends BatchUsageLogEvents").
    """

    def rule(facts: Facts) -> Decision[None]:
        if facts.device is None:
            raise DeviceNoLongerManaged
        new = new_since(batch, facts.device.last_usage_event_id)
        if not new:
            return Decision(None)
        changed = msgspec.structs.replace(facts.device, last_usage_event_id=int(new[-1].event_id))
        return Decision(None, (PutDevice(changed), *usage_published(ports, facts, changed, batch, new)))

    await ports.store.decide(Sees(device=device, subscription=True), rule, lane=Lane.PHONES)

"""A phone tells its facts as they are now."""

import msgspec

from heliograph.domain.device import DeviceRecord
from heliograph.domain.errors import DeviceNoLongerManaged
from heliograph.domain.names import DeviceName
from heliograph.protocol import Policy, StatusReport
from heliograph.service._device_report import check_report
from heliograph.service._notifications import status_published
from heliograph.service._policy import phone_policy
from heliograph.service.ports import Decision, Facts, Lane, Ports, PutDevice, Sees


async def report_status(ports: Ports, device: DeviceName, message: StatusReport) -> Policy:
    """The device shows these facts; it leaves PROVISIONING with its first status report, whose answer is its policy.

    Raises: InvalidArgument: facts that no device can have; DeviceNoLongerManaged.
    Source: disc, Device.lastPolicySyncTime ("The last time the device fetched its policy").
    """
    check_report(message.report)

    def rule(facts: Facts) -> Decision[DeviceRecord]:
        if facts.device is None:
            raise DeviceNoLongerManaged
        changed = msgspec.structs.replace(
            facts.device, report=message.report, last_status_report_us=facts.now_us, last_policy_sync_us=facts.now_us
        )
        return Decision(changed, (PutDevice(changed), *status_published(ports, facts, changed)))

    return await phone_policy(ports, await ports.store.decide(Sees(device=device, subscription=True), rule, lane=Lane.PHONES))

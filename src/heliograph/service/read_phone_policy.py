"""What the server wants of one phone now."""

from heliograph.domain.errors import DeviceNoLongerManaged
from heliograph.domain.names import DeviceName
from heliograph.protocol import Policy
from heliograph.service._policy import phone_policy
from heliograph.service.ports import Ports


async def get_phone_policy(ports: Ports, device: DeviceName) -> Policy:
    """The policy as the phone gets it.  Raises: DeviceNoLongerManaged."""
    record = await ports.store.device(device)
    if record is None:
        raise DeviceNoLongerManaged
    return await phone_policy(ports, record)

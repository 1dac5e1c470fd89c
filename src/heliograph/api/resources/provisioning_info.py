"""The provisioningInfo resource."""

from heliograph.api.method import Call
from heliograph.protojson.messages import encode_message
from heliograph.service.provisioning import get_provisioning_info


async def get(call: Call) -> bytes:
    """What is known of a phone that is being set up.  Source: disc, provisioningInfo.get."""
    (code,) = call.ids
    return encode_message(await get_provisioning_info(call.ports, code, permit=call.permit))

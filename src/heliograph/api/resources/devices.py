"""The devices resource."""

import asyncio

from heliograph.api.http.query import PageQuery
from heliograph.api.method import Call
from heliograph.api.resources.answers import EMPTY, list_body
from heliograph.commands.wipe import WipeDataFlag
from heliograph.domain.device import Device, DeviceRecord
from heliograph.domain.device_json import render_device
from heliograph.domain.messages import Message
from heliograph.domain.names import DeviceName, EnterpriseName
from heliograph.protojson.field_mask import parse_field_mask
from heliograph.protojson.messages import encode_message
from heliograph.service.devices import delete_device, get_device, list_devices, patch_device, status_of


class DeleteDeviceQuery(Message):
    """Source: disc, devices.delete."""

    wipe_data_flags: tuple[WipeDataFlag, ...] = ()
    wipe_reason_message: str = ""


class ListDevicesResponse(Message):
    """Source: disc, ListDevicesResponse."""

    devices: tuple[Device, ...] = ()
    next_page_token: str = ""


class UpdateQuery(Message):
    """Source: AIP-134."""

    update_mask: str = ""


async def get(call: Call) -> bytes:
    """The device.  Source: disc, devices.get."""
    return await _body(call, await get_device(call.ports, DeviceName(*call.ids)))


async def list_(call: Call) -> bytes:
    """One page of an enterprise's devices, oldest enrolment first; those that the caller's roles show (AIP-158: a page may have fewer).

    Source: disc, devices.list.
    """
    query: PageQuery = call.query
    devices, next_page_token = await list_devices(
        call.ports, EnterpriseName(*call.ids), page_size=query.page_size, page_token=query.page_token
    )
    bodies = await asyncio.gather(*(_body(call, device) for device in devices if call.permit.shows(device)))
    return list_body("devices", bodies, next_page_token)


async def patch(call: Call) -> bytes:
    """The device as it is now.  Source: disc, devices.patch."""
    query: UpdateQuery = call.query
    wanted = await call.message(Device, root="device")
    mask = parse_field_mask(query.update_mask, of=Device) or None
    return await _body(call, await patch_device(call.ports, DeviceName(*call.ids), wanted, mask, permit=call.permit))


async def delete(call: Call) -> bytes:
    """An empty answer: the device is gone at once, its phone wipes itself when it next connects.  Source: disc, devices.delete."""
    query: DeleteDeviceQuery = call.query
    await delete_device(
        call.ports,
        DeviceName(*call.ids),
        wipe_data_flags=[flag.value for flag in query.wipe_data_flags],
        wipe_reason=query.wipe_reason_message,
        permit=call.permit,
        caller=call.caller,
    )
    return EMPTY


async def _body(call: Call, record: DeviceRecord) -> bytes:
    return encode_message(render_device(record, await status_of(call.ports, record)))

"""Which device a phone is by now that was reset by hand and enrolled again: the same serial number, a later enrolment."""

from heliograph.domain.device import DeviceRecord
from heliograph.domain.names import DeviceName
from heliograph.service.ports import Decision, Ports, Sees


async def successor_of(ports: Ports, record: DeviceRecord) -> DeviceRecord | None:
    """The newest device of the enterprise that enrolled later with the same serial number and is still there, None if there is none."""
    hardware = record.report.hardware_info
    serial = record.serial or (hardware.serial_number if hardware else "")  # records from before `serial` have only the latter
    if not serial:
        return None
    sees = Sees(enterprise=record.name.parent, serial=serial)
    names = await ports.store.decide(sees, lambda facts: Decision(facts.previous_device_names))
    for name in reversed(names):
        if name == str(record.name):
            return None
        found = await ports.store.device(DeviceName.parse(name))
        if found is not None:
            return found
    return None

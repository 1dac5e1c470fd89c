"""How many phones have not been heard for days: counted a part at a time, whenever somebody asks, so that nobody waits for it.

A phone reports at least once a day (docs/device-protocol.md); one that is connected is heard.
"""

from collections.abc import AsyncGenerator, Sequence

import msgspec

from heliograph.domain.device import DeviceRecord
from heliograph.service.ports import Ports

DAYS = (3, 7, 30)
"""A long weekend, a holiday, a phone that is lost."""
DAY_US = 86_400_000_000
PAGE = 100
TURN_PAGES = 50
TURN_DEVICES = 500
"""Read in one turn: some 10 ms of the loop. Prometheus comes every 15 s: 100,000 phones are counted in 50 minutes."""
AGAIN_US = 600_000_000
"""A new count begins no sooner than this after the last one did."""


class Silence(msgspec.Struct, frozen=True):
    """What one whole count found."""

    devices: int
    silent: tuple[int, ...]
    """How many of them have been silent for longer than each of DAYS."""


class SilentPhones:
    """The newest whole count, and the one in progress."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._began_us: int | None = None
        self._pages: AsyncGenerator[Sequence[DeviceRecord]] | None = None
        self._devices = 0
        self._silent = [0] * len(DAYS)
        self.latest: Silence | None = None
        """None: nobody has asked often enough yet."""

    async def count_on(self) -> None:
        """A part more is counted, the last part makes `latest`.  Raises: what the store raises; then the count begins again."""
        now_us = self._ports.clock.now_us()
        if self._pages is None:
            if self._began_us is not None and now_us - self._began_us < AGAIN_US:
                return
            self._began_us, self._pages, self._devices, self._silent = now_us, _pages_of_all(self._ports), 0, [0] * len(DAYS)
        try:
            ended = await self._turn(self._pages, now_us)
        except BaseException:
            self._pages = self._began_us = None
            raise
        if ended:
            self._pages, self.latest = None, Silence(self._devices, tuple(self._silent))

    async def _turn(self, pages: AsyncGenerator[Sequence[DeviceRecord]], now_us: int) -> bool:
        """Whether all pages were counted."""
        read = 0
        for _ in range(TURN_PAGES):
            page = await anext(pages, None)
            if page is None:
                return True
            for device in page:
                self._count(device, now_us)
            read += len(page)
            if read >= TURN_DEVICES:
                break
        return False

    def _count(self, device: DeviceRecord, now_us: int) -> None:
        self._devices += 1
        heard_us = now_us if self._ports.presence.connected(device.name) else device.last_status_report_us or device.enrollment_us
        for index, days in enumerate(DAYS):
            self._silent[index] += now_us - heard_us > days * DAY_US


async def _pages_of_all(ports: Ports) -> AsyncGenerator[Sequence[DeviceRecord]]:
    """The devices of all enterprises, a page at a time."""
    after, more = "", True
    while more:
        enterprises = await ports.store.enterprises(after=after, limit=PAGE)
        for enterprise in enterprises.items:
            device_after, more_devices = "", True
            while more_devices:
                devices = await ports.store.devices(enterprise.name, after=device_after, limit=PAGE)
                yield devices.items
                device_after, more_devices = (devices.items[-1].position if devices.items else ""), devices.more
        after, more = (enterprises.items[-1].position if enterprises.items else ""), enterprises.more

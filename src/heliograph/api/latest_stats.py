"""How much the store holds, asked no more often than is good for it: for `/metrics` and the console's page of health."""

import asyncio
import contextlib

from heliograph.service.metrics import StoreStats
from heliograph.service.ports import Ports
from heliograph.service.silent_phones import Silence, SilentPhones

FRESH_US = 5_000_000
"""Many may ask, and counting open operations is work: the store is asked no more often than this."""
STATS_WITHIN_S = 2.0
"""A store that is slower is left out: metrics are needed most while it is in trouble."""


class LatestStats:
    """What the store said lately of how much it holds."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._asked_us: int | None = None
        self._asking = asyncio.Lock()
        self._silent_phones = SilentPhones(ports)
        self.latest: StoreStats | None = None
        """None: the store did not answer."""

    @property
    def silence(self) -> Silence | None:
        """The newest count of silent phones; None: there is none yet."""
        return self._silent_phones.latest

    async def refresh(self) -> None:
        """`latest` is as fresh as FRESH_US, or None; the count of silent phones went on a bit."""
        async with self._asking:
            now_us = self._ports.clock.now_us()
            if self._asked_us is not None and now_us - self._asked_us < FRESH_US:
                return
            self._asked_us = now_us
            try:
                async with asyncio.timeout(STATS_WITHIN_S):
                    self.latest = await self._ports.store.stats()
            except Exception:  # noqa: BLE001 - with any error of the store, the rest is shown
                self.latest = None
            with contextlib.suppress(Exception):  # the last whole count stays, and the next look begins another
                async with asyncio.timeout(STATS_WITHIN_S):
                    await self._silent_phones.count_on()

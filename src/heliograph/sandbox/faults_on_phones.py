"""What is planned for a world's phones: at a time by the world's clock, or when a phone comes to a moment of a command."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Final

import msgspec

from heliograph.agent.delivery import never
from heliograph.agent.executor import Moment
from heliograph.domain.names import DeviceName
from heliograph.domain.phone.virtual_device import VirtualDevice, factory_reset, rebooted
from heliograph.protojson.times import US_PER_S
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.fault_checks import seconds
from heliograph.sandbox.fault_messages import OsUpdate
from heliograph.sandbox.faults import Fault, Faults
from heliograph.sandbox.phones import SandboxPhone
from heliograph.sandbox.steering import Steered

UPDATE_S: Final = 1.0
"""How long a phone is off for an update of its system: as long as a restart takes in a sandbox."""
UPDATED_AT: Final = Moment.ACKNOWLEDGED
"""Promised, and nothing is done yet: the phone comes back with the command still to be executed."""
AT_A_TIME = frozenset({"patch", "offline", "factory_reset"})


class MetPhones:
    """The phones of one world, as its faults find them."""

    def __init__(self, *, faults: Faults, clock: AdvancingClock, phone: Callable[[DeviceName], SandboxPhone | None]) -> None:
        """`phone(name)`: the phone that enrolled under this name first."""
        self._faults = faults
        self._clock = clock
        self._phone = phone
        self._timers: dict[int, asyncio.Task[None]] = {}
        self._offline: set[int] = set()

    def plan(self, fault: Fault) -> None:
        """The fault happens when its time comes; one that waits for a moment of a command waits for it."""
        if fault.effect in AT_A_TIME:
            self._begin(fault, self._at_its_time(fault))

    def _begin(self, fault: Fault, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._timers[fault.number] = task
        task.add_done_callback(lambda _task: self._timers.pop(fault.number, None))

    def keeps_offline(self, fault: Fault) -> bool:
        """Whether it has taken the network from its phone, and not given it back yet."""
        return fault.number in self._offline

    def go_on(self, fault: Fault, *, offline: bool) -> None:
        """As `plan`, for a fault that was planned in another life of the world; `offline`: it keeps its phone so."""
        if offline:
            self._offline.add(fault.number)
            self._begin(fault, self._give_back(fault))
        if not fault.spent:
            self.plan(fault)

    def forget(self, fault: Fault) -> None:
        """The fault is deleted: its remaining effects do not happen, and a phone that lost its network has it back."""
        if (timer := self._timers.get(fault.number)) is not None:
            timer.cancel()
        if fault.number in self._offline:
            self._come_back(fault)

    async def close(self) -> None:
        """Nothing happens any more."""
        timers = list(self._timers.values())
        for timer in timers:
            timer.cancel()
        await asyncio.gather(*timers, return_exceptions=True)

    async def pass_moment(self, name: DeviceName, moment: Moment, _operation: str) -> None:
        """The phone is so far with a command; never returns where its agent dies of that."""
        phone = self._phone(name)
        if phone is None:
            return
        for fault in self._faults.of_phone(name, "crash", "os_update"):
            if fault.wanted.os_update is not None and moment is UPDATED_AT:
                self._faults.meet(fault)
                update = fault.wanted.os_update
                restart = phone.runner.phone.on_restart
                if restart is not None:
                    restart(UPDATE_S, partial(updated, update=update))
                    await never()
            elif fault.wanted.crash.value == moment.name:
                self._faults.meet(fault)
                phone.runner.crash()
                await never()

    async def _at_its_time(self, fault: Fault) -> None:
        await self._clock.sleep_until(fault.from_us)
        phone = self._phone(fault.device) if fault.device is not None else None
        if phone is None or fault.spent:
            return
        self._faults.meet(fault)
        wanted = fault.wanted
        if wanted.patch is not None:
            await Steered(wanted.patch).of(phone)
        elif wanted.offline:
            self._offline.add(fault.number)
            await phone.runner.mischief.go_offline()
            await self._give_back(fault)
        elif wanted.factory_reset:
            await phone.lose_everything(factory_reset(phone.runner.phone.device))

    async def _give_back(self, fault: Fault) -> None:
        await self._clock.sleep_until(fault.last_met_us + round(seconds(fault.wanted.offline) * US_PER_S))
        self._come_back(fault)

    def _come_back(self, fault: Fault) -> None:
        self._offline.discard(fault.number)
        phone = self._phone(fault.device) if fault.device is not None else None
        if phone is not None:
            phone.runner.mischief.go_online()


def updated(phone: VirtualDevice, *, update: OsUpdate) -> VirtualDevice:
    """The phone after it started with the new system."""
    build = msgspec.structs.replace(
        phone.build,
        android_version=update.android_version or phone.build.android_version,
        security_patch_level=update.security_patch_level or phone.build.security_patch_level,
    )
    return msgspec.structs.replace(rebooted(phone), build=build, api_level=update.api_level or phone.api_level)

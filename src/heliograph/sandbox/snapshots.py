"""Takes a world's snapshot, and makes a world of one."""

import dataclasses
import random
from contextlib import AbstractAsyncContextManager

import apsw

from heliograph.notifications.by_destination import Watch
from heliograph.protojson.errors import FailedPrecondition
from heliograph.sandbox.bench import Bench
from heliograph.sandbox.bodies import is_whole
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.grounds import SEED_MOST, MemoryGround
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import Phones, SandboxPhone, Surroundings
from heliograph.sandbox.push_endpoints import PushEndpoints
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.snapshot import VERSION, ClockState, Making, Snapshot, SnapshotUnreadable, stand, states_of
from heliograph.sandbox.snapshot_of_phones import phone_of_state, state_of_phone
from heliograph.sandbox.world import World
from heliograph.server import Between, Parts
from heliograph.server.in_memory import RowsUnreadable, schema_version, template_with
from heliograph.service.ports import Ports


async def snapshot_of(world: World) -> Snapshot:
    """The world as it is when everything has happened that earlier calls caused.  Raises: FailedPrecondition; as `World.change`."""
    async with world.change():
        await world.settle()
        ground, limits = world.ground, world.settings.limits
        if not isinstance(ground, MemoryGround):
            raise FailedPrecondition("A world that --data-dir keeps has no snapshot: copy its folder while the sandbox does not run.")
        awake = {phone.name for phone in world.phones.values() if not phone.asleep}
        return Snapshot(
            heliograph_snapshot=VERSION,
            schema=schema_version(),
            seed=ground.seed,
            clock=ClockState(now_us=world.clock.now_us(), frozen=world.clock.frozen),
            making=Making(
                enterprises=world.settings.enterprises, behaviour=limits.behaviour, quota_per_minute=limits.quota_per_minute,
                quota_per_project=limits.quota_per_project,
            ),
            push_endpoints=tuple(view["url"] for view in world.push_endpoints.views()),
            phones=tuple(map(state_of_phone, world.phones.values())),
            bench=world.bench.state(),
            notifications=world.notifications.states(),
            tables={table: tuple(map(dict, rows)) for table, rows in world.parts.own_file().rows().items()},
            chance=states_of(ground.chances_of(awake)),
        )  # fmt: skip


def settings_of(snapshot: Snapshot, settings: SandboxSettings) -> SandboxSettings:
    """The settings of its world, in a sandbox with these."""
    making = snapshot.making
    if not making.enterprises:
        raise SnapshotUnreadable("making.enterprises names none")
    limits = dataclasses.replace(
        settings.limits, behaviour=making.behaviour, quota_per_minute=making.quota_per_minute, quota_per_project=making.quota_per_project
    )
    return dataclasses.replace(
        settings, data_dir=None, enterprises=making.enterprises, phones=(), limits=limits,
        push_endpoints=snapshot.push_endpoints, faults=(),
    )  # fmt: skip


def _seed_of(snapshot: Snapshot) -> int:
    """Raises: SnapshotUnreadable."""
    if not is_whole(snapshot.seed, most=SEED_MOST):
        raise SnapshotUnreadable(f"seed is not a whole number from 0 to {SEED_MOST - 1}")
    return int(snapshot.seed)


class SnapshotGround(MemoryGround):
    """A world that begins, and begins again, as the snapshot says."""

    def __init__(self, settings: SandboxSettings, template: apsw.Connection, snapshot: Snapshot) -> None:
        """Raises: SnapshotUnreadable."""
        try:
            filled = template_with(template, snapshot.tables)
            super().__init__(settings, filled, seed=_seed_of(snapshot), starts_us=snapshot.clock.now_us)
        except RowsUnreadable as error:
            raise SnapshotUnreadable(str(error)) from None
        self._snapshot = snapshot
        self._left: dict[str, str] = {}

    def parts(
        self, clock: AdvancingClock, phones: Phones, *, watch: Watch, push: PushEndpoints, between: Between
    ) -> AbstractAsyncContextManager[Parts]:
        self._left = dict(self._snapshot.chance)
        self._left.pop("server", None)  # its first draws make the key: it goes on when that is made
        return super().parts(clock, phones, watch=watch, push=push, between=between)

    async def begin(self, ports: Ports) -> None:
        if (state := self._snapshot.chance.get("server")) is not None:
            stand(self.chances["server"], state)

    async def fill(self, ports: Ports, around: Surroundings) -> list[SandboxPhone]:
        return [phone_of_state(state, around) for state in self._snapshot.phones]

    def recall(self, bench: Bench, notifications: NotificationLog, clock: AdvancingClock) -> None:
        notifications.recall(self._snapshot.notifications)
        bench.recall(self._snapshot.bench)
        if not self._snapshot.clock.frozen:
            clock.run()

    def _chance(self, purpose: str) -> random.Random:
        chance = super()._chance(purpose)
        if (state := self._left.pop(purpose, None)) is not None:
            stand(chance, state)
        return chance

"""What a world stands on: files and sockets, or memory alone."""

import contextlib
import functools
import random
import secrets
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import apsw

from heliograph.agent.profiles import Profile
from heliograph.agent.runner import Line
from heliograph.agent.transport import REPLY_WITHIN_S
from heliograph.asgi import Asgi
from heliograph.channel.app import Channel
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import DeviceName
from heliograph.notifications.by_destination import Watch
from heliograph.protojson.errors import AlreadyExists
from heliograph.sandbox.app_client import AppClient
from heliograph.sandbox.bench import Bench
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.notification_log import NotificationLog
from heliograph.sandbox.phones import BACKOFF_MOST_S, FileDrawer, MemoryDrawer, Phones, SandboxPhone, Surroundings
from heliograph.sandbox.push_endpoints import PushEndpoints
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.sleepers import SleepersDoorbell, SleepersPresence, put_to_bed
from heliograph.server import Between, Parts, assembled
from heliograph.server.in_memory import Neighbourhood, assembled_in_memory
from heliograph.service.enterprises import create_enterprise
from heliograph.service.ports import Ports
from heliograph.settings import Admission, Settings

SEED_BITS = 53
"""Of a seed by chance: every JSON reader keeps it as it is."""
SEED_MOST = 2**63


class Ground(Protocol):
    """Makes the parts of a world, as often as the world is made."""

    seed: str
    """What decides the world's chance; empty: nobody set one."""

    def clock(self) -> AdvancingClock:
        """A new clock, at the world's first time."""

    def parts(
        self, clock: AdvancingClock, phones: Phones, *, watch: Watch, push: PushEndpoints, between: Between
    ) -> AbstractAsyncContextManager[Parts]:
        """A server without a socket; `phones` are those of the world, `push` publishes to its push endpoints."""

    def surroundings(self, clock: AdvancingClock, app: Callable[[], Asgi]) -> Surroundings:
        """What the world's phones have in common; `app()` is the server that they speak to."""

    async def begin(self, ports: Ports) -> None:
        """The server has what the world begins with besides phones."""

    async def fill(self, ports: Ports, around: Surroundings) -> list[SandboxPhone] | None:
        """The first phones, known to the server without having enrolled; None: they must enrol."""

    def recall(self, bench: Bench, notifications: NotificationLog, clock: AdvancingClock) -> None:
        """All else is as it was, where the world was one before."""

    def clear(self) -> None:
        """Nothing is left of what was kept."""


class FileGround:
    """A database and journals in a folder; phones that speak to the server over sockets."""

    def __init__(self, settings: SandboxSettings, *, url: str, folder: Path) -> None:
        """`url` is where phones find the server."""
        self.seed = ""
        self._settings = settings
        self._url = url
        self._folder = folder

    def clock(self) -> AdvancingClock:
        return AdvancingClock()

    def parts(
        self, clock: AdvancingClock, phones: Phones, *, watch: Watch, push: PushEndpoints, between: Between
    ) -> AbstractAsyncContextManager[Parts]:
        settings = server_settings(self._settings, self._folder)
        return assembled(settings, clock=clock, watch=watch, push=push, between=between)

    def surroundings(self, clock: AdvancingClock, app: Callable[[], Asgi]) -> Surroundings:
        line = Line(server_url=self._url, progress_every_s=0.0, backoff_first_s=0.05, backoff_most_s=BACKOFF_MOST_S, keeps_alive=False)
        return Surroundings(clock=clock, line=line, drawer=FileDrawer(self._journals), chance=lambda _purpose: random.SystemRandom())

    async def begin(self, ports: Ports) -> None:
        await create_enterprises(ports, self._settings)

    async def fill(self, ports: Ports, around: Surroundings) -> list[SandboxPhone] | None:
        return None

    def recall(self, bench: Bench, notifications: NotificationLog, clock: AdvancingClock) -> None:
        pass

    def clear(self) -> None:
        for file in [*self._folder.glob("heliograph.db*"), *self._journals.glob("*.journal")]:
            file.unlink(missing_ok=True)

    @functools.cached_property
    def _journals(self) -> Path:
        folder = self._folder / "phones"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


Template = Callable[[], apsw.Connection]
"""Gives the empty database in memory that each world copies."""


class MemoryGround:
    """Nothing but memory; phones speak to the server without a socket, and sleep until somebody needs them."""

    def __init__(
        self, settings: SandboxSettings, template: apsw.Connection, *, seed: int | None = None, starts_us: int | None = None
    ) -> None:
        """The same `seed` gives the same ids and secrets, None: by chance.

        `starts_us`: the time at which the clock stands at first; None: now, and it goes.
        """
        self.seed = str(secrets.randbits(SEED_BITS) if seed is None else seed)
        self._settings = settings
        self._template = template
        self._starts_us = starts_us
        self.chances: dict[str, random.Random] = {}
        """Those in use, by their purposes."""

    def clock(self) -> AdvancingClock:
        return AdvancingClock(starts_us=self._starts_us)

    def parts(
        self, clock: AdvancingClock, phones: Phones, *, watch: Watch, push: PushEndpoints, between: Between
    ) -> AbstractAsyncContextManager[Parts]:
        began_us = clock.now_us()

        def wake(device: DeviceName) -> None:
            if (phone := phones.get(device)) is not None and phone.device == device:
                phone.wake()

        def asleep(device: DeviceName) -> bool:
            phone = phones.get(device)
            return phone is not None and phone.asleep

        def around(channel: Channel) -> Neighbourhood:
            return Neighbourhood(
                doorbell=SleepersDoorbell(channel.doorbell, wake),
                presence=SleepersPresence(
                    channel.presence, asleep, sleepers=lambda: sum(phone.asleep for phone in phones.values()), seen_us=lambda: began_us
                ),
            )

        settings = server_settings(self._settings, Path())
        return assembled_in_memory(
            settings, self._template, clock=clock, chance=self._chance, around=around, watch=watch, push=push,
            heard=lambda: self._settings.pubsub or bool(push), between=between,
        )  # fmt: skip

    def surroundings(self, clock: AdvancingClock, app: Callable[[], Asgi]) -> Surroundings:
        line = Line(
            server_url="", http_client=lambda: AppClient(app), progress_every_s=0.0, backoff_first_s=0.05, backoff_most_s=BACKOFF_MOST_S,
            keeps_alive=False,
        )  # fmt: skip
        return Surroundings(clock=clock, line=line, drawer=MemoryDrawer(), chance=self._chance)

    async def begin(self, ports: Ports) -> None:
        await create_enterprises(ports, self._settings)

    async def fill(self, ports: Ports, around: Surroundings) -> list[SandboxPhone] | None:
        wishes = first_phones(self._settings)
        return await put_to_bed(ports, wishes, seed=self.seed, around=around)

    def recall(self, bench: Bench, notifications: NotificationLog, clock: AdvancingClock) -> None:
        pass

    def clear(self) -> None:
        pass

    def chances_of(self, phones: Collection[DeviceName]) -> Mapping[str, random.Random]:
        """The sources of chance of the server and of these phones, by their purposes."""
        meant = {"server", *(f"{what} of {name}" for name in phones for what in ("habits", "secrets"))}
        return {purpose: chance for purpose, chance in self.chances.items() if purpose in meant}

    def _chance(self, purpose: str) -> random.Random:
        chance = self.chances[purpose] = random.Random(f"{self.seed} {purpose}")
        return chance


def server_settings(settings: SandboxSettings, folder: Path) -> Settings:
    """The settings of a world's server.

    Its store has as long as a phone waits for an answer. A machine that gives it no time for a second is busy, which no test is about:
    a phone that is refused comes again later, and would be missing from a world that has settled. It keeps no audit trail: everyone may do
    everything, and the request journal shows who did.
    """
    return Settings(
        data_dir=folder, new=True, limits=replace(settings.limits, audit_retention_days=0), expose_enterprises=True,
        admission=Admission.STRANGERS,
        pubsub=settings.pubsub, durable=settings.data_dir is not None, public_urls=settings.public_urls, cors_origins=settings.cors_origins,
        any_name=settings.allow_anybody, push_allow_networks=settings.push_allow_networks, agent=settings.agent,
        store_waits_most_s=REPLY_WITHIN_S,
    )  # fmt: skip


def first_phones(settings: SandboxSettings) -> list[tuple[DeviceName, Profile]]:
    """The phones of a new world, in the order in which lists show them."""
    return [(DeviceName(enterprise, device), profile) for enterprise in settings.enterprises for device, profile in settings.phones]


async def create_enterprises(ports: Ports, settings: SandboxSettings) -> None:
    """The world's first enterprises exist."""
    wanted = Enterprise(enabled_notification_types=settings.enabled_notification_types)
    for enterprise in settings.enterprises:
        with contextlib.suppress(AlreadyExists):
            await create_enterprise(ports, wanted, enterprise_id=enterprise)

"""The store that the settings ask for, and what comes with it: a SQLite file of one server's own, or a PostgreSQL of several."""

import contextlib
import secrets
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from heliograph.channel.app import Channel
from heliograph.server.clock import SystemClock
from heliograph.server.clock_watch import started
from heliograph.server.database_clock import DatabaseClock
from heliograph.service.access_changes import AccessChanges
from heliograph.service.callers import ServiceKeys
from heliograph.service.metrics import DoorbellCounts
from heliograph.service.ports import Clock, ClockCheck, Doorbell, Presence, Store
from heliograph.settings import Settings
from heliograph.storage.sealing_key import DatabaseMissing, SealingKey
from heliograph.storage.sqlite.file import is_missing
from heliograph.storage.sqlite.store import SqliteStore

Forever = Coroutine[Any, Any, NoReturn]


class ServerStore(Store, Protocol):
    """A Store with everything that a server needs besides its verbs."""

    @property
    def service_keys(self) -> ServiceKeys: ...

    @property
    def sealing_key(self) -> SealingKey:
        """Which key file is the database's."""

    async def newest_us(self) -> int:
        """No time in the store's rows is later, except future ones; 0: they have none."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A store, its doorbell and its presence."""

    store: ServerStore
    doorbell: Doorbell
    presence: Presence
    doorbell_counts: DoorbellCounts = field(default_factory=DoorbellCounts)
    clock_check: ClockCheck | None = None
    shared: bool = False
    access: AccessChanges = field(default_factory=AccessChanges)
    """News of changed keys and roles, from the other servers and to them."""
    timers: Sequence[Forever] = ()
    """Tasks that run while the store is open."""


def clock_for(settings: Settings) -> Clock:
    """The clock of a server with these settings: if there may be several servers, all use their database's."""
    return DatabaseClock() if settings.database_url else SystemClock()


@contextlib.asynccontextmanager
async def opened_store(settings: Settings, channel: Channel, clock: Clock) -> AsyncIterator[Opened]:
    """The store; when left, everything accepted is durable, and nothing is accepted any more.

    Raises: FailedPrecondition, Unavailable, PermissionDenied: it cannot be opened, with a sentence why; DatabaseMissing: a key file
    shows that there was one.
    """
    may_be_new = settings.new or not settings.key.exists()
    try:
        if settings.database_url:
            opened = await _postgres(settings, channel, clock, may_be_new=may_be_new)
        else:
            opened = await _sqlite(settings, channel, clock, may_be_new=may_be_new)
    except DatabaseMissing:
        raise _missing(settings) from None
    try:
        yield opened
    finally:
        for timer in opened.timers:
            timer.close()  # one that never started
        await opened.store.close()


def _missing(settings: Settings) -> DatabaseMissing:
    """What to do about it; the address of a database may hold a password."""
    missing = "the database at that address is empty" if settings.database_url else f"there is no database {settings.database}"
    look = "Check whether the address is right." if settings.database_url else "Check whether its volume is mounted."
    return DatabaseMissing(
        f"There is a key file {settings.key}, so a database was used with it, but {missing}. {look} If the database is lost, restore a "
        "backup (docs/operations.md). To begin with an empty one, start once with --new: phones enrolled before are then unknown."
    )


async def _sqlite(settings: Settings, channel: Channel, clock: Clock, *, may_be_new: bool) -> Opened:
    # Before anything is made: an empty database in an unmounted volume's folder would be taken for the real one the next time.
    if not may_be_new and is_missing(settings.database):
        raise DatabaseMissing
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = SqliteStore.open(
        settings.database, clock=clock, ring=channel.doorbell.ring, durable=settings.durable, waits_most_s=settings.store_waits_most_s
    )
    check = started(clock, await store.newest_us())
    return Opened(store=store, doorbell=channel.doorbell, presence=channel.presence, clock_check=check)


async def _postgres(settings: Settings, channel: Channel, clock: Clock, *, may_be_new: bool) -> Opened:
    # A server with SQLite needs no driver of PostgreSQL.
    from heliograph.server.cluster_doorbell import ClusterDoorbell  # noqa: PLC0415
    from heliograph.storage.postgres.cluster_bus import ClusterBus  # noqa: PLC0415
    from heliograph.storage.postgres.store import PostgresStore  # noqa: PLC0415

    counts = DoorbellCounts()
    access = AccessChanges()
    others = ClusterDoorbell(channel, clock=clock, counts=counts, access=access)
    store = await PostgresStore.open(
        settings.database_url, clock=clock, ring=channel.doorbell.ring, may_be_new=may_be_new, waits_most_s=settings.store_waits_most_s
    )
    try:
        timers: list[Forever] = []
        if isinstance(clock, DatabaseClock):
            await clock.set(store.database_now_us)
        check = started(clock, await store.newest_us())
        if isinstance(clock, DatabaseClock):
            timers.append(clock.follow(store.database_now_us))
        bus = ClusterBus(
            store.connect, others, server=secrets.token_hex(8), now_us=clock.now_us, chance=secrets.SystemRandom().random
        )  # fmt: skip
        others.use(bus)
        store.on_rings(others.committed)
        timers += (bus.run(), others.follow_tail(store.tail))
    except BaseException:
        await store.close()
        raise
    return Opened(
        store=store, doorbell=others, presence=others.presence, doorbell_counts=counts, clock_check=check, shared=True, access=access,
        timers=timers,
    )  # fmt: skip

"""The other composition: a server and its virtual phones in one process, on one port."""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from heliograph.api.http.address import Addresses, parse_origins
from heliograph.api.http.failures import outermost
from heliograph.api.http.front_door import FrontDoor
from heliograph.api.http.http_compat import HttpCompat
from heliograph.asgi import Asgi
from heliograph.sandbox.bodies import BODY_MAX_BYTES
from heliograph.sandbox.doorway import Doorway
from heliograph.sandbox.grounds import FileGround, Ground, MemoryGround, Template
from heliograph.sandbox.routes import OPENAPI_PATH, sandbox_app
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.snapshot import Snapshot
from heliograph.sandbox.snapshots import SnapshotGround
from heliograph.sandbox.world import World
from heliograph.sandbox.worlds import PREFIX, Worlds
from heliograph.sandbox.worlds_routes import PATH, SNAPSHOT_MAX_BYTES, worlds_app
from heliograph.server import (
    allow_many_connections,
    begun_before,
    calm_garbage_collection,
    first_signal,
    listening_socket,
    near_url,
    serving,
)
from heliograph.server.assembly import by_prefix
from heliograph.server.in_memory import memory_template, without_memory_in_advance
from heliograph.server.wall_clock import wall_now_us
from heliograph.settings import require_loopback

if TYPE_CHECKING:
    from heliograph.api.console.app import Hall
    from heliograph.api.console.guest import Console

STEERING_METHODS = ("GET", "POST", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """One phone of the list that a sandbox greets with."""

    name: str
    profile: str
    summary: str


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a sandbox reports once it answers."""

    url: str
    enterprises: tuple[str, ...]
    phones: tuple[PhoneLine, ...]


@contextlib.asynccontextmanager
async def running_sandbox(
    settings: SandboxSettings, *, listening: Callable[[str], None] = lambda _url: None, snapshot: Snapshot | None = None
) -> AsyncIterator[Greeting]:
    """A sandbox with all phones connected; on leaving, it has ended in good order.

    `listening(url)` is called as soon as it answers /healthz: what is asked of it before the phones are there waits for them.
    `snapshot`: what its own world is made of, with the settings of `settings_of`; None: it is new.

    Raises: OSError: the address is taken; InvalidArgument: it is not a loopback address, and --allow-anybody is not set;
        SnapshotUnreadable.
    """
    async with running_world(settings, listening=listening, snapshot=snapshot) as world:
        yield _greeting(world, settings)


@contextlib.asynccontextmanager
async def running_world(
    settings: SandboxSettings, *, listening: Callable[[str], None] = lambda _url: None, snapshot: Snapshot | None = None
) -> AsyncIterator[World]:
    """The world of such a sandbox.  Raises: as `running_sandbox`."""
    if not settings.allow_anybody:
        require_loopback(settings.host, otherwise="add --allow-anybody: then everybody who reaches it may do everything")
    allow_many_connections()
    with listening_socket(settings.host, settings.port) as listener:
        url = near_url(listener)
        template = functools.cache(lambda: memory_template(wall_now_us()))  # migrating costs as much as a world: once for all of them
        world = World(settings, _ground(settings, url, snapshot, template), url=url, hall=_hall)
        steering = _steering(sandbox_app(), settings)
        worlds = Worlds(settings, steering=steering, template=template, hall=_hall)
        doorway = Doorway(world, steering=steering, beside=worlds)
        world.all_gone = doorway.empty
        desk = _steering(worlds_app(worlds, _addresses(settings)), settings, body_max_bytes=SNAPSHOT_MAX_BYTES)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(world.close)

            async def listen() -> None:
                app = outermost(by_prefix({PREFIX: worlds.answer, PATH: desk, OPENAPI_PATH: desk}, doorway))
                server = await stack.enter_async_context(serving(app, listener, drain=world.drain, shutdown_s=2, limits=settings.http))
                stack.push_async_callback(world.end)
                stack.push_async_callback(worlds.close)  # before their server: their ports are its entrances
                if settings.worlds_have_ports:
                    worlds.listens = server.entrance
                listening(world.url)

            await world.start(listen)
            yield world


def _steering(app: Asgi, settings: SandboxSettings, *, body_max_bytes: int = BODY_MAX_BYTES) -> Asgi:
    """The app, for the same hosts and web pages as the API."""
    http_compat = HttpCompat(
        app, http_methods=lambda _path: STEERING_METHODS, body_limit=lambda _path: body_max_bytes,
        body_timeout_s=settings.http.body_s, cors_origins=parse_origins(settings.cors_origins),
    )  # fmt: skip
    return FrontDoor(http_compat, addresses=_addresses(settings), cors_origins=settings.cors_origins)


def _hall(console: "Console") -> "Hall":
    """The console, with the sandbox's own pages."""
    from heliograph.sandbox.console.app import sandbox_hall  # noqa: PLC0415 - most sandboxes show no page

    return sandbox_hall(console)


def _addresses(settings: SandboxSettings) -> Addresses:
    return Addresses(public_urls=settings.public_urls, any_name=settings.allow_anybody)


async def run_sandbox(
    settings: SandboxSettings,
    *,
    ready: Callable[[Greeting], None],
    during: Callable[[Greeting], Awaitable[None]] | None = None,
    snapshot: Snapshot | None = None,
) -> None:
    """A sandbox until SIGINT or SIGTERM, also while it is made; `ready` is called once all phones are connected.

    `during(greeting)`: the sandbox ends with it instead, and it decides what signals do.

    Raises: as `running_sandbox`.
    """
    without_memory_in_advance()
    async with contextlib.AsyncExitStack() as stack:
        with first_signal() as came:
            greeting = await begun_before(came, stack.enter_async_context(running_sandbox(settings, snapshot=snapshot)))
            if greeting is None:
                return
            # A world is some 500 objects in cycles: those of ten worlds are looked at together, all of them once in a thousand.
            calm_garbage_collection(young=2_000, middle=10, old=100)
            ready(greeting)
            if during is None or came.is_set():
                await came.wait()
            else:
                await during(greeting)


def _greeting(world: World, settings: SandboxSettings) -> Greeting:
    phones = tuple(PhoneLine(str(name), phone.profile.name, phone.profile.summary) for name, phone in world.phones.items())
    return Greeting(world.url, settings.enterprises, phones)


def _ground(settings: SandboxSettings, url: str, snapshot: Snapshot | None, template: Template) -> Ground:
    """What the world at the sandbox's own address stands on: files, if they are to be kept; else memory, as every other world."""
    if snapshot is not None:
        return SnapshotGround(settings, template(), snapshot)
    if settings.data_dir is None:
        return MemoryGround(settings, template())
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return FileGround(settings, url=url, folder=settings.data_dir)

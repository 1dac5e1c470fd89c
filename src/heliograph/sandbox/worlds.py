"""Many worlds in one process: each has an address below the sandbox's, and ends after a time without requests."""

import asyncio
import dataclasses
import functools
import secrets
import socket
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from heliograph.api.http.connections import NoDescriptorLeft
from heliograph.api.http.failures import outermost
from heliograph.asgi import Asgi
from heliograph.protojson.errors import NotFound, ResourceExhausted
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.doorway import Doorway
from heliograph.sandbox.grounds import MemoryGround, Template
from heliograph.sandbox.settings import SandboxSettings
from heliograph.sandbox.snapshot import Snapshot
from heliograph.sandbox.snapshots import SnapshotGround
from heliograph.sandbox.world import World
from heliograph.server import Entrance, listening_socket, url_of
from heliograph.server.wall_clock import wall_now_us

if TYPE_CHECKING:
    from heliograph.api.console.app import Hall
    from heliograph.api.console.guest import Console

PREFIX = "/worlds/"
LOOKS_PER_LIFE = 4
"""How often in the time that a world may be idle is looked whether it was."""
SOONEST_LOOK_S = 0.05
FEWER_PORTS = "DELETE some worlds, let idle ones end sooner, allow the process more (ulimit -n), or start it with --world-urls path."

ENDED_ANSWERS_S = 60.0
"""Real time for which the port of a world that has ended still answers, with 404 and the reason: a refused connection explains nothing."""
ENDED_ANSWER_MOST = 64
"""Such ports at a time; the oldest closes."""

Entrances = Callable[[socket.socket, Asgi], Entrance]
"""What makes an app answer at another socket."""


class WorldNotFound(NotFound):
    """There is no such world."""

    reason = "WORLD_NOT_FOUND"

    def __init__(self, id: str) -> None:
        super().__init__(
            f"There is no world {id[:64]!r}: it was deleted, it ended unused, or it never existed. GET /sandbox/v1/worlds lists"
            " the worlds, POST /sandbox/v1/worlds makes one."
        )


class TooManyWorlds(ResourceExhausted):
    """There are as many worlds as there may be."""

    reason = "TOO_MANY_WORLDS"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class WorldPlan:
    """What a caller wishes of a new world; what is not wished is as in the sandbox's own."""

    settings: SandboxSettings
    seed: int | None = None
    """None: by chance."""
    starts_us: int | None = None
    """The time at which its clock stands at first; None: now, and it goes."""
    snapshot: Snapshot | None = None
    """What it is made of; None: it is new."""


class Resident:
    """A world with its address, and what is known of its use."""

    def __init__(self, id: str, world: World, *, doorway: Doorway) -> None:
        self.id = id
        self.world = world
        self.doorway = doorway
        self.entrance: Entrance | None = None
        """The port of its own; None: no port."""
        self.port_url = ""
        """Its address there."""
        self.created_us = wall_now_us()
        self.used_s = asyncio.get_running_loop().time()
        self.inside = 0
        """Requests in progress, including those that steer it."""

    def view(self, base: str) -> dict[str, object]:
        """What a caller sees of it."""
        world, settings = self.world, self.world.settings
        return {
            "name": f"worlds/{self.id}",
            "url": self.port_url or f"{base}{PREFIX}{self.id}",
            "pathUrl": f"{base}{PREFIX}{self.id}",
            "seed": world.ground.seed,
            "now": format_timestamp(world.clock.now_us()),
            "frozen": world.clock.frozen,
            "enterprises": [f"enterprises/{enterprise}" for enterprise in settings.enterprises],
            "createTime": format_timestamp(self.created_us),
            "idleDuration": f"{settings.worlds_idle_s:g}s",
            "pushEndpoints": world.push_endpoints.views(),
        }


class Worlds:
    """The worlds besides the one at the sandbox's own address. Event loop only."""

    def __init__(
        self, settings: SandboxSettings, *, steering: Asgi, template: Template, hall: "Callable[[Console], Hall] | None" = None
    ) -> None:
        """`steering` answers below a world's /sandbox/v1, `hall` makes its console of a server's."""
        self.settings = settings
        self._template = template
        self.listens: Entrances | None = None
        """Gives a world a port of its own; None: no ports."""
        self._steering = steering
        self._hall = hall
        self._residents: dict[str, Resident] = {}
        self._look: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()
        self._ended: dict[Entrance, asyncio.TimerHandle] = {}
        """Ports of worlds that have ended, oldest first."""
        self._closed = False

    def __len__(self) -> int:
        return len(self._residents)

    def residents(self) -> list[Resident]:
        """All of them, oldest first."""
        return list(self._residents.values())

    def find(self, id: str) -> Resident:
        """The world of this id.  Raises: WorldNotFound."""
        resident = self._residents.get(id)
        if resident is None:
            raise WorldNotFound(id)
        return resident

    async def create(self, plan: WorldPlan) -> Resident:
        """A new world, with everything that was wished in it.  Raises: TooManyWorlds; InvalidArgument."""
        most = self.settings.worlds_most
        if self._closed or len(self._residents) >= most:
            raise TooManyWorlds(f"There are {most} worlds already: DELETE some, let idle ones end sooner, or start with more (--worlds).")
        world_id = secrets.token_hex(6)
        world = World(plan.settings, self._ground(plan), hall=self._hall)
        doorway = Doorway(world, steering=self._steering)
        world.all_gone = doorway.empty
        resident = self._residents[world_id] = Resident(world_id, world, doorway=doorway)
        try:
            await world.start(_already_answered)
            if self.listens is not None:
                await self._give_port(resident, self.listens)
        except BaseException:
            await self._end(resident)
            raise
        self._look_later(plan.settings.worlds_idle_s)
        return resident

    def _ground(self, plan: WorldPlan) -> MemoryGround:
        if plan.snapshot is not None:
            return SnapshotGround(plan.settings, self._template(), plan.snapshot)
        return MemoryGround(plan.settings, self._template(), seed=plan.seed, starts_us=plan.starts_us)

    async def delete(self, id: str) -> None:
        """The world has ended; its requests in progress were answered.  Raises: WorldNotFound."""
        await self._end(self.find(id))

    async def close(self) -> None:
        """All worlds have ended."""
        self._closed = True
        if self._look is not None:
            self._look.cancel()
        for resident in self.residents():
            _ = self._end(resident)
        await asyncio.gather(*self._ending)
        await self._close_ended()

    def answer(self, scope: Any, receive: Any, send: Any) -> Any:  # noqa: ANN401 - ASGI
        """Answers a request to a world's address, as if the world stood alone at it.  Raises: WorldNotFound."""
        world_id, slash, _rest = scope["path"].removeprefix(PREFIX).partition("/")
        return self._visit(self.find(world_id), slash, scope, receive, send)

    async def _give_port(self, resident: Resident, listens: Entrances) -> None:
        """As `_open_port`; a world that is there needs a file descriptor more than those that have ended."""
        try:
            self._open_port(resident, listens)
        except TooManyWorlds:
            if not self._ended:
                raise
            await self._close_ended()
            self._open_port(resident, listens)

    def _open_port(self, resident: Resident, listens: Entrances) -> None:
        """The world answers at a port of its own.  Raises: TooManyWorlds: the process may have no more file descriptors."""
        try:
            listener = listening_socket(self.settings.host, 0)
        except OSError as error:
            raise TooManyWorlds(f"No port can be opened for another world ({error.strerror}). {FEWER_PORTS}") from None
        try:
            resident.entrance = listens(listener, outermost(functools.partial(self._visit, resident, None)))
        except NoDescriptorLeft:
            listener.close()
            raise TooManyWorlds(f"There are too few file descriptors for another world's port. {FEWER_PORTS}") from None
        resident.port_url = url_of(listener)

    async def _visit(self, resident: Resident, slash: str | None, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """`slash`: what follows the world's id in the path; None: no id is there, since the port names the world."""
        if self._residents.get(resident.id) is not resident:
            raise WorldNotFound(resident.id)
        inner = scope
        if slash is not None:
            root = f"{PREFIX}{resident.id}"
            raw_path = scope.get("raw_path") or scope["path"].encode()
            path, raw_path = (scope["path"][len(root) :], raw_path[len(root.encode()) :]) if slash else ("/", b"/")
            inner = {**scope, "root_path": root, "path": path, "raw_path": raw_path}
        resident.inside += 1
        try:
            await resident.doorway(inner, receive, send)
        finally:
            resident.inside -= 1
            resident.used_s = asyncio.get_running_loop().time()

    def _end(self, resident: Resident) -> asyncio.Task[None]:
        """Nobody finds the world any more; when the task is done, it has ended."""
        self._residents.pop(resident.id, None)
        return self._go_on(self._close_world(resident))

    async def _close_world(self, resident: Resident) -> None:
        await resident.world.close()
        if resident.entrance is not None:
            self._close_port_later(resident.entrance)

    def _close_port_later(self, entrance: Entrance) -> None:
        self._ended[entrance] = asyncio.get_running_loop().call_later(ENDED_ANSWERS_S, self._close_port, entrance)
        if len(self._ended) > ENDED_ANSWER_MOST:
            self._close_port(next(iter(self._ended)))

    def _close_port(self, entrance: Entrance) -> None:
        self._ended.pop(entrance).cancel()
        _ = self._go_on(entrance.close())

    async def _close_ended(self) -> None:
        for entrance in list(self._ended):
            self._close_port(entrance)
        await asyncio.gather(*self._ending)

    def _go_on(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """What ends a world or its port continues by itself; `close` waits for it."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return task

    def _look_later(self, idle_s: float) -> None:
        if not idle_s or self._closed:
            return
        loop = asyncio.get_running_loop()
        at_s = loop.time() + max(idle_s / LOOKS_PER_LIFE, SOONEST_LOOK_S)
        if self._look is not None and self._look.when() <= at_s and not self._look.cancelled():
            return
        if self._look is not None:
            self._look.cancel()
        self._look = loop.call_at(at_s, self._end_idle)

    def _end_idle(self) -> None:
        self._look = None
        now_s = asyncio.get_running_loop().time()
        for resident in self.residents():
            idle_s = resident.world.settings.worlds_idle_s
            if idle_s and not resident.inside and now_s - resident.used_s >= idle_s:
                _ = self._end(resident)
        lives_s = [idle_s for resident in self._residents.values() if (idle_s := resident.world.settings.worlds_idle_s)]
        if lives_s:
            self._look_later(min(lives_s))


async def _already_answered() -> None:
    """The address is answered before the world is there."""

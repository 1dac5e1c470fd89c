"""A network between phones and server that forgets silent connections without a word, as carriers' NATs do: a TCP relay on loopback."""

import asyncio
from typing import Self

from heliograph.agent.runner import PhoneRunner
from heliograph.service.ports import Ports
from heliograph.storage.sqlite.store import SqliteStore
from tests.steered_loop import steered

STRIDE_S = 5.0


class ForgetfulNetwork:
    """Whoever speaks on a connection after a longer silence than `forgets_after_s` is not heard, and never again; times are the loop's."""

    def __init__(self, port: int, *, forgets_after_s: float) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self.forgets_after_s = forgets_after_s
        self.forgotten = 0
        """Connections that somebody spoke on in vain."""
        self.packets_at_s: list[float] = []
        """When something went over the phone's radio, either way: what was said, and the beginning of each connection."""
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _serve(self, phone_in: asyncio.StreamReader, phone_out: asyncio.StreamWriter) -> None:
        server_in, server_out = await asyncio.open_connection("127.0.0.1", self._to)
        connection = _Connection(self)
        ways = (connection.carry(phone_in, server_out, from_phone=True), connection.carry(server_in, phone_out, from_phone=False))
        relays = {asyncio.create_task(way) for way in ways}
        self._relays |= relays
        try:
            await asyncio.wait(relays)
        finally:
            self._relays -= relays
            server_out.close()
            phone_out.close()


class _Connection:
    """One entry of the network's table."""

    def __init__(self, network: ForgetfulNetwork) -> None:
        self._network = network
        self._forgotten = False
        self._spoken_at_s = asyncio.get_running_loop().time()
        network.packets_at_s.append(self._spoken_at_s)

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, from_phone: bool) -> None:
        """What the source says reaches the target as long as the network knows the connection; its end, too."""
        while True:
            data = await source.read(65_536)
            passes = self._passes()
            if passes or from_phone:
                self._network.packets_at_s.append(asyncio.get_running_loop().time())
            if passes and data:
                target.write(data)
            if not data:
                if passes:
                    target.close()
                return

    def _passes(self) -> bool:
        now_s = asyncio.get_running_loop().time()
        if not self._forgotten and now_s - self._spoken_at_s > self._network.forgets_after_s:
            self._forgotten = True
            self._network.forgotten += 1
        self._spoken_at_s = now_s
        return not self._forgotten


async def pass_time(seconds: float, network: ForgetfulNetwork, runner: PhoneRunner, ports: Ports) -> None:
    """So much time passes for the phone, the network and the server. Each has said what there is to say before it goes on."""
    store = ports.store
    if not isinstance(store, SqliteStore):
        raise TypeError("what other stores have in progress is not counted")

    def stamp() -> object:
        if store.begun != store.ended:
            return None
        return store.ended, len(network.packets_at_s), runner.traffic.begun, runner.traffic.ended, runner.traffic.frames

    await steered().lead_on(seconds, stamp=stamp, stride_s=STRIDE_S)

"""The floor of a C broker: a command to a phone and its word back, each by QoS 1, through Mosquitto.

A caller publishes to its phone's topic, the phone publishes to the caller's: two PUBLISH in, two out, four PUBACK, nothing stored, no
authentication, no state, no result that anybody could ask for later. Spoken to like `benchmarks.cycle`.
"""

import asyncio
import time
from collections.abc import Callable

import uvloop

from benchmarks.conversation import answer_runs, requests

PUBLISH, PUBACK, SUBACK = 3, 4, 9
CONTINUES = 0x80
MORE = b"x" * 120
"""As large as an offer: a command of ours is no single byte either."""


class Client(asyncio.Protocol):
    """An MQTT 3.1.1 client: subscribes to one topic, acknowledges what comes, publishes with QoS 1."""

    def __init__(self, name: str, topic: str, heard: Callable[[bytes], None]) -> None:
        self._name, self._topic, self._heard = name.encode(), topic.encode(), heard
        self._buffer = b""
        self._packet_id = 0
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connects and subscribes."""
        self._transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        connect = b"\x00\x04MQTT\x04\x02\x00\x00" + _text(self._name)
        subscribe = b"\x00\x01" + _text(self._topic) + b"\x01"
        self._transport.write(_packet(0x10, connect) + _packet(0x82, subscribe))

    def data_received(self, data: bytes) -> None:
        """Takes whatever whole packets there are."""
        self._buffer += data
        while (found := _length(self._buffer)) and len(self._buffer) >= sum(found):
            start, length = found
            kind, packet = self._buffer[0] >> 4, self._buffer[start : start + length]
            self._buffer = self._buffer[start + length :]
            if kind == PUBLISH:
                end = 2 + int.from_bytes(packet[:2], "big")
                self._transport.write(b"\x40\x02" + packet[end : end + 2])
                self._heard(packet[end + 2 :])
            elif kind == SUBACK:
                self.subscribed.set_result(None)

    def publish(self, topic: str, payload: bytes) -> None:
        """A message by QoS 1; its PUBACK is the broker's business and ours, and no one waits for it."""
        self._packet_id = self._packet_id % 65_535 + 1
        self._transport.write(_packet(0x32, _text(topic.encode()) + self._packet_id.to_bytes(2, "big") + payload))


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(2, "big") + text


def _packet(head: int, body: bytes) -> bytes:
    size, encoded = len(body), bytearray()
    while True:
        size, low = divmod(size, CONTINUES)
        encoded.append(low | CONTINUES if size else low)
        if not size:
            return bytes([head]) + bytes(encoded) + body


def _length(buffer: bytes) -> tuple[int, int] | None:
    """(head's size, body's size) of the first packet."""
    size = shift = 0
    for place in range(1, min(len(buffer), 5)):
        size |= (buffer[place] & 0x7F) << shift
        shift += 7
        if not buffer[place] & CONTINUES:
            return place + 1, size
    return None


async def _connect(port: int, name: str, topic: str, heard: Callable[[bytes], None]) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(lambda: Client(name, topic, heard), "127.0.0.1", port)
    await client.subscribed
    return client


class Play:
    """Phones that answer, and callers that have one command on its way each."""

    def __init__(self, port: int, phones: int, callers: int) -> None:
        self._port, self._phones, self._count = port, phones, callers
        self._callers: list[Client] = []
        self._answered: list[asyncio.Future[None]] = []

    async def connect(self) -> None:
        """All are subscribed."""
        loop = asyncio.get_running_loop()
        for number in range(self._phones):
            await self._phone(number)
        for number in range(self._count):
            self._answered.append(loop.create_future())
            self._callers.append(await _connect(self._port, f"c{number}", f"r/{number}", self._hearer(number)))

    async def _phone(self, number: int) -> None:
        phone: Client

        def heard(payload: bytes) -> None:
            phone.publish(payload.partition(b" ")[0].decode(), payload)

        phone = await _connect(self._port, f"p{number}", f"p/{number}", heard)

    def _hearer(self, number: int) -> Callable[[bytes], None]:
        return lambda _: self._answered[number].set_result(None)

    async def run(self, seconds: float) -> list[float]:
        """Milliseconds of each round trip."""
        times: list[float] = []
        end = time.monotonic() + seconds
        await asyncio.gather(*(self._call(number, end, times) for number in range(self._count)))
        return times

    async def _call(self, number: int, end: float, times: list[float]) -> None:
        loop, payload, phone = asyncio.get_running_loop(), f"r/{number} ".encode() + MORE, number
        while time.monotonic() < end:
            began = time.monotonic()
            self._answered[number] = loop.create_future()
            self._callers[number].publish(f"p/{phone}", payload)
            await self._answered[number]
            times.append((time.monotonic() - began) * 1_000)
            phone = (phone + self._count) % self._phones


async def _play() -> None:
    asked = requests()
    given = await anext(asked)
    play = Play(given["port"], given["phones"], given["callers"])
    await play.connect()
    await answer_runs(asked, play.run)


if __name__ == "__main__":
    uvloop.run(_play())

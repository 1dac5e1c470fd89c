"""An agent that speaks another protocol than its server asks again, but seldom: one of them must be updated first."""

import asyncio
import random
from dataclasses import dataclass

import msgspec

from heliograph.agent.http_client import HttpClient
from heliograph.agent.keep_alive import Keeper
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Condition, Line, PhoneRunner
from heliograph.agent.traffic import Traffic
from heliograph.agent.transport import Reply, Transport
from heliograph.agent.virtual_phone import VirtualPhone
from heliograph.agent.websocket import WebSocketTransport
from heliograph.protocol import Hello
from tests.agent.lab import Lab, eventually

PIXEL = "pixel8-a15-fully-managed"
SPOKEN_LATER = (7,)


class LaterTransport(WebSocketTransport):
    """That of an agent of a later time."""

    async def connect(self, credential: str, hello: Hello) -> Reply:
        return await super().connect(credential, msgspec.structs.replace(hello, protocol_versions=SPOKEN_LATER))


@dataclass(frozen=True, kw_only=True)
class LaterLine(Line):
    """The way of such an agent to its server."""

    def transport(self, traffic: Traffic | None = None, keeper: Keeper | None = None) -> Transport:
        return LaterTransport(HttpClient(self.server_url), traffic, keeper)


class RecordedClock:
    """The loop's time; remembers for how long somebody wanted to sleep."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def now_us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        await asyncio.sleep(seconds)


async def test_it_says_so_and_waits_as_after_a_credential_that_is_not_known(lab: Lab) -> None:
    clock = RecordedClock()
    phone = VirtualPhone(PROFILES[PIXEL].phone("V1"), clock=clock, chance=random.Random(1))
    runner = PhoneRunner(phone, LaterLine(server_url=lab.url, backoff_first_s=0.01, backoff_most_s=0.02, unknown_first_s=1_000))
    lab.phones.append(runner)

    runner.start(await lab.token(PIXEL))
    await eventually(lambda: any(seconds >= 500 for seconds in clock.slept_s))

    assert Condition.UNKNOWN is runner.condition
    assert "This phone speaks 7; this server speaks 1 of the device protocol. Update the agent or the server." == runner.refusal

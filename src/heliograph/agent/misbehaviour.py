"""How a phone misbehaves: by chance with a seed, or once on demand; and how its network comes and goes.

Source: android.md §6 (chaos knobs).
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from heliograph.agent.clock import AgentClock
from heliograph.agent.executor import Moment
from heliograph.agent.traffic import Traffic
from heliograph.agent.transport import ConnectionLost, Reply, Transport
from heliograph.protocol import Acknowledge, Hello, Message, Offer, PhonePolicy, Report

CRASH_MOMENTS = frozenset(Moment) - {Moment.FORGOTTEN}


@dataclass(frozen=True, kw_only=True)
class Misbehaviour:
    """How often a phone does what (probabilities per occasion), and how long things take (seconds)."""

    latency_s: float = 0.0
    """Every message waits up to this long before it is sent."""
    drop_before_ack: float = 0.0
    """The connection breaks before an acknowledgement is sent."""
    drop_after_ack: float = 0.0
    """The connection breaks before the answer to an acknowledgement is heard."""
    drop_report: float = 0.0
    """The connection breaks before a report is sent, or before its answer is heard."""
    duplicate: float = 0.0
    """An acknowledgement or a report is sent twice."""
    crash: float = 0.0
    """The agent dies and is started again, at each moment of a command."""
    restart_s: float = 0.5
    """How long after its death it is started again."""
    late: float = 0.0
    late_s: float = 5.0
    """A result is held back this long before it is sent."""
    offline_every_s: float | None = None
    """Mean time between two windows without network; None: no windows."""
    offline_for_s: float = 10.0
    """Mean length of such a window."""


WELL_BEHAVED = Misbehaviour()
NETWORK_CHANGES_MOST = 100
"""How many changes are remembered, the newest."""


class NetworkChange(NamedTuple):
    """The phone lost its network, or got it back."""

    at_us: int
    online: bool


class OnDemand(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a phone was asked to do wrong next."""

    online: bool = True
    delay_ms: int = 0
    drop_acks: tuple[bool, ...] = ()
    """One each: whether only its answer gets lost."""
    drop_reports: tuple[bool, ...] = ()
    duplicates: int = 0
    network_changes: tuple[NetworkChange, ...] = ()
    """What became of its network before, for those who look."""


class Mischief:
    """What one phone does wrong next."""

    def __init__(self, behaviour: Misbehaviour, clock: AgentClock, chance: random.Random) -> None:
        self.behaviour = behaviour
        self.delay_ms = 0
        """Every message waits this long before it is sent."""
        self._clock = clock
        self._chance = chance
        self._online = asyncio.Event()
        self._online.set()
        self.on_online: Callable[[], None] = lambda: None
        """Called when the network has come back."""
        self.network_changes: deque[NetworkChange] = deque(maxlen=NETWORK_CHANGES_MOST)
        """When the network went and came; empty: it was there all the time."""
        self._cut: Transport | None = None
        self._drops: dict[type[Message], list[bool]] = {Acknowledge: [], Report: []}
        self._duplicates = 0

    @property
    def online(self) -> bool:
        """Whether the phone has a network."""
        return self._online.is_set()

    async def wait_online(self) -> None:
        """Returns once the phone has a network."""
        await self._online.wait()

    def go_online(self) -> None:
        """The phone has a network."""
        if not self._online.is_set():
            self._online.set()
            self.network_changes.append(NetworkChange(self._clock.now_us(), online=True))
            self.on_online()

    async def go_offline(self) -> None:
        """The phone has no network; its connection is cut."""
        if self._online.is_set():
            self.network_changes.append(NetworkChange(self._clock.now_us(), online=False))
        self._online.clear()
        if self._cut is not None:
            await self._cut.cut()

    def drop_next_ack(self, *, heard: bool = False) -> None:
        """The next acknowledgement gets lost; with `heard`, only its answer."""
        self._drops[Acknowledge].append(heard)

    def drop_next_report(self, *, heard: bool = False) -> None:
        """The next report gets lost; with `heard`, only its answer."""
        self._drops[Report].append(heard)

    def duplicate_next(self) -> None:
        """The next acknowledgement or report is sent twice."""
        self._duplicates += 1

    def on_demand(self) -> OnDemand:
        """What is asked of it, and not done yet."""
        acks, reports = (tuple(self._drops[kind]) for kind in (Acknowledge, Report))
        return OnDemand(
            online=self.online, delay_ms=self.delay_ms, drop_acks=acks, drop_reports=reports, duplicates=self._duplicates,
            network_changes=tuple(self.network_changes),
        )  # fmt: skip

    def go_on_with(self, demand: OnDemand) -> None:
        """This is asked of it, before its agent runs."""
        self.delay_ms, self._duplicates = demand.delay_ms, demand.duplicates
        self.network_changes.extend(demand.network_changes)
        self._drops[Acknowledge], self._drops[Report] = list(demand.drop_acks), list(demand.drop_reports)
        if not demand.online:
            self._online.clear()

    def behave(self) -> None:
        """No more faults on demand; the network is back."""
        self.delay_ms = self._duplicates = 0
        for drops in self._drops.values():
            drops.clear()
        self.go_online()

    def cut_with(self, transport: Transport) -> None:
        """Going offline cuts this transport."""
        self._cut = transport

    def delay_s(self) -> float:
        """How long the next message waits."""
        latency_s = self._chance.uniform(0, self.behaviour.latency_s) if self.behaviour.latency_s else 0.0
        return latency_s + self.delay_ms / 1_000

    def loses(self, message: Message) -> bool | None:
        """Whether the message gets lost (False), or only its answer (True); None: neither."""
        drops = self._drops.get(type(message))
        if drops:
            return drops.pop(0)
        before = after = 0.0
        if isinstance(message, Acknowledge):
            before, after = self.behaviour.drop_before_ack, self.behaviour.drop_after_ack
        elif isinstance(message, Report):
            before = after = self.behaviour.drop_report / 2
        if not before and not after:
            return None
        roll = self._chance.random()
        return None if roll >= before + after else roll >= before

    def duplicates(self, message: Message) -> bool:
        """Whether the message is sent twice."""
        if not isinstance(message, Acknowledge | Report):
            return False
        if self._duplicates:
            self._duplicates -= 1
            return True
        return self._happens(self.behaviour.duplicate)

    def crashes(self, moment: Moment) -> bool:
        """Whether the agent dies here."""
        return moment in CRASH_MOMENTS and self._happens(self.behaviour.crash)

    def kept_back_s(self) -> float:
        """How long a result is kept back."""
        return self.behaviour.late_s if self._happens(self.behaviour.late) else 0.0

    async def come_and_go(self) -> None:
        """Never returns: the network comes and goes, if it is set to."""
        every_s = self.behaviour.offline_every_s
        while every_s:
            await self._clock.sleep(self._chance.expovariate(1 / every_s))
            await self.go_offline()
            await self._clock.sleep(self._chance.expovariate(1 / self.behaviour.offline_for_s))
            self.go_online()

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability


class FlakyTransport:
    """A `Transport` as bad as its phone's mischief makes it."""

    def __init__(self, inner: Transport, mischief: Mischief, clock: AgentClock, traffic: Traffic) -> None:
        self._inner = inner
        self._mischief = mischief
        self._clock = clock
        self._traffic = traffic
        mischief.cut_with(inner)

    @property
    def needs_pings(self) -> bool:
        return self._inner.needs_pings

    async def connect(self, credential: str, hello: Hello) -> Reply:
        await self._mischief.wait_online()
        with self._traffic.exchange():
            reply = await self._inner.connect(credential, hello)
            if not self._mischief.online:
                await self._lose("the network failed while connecting")
            return reply

    async def send(self, message: Message) -> Reply:
        delay_s = self._mischief.delay_s()
        if delay_s:
            await self._clock.sleep(delay_s)
        with self._traffic.exchange():
            answer_only = self._mischief.loses(message)
            if answer_only is False:
                await self._lose("a message was lost")
            if self._mischief.duplicates(message):
                await self._inner.send(message)
            reply = await self._inner.send(message)
            if answer_only is True:
                await self._lose("an answer was lost")
            return reply

    async def next_offer(self) -> Offer | PhonePolicy | Reply:
        return await self._inner.next_offer()

    async def post(self, message: Message, credential: str = "") -> Reply:
        await self._mischief.wait_online()
        with self._traffic.exchange():
            return await self._inner.post(message, credential)

    async def cut(self) -> None:
        with self._traffic.exchange():
            await self._inner.cut()

    async def close(self) -> None:
        with self._traffic.exchange():
            await self._inner.close()

    async def _lose(self, why: str) -> None:
        await self._inner.cut()
        raise ConnectionLost(why)

"""One virtual phone, running: the phone, the agent on it, and what may happen to either."""

import asyncio
import enum
import random
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from heliograph.agent.agent import Agent, EnrollmentRejected, NotEnrolled, UnknownOrder
from heliograph.agent.client import HEARTBEAT_S, Client
from heliograph.agent.delivery import never
from heliograph.agent.executor import PROGRESS_EVERY_S, Checkpoint, Equipment, Moment, PushDistributor, pass_by
from heliograph.agent.journal import Journal
from heliograph.agent.keep_alive import Keeper, Networks
from heliograph.agent.long_poll import LongPollTransport
from heliograph.agent.misbehaviour import WELL_BEHAVED, FlakyTransport, Misbehaviour, Mischief
from heliograph.agent.traffic import Traffic
from heliograph.agent.transport import BACKOFF_FIRST_S, BACKOFF_MOST_S, UNKNOWN_FIRST_S, UNKNOWN_MOST_S, Transport
from heliograph.agent.virtual_phone import VirtualExecutor, VirtualPhone
from heliograph.agent.websocket import WebSocketTransport
from heliograph.domain.command import Wait
from heliograph.domain.device import DeviceReport
from heliograph.domain.phone.virtual_device import VirtualDevice, rebooted

log = structlog.get_logger()

ENTROPY = random.SystemRandom()
"""Not the phone's seeded chance: two runs with one seed are alike, and yet other devices to the server."""


class TransportKind(enum.Enum):
    """How a phone talks to its server."""

    WEBSOCKET = "websocket"
    LONG_POLL = "long-poll"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A phone's way to its server, and how patient it is on it."""

    server_url: str
    kind: TransportKind = TransportKind.WEBSOCKET
    progress_every_s: float = PROGRESS_EVERY_S
    backoff_first_s: float = BACKOFF_FIRST_S
    backoff_most_s: float = BACKOFF_MOST_S
    unknown_first_s: float = UNKNOWN_FIRST_S
    unknown_most_s: float = UNKNOWN_MOST_S
    keeps_alive: bool = True
    """Whether the phone keeps idle connections open; else they end by themselves, as in a sandbox: no network is there to forget them."""
    http_client: Callable[[], Client] | None = None
    """Makes the HTTP client of each life of the agent; None: HTTP to `server_url`."""

    def transport(self, traffic: Traffic | None = None, keeper: Keeper | None = None) -> Transport:
        """A new transport, not yet connected; a WebSocket counts what comes in `traffic`."""
        if self.http_client is not None:
            http_client = self.http_client()
        else:
            from heliograph.agent.http_client import HttpClient  # noqa: PLC0415 - a phone in its server's process does without aiohttp

            http_client = HttpClient(self.server_url, heartbeat_s=None if keeper is not None else HEARTBEAT_S)
        if self.kind is TransportKind.LONG_POLL:
            return LongPollTransport(http_client, ENTROPY, keeper=keeper)
        return WebSocketTransport(http_client, traffic, keeper)


class Condition(enum.Enum):
    """What a phone is doing."""

    OFF = "off"
    DOWN = "its agent is not running"
    UNENROLLED = "waiting for an enrolment token"
    ENROLLING = "enrolling"
    RUNNING = "running"
    UNKNOWN = "unknown to its server; it asks again from time to time"


class PhoneRunner:
    """Keeps a phone's agent alive through crashes, restarts, wipes and new enrolments, until it is stopped."""

    def __init__(
        self, phone: VirtualPhone, line: Line, *, open_journal: Callable[[], Journal] | None = None, behaviour: Misbehaviour = WELL_BEHAVED,
        checkpoint: Checkpoint = pass_by, enrolling: asyncio.Semaphore | None = None,
    ) -> None:  # fmt: skip
        """`open_journal()` is called for every new life of the agent; without it the journal lives as long as the runner.

        `enrolling` bounds how many phones enrol at once.
        """
        kept = Journal.in_memory()
        self.phone = phone
        self.line = line
        self.mischief = Mischief(behaviour, phone.clock, phone.chance)
        self.traffic = Traffic()
        self.networks = Networks()
        self.network = "virtual"
        """The id of the network that the phone is in."""
        self._condition = Condition.DOWN
        self.on_condition: Callable[[], None] = lambda: None
        """Called whenever the phone does something else than before."""
        self.refusal = ""
        """Why the server did not take the phone, when it did not."""
        self.name = ""
        """The device's resource name, empty while it is not enrolled."""
        self.restarts = 0
        self._open_journal = open_journal or (lambda: kept)
        self._checkpoint = checkpoint
        self._enrolling = enrolling or asyncio.Semaphore()
        self.entropy: random.Random = ENTROPY
        """Makes credentials and ackIds."""
        self.push: PushDistributor | None = None
        """What wakes the phone while it is not connected."""
        self.reported: DeviceReport | None = None
        """What the server knows of the phone before its agent runs for the first time."""
        self._token = ""
        self._anew = False
        """Whether the next enrolment is that of a phone which was never enrolled."""
        self._token_given = asyncio.Event()
        self._connected = asyncio.Event()
        self._up = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._network: asyncio.Task[None] | None = None
        self._life: asyncio.Task[None] | None = None
        self._agent: Agent | None = None
        self._transport: Transport | None = None
        self._before_next: Callable[[], Awaitable[None]] | None = None
        phone.on_change = self._phone_changed
        phone.on_restart = self._phone_restarts
        phone.on_wiped_itself = self._phone_wiped_itself
        self.mischief.on_online = self._network_is_back

    @property
    def condition(self) -> Condition:
        """What the phone is doing."""
        return self._condition

    @condition.setter
    def condition(self, condition: Condition) -> None:
        if condition is not self._condition:
            self._condition = condition
            self.on_condition()

    @property
    def connected(self) -> bool:
        """Whether the phone's server has greeted it and the connection stands."""
        return self._connected.is_set()

    @property
    def known_report(self) -> DeviceReport | None:
        """What the server knows of the phone."""
        return self.reported if self._agent is None else self._agent.reported

    async def wait_connected(self) -> None:
        await self._connected.wait()

    def start(self, enrollment_token: str = "") -> None:
        """The phone runs. It enrols with this token unless its journal says that it is enrolled with a server that knows it."""
        if enrollment_token and self.condition is Condition.UNKNOWN:
            return self.enroll(enrollment_token)
        if enrollment_token:
            self._give(enrollment_token)
        self._up.set()
        if self._supervisor is None:
            self._supervisor = asyncio.get_running_loop().create_task(self._supervise())
            if self.mischief.behaviour.offline_every_s:
                self._network = asyncio.get_running_loop().create_task(self.mischief.come_and_go())
        return None

    async def stop(self) -> None:
        """The phone has said goodbye and nothing of it runs any more."""
        self.phone.rest()
        if self._transport is not None:
            await self._transport.close()
        await self.kill()
        tasks = [task for task in (self._supervisor, self._network) if task is not None]
        self._supervisor = self._network = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def kill(self) -> None:
        """The agent is dead where it stood, as by kill -9, and stays dead until `start`."""
        self._up.clear()
        life = self._life
        self._end_life()
        if life is not None and life is not asyncio.current_task():
            await asyncio.wait({life})

    async def restart(self) -> None:
        """The agent is killed, and another continues from its journal."""
        await self.kill()
        self.start()

    async def power_off(self) -> None:
        self.phone.rest()
        await self.kill()
        self.condition = Condition.OFF

    def power_on(self) -> None:
        """The phone has restarted."""
        if not self._up.is_set():
            self.phone.become(rebooted(self.phone.device))
            self.start()

    def reboot(self) -> None:
        """Its user restarts the phone; what its agent was doing goes on afterwards, as after REBOOT."""
        if self._life is None:  # nothing runs on it that would notice
            self.phone.become(rebooted(self.phone.device))
        else:
            self._phone_restarts(self.phone.pace.lasting(Wait.REBOOT, self.phone.device.reboot_seconds), rebooted)

    def enroll(self, enrollment_token: str, device: VirtualDevice | None = None) -> None:
        """The phone enrols as if it had never been enrolled, whatever its journal holds; as `device`, if it has been set up again."""
        self._end_life()
        if device is not None:
            self.phone.become(device)
        self._anew = True
        self._give(enrollment_token)
        self.start()

    def crash(self) -> None:
        """The agent dies here; another is started after a while."""

        async def wait() -> None:
            await self.phone.clock.sleep(self.mischief.behaviour.restart_s)

        self._before_next = wait
        self._end_life()

    def _give(self, enrollment_token: str) -> None:
        self._token, self.refusal = enrollment_token, ""
        self._token_given.set()

    def _end_life(self) -> None:
        if self._agent is not None:
            self._agent.kill()
        if self._life is not None:
            self._life.cancel()

    def _phone_changed(self) -> None:
        if self._agent is not None:
            self._agent.facts_changed()

    def _network_is_back(self) -> None:
        if self._agent is not None:
            self._agent.network_is_back()

    def _phone_restarts(self, seconds: float, then: Callable[[VirtualDevice], VirtualDevice]) -> None:
        async def wait() -> None:
            self.condition = Condition.OFF
            await self.phone.clock.sleep(seconds)
            self.phone.become(then(self.phone.device))

        self._before_next = wait
        self._end_life()

    def _phone_wiped_itself(self) -> None:
        """No last order: the credential is gone with the agent, and the server does not learn of it."""
        self._token_given.clear()
        self._anew = True
        self._end_life()

    def _connection_changed(self, stands: bool) -> None:  # noqa: FBT001 - an event's one fact
        if stands:
            self.condition, self.refusal = Condition.RUNNING, ""
            self._connected.set()
        else:
            self._connected.clear()

    def _not_known(self, why: str) -> None:
        if self.condition is not Condition.UNKNOWN:
            log.warning("phone.refused", phone=self.phone.device.profile, device=self.name, why=why)
        self.condition, self.refusal = Condition.UNKNOWN, why

    async def _supervise(self) -> None:
        while True:
            self.condition = Condition.DOWN
            await self._up.wait()
            self._life = asyncio.get_running_loop().create_task(self._live())
            await asyncio.wait({self._life})
            life, self._life = self._life, None
            self._connected.clear()
            if not life.cancelled() and (error := life.exception()) is not None:
                self._take_error(error)
                await self._token_given.wait()
            before_next, self._before_next = self._before_next, None
            if before_next is not None:
                self.restarts += 1
                await before_next()

    def _take_error(self, error: BaseException) -> None:
        """The phone waits for a new token: its server refuses it, or (shown) a fault of ours stopped it."""
        self.condition, self.refusal = Condition.UNENROLLED, str(error) or type(error).__name__
        if isinstance(error, EnrollmentRejected | NotEnrolled | UnknownOrder):
            log.warning("phone.refused", phone=self.phone.device.profile, device=self.name, why=self.refusal)
        else:
            # As text: a logger that shows a traceback's locals would show a command's secrets.
            trace = "".join(traceback.format_exception(error))
            log.error("phone.failed", phone=self.phone.device.profile, device=self.name, trace=trace)
        self._token_given.clear()
        self._anew = True

    async def _live(self) -> None:
        """One life of the agent."""
        journal = self._open_journal()
        keeper = Keeper(self.phone.clock, self.networks, lambda: self.network) if self.line.keeps_alive else None
        transport = FlakyTransport(self.line.transport(self.traffic, keeper), self.mischief, self.phone.clock, self.traffic)
        reported, self.reported = self.reported, None
        agent = Agent(self._equipment(journal, transport, keeper), reported=reported)
        self._agent, self._transport = agent, transport
        try:
            await self._enroll(agent, journal)
            self.condition = Condition.RUNNING
            await agent.run()
            self.name = ""
        finally:
            self._agent = self._transport = None
            agent.kill()
            await transport.cut()
            journal.close()

    async def _enroll(self, agent: Agent, journal: Journal) -> None:
        """Enrolled, or on the way out already."""
        if journal.final_order is not None and not self._anew:
            return
        if journal.identity is not None and journal.identity.name and not self._anew:
            self.name = journal.identity.name
            return
        self.condition, self.name = Condition.UNENROLLED, ""
        await self._token_given.wait()
        self.condition = Condition.ENROLLING
        if self._anew:
            journal.forget()
            self._anew = False
        self.phone.forget_policy()
        async with self._enrolling:
            self.name = await agent.enroll(self._token, serial=self.phone.device.serial)
        self.phone.enrolled()
        self._token_given.clear()

    def _equipment(self, journal: Journal, transport: Transport, keeper: Keeper | None) -> Equipment:
        return Equipment(
            transport=transport,
            executor=VirtualExecutor(self.phone),
            journal=journal,
            clock=self.phone.clock,
            chance=self.phone.chance,
            entropy=self.entropy,
            checkpoint=self._pass,
            connection_changed=self._connection_changed,
            not_known=self._not_known,
            keeper=keeper,
            push=self.push,
            progress_every_s=self.line.progress_every_s,
            backoff_first_s=self.line.backoff_first_s,
            backoff_most_s=self.line.backoff_most_s,
            unknown_first_s=self.line.unknown_first_s,
            unknown_most_s=self.line.unknown_most_s,
        )

    async def _pass(self, moment: Moment, operation: str) -> None:
        await self._checkpoint(moment, operation)
        if self.mischief.crashes(moment):
            self.crash()
            await never()
        if moment is Moment.RESULT and (kept_back_s := self.mischief.kept_back_s()):
            await self.phone.clock.sleep(kept_back_s)

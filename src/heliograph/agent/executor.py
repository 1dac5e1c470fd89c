"""What an agent needs from its phone, and from those who watch it."""

import enum
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Never, Protocol

import msgspec

from heliograph.agent.clock import AgentClock
from heliograph.agent.journal import Journal
from heliograph.agent.keep_alive import Keeper
from heliograph.agent.transport import BACKOFF_FIRST_S, BACKOFF_MOST_S, UNKNOWN_FIRST_S, UNKNOWN_MOST_S, Transport
from heliograph.commands import COMMANDS, ENVELOPE
from heliograph.domain.command import CommandType
from heliograph.domain.device import DeviceFacts, DeviceReport
from heliograph.domain.evidence import Facts
from heliograph.domain.outcome import Outcome
from heliograph.protocol import PhonePolicy, PushSubscription, UsageLogs
from heliograph.protojson.errors import HeliographError
from heliograph.protojson.parser import MALFORMED
from heliograph.protojson.types import secret_fields

PROGRESS_EVERY_S = 1.0
"""A phone reports progress at most this often, with the newest status (design.md §4)."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """One command to execute. Its params may hold secrets: it is never journalled, logged or kept."""

    operation: str
    row: CommandType
    params: msgspec.Struct = field(repr=False)
    command: bytes = field(repr=False, default=b"{}")
    """The Command that the params were read from."""


class _Typed(msgspec.Struct):
    type: str


def work_of(operation: str, command: bytes) -> Work | None:
    """What a Command asks for; None if this phone does not know its type or cannot read it."""
    try:
        row = COMMANDS[msgspec.json.decode(command, type=_Typed).type]
        return Work(operation=operation, row=row, params=ENVELOPE.params_of(row.name, command), command=command)
    except (*MALFORMED, KeyError, HeliographError):
        return None


def without_secrets(params: msgspec.Struct) -> msgspec.Struct:
    """The params as they may be written down."""
    blank = {field.name: field.default for field in msgspec.structs.fields(params) if field.name in secret_fields(type(params))}
    return msgspec.structs.replace(params, **blank)


class Executor(Protocol):
    """The phone under an agent. It outlives the agent's process."""

    def facts(self) -> DeviceFacts:
        """By what a command is judged before it is acknowledged."""

    def report(self) -> DeviceReport:
        """The phone's facts as the server shall know them."""

    def usage_logs(self) -> UsageLogs | None:
        """The oldest events of the phone's usage log that the server does not have; None: it has all.

        Kept until `usage_logs_taken`, over the agent's death.
        """

    def usage_logs_taken(self) -> None:
        """The server has what `usage_logs` gave last."""

    async def log_usage(self) -> Never:
        """The phone logs what comes with time (where it is while it is lost), for as long as the agent runs."""

    def boot_id(self) -> str:
        """Another one after every restart of the phone."""

    def look(self, work: Work) -> Facts:
        """What the phone's system says now of all that shows whether this command is executed."""

    def look_at_enrolment(self) -> Facts:
        """What it says of a phone that enrols: whether it is another one than its server knew."""

    def adopt(self, policy: PhonePolicy) -> None:
        """The phone applies the server's policy and state."""

    async def execute(self, work: Work, progress: Callable[[msgspec.Struct], None], leave: "Leave | None" = None) -> Outcome | None:
        """How the command ended, once it has; `progress(status)` is called on the way. Called once per operation.

        None: it waited for its user, `leave` did not let it begin or its user took too long, and it had no effect. Without a `leave`,
        it waits as long as its user does.
        A command that restarts the phone never returns: the agent's process ends with the phone's running.
        """

    def answer_within(self, operation: str, seconds: float) -> None:
        """A question that this command puts to the user is withdrawn after this time."""

    def withdraw(self, work: Work) -> None:
        """The command, which waited for its user when its agent died, has no effect, nor will have."""

    def probe(self, work: Work) -> Outcome | None:
        """How an interrupted command ended, as far as the phone shows it; None: unknown."""

    async def carry_out(self, order: Work) -> None:
        """Execute the last order; repeating it changes nothing."""


class Leave(Protocol):
    """What a command needs that waits for its user: it may expire until it is let begin."""

    def asks(self, status: msgspec.Struct) -> None:
        """The user is being asked; `status` says so."""

    async def may_begin(self) -> bool:
        """Whether the command may have an effect, now that its user has agreed."""


class PushDistributor(Protocol):
    """What brings a push service's messages to the phone: a distributor of UnifiedPush, FCM, a browser's push service."""

    @property
    def subscription(self) -> PushSubscription:
        """What the phone has; empty: nothing."""

    async def subscribe(self, application_server_key: str) -> PushSubscription:
        """The phone's subscription for a server with this key, the one that it has if that was made for it."""


class Moment(enum.Enum):
    """Where an agent is with a command: the places at which a crash must do no harm. A line of the journal stands at each first one."""

    ACKING = "the ackId is journalled, not yet sent"
    ACKNOWLEDGED = "the acknowledgement is accepted, but not journalled"
    EXECUTING = "the start is journalled, the effect has not happened"
    EXECUTED = "the effect has happened, the result is not journalled"
    RESULT = "the result is journalled, not yet sent"
    REPORTED = "the server has the result, the journal does not know"
    DROPPED = "the journal has forgotten the command"
    ORDERED = "the last order is journalled, not yet executed"
    CARRIED_OUT = "the last order is executed, the server does not know"
    FORGOTTEN = "the credential is gone"


Checkpoint = Callable[[Moment, str], Awaitable[None]]
"""Awaited at every moment of every operation: by it phones are made to misbehave, and tests kill them."""


async def pass_by(_moment: Moment, _operation: str) -> None:
    """Do nothing."""


def unsaid(_why: str) -> None:
    """Report to no one."""


def unwatched(_connected: bool) -> None:  # noqa: FBT001 - an event's one fact
    """Signal no one."""


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """All that an agent works with."""

    transport: Transport
    executor: Executor
    journal: Journal
    clock: AgentClock
    chance: random.Random
    """Spreads waiting times; seeded, a phone's behaviour can be repeated."""
    entropy: random.Random
    """Makes credentials, installation ids and ackIds: they must be unguessable and unique among phones."""
    checkpoint: Checkpoint = pass_by
    connection_changed: Callable[[bool], None] = unwatched
    """Called with whether the server has greeted this agent and the connection stands."""
    not_known: Callable[[str], None] = unsaid
    """Called with the server's words each time that it says that it does not know this phone."""
    keeper: Keeper | None = None
    """Keeps idle connections open; None: the phone asks for nothing, and its connections end by themselves."""
    push: PushDistributor | None = None
    """None: nothing wakes the phone while it is not connected."""
    progress_every_s: float = PROGRESS_EVERY_S
    backoff_first_s: float = BACKOFF_FIRST_S
    backoff_most_s: float = BACKOFF_MOST_S
    unknown_first_s: float = UNKNOWN_FIRST_S
    unknown_most_s: float = UNKNOWN_MOST_S

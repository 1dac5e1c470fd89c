"""A recorded history, sorted once by what the rules ask of it: no later question needs a walk through all events."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from heliograph.commands import COMMANDS
from heliograph.domain.evidence import Judgement
from heliograph.history.events import (
    Acted,
    Answer,
    AnyEvent,
    AtRest,
    Completed,
    Enrolled,
    Fault,
    FaultKind,
    Final,
    Invoked,
    Judged,
    Moment,
    Notified,
    Reached,
    Shown,
    Subscribed,
    Verb,
)

NEVER = 2**63
"""After every position of a history, and after every time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call: its begin and end in the history."""

    invoked: Invoked
    began: int
    completed: Completed | None = None
    ended: int = NEVER

    @property
    def answer(self) -> Answer:
        """What the caller knows of it."""
        return self.completed.answer if self.completed else Answer.UNKNOWN

    @property
    def shown(self) -> tuple[Shown, ...]:
        """The operations that it was answered."""
        return self.completed.shown if self.completed else ()


class Evidence:
    """All that is known of a run. A position is an event's place in the history; what stands before happened before."""

    def __init__(self, history: Sequence[AnyEvent]) -> None:
        self.history = history
        self.lists: dict[str, Final] = {}
        """By device: the server's list at the end. A device without an entry was not read."""
        self.looks: list[tuple[int, Final]] = []
        """The same, with their places in the history."""
        # Before all others: a phone may report its first connection before its device is known.
        self.device_of = {event.phone: event.device for event in history if isinstance(event, Enrolled)}
        self.at_rest: dict[str, AtRest] = {}
        self.began: dict[str, list[Acted]] = defaultdict(list)
        """By operation; last orders without one by their device."""
        self.began_at: dict[str, int] = {}
        """Where an operation's first effect began."""
        self.ended: dict[str, list[Acted]] = defaultdict(list)
        self.ended_at: dict[str, int] = {}
        """Where its first effect ended."""
        self.withdrawn: set[str] = set()
        """Operations that waited for their user and had no effect, as their phones say."""
        self.reached: dict[tuple[Moment, str], int] = {}
        """Where an operation reached a moment first."""
        self.connecting: dict[str, list[int]] = defaultdict(list)
        """Where a phone began to connect, by its device."""
        self.offers: list[tuple[int, Reached]] = []
        self.agents: set[str] = set()
        """The devices whose phones' agents report their moments."""
        self.judged: dict[str, Judgement] = {}
        """By operation: what its phone's facts say of it, if they say something."""
        self.subscribed: dict[str, int] = {}
        """Since when an enterprise is to be notified."""
        self.told: dict[str, list[Shown]] = defaultdict(list)
        """By operation: the notifications of it."""
        self.faults: list[Fault] = []
        self.oddities: list[str] = []
        """Events that a recorder does not write: a history with any proves nothing."""
        self._clock = ClockErrors()
        self.calls = self._read()
        self.final = {operation.name: operation for listed in self.lists.values() for operation in listed.operations}
        self.issues: dict[int, Call] = {}
        for call in self.of(Verb.ISSUE):
            if self.issues.setdefault(call.invoked.tag, call) is not call:
                self.oddities.append(f"Two issues have the tag {call.invoked.tag}: calls {call.invoked.call} and another.")

    def of(self, verb: Verb, answer: Answer | None = None) -> Iterator[Call]:
        """The calls of this verb, with this answer."""
        return (call for call in self.calls if call.invoked.verb is verb and answer in {None, call.answer})

    def readings(self) -> Iterator[tuple[Call, Shown]]:
        """Every operation that any caller was shown."""
        return ((call, shown) for call in self.calls for shown in call.shown)

    def all_shown(self) -> Iterator[Shown]:
        """Every operation as it was ever shown: to callers, to enterprises, and at the end."""
        yield from (shown for _, shown in self.readings())
        yield from (shown for notifications in self.told.values() for shown in notifications)
        yield from (shown for _, final in self.looks for shown in final.operations)

    def last_orders(self) -> dict[str, list[Shown]]:
        """The operations that ended a device's being managed, by device."""
        found: dict[str, list[Shown]] = defaultdict(list)
        for operation in self.final.values():
            if operation.outcome == "succeeded" and is_final_at_ack(operation.type):
                found[operation.device].append(operation)
        return found

    def at_us(self, position: int) -> int:
        """When the event at this position happened."""
        return self.history[position].at_us

    def clock_gain_us(self, start: int, end: int) -> tuple[int, int]:
        """How much a server's clock may have gained on true time between two positions, by steps alone: least and most."""
        return self._clock.gain_us(start, end)

    def _read(self) -> list[Call]:
        calls: dict[int, Call] = {}
        for position, event in enumerate(self.history):
            match event:
                case Invoked():
                    if calls.setdefault(event.call, made := Call(invoked=event, began=position)) is not made:
                        self.oddities.append(f"Two calls have the number {event.call}.")
                case Completed():
                    began = calls.get(event.call)
                    if began is None or began.completed is not None:
                        self.oddities.append(f"An answer to call {event.call}, which was never made or was answered already.")
                    else:
                        calls[event.call] = Call(invoked=began.invoked, began=began.began, completed=event, ended=position)
                case Reached():
                    self._read_moment(position, event)
                case Acted():
                    self._read_effect(position, event)
                case _:
                    self._read_other(position, event)
        return list(calls.values())

    def _read_moment(self, position: int, event: Reached) -> None:
        device = self.device_of.get(event.phone, "")
        if event.moment is Moment.CONNECTING:
            self.connecting[device].append(position)
            return
        if event.moment is Moment.OFFERED:
            self.offers.append((position, event))
        elif event.moment is Moment.ACKING:
            self.agents.add(device)
        self.reached.setdefault((event.moment, event.operation), position)

    def _read_effect(self, position: int, event: Acted) -> None:
        subject = event.operation or self.device_of.get(event.phone, event.phone)
        if event.step == "withdrawn":
            self.withdrawn.add(subject)
        elif event.step == "began":
            self.began[subject].append(event)
            self.began_at.setdefault(subject, position)
        else:
            self.ended[subject].append(event)
            self.ended_at.setdefault(subject, position)

    def _read_other(self, position: int, event: AnyEvent) -> None:
        match event:
            case AtRest():
                self.at_rest[event.phone] = event
            case Final():
                self.lists[event.device] = event
                self.looks.append((position, event))
            case Judged():
                self.judged[event.operation] = event.judgement
            case Subscribed():
                self.subscribed.setdefault(event.enterprise, position)
            case Notified():
                self.told[event.shown.name].append(event.shown)
            case Fault():
                self.faults.append(event)
                self._clock.read(position, event)
            case _:
                pass


class ClockErrors:
    """By how many seconds servers may be wrong: they start at the wall clock or the newest time in the store, and slew later steps."""

    def __init__(self) -> None:
        self._since = [-1]
        self._least, self._most = [0.0], [0.0]
        self._wall_s = 0.0

    def read(self, position: int, fault: Fault) -> None:
        """A fault that may be a step, or after which a server may believe one."""
        if fault.what is FaultKind.CLOCK_STEPPED:
            # From here on a server may start, and be asked before it is seen to be ready.
            self._wall_s += fault.seconds
            self._put(position, min(self._least[-1], self._wall_s), max(self._most[-1], self._wall_s))
        elif fault.what is FaultKind.SERVER_READY and self._least[-1] != self._most[-1]:
            # At the wall clock's time, or at a later one that the store knows.
            self._put(position, self._wall_s, self._most[-1])

    def gain_us(self, start: int, end: int) -> tuple[int, int]:
        """The least and the most that a clock may have gained between these positions."""
        first, last = bisect_right(self._since, start) - 1, bisect_right(self._since, end)
        least, most = min(self._least[first:last]), max(self._most[first:last])
        return round((least - self._most[first]) * 1_000_000), round((most - self._least[first]) * 1_000_000)

    def _put(self, position: int, least: float, most: float) -> None:
        self._since.append(position)
        self._least.append(least)
        self._most.append(most)


def is_final_at_ack(type_name: str) -> bool:
    """Whether the acknowledgement of such a command ends its device's being managed."""
    row = COMMANDS.get(type_name)
    return row is not None and row.final_at_ack


def id_of(operation: str) -> int:
    """The number in an operation's name, which orders a device's operations; 0 without one."""
    number = operation.rpartition("/")[2]
    return int(number) if number.isdecimal() else 0


def device_named(operation: str) -> str:
    """The device of this operation."""
    return operation.partition("/operations/")[0]

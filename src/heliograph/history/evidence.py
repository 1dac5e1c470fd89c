"""A history, sorted by what the checker's rules ask of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from heliograph.commands import COMMANDS
from heliograph.history.events import Acted, Answer, AnyEvent, AtRest, Completed, Enrolled, Fault, FaultKind, Invoked, Reached, Shown, Verb

NEVER = 2**63


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call: where in the history it began and ended."""

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
    """All that is known of a run: its history, and the operations of each device as the server shows them in the end."""

    def __init__(self, history: Sequence[AnyEvent], final: Mapping[str, Sequence[Shown]]) -> None:
        self.history = history
        self.final = {operation.name: operation for operations in final.values() for operation in operations}
        self.shown_twice = sum(map(len, final.values())) - len(self.final)
        self.device_of: dict[str, str] = {}
        self.at_rest: dict[str, AtRest] = {}
        self.began: dict[str, list[Acted]] = defaultdict(list)
        """By operation; last orders without one by their device."""
        self.ended: dict[str, list[Acted]] = defaultdict(list)
        self.reached: dict[tuple[str, str], int] = {}
        """Where an operation reached a moment first."""
        self.kills: list[int] = []
        self.calls = self._read()
        self.issues = {call.invoked.tag: call for call in self.of(Verb.ISSUE)}

    def of(self, verb: Verb, answer: Answer | None = None) -> Iterator[Call]:
        """The calls of this verb, with this answer."""
        return (call for call in self.calls if call.invoked.verb is verb and answer in {None, call.answer})

    def readings(self) -> Iterator[tuple[Call, Shown]]:
        """Every operation that any caller was shown."""
        return ((call, shown) for call in self.calls for shown in call.shown)

    def last_orders(self) -> dict[str, list[Shown]]:
        """The operations that ended a device's being managed, by device."""
        found: dict[str, list[Shown]] = defaultdict(list)
        for operation in self.final.values():
            if operation.outcome == "succeeded" and COMMANDS[operation.type].final_at_ack:
                found[operation.device].append(operation)
        return found

    def in_flight_at(self, position: int) -> int:
        """How many calls were under way there."""
        return sum(call.began < position < call.ended for call in self.calls)

    def ended_by_itself(self) -> Iterator[Fault]:
        """The ends of the server that nobody brought about."""
        return (event for event in self.history if isinstance(event, Fault) and event.what is FaultKind.SERVER_ENDED)

    def _read(self) -> list[Call]:
        calls: dict[int, Call] = {}
        for position, event in enumerate(self.history):
            match event:
                case Invoked():
                    calls[event.call] = Call(invoked=event, began=position)
                case Completed():
                    began = calls[event.call]
                    calls[event.call] = Call(invoked=began.invoked, began=began.began, completed=event, ended=position)
                case _:
                    self._read_other(position, event)
        return list(calls.values())

    def _read_other(self, position: int, event: AnyEvent) -> None:
        match event:
            case Enrolled():
                self.device_of[event.phone] = event.device
            case Acted():
                steps = self.began if event.step == "began" else self.ended
                steps[event.operation or self.device_of[event.phone]].append(event)
            case Reached():
                self.reached.setdefault((event.moment, event.operation), position)
            case AtRest():
                self.at_rest[event.phone] = event
            case Fault(what=FaultKind.SERVER_KILLED):
                self.kills.append(position)

"""A server, phones and callers so simple that they are right, whose steps any chance may interleave: what they record is green.

`python -m tests.history.simulation FILE EVENTS` writes a history of about so many events.
"""

import random
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import msgspec

from heliograph.commands import COMMANDS
from heliograph.history.events import (
    Acted,
    Answer,
    AnyEvent,
    AtRest,
    Completed,
    Deed,
    Enrolled,
    Fault,
    FaultKind,
    Final,
    Invoked,
    Moment,
    Notified,
    Reached,
    Shown,
    Subscribed,
    Verb,
)
from heliograph.history.file import History
from heliograph.history.recorded import FORMAT, VERSION, Header, Recorded
from tests.history.tale import ended

ENTERPRISE = "enterprises/E"
SECOND_US = 1_000_000
HOUR_NS = 3_600 * 10**9
PLAIN, RESTARTS, ASKS, ENDS = "LOCK", "REBOOT", "ADD_ESIM", "WIPE"
DEEDS = (Deed.CANCELLED, Deed.EXPIRED, Deed.REFUSED, Deed.LISTED, Deed.NOTIFIED)

Steps = Generator[None, None, None]
"""An actor's steps: between two of them, others may do anything."""


@dataclass
class Operation:
    """A command as the server knows it."""

    name: str
    type: str
    tag: int
    created_us: int
    outcome: str = ""
    detail: str = ""
    acked_us: int = 0
    released: bool = False

    @property
    def shown(self) -> Shown:
        """As a caller reads it."""
        still = Shown(name=self.name, type=self.type, tag=self.tag)
        return ended(still, self.outcome, detail=self.detail) if self.outcome else still

    def holds(self, now_us: int) -> bool:
        """Whether later ones must wait."""
        held_us = COMMANDS[self.type].holds_queue_s * SECOND_US
        return not self.outcome and (not self.acked_us or (not self.released and now_us < self.acked_us + held_us))


@dataclass
class Device:
    """A device and its phone."""

    name: str
    phone: str
    gone: bool = False
    operations: list[Operation] = field(default_factory=list)
    open: list[Operation] = field(default_factory=list)
    """Those without an end, and some that have got one."""
    incarnation: int = 1
    connected: bool = False
    managed: bool = True
    busy: int = 0
    """Commands that its phone is at."""


class World:
    """All of it, and the history that it leaves."""

    def __init__(self, chance: random.Random, *, devices: int, calls: int, kills: int = 1) -> None:
        self.chance = chance
        self.now_us = 0
        self.events: list[AnyEvent] = []
        self.devices = [Device(f"{ENTERPRISE}/devices/D{number}", f"p{number}") for number in range(devices)]
        self._tags, self._calls = count(1), count(1)
        self._ids = count(1)
        self._lives = 0
        """How often the server was killed: whoever began to ask in another life is not answered."""
        self._playing: list[Steps] = []
        for device in self.devices:
            self.record(Enrolled(phone=device.phone, device=device.name))
        self.record(Subscribed(enterprise=ENTERPRISE))
        self._plan = [*[self._any_call] * calls, *[self._kill] * kills]
        chance.shuffle(self._plan)

    def play(self) -> Recorded:
        """What was recorded when all was over."""
        while self._plan or self._playing or any(self._due(device) for device in self.devices):
            self._begin_something()
            if self._playing:
                number = self.chance.randrange(len(self._playing))
                self.now_us += self.chance.choice((10, 200, 5_000, 300_000))
                if next(self._playing[number], self) is self:
                    self._playing[number] = self._playing[-1]
                    self._playing.pop()
        for device in self.devices:
            self.record(AtRest(phone=device.phone, managed=device.managed, enrolled=device.managed))
        for device in self.devices:
            self.record(Final(device=device.name, operations=tuple(operation.shown for operation in device.operations)))
        return Recorded(header=Header(format=FORMAT, version=VERSION, deeds=(), about="a simulation"), events=self.events)

    def record(self, event: AnyEvent) -> None:
        """The event has happened now."""
        self.now_us += 1
        self.events.append(msgspec.structs.replace(event, at_us=self.now_us))

    def _begin_something(self) -> None:
        if self._plan and len(self._playing) < 3 * len(self.devices) + 3 and self.chance.random() < 0.7:
            self._playing.append(self._plan.pop()())
        device = self.chance.choice(self.devices)
        if self._due(device):
            device.busy += 1
            self._playing.append(self._obey(device))

    # What the server does, each in one instant.

    def _due(self, device: Device) -> Operation | None:
        """What the phone may be offered now; what has expired is so from now on."""
        for operation in device.open:
            if not operation.outcome and not operation.acked_us and self.now_us >= operation.created_us + operation.tag // 1_000:
                self._end(operation, "expired")
        device.open = [operation for operation in device.open if not operation.outcome]
        head = next((operation for operation in device.open if operation.holds(self.now_us)), None)
        return head if head and not head.acked_us and not device.gone and device.managed and device.busy < 2 else None

    def _end(self, operation: Operation, outcome: str, detail: str = "") -> None:
        operation.outcome, operation.detail = outcome, detail
        self._playing.append(self._tell(operation.shown))

    def _tell(self, shown: Shown) -> Steps:
        for _ in range(self.chance.choice((1, 1, 2))):
            yield
            self.record(Notified(shown=shown))

    def _kill(self) -> Steps:
        self.record(Fault(what=FaultKind.SERVER_KILLED))
        self._lives += 1
        for device in self.devices:
            device.connected = False
        yield
        self.record(Fault(what=FaultKind.SERVER_READY))

    # What callers do.

    def _any_call(self) -> Steps:
        device = self.chance.choice(self.devices)
        verb = self.chance.choices((Verb.ISSUE, Verb.CANCEL, Verb.GET, Verb.LIST, Verb.DELETE), (60, 15, 15, 7, 3))[0]
        operation = self.chance.choice(device.operations) if device.operations else None
        if verb is Verb.ISSUE or (operation is None and verb is not Verb.LIST):
            return self._issue(device)
        if verb is Verb.DELETE and device.busy:
            verb = Verb.LIST
        if operation is None or verb in {Verb.LIST, Verb.DELETE}:
            return self._ask(verb, device, None)
        return self._ask(verb, device, operation)

    def _issue(self, device: Device) -> Steps:
        type_name = self.chance.choices((PLAIN, RESTARTS, ASKS, ENDS), (70, 15, 14, 1))[0]
        tag = (HOUR_NS if self.chance.random() < 0.8 else self.chance.randrange(10**6, 2 * 10**9) // 10**6 * 10**6) + next(self._tags)
        call, life = next(self._calls), self._lives
        self.record(Invoked(call=call, verb=Verb.ISSUE, target=device.name, type=type_name, tag=tag))
        yield
        if device.gone:
            self.record(Completed(call=call, answer=Answer.FAIL, status=404))
            return
        operation = Operation(f"{device.name}/operations/{next(self._ids)}", type_name, tag, self.now_us)
        if life == self._lives or self.chance.random() < 0.5:
            device.operations.append(operation)
            device.open.append(operation)
        yield
        answered = life == self._lives
        shown = (Shown(name=operation.name, type=type_name, tag=tag),) if answered else ()
        self.record(Completed(call=call, answer=Answer.OK if answered else Answer.UNKNOWN, shown=shown))

    def _ask(self, verb: Verb, device: Device, operation: Operation | None) -> Steps:
        call, life = next(self._calls), self._lives
        self.record(Invoked(call=call, verb=verb, target=operation.name if operation else device.name))
        yield
        shown: tuple[Shown, ...] = ()
        if verb is Verb.CANCEL and operation and not operation.outcome and not operation.acked_us:
            self._end(operation, "cancelled")
        elif verb is Verb.GET and operation:
            shown = (operation.shown,)
        elif verb is Verb.LIST:
            shown = tuple(listed.shown for listed in device.operations)
        elif verb is Verb.DELETE and not device.gone and not device.busy:
            self._end_device(device)
            self._playing.append(self._carry_out(device, "", ENDS))
        elif verb is Verb.DELETE:
            self.record(Completed(call=call, answer=Answer.FAIL, status=404))
            return
        yield
        answered = life == self._lives
        self.record(Completed(call=call, answer=Answer.OK if answered else Answer.UNKNOWN, shown=shown if answered else ()))

    def _end_device(self, device: Device) -> None:
        device.gone = True
        for operation in device.operations:
            if not operation.outcome:
                self._end(operation, "failed", "Device is no longer being managed")

    # What phones do.

    def _reach(self, device: Device, moment: Moment, operation: str = "") -> None:
        self.record(Reached(phone=device.phone, incarnation=device.incarnation, moment=moment, operation=operation))

    def _act(self, device: Device, operation: str, type_name: str, step: str) -> None:
        succeeded = True if step == "ended" else None
        self.record(
            Acted(phone=device.phone, incarnation=device.incarnation, operation=operation, type=type_name, step=step, succeeded=succeeded)
        )

    def _obey(self, device: Device) -> Steps:
        """One command, from its offer to its report."""
        if not device.connected:
            self._reach(device, Moment.CONNECTING)
            device.connected = True
            yield
        operation = self._due_again(device)
        if operation is not None:
            self._reach(device, Moment.OFFERED, operation.name)
            yield
            if self.chance.random() < 0.05:
                if not operation.outcome and not operation.acked_us:
                    self._end(operation, "failed", "API_LEVEL")
            else:
                yield from self._acknowledge(device, operation)
        device.busy -= 1

    def _due_again(self, device: Device) -> Operation | None:
        """Who is at two commands already may be offered a third: the phone does one after the other here."""
        device.busy -= 1
        due = self._due(device)
        device.busy += 1
        return due

    def _acknowledge(self, device: Device, operation: Operation) -> Steps:
        self._reach(device, Moment.ACKING, operation.name)
        yield
        self._due(device)
        if operation.outcome or operation.acked_us:
            self._reach(device, Moment.TOLD_TO_DROP, operation.name)
            return
        operation.acked_us = self.now_us
        if operation.type == ENDS:
            self._end(operation, "succeeded")
            self._end_device(device)
        yield from self._crash(device)
        self._reach(device, Moment.ACKNOWLEDGED, operation.name)
        if operation.type == ENDS:
            yield from self._carry_out(device, operation.name, operation.type)
        elif self.now_us >= operation.created_us + operation.tag // 1_000:
            self._reach(device, Moment.RESULT, operation.name)
            self._end(operation, "expired")
        else:
            yield from self._execute(device, operation)

    def _carry_out(self, device: Device, operation: str, type_name: str) -> Steps:
        yield
        self._reach(device, Moment.ORDERED, operation)
        yield
        self._act(device, operation, type_name, "began")
        self._act(device, operation, type_name, "ended")
        device.managed = False

    def _execute(self, device: Device, operation: Operation) -> Steps:
        if operation.type == ASKS:
            self._reach(device, Moment.EXECUTING, operation.name)
            self._act(device, operation.name, operation.type, "began")
            yield
            self._reach(device, Moment.PROGRESS, operation.name)
            yield
            operation.released = True
        else:
            self._reach(device, Moment.EXECUTING, operation.name)
            self._act(device, operation.name, operation.type, "began")
        yield
        if operation.type == RESTARTS:
            device.incarnation += 1
            device.connected = False
        else:
            self._act(device, operation.name, operation.type, "ended")
        for moment in (Moment.EXECUTED, Moment.RESULT):
            self._reach(device, moment, operation.name)
            yield
        if not operation.outcome:
            self._end(operation, "succeeded")
        yield from self._crash(device)
        self._reach(device, Moment.REPORTED, operation.name)
        self._reach(device, Moment.DROPPED, operation.name)

    def _crash(self, device: Device) -> Iterator[None]:
        """The agent may die here, and another goes on from its journal."""
        yield
        if self.chance.random() < 0.05:
            self.record(Fault(what=FaultKind.AGENT_CRASHED, target=device.phone))
            device.incarnation += 1
            device.connected = False
            yield


def simulated(seed: object, *, devices: int = 3, calls: int = 60, kills: int = 1) -> Recorded:
    """The history of one such world."""
    return World(random.Random(str(seed)), devices=devices, calls=calls, kills=kills).play()


def main() -> None:
    """Writes a large one."""
    path, wanted = Path(sys.argv[1]), int(sys.argv[2])
    calls = wanted // 5
    recorded = simulated("large", devices=max(calls // 200, 1), calls=calls, kills=20)
    times = iter([event.at_us for event in recorded.events])
    history = History(path, now_us=lambda: next(times), faults=[FaultKind.SERVER_KILLED], deeds=DEEDS, about="a large simulation")
    for event in recorded.events:
        history.record(event)
    history.close()
    sys.stdout.write(f"{len(recorded.events)} events\n")


if __name__ == "__main__":
    main()

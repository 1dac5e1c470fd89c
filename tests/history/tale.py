"""Small histories, written event by event."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from heliograph.domain.evidence import Judgement
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
    Judged,
    Moment,
    Notified,
    Reached,
    Shown,
    Subscribed,
    Verb,
)
from heliograph.history.recorded import FORMAT, VERSION, Header, Recorded
from heliograph.history.verdict import Verdict, check
from heliograph.protojson.times import format_duration

ENTERPRISE = "enterprises/E"
DEVICE, OTHER = f"{ENTERPRISE}/devices/D1", f"{ENTERPRISE}/devices/D2"
LOCKED, CANCELLED, WIPED = f"{DEVICE}/operations/1", f"{DEVICE}/operations/2", f"{OTHER}/operations/3"
SECOND_US = 1_000_000
HOUR_NS = 3_600 * 10**9
CODES = {"cancelled": 1, "expired": 4, "timed out": 4, "failed": 9}
"""What an error is, by outcome."""
LET = (Moment.ACKING, Moment.ACKNOWLEDGED, Moment.EXECUTING)


def shown(name: str, tag: int, **fields: Any) -> Shown:  # noqa: ANN401 - the fields of Shown
    """A reading of an operation that is open. The tag counts nanoseconds beyond an hour."""
    return Shown(name=name, tag=HOUR_NS + tag, **{"type": "LOCK", **fields})


def ended(operation: Shown, outcome: str, *, detail: str = "", response: bool | None = None) -> Shown:
    """The operation, with this end, as a caller reads it. `response`: whether there is one, besides what the outcome says."""
    return Shown.of(end_of(operation, outcome, detail=detail, response=response))


def end_of(operation: Shown, outcome: str, *, detail: str = "", response: bool | None = None) -> dict[str, Any]:
    """What a server writes of an operation that came out so."""
    metadata = {"type": operation.type, "duration": format_duration(operation.tag)}
    if detail.isupper() or outcome == "timed out":
        metadata["errorCode"] = detail or "UNKNOWN"
    written: dict[str, Any] = {"name": operation.name, "metadata": metadata, "done": True}
    if outcome != "succeeded":
        written["error"] = {"code": CODES[outcome], "message": detail}
    if outcome == "succeeded" if response is None else response:
        written["response"] = {}
    return written


SUCCEEDED = ended(shown(LOCKED, 1), "succeeded")
TAKEN_BACK = ended(shown(CANCELLED, 2), "cancelled")
GONE = ended(shown(WIPED, 3, type="WIPE"), "succeeded")


@dataclass
class Tale:
    """A history that is written event by event, a second after another, and what the server shows at the end."""

    events: list[AnyEvent] = field(default_factory=list)
    final: dict[str, list[Shown]] = field(default_factory=dict)
    calls: int = 0
    now_us: int = 0

    def then(self, *events: AnyEvent) -> None:
        """These happened next."""
        for event in events:
            self.now_us += SECOND_US
            self.events.append(msgspec.structs.replace(event, at_us=self.now_us))

    def wait(self, seconds: float) -> None:
        """Nothing happened for so long."""
        self.now_us += round(seconds * SECOND_US)

    def ask(self, verb: Verb, target: str, *, type_name: str = "", tag: int = 0) -> int:
        """A call began."""
        self.calls += 1
        self.then(Invoked(call=self.calls, verb=verb, target=target, type=type_name, tag=tag))
        return self.calls

    def hear(self, call: int, *operations: Shown, answer: Answer = Answer.OK, status: int = 200) -> None:
        """A call was answered."""
        self.then(Completed(call=call, answer=answer, status=status, shown=operations))

    def call(self, verb: Verb, target: str, *operations: Shown, answer: Answer = Answer.OK, status: int = 200) -> None:
        """A call that ends before anything else happens."""
        self.hear(self.ask(verb, target), *operations, answer=answer, status=status)

    def issue(self, operation: Shown, *, answer: Answer = Answer.OK, type_name: str = "") -> None:
        """An issue of this operation."""
        call = self.ask(Verb.ISSUE, operation.device, type_name=type_name or operation.type, tag=operation.tag)
        accepted = Shown(name=operation.name, type=operation.type, tag=operation.tag)
        self.hear(call, *([accepted] if answer is Answer.OK else []), answer=answer)

    def reach(self, operation: str, *moments: Moment, phone: str = "p1") -> None:
        """The phone came so far."""
        self.then(*(Reached(phone=phone, incarnation=1, moment=moment, operation=operation) for moment in moments))

    def act(self, operation: str, *, phone: str = "p1", type_name: str = "LOCK", succeeded: bool = True) -> None:
        """A phone did something."""
        acted = Acted(phone=phone, incarnation=1, operation=operation, type=type_name, step="began")
        self.then(acted, msgspec.structs.replace(acted, step="ended", succeeded=succeeded))

    def run(self, operation: Shown, *, phone: str = "p1") -> None:
        """A phone was let do it, did it and reported it."""
        self.reach(operation.name, *LET, phone=phone)
        self.act(operation.name, phone=phone, type_name=operation.type)
        self.reach(operation.name, Moment.RESULT, Moment.REPORTED, Moment.DROPPED, phone=phone)

    def show(self, *operations: Shown) -> None:
        """The server shows the operations like this in the end."""
        for operation in operations:
            listed = self.final.setdefault(operation.device, [])
            same = [number for number, known in enumerate(listed) if known.name == operation.name]
            listed[same[0] if same else len(listed) : same[0] + 1 if same else len(listed)] = [operation]

    def lose(self, operation: Shown) -> None:
        """The server shows it no more."""
        self.final[operation.device].remove(operation)

    def rest(self, phone: str, *, managed: bool) -> None:
        """The phone was found so."""
        self.then(AtRest(phone=phone, managed=managed, enrolled=managed))

    def judge(self, operation: Shown, judgement: Judgement) -> None:
        """The timeline says so."""
        self.then(Judged(operation=operation.name, judgement=judgement))

    def subscribe(self) -> None:
        """The enterprise wants notifications."""
        self.then(Subscribed(enterprise=ENTERPRISE))

    def tell(self, operation: Shown) -> None:
        """The enterprise was notified."""
        self.then(Notified(shown=operation))

    def fault(self, what: FaultKind, target: str = "", *, seconds: float = 0.0) -> None:
        """Something went wrong."""
        self.then(Fault(what=what, target=target, seconds=seconds))

    def recorded(self, *faults: FaultKind, deeds: tuple[Deed, ...] = (), cut: bool = False) -> Recorded:
        """The whole history, of a run made for these."""
        header = Header(format=FORMAT, version=VERSION, faults=faults, deeds=deeds)
        finals = [Final(at_us=self.now_us, device=device, operations=tuple(listed)) for device, listed in self.final.items()]
        return Recorded(header=header, events=[*self.events, *finals], cut=cut)

    @property
    def verdict(self) -> Verdict:
        """What is found in it."""
        return check(self.recorded())


def good_tale() -> Tale:
    """A lock that succeeds over a kill of the server, a cancelled lock, and a phone that is wiped."""
    tale = Tale()
    tale.then(Enrolled(phone="p1", device=DEVICE), Enrolled(phone="p2", device=OTHER))
    tale.reach("", Moment.CONNECTING)
    for operation in (SUCCEEDED, TAKEN_BACK, GONE):
        tale.issue(operation)
        tale.show(operation)
    tale.call(Verb.CANCEL, CANCELLED)
    tale.reach(LOCKED, Moment.OFFERED, Moment.ACKING)
    call = tale.ask(Verb.GET, LOCKED)
    tale.fault(FaultKind.SERVER_KILLED)
    tale.hear(call, answer=Answer.UNKNOWN)
    tale.reach(LOCKED, Moment.ACKNOWLEDGED, Moment.EXECUTING)
    tale.act(LOCKED)
    tale.reach(LOCKED, Moment.RESULT, Moment.REPORTED, Moment.DROPPED)
    tale.reach(WIPED, Moment.ACKING, Moment.ACKNOWLEDGED, Moment.ORDERED, phone="p2")
    tale.act(WIPED, phone="p2", type_name="WIPE")
    tale.call(Verb.LIST, DEVICE, SUCCEEDED, TAKEN_BACK)
    tale.rest("p1", managed=True)
    tale.rest("p2", managed=False)
    return tale

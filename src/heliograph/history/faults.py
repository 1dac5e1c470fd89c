"""Which faults a run met, and whether they found anything in progress."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heliograph.history.events import AnyEvent, Completed, Fault, FaultKind, Invoked, Moment, Reached

ENDS: dict[FaultKind, FaultKind] = {
    FaultKind.SERVER_RESUMED: FaultKind.SERVER_SUSPENDED,
    FaultKind.DISK_FREED: FaultKind.DISK_FULL,
    FaultKind.DATABASE_FAST: FaultKind.DATABASE_SLOW,
    FaultKind.ONLINE: FaultKind.OFFLINE,
}
"""What ends which fault: one that lasts is met by everything that begins before its end, too."""
LASTING = frozenset(ENDS.values())
NO_FAULTS = frozenset({*ENDS, FaultKind.SERVER_READY, FaultKind.DATABASE_READY})
"""What only says that all is well again."""
OF_PHONES = frozenset({FaultKind.AGENT_CRASHED, FaultKind.OFFLINE})
"""What meets a phone with a command on its way, rather than a server with a request."""
MET_BY_NOTHING = frozenset({FaultKind.CLOCK_STEPPED, FaultKind.SERVERS_RACED, FaultKind.SERVER_ENDED, FaultKind.OFFLINE})
"""What proves something by having occurred."""


@dataclass(frozen=True, kw_only=True)
class FaultCount:
    """One class of faults in a run."""

    what: FaultKind
    times: int
    in_flight: int
    """How many of them met a request in progress; for a phone's fault: a command that it had acknowledged and not finished."""

    @property
    def doubt(self) -> str:
        """Why the run could not show what it was made for; empty: it could."""
        if not self.times:
            return f"No fault of the class {self.what.value!r} occurred."
        if not self.in_flight and self.what not in MET_BY_NOTHING:
            return f"No fault of the class {self.what.value!r} met anything in flight."
        return ""


def count_faults(events: Sequence[AnyEvent], declared: Iterable[FaultKind]) -> tuple[FaultCount, ...]:
    """Every class that was declared or occurred."""
    count = _Count()
    for event in events:
        count.read(event)
    kinds = dict.fromkeys([*declared, *count.times])
    return tuple(FaultCount(what=kind, times=count.times[kind], in_flight=count.hits[kind]) for kind in kinds)


class _Count:
    """What is in progress, and which faults last, at one point of a history."""

    def __init__(self) -> None:
        self.times: dict[FaultKind, int] = defaultdict(int)
        self.hits: dict[FaultKind, int] = defaultdict(int)
        self._calls = 0
        self._work: dict[str, set[str]] = defaultdict(set)
        self._unmet: list[Fault] = []
        """Faults that last and have met nothing yet."""

    def read(self, event: AnyEvent) -> None:
        match event:
            case Invoked():
                self._calls += 1
                self._meet(of_phone=None)
            case Completed():
                self._calls -= 1
            case Reached(moment=Moment.ACKING):
                self._work[event.phone].add(event.operation)
                self._meet(of_phone=event.phone)
            case Reached(moment=Moment.DROPPED):
                self._work[event.phone].discard(event.operation)
            case Fault():
                self._read_fault(event)
            case _:
                pass

    def _read_fault(self, fault: Fault) -> None:
        if fault.what in ENDS:
            self._unmet = [unmet for unmet in self._unmet if (unmet.what, unmet.target) != (ENDS[fault.what], fault.target)]
        if fault.what in NO_FAULTS:
            return
        self.times[fault.what] += 1
        if self._work[fault.target] if fault.what in OF_PHONES else self._calls > 0:
            self.hits[fault.what] += 1
        elif fault.what in LASTING:
            self._unmet.append(fault)

    def _meet(self, *, of_phone: str | None) -> None:
        """Something began: a request, or a phone's work."""
        if not self._unmet:
            return
        met = [fault for fault in self._unmet if (fault.target if fault.what in OF_PHONES else None) == of_phone]
        for fault in met:
            self.hits[fault.what] += 1
            self._unmet.remove(fault)

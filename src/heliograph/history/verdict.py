"""What the rules say of a recorded history, and whether it could have shown anything else."""

import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from heliograph.history.events import Answer, Deed, FaultKind, Moment, Verb
from heliograph.history.evidence import Evidence
from heliograph.history.faults import FaultCount, count_faults
from heliograph.history.recorded import Recorded
from heliograph.history.rules import RULES

ALWAYS = (Deed.ACCEPTED, Deed.SUCCEEDED)
"""A run without a command that was accepted and succeeded (so was acknowledged, and ran) shows nothing."""

ODDITIES_MOST = 3


class Colour(enum.Enum):
    """The verdict in a word."""

    GREEN = "green"
    VIOLATED = "violated"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One broken promise."""

    rule: str
    about: str
    """The operation, device, enterprise or phone whose story shows it; empty: the whole run's."""
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found in a recorded history."""

    violations: tuple[Violation, ...]
    doubts: tuple[str, ...]
    """Why the history, with or without violations, is no proof."""
    faults: tuple[FaultCount, ...]
    operations: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """How many there are at the end, by type and outcome."""
    deeds: Mapping[Deed, int] = field(default_factory=dict)
    calls: Mapping[Verb, Mapping[Answer, int]] = field(default_factory=dict)
    events: int = 0

    @property
    def colour(self) -> Colour:
        """A violation is one, with any other doubts."""
        if self.violations:
            return Colour.VIOLATED
        return Colour.INCONCLUSIVE if self.doubts else Colour.GREEN

    def rules_broken(self) -> frozenset[str]:
        """Their names."""
        return frozenset(violation.rule for violation in self.violations)

    def fault(self, what: FaultKind) -> FaultCount:
        """How often it occurred."""
        return next((count for count in self.faults if count.what is what), FaultCount(what=what, times=0, in_flight=0))


def check(recorded: Recorded) -> Verdict:
    """What was violated, and whether the run could show it."""
    evidence = Evidence(recorded.events)
    faults = count_faults(recorded.events, recorded.header.faults)
    deeds = _deeds(evidence)
    return Verdict(
        violations=tuple(
            Violation(rule=rule.__name__, about=breach.about, sentence=breach.sentence) for rule in RULES for breach in rule(evidence)
        ),
        doubts=tuple(_doubts(recorded, evidence, faults, deeds)),
        faults=faults,
        operations=_operations(evidence),
        deeds=deeds,
        calls=_calls(evidence),
        events=len(recorded.events),
    )


def _deeds(evidence: Evidence) -> dict[Deed, int]:
    outcomes = Counter(operation.outcome for operation in evidence.final.values())
    acknowledged = {operation for moment, operation in evidence.reached if moment is Moment.ACKING}
    refused = sum(
        operation.outcome == "failed" and operation.name not in acknowledged and operation.device in evidence.agents
        for operation in evidence.final.values()
    )
    return {
        Deed.ACCEPTED: sum(1 for _ in evidence.of(Verb.ISSUE, Answer.OK)),
        Deed.SUCCEEDED: outcomes["succeeded"],
        Deed.CANCELLED: outcomes["cancelled"],
        Deed.EXPIRED: outcomes["expired"],
        Deed.REFUSED: refused,
        Deed.DELETED: sum(1 for _ in evidence.of(Verb.DELETE, Answer.OK)),
        Deed.LISTED: sum(1 for _ in evidence.of(Verb.LIST, Answer.OK)),
        Deed.NOTIFIED: sum(map(len, evidence.told.values())),
    }


def _doubts(recorded: Recorded, evidence: Evidence, faults: tuple[FaultCount, ...], deeds: Mapping[Deed, int]) -> Iterator[str]:
    header = recorded.header
    yield from (count.doubt for count in faults if count.what in header.faults and count.doubt)
    yield from (f"Nothing in the history was {deed.value}." for deed in dict.fromkeys((*ALWAYS, *header.deeds)) if not deeds[deed])
    issued_to = {call.invoked.target for call in evidence.of(Verb.ISSUE, Answer.OK)}
    if unseen := sorted(issued_to - evidence.lists.keys()):
        more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
        yield f"The operations of {unseen[0]}{more} were not read at the end."
    yield from evidence.oddities[:ODDITIES_MOST]
    if recorded.cut:
        yield "Its last line is cut off: the recorder was ended before the run was over."


def _operations(evidence: Evidence) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for operation in evidence.final.values():
        row = found.setdefault(operation.type, {})
        row[operation.outcome] = row.get(operation.outcome, 0) + 1
    return found


def _calls(evidence: Evidence) -> dict[Verb, dict[Answer, int]]:
    found: dict[Verb, dict[Answer, int]] = {}
    for call in evidence.calls:
        row = found.setdefault(call.invoked.verb, {})
        row[call.answer] = row.get(call.answer, 0) + 1
    return found

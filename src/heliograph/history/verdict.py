"""What the rules say of a recorded history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from heliograph.history.events import AnyEvent, Shown
from heliograph.history.evidence import Evidence
from heliograph.history.rules import RULES


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rules found."""

    violations: tuple[str, ...]
    kills: int
    kills_in_flight: int
    """How many kills found a request under way."""

    @property
    def inconclusive(self) -> bool:
        """Whether the run could not have shown what it was made for."""
        return self.kills_in_flight == 0


def check(history: Sequence[AnyEvent], final: Mapping[str, Sequence[Shown]]) -> Verdict:
    """What was violated, and whether the run could show it. `final`: each device's operations after everything had come to rest."""
    evidence = Evidence(history, final)
    return Verdict(
        violations=tuple(f"{rule.__name__}: {sentence}" for rule in RULES for sentence in rule(evidence)),
        kills=len(evidence.kills),
        kills_in_flight=sum(evidence.in_flight_at(kill) > 0 for kill in evidence.kills),
    )

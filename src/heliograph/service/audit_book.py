"""What one process remembers of the audit trail: refusals that repeat, and addresses that keys were used from."""

from dataclasses import dataclass, field

from heliograph.domain.audit import AuditEntry, Checkpoint


@dataclass(slots=True)
class Repeated:
    """A refusal that was recorded, and how often it came again since."""

    stream: str
    entry: AuditEntry
    since_us: int
    again: int = 0


@dataclass(frozen=True, slots=True)
class WitnessState:
    """What one witness has confirmed to this process."""

    confirmed: Checkpoint | None = None
    """The newest one; None: none since this process started."""
    why: str = ""
    """Why the newest one was not taken; empty: it was, or none was sent yet."""


@dataclass(slots=True)
class AuditBook:
    """Lost with the process, without harm: the first refusal of each kind is recorded at once, and addresses stand in the database."""

    refusals: dict[AuditEntry, Repeated] = field(default_factory=dict)
    addresses: set[tuple[str, str]] = field(default_factory=set)
    """Key and address."""
    witnesses: dict[object, WitnessState] = field(default_factory=dict)
    """By the witness."""

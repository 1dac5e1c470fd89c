"""Counters of a running server."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from operator import attrgetter

import msgspec
import structlog

from heliograph.domain.evidence import Judgement, in_words, stored_evidence
from heliograph.domain.operation import Operation, State
from heliograph.domain.outcome import DEVICE_DELETED, NEVER_REPORTED
from heliograph.service.rules import Lane

log = structlog.get_logger()

COMMIT_BUCKETS_S = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""From a disk that only says it has synced (0.1 ms) to one that is about to be given up (10 s)."""
BATCH_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0)
"""Rules in one commit; a store takes no more at once."""
LAG_BUCKETS_S = COMMIT_BUCKETS_S
SLOW_COMMIT_S = 1.0
"""A longer commit is logged: a rule that waits this long is refused."""

MANY_EXPIRED = 50
"""Commands that expire in one commit: their phones are all away, or cannot reach the server."""

OUTCOMES = ("succeeded", "failed", "refused", "cancelled", "expired", "timed_out", "device_deleted")
"""How an operation can end, as values of the label `outcome`. `refused`: by its phone, which executed nothing."""
_type_of = attrgetter("type")

_OF_STATE = tuple({State.SUCCEEDED: "succeeded", State.CANCELLED: "cancelled", State.EXPIRED: "expired"}.get(state, "") for state in State)


class Histogram:
    """How many values fell between the bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Raises: ValueError: the bounds do not grow."""
        if any(low >= high for low, high in pairwise(bounds)):
            raise ValueError(f"bounds must grow: {bounds}")
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        """One for each bound: values up to it and above the one before; the last: values above all bounds."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """The value is counted."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Happened:
    """What one batch did to operations; gathered while its rules run, valid only once committed."""

    __slots__ = ("acknowledged", "ended", "issued", "judged")

    def __init__(self) -> None:
        self.issued: list[Operation] = []
        self.acknowledged: list[Operation] = []
        """For the first time."""
        self.ended: list[Operation] = []
        self.judged: list[Operation] = []
        """Whose phone's facts say something of them, since now."""


class StoreCounts:
    """What a store has committed, and what that took."""

    def __init__(self) -> None:
        self.issued: Counter[str] = Counter()
        """Operations by command type; of acknowledged and ended ones likewise."""
        self.acknowledged: Counter[str] = Counter()
        self.ended: Counter[tuple[str, str]] = Counter()
        """By command type and outcome (`outcome_of`)."""
        self.judged: Counter[tuple[str, Judgement]] = Counter()
        """By command type, those of which their phones' facts say something."""
        self.refused: Counter[str] = Counter()
        """Rules that were not run, by why: `full` (too many waited), `waited` (too long), `storage` (it takes no writes now)."""
        self.batch_rules = Histogram(BATCH_BUCKETS)
        self.commit_s = Histogram(COMMIT_BUCKETS_S)
        self.log_commands = False
        """Whether each change of each command is a line in the log, at level debug: too much for a server that works."""

    def committed(self, happened: Happened, *, rules: int, commit_s: float) -> None:
        """A batch of this many rules is durable; writing and committing took this long."""
        self.count(happened)
        self.batch_rules.observe(rules)
        self.commit_s.observe(commit_s)
        if commit_s > SLOW_COMMIT_S:
            log.warning("store.commit_slow", commit_ms=round(commit_s * 1_000), rules=rules)

    def count(self, happened: Happened) -> None:
        """What happened is durable."""
        # No line of Python for each: this is done with every command.
        if issued := happened.issued:
            self.issued.update(map(_type_of, issued))
        if acknowledged := happened.acknowledged:
            self.acknowledged.update(map(_type_of, acknowledged))
        if ended := happened.ended:
            self.ended.update(zip(map(_type_of, ended), map(outcome_of, ended), strict=True))
        for operation in happened.judged:
            self.judged[operation.type, operation.judgement] += 1
            if operation.judgement is Judgement.CONTRADICTED:
                log.warning("command.contradicted", **about(operation), facts=in_words(stored_evidence(operation.evidence)))
        if len(happened.ended) >= MANY_EXPIRED:
            _tell_of_expiries(happened.ended)
        if self.log_commands:
            _tell_of_each(happened)


class DoorbellCounts:
    """How rings travel between server processes; a single server has none."""

    def __init__(self) -> None:
        self.lag_s = Histogram(LAG_BUCKETS_S)
        """From the commit on another server (from the operation's creation if the tail found it) to the ring on this one."""
        self.rings: Counter[str] = Counter()
        """Rings heard, by source: `notify` (LISTEN) or `tail` (the look at the newest operations, which finds what NOTIFY missed)."""
        self.listening: bool | None = None
        """Whether LISTEN works now; None: there is no other server to hear."""


class AccessCounts:
    """What callers were kept from, since this process started."""

    def __init__(self) -> None:
        self.blast_radius_reached = 0
        """Requests to destroy more devices than the actor may in an hour."""


class LaneLoad(msgspec.Struct, frozen=True):
    """What waits for the store in one lane."""

    rules: int
    oldest_wait_s: float = 0.0


class StoreStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a store holds now; for a shared database, all of it."""

    engine: str
    """`SQLite 3.50.4`, `PostgreSQL`."""
    open_operations: int
    notifications: int
    """That wait in the outbox."""
    oldest_notification_us: int | None
    """When the oldest of them was written."""
    database_bytes: int
    log_bytes: int | None = None
    """Of SQLite's write-ahead log; None: another engine."""

    def oldest_notification_age_us(self, now_us: int) -> int:
        """How long the oldest notification has waited; 0: none waits."""
        return 0 if self.oldest_notification_us is None else max(0, now_us - self.oldest_notification_us)


LaneLoads = dict[Lane, LaneLoad]


def outcome_of(operation: Operation) -> str:
    """How an ended operation ended: one of OUTCOMES."""
    if found := _OF_STATE[operation.state]:
        return found
    if operation.error == DEVICE_DELETED:
        return "device_deleted"
    if operation.error == NEVER_REPORTED:
        return "timed_out"
    return "failed" if operation.ack_id else "refused"


def _tell_of_expiries(ended: Sequence[Operation]) -> None:
    expired = [operation for operation in ended if operation.state is State.EXPIRED]
    if len(expired) >= MANY_EXPIRED:
        devices = len({operation.device for operation in expired})
        log.warning("commands.expired_in_bulk", count=len(expired), devices=devices, operation=str(expired[0].name))


def _tell_of_each(happened: Happened) -> None:
    for event, operations in (("command.issued", happened.issued), ("command.acknowledged", happened.acknowledged)):
        for operation in operations:
            log.debug(event, **about(operation))
    for operation in happened.ended:
        log.debug("command.ended", **about(operation), outcome=outcome_of(operation))


def about(operation: Operation) -> dict[str, str]:
    """What every line of the log says of a command that it is about."""
    return {"operation": str(operation.name), "device": str(operation.device), "type": operation.type}


class ProcessCounts:
    """Since the process started. Changed on the event loop, but for the log's, which its own lock guards."""

    def __init__(self) -> None:
        self.connections_open = 0
        """Sockets that callers and phones hold."""
        self.connections_crowded: Counter[str] = Counter()
        """Connections beyond a bound, by which: `full`, `address`, `descriptors`."""
        self.requests_refused: Counter[str] = Counter()
        """Requests that no method saw, by why."""
        self.request_bytes = 0
        """Bytes held of requests in progress."""
        self.log_lines_dropped = 0
        """Lines that nothing read in time."""
        self.log_lines_folded = 0
        """Lines that stand in the log as a number only."""


PROCESS = ProcessCounts()

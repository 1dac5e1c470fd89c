"""The second shape of rule, for what concerns no single device: it sees records by their names, and writes records.

Why there is a second one, and how audit entries, sessions and campaigns use it: docs/adr/0018-rules-over-named-records.md.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from heliograph.service.audit_log import AddAuditEntry, AddCheckpoint
from heliograph.service.outbox import Postponed, Publish, Published
from heliograph.service.rules import Decision, Delete, Facts, Lane, Put, Rule

A_co = TypeVar("A_co", covariant=True)
R = TypeVar("R")
T = TypeVar("T")

RecordName = tuple[Any, ...]
"""A named tuple; its class gives the kind of record: EnterpriseName, PolicyName, RequestKey."""
RecordWrite = Put[Any] | Delete[Any] | Publish | Published | Postponed | AddAuditEntry | AddCheckpoint


class Records:
    """The named records at this point of the batch, the writes of the rules before included."""

    __slots__ = ("_found", "now_us")

    def __init__(self, names: Collection[RecordName], facts: Facts) -> None:
        """`facts` are those of a rule that sees these names: device rules read their `Sees.records` so, too."""
        self.now_us = facts.now_us
        self._found: dict[tuple[type, RecordName], object] = {
            (type(name), name): record for name, record in zip(names, facts.records, strict=True)
        }

    def one(self, kind: type[R], name: RecordName) -> R | None:
        """The record; None: it does not exist, or has expired.  Raises: KeyError: the rule does not see this name; TypeError."""
        record = self._found[type(name), name]
        if record is None or isinstance(record, kind):
            return record
        raise TypeError(f"{name!r} names a {type(record).__name__}, not a {kind.__name__}")


class RecordDecision(msgspec.Struct, Generic[A_co], frozen=True):
    """What a record rule decided: its answer, and the writes before it."""

    answer: A_co
    writes: Sequence[RecordWrite] = ()


RecordRule = Callable[[Records], RecordDecision[T]]


class RecordRules(Protocol):
    """What a Store does with record rules.  Raises: as Store."""

    async def decide_records(self, names: Collection[RecordName], rule: RecordRule[T], *, lane: Lane = Lane.CALLERS) -> T:
        """The rule's answer, after its writes are durable; no one else changes the records of these names meanwhile.

        Record rules and device rules of one lane run in the order in which they came, in the same batches, and see each other's writes.
        A rule that raises writes nothing and harms no other; its error is raised here. It may run more than once; only the run
        whose writes committed counts.

        A missing record cannot be locked. Of two rules that create it, the second sees the first one's; but a rule that
        decides by its absence without writing it may be overtaken by another server. A rule may write records that it did not name;
        nothing locks them, unless a record that it did name does (a chain's head for the chain's entries).
        """


def as_rule(names: Collection[RecordName], rule: RecordRule[T]) -> Rule[T]:
    """The rule as a store runs it, with `Sees(records=names)`."""

    def run(facts: Facts) -> Decision[T]:
        decision = rule(Records(names, facts))
        return Decision(decision.answer, decision.writes)

    return run

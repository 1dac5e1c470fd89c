"""What a Store does with records, by other verbs of its own: the same in both engines."""

import abc
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.service.ports import Lane, Page, Rule, Sees
from heliograph.service.record_rules import RecordName, RecordRule, as_rule

R = TypeVar("R")
T = TypeVar("T")


class RecordVerbs(abc.ABC):
    """See service/ports.py, Store."""

    @abc.abstractmethod
    async def decide(self, sees: Sees, rule: Rule[T], *, lane: Lane = Lane.CALLERS) -> T: ...

    @abc.abstractmethod
    async def record(self, kind: type[R], name: tuple[Any, ...]) -> R | None: ...

    @abc.abstractmethod
    async def records(self, kind: type[R], *parent: str, after: str, limit: int) -> Page[R]: ...

    @abc.abstractmethod
    async def records_found(self, kind: type[R], value: str) -> Sequence[R]: ...

    async def decide_records(self, names: Collection[RecordName], rule: RecordRule[T], *, lane: Lane = Lane.CALLERS) -> T:
        named = tuple(names)
        return await self.decide(Sees(records=named), as_rule(named, rule), lane=lane)

    async def enterprise(self, name: EnterpriseName) -> EnterpriseRecord | None:
        return await self.record(EnterpriseRecord, name)

    async def enterprises(self, *, after: str, limit: int) -> Page[EnterpriseRecord]:
        return await self.records(EnterpriseRecord, after=after, limit=limit)

    async def token(self, name: EnrollmentTokenName) -> EnrollmentTokenRecord | None:
        return await self.record(EnrollmentTokenRecord, name)

    async def tokens(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[EnrollmentTokenRecord]:
        return await self.records(EnrollmentTokenRecord, *enterprise, after=after, limit=limit)

    async def policy(self, name: PolicyName) -> PolicyRecord | None:
        return await self.record(PolicyRecord, name)

    async def policies(self, enterprise: EnterpriseName, *, after: str, limit: int) -> Page[PolicyRecord]:
        return await self.records(PolicyRecord, *enterprise, after=after, limit=limit)

"""The reads of a Store that follow from the rows of the record kinds: the same in both engines."""

import abc
from collections.abc import Sequence
from typing import Any, TypeVar

from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord
from heliograph.domain.names import EnrollmentTokenName, EnterpriseName, PolicyName
from heliograph.domain.policy import PolicyRecord
from heliograph.service.ports import Page

R = TypeVar("R")


class RecordReads(abc.ABC):
    """See service/ports.py, Store."""

    @abc.abstractmethod
    async def record(self, kind: type[R], name: tuple[Any, ...]) -> R | None: ...

    @abc.abstractmethod
    async def records(self, kind: type[R], *parent: str, after: str, limit: int) -> Page[R]: ...

    @abc.abstractmethod
    async def records_found(self, kind: type[R], value: str) -> Sequence[R]: ...

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

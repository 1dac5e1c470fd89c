"""The PostgreSQL store passes the suite on a real server, and keeps the promises that are its own."""

from collections.abc import AsyncIterator, Callable

import pytest

from heliograph.domain.names import DeviceName
from heliograph.service.ports import Clock
from heliograph.storage.postgres import PostgresStore
from tests.storage.conformance import OpenStore, StoreConformance
from tests.storage.counts_conformance import CountsConformance
from tests.storage.outbox_conformance import OutboxConformance
from tests.storage.policy_conformance import PolicyConformance
from tests.storage.records import SetClock
from tests.storage.request_conformance import RequestConformance


@pytest.fixture
async def open_store(database: str) -> AsyncIterator[OpenStore]:
    opened: list[PostgresStore] = []

    async def open_(*, clock: Clock | None = None, ring: Callable[[DeviceName], None] = print) -> PostgresStore:
        while opened:
            await opened.pop().close()
        opened.append(await PostgresStore.open(database, clock=clock or SetClock(), ring=ring))
        return opened[-1]

    yield open_
    while opened:
        await opened.pop().close()


class TestPostgres(StoreConformance):
    """See conformance.py."""


class TestCountsInPostgres(CountsConformance):
    """See counts_conformance.py."""


class TestOutboxInPostgres(OutboxConformance):
    """See outbox_conformance.py."""


class TestPoliciesInPostgres(PolicyConformance):
    """See policy_conformance.py."""


class TestRequestsInPostgres(RequestConformance):
    """See request_conformance.py."""

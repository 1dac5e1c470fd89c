"""What must hold in a PostgreSQL database and of its settings; reads only, beside any number of running servers."""

from __future__ import annotations  # asyncpg's connection is generic for type checkers only

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg

from heliograph.domain.audit import Block
from heliograph.protojson.errors import Unavailable
from heliograph.storage.audit_trail import TRAIL_SINCE, NoTrail, Trail
from heliograph.storage.checks import Finding, check_reads, checks, schema_finding
from heliograph.storage.postgres.link import DATABASE_ERRORS, Link
from heliograph.storage.postgres.migrations import migrate
from heliograph.storage.queries import postgres_queries, statements

CONNECT_S = 10.0
OLDEST_VERSION = 15

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


class PostgresUnreachable(Unavailable):
    """PostgreSQL does not answer."""


async def migrate_database(url: str, now_us: int) -> tuple[int, int]:
    """The tables are those of the newest schema. The schema before and after.  Raises: DatabaseTooNew, PostgresUnreachable, Unreachable."""
    link = Link(url)
    try:
        before = await _version_of(url)
        await link.ready()
        await migrate(link, now_us)
        return before, await _version_of(url)
    except DATABASE_ERRORS as error:
        raise _unreachable(error) from None
    finally:
        await link.close()


async def check_database(url: str) -> list[Finding]:
    """What must hold, and whether it does; the tables seen at one moment.  Raises: PostgresUnreachable."""
    try:
        async with _connected(url) as connection:
            findings = [await _version(connection), *[await _setting(connection, name, why) for name, why in MUST_BE_ON.items()]]
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                return findings + await _invariants(connection)
    except DATABASE_ERRORS as error:
        raise _unreachable(error) from None


async def audit_trail(url: str) -> Trail:
    """The audit trail as it is at one moment.  Raises: PostgresUnreachable, NoTrail."""
    reads = check_reads()
    try:
        async with _connected(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            if await _schema(connection) < TRAIL_SINCE:
                raise NoTrail
            newest_us = int(await connection.fetchval(reads["newest_command_us"]))
            waiting = int(await connection.fetchval(statements("postgres_check.sql")["audit_blocks_that_wait"]))
            blocks = [Block(*row) for row in await connection.fetch(reads["every_audit_block"])]
            return Trail(blocks, newest_us, waiting)
    except DATABASE_ERRORS as error:
        raise _unreachable(error) from None


def _unreachable(error: BaseException) -> PostgresUnreachable:
    """Its text names host, user and database, and never the password."""
    return PostgresUnreachable(f"PostgreSQL refused: {str(error) or type(error).__name__}.")


@contextlib.asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    """A session with default settings: the server's own settings would hide the database's."""
    connection = await asyncpg.connect(url, timeout=CONNECT_S)
    try:
        yield connection
    finally:
        await connection.close(timeout=CONNECT_S)


async def _version_of(url: str) -> int:
    async with _connected(url) as connection:
        return await _schema(connection)


async def _schema(connection: Connection) -> int:
    if not await connection.fetchval(postgres_queries()["has_schema"]):
        return 0
    return int(await connection.fetchval(statements("postgres_check.sql")["schema"]))


MUST_BE_ON = {
    "fsync": "What was committed survives a power cut.",
    "full_page_writes": "A page that a power cut tore is restored.",
}


async def _version(connection: Connection) -> Finding:
    number = int(await connection.fetchval(statements("postgres_check.sql")["setting"], "server_version_num") or 0) // 10_000
    trouble = f"It is PostgreSQL {number}." if number < OLDEST_VERSION else ""
    return Finding("version", f"PostgreSQL has version {OLDEST_VERSION} or newer.", trouble)


async def _setting(connection: Connection, name: str, holds: str) -> Finding:
    value = await connection.fetchval(statements("postgres_check.sql")["setting"], name)
    trouble = f"{name} is {value}: set it to on and restart PostgreSQL." if value == "off" else ""
    return Finding(name, holds, trouble)


async def _invariants(connection: Connection) -> list[Finding]:
    schema = schema_finding(await _schema(connection))
    if schema.trouble:
        return [schema]
    counted = [(name, check, await connection.fetchval(check.statement)) for name, check in checks("postgresql").items()]
    return [schema, *(check.finding(name, count) for name, check, count in counted)]

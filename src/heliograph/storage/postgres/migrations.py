"""The schema in PostgreSQL: made and migrated once, however many servers start together."""

import asyncio

import asyncpg

from heliograph.storage.postgres.link import DATABASE_ERRORS, Link, Unreachable, unusable
from heliograph.storage.queries import DatabaseTooNew, migration_script, migrations
from heliograph.storage.sealing_key import DatabaseMissing

TRIES = 20
PAUSE_S = 0.1
MIGRATION_S = 86_400.0
"""An index over all there is takes as long as it takes, and the database is asked for as long."""
_RACED = (
    asyncpg.UniqueViolationError,
    asyncpg.DuplicateObjectError,
    asyncpg.DuplicateTableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
"""What the database says to one of two servers that make the first table at the same moment."""


async def migrate(link: Link, now_us: int, *, may_be_new: bool = True) -> None:
    """The schema is the newest one.  Raises: DatabaseTooNew, Unreachable, NotAdmitted, DatabaseMissing: it has no schema, but must."""
    for _ in range(TRIES):
        try:
            await link.begin()
            await _migrate(link, now_us, may_be_new=may_be_new)
            await link.commit()
        except _RACED:
            await link.rollback()
            await asyncio.sleep(PAUSE_S)
        except DATABASE_ERRORS as error:
            await link.rollback()
            raise unusable("The database's schema could not be made", error) from error
        except BaseException:
            await link.rollback()
            raise
        else:
            return
    raise Unreachable(f"Another server has been migrating the database's schema for {TRIES} attempts: check whether it hangs.")


async def _migrate(link: Link, now_us: int, *, may_be_new: bool) -> None:
    # An index over all there is may take its time.
    await link.configure({"statement_timeout": "0", "lock_timeout": "0"}, for_transaction=True)
    version = 0
    if (await link.run("has_schema"))[0][0]:
        await link.run("lock_schema")
        # Only now: the previous holder of the lock may have migrated.
        version = (await link.run("schema_version"))[0][0]
    if version == 0 and not may_be_new:
        raise DatabaseMissing
    newest = migrations()[-1].version
    if version > newest:
        raise DatabaseTooNew(f"The database has schema {version}, this Heliograph knows {newest}: run a newer one.")
    for migration in migrations():
        if migration.version > version:
            await link.script(migration_script(migration, "postgresql"), within_s=MIGRATION_S)
            await link.run("migration_applied", migration.version, now_us)

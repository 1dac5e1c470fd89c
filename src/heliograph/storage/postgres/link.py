"""A session with PostgreSQL that reopens when it is lost, and what its errors mean for the caller."""

import asyncio
import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute
from asyncpg.connection import Connection
from asyncpg.prepared_stmt import PreparedStatement

from heliograph.domain.errors import OutcomeUnknown
from heliograph.protojson.errors import HeliographError, InvalidArgument, PermissionDenied, Unavailable
from heliograph.storage.queries import postgres_queries

STATEMENT_MS = 5_000
"""A statement that takes longer is given up by the database: those that wait behind it have given up long before."""
LOCK_MS = 500
"""For a device that another server has locked: its batch takes milliseconds, or that server hangs. All of a batch waits meanwhile."""
IDLE_MS = 2_000
"""The database ends a transaction of ours that idles for this long: a server that hangs must not keep devices locked."""
CONNECT_S = 5.0
ANSWER_S = 6.0
"""When no answer came although STATEMENT_MS is over, the connection is dead; or a COMMIT waits for a second copy in vain."""
SETTINGS = {
    "application_name": "heliograph",
    "statement_timeout": str(STATEMENT_MS),
    "lock_timeout": str(LOCK_MS),
    "idle_in_transaction_session_timeout": str(IDLE_MS),
    # Keeps the network from dropping idle connections, and detects a server on a dead machine.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # Each statement reads few rows by an index, however large the tables are, and whatever the statistics say about tables that were
    # empty when they were made: one plan for good.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""Of every session. Those that the database does not know are left out."""
STRONGER = "remote_apply"
"""The one value of synchronous_commit that promises more than `on`."""

Record = asyncpg.Record


class Verdict(enum.Enum):
    """What an error means for a transaction that was not committed yet."""

    AGAIN = enum.auto()
    """Another server was faster: the same once more."""
    UNFIT = enum.auto()
    """A value that this database cannot hold."""
    BUSY = enum.auto()
    """Not now; the database is fine."""
    REFUSED = enum.auto()
    """The database takes no writes."""
    LOST = enum.auto()
    """The connection is gone."""


_AGAIN = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_UNFIT = (asyncpg.DataError, UnicodeEncodeError)
_BUSY = (asyncpg.LockNotAvailableError,)
_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,
)
DATABASE_ERRORS = (asyncpg.PostgresError, *_UNFIT, *_LOST)
"""Everything that asking the database can raise."""


def verdict(error: BaseException) -> Verdict:
    """What the error, one of DATABASE_ERRORS, means."""
    for errors, means in ((_AGAIN, Verdict.AGAIN), (_UNFIT, Verdict.UNFIT), (_BUSY, Verdict.BUSY), (_LOST, Verdict.LOST)):
        if isinstance(error, errors):
            return means
    return Verdict.REFUSED


class Unreachable(Unavailable):
    """The database cannot be used."""


class NotAdmitted(PermissionDenied):
    """The database does not admit this server, or does not let it use its tables."""


class AddressUnfit(InvalidArgument):
    """The database's address is not valid."""


def unusable(what: str, error: BaseException) -> HeliographError:
    """Why the database, to which `what` happened, cannot be used; `error` is one of DATABASE_ERRORS. No password is in its text."""
    kind: type[HeliographError] = Unreachable
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InsufficientPrivilegeError):
        kind = NotAdmitted
    elif isinstance(error, asyncpg.ClientConfigurationError):
        kind = AddressUnfit
    return kind(f"{what}: {str(error).rstrip('.')}.")


class Link:
    """One session, used by one task at a time. Statements go by their names (postgres.sql)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection[Record] | None = None
        self._prepared: dict[str, PreparedStatement[Record]] = {}
        self._warned = ""
        self._closed = False

    @property
    def connected(self) -> bool:
        """Whether the session lives, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    async def ready(self) -> None:
        """The session lives; opened if needed.  Raises: DATABASE_ERRORS."""
        if not self.connected:
            await self._open()

    async def _open(self) -> None:
        self.drop()
        if not self._closed:
            self._connection = await connect(self._url)
        if self._closed:
            self.drop()
        connection = self._open_connection
        connection.add_log_listener(self._hear)

    def _hear(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            self._warned = message.message

    async def another(self) -> "Connection[Record]":
        """A session of the caller's own with the same database.  Raises: DATABASE_ERRORS."""
        return await connect(self._url)

    @property
    def _open_connection(self) -> "Connection[Record]":
        if self._connection is None:
            raise asyncpg.InterfaceError("the session is closed")
        return self._connection

    async def run(self, name: str, *values: object) -> list[Record]:
        """The rows of the statement.  Raises: DATABASE_ERRORS."""
        statement = self._prepared.get(name)
        if statement is None:
            statement = self._prepared[name] = await self._open_connection.prepare(postgres_queries()[name])
        return await statement.fetch(*values)

    async def run_rows(self, name: str, rows: Sequence[Sequence[Any]]) -> list[Record]:
        """The rows of a statement that takes these rows column by column; without rows, no query.  Raises: DATABASE_ERRORS."""
        return await self.run(name, *zip(*rows, strict=True)) if rows else []

    async def configure(self, settings: Mapping[str, str], *, for_transaction: bool = False) -> None:
        """These settings hold for the session, or for its transaction; those that the database does not know are left out."""
        await self.run("configure", list(settings), list(settings.values()), for_transaction)

    async def script(self, text: str, *, within_s: float = ANSWER_S) -> int:
        """Run the statements, all or none; how many rows the last one wrote.  Raises: DATABASE_ERRORS."""
        status = await self._open_connection.execute(text, timeout=within_s)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def begin(self) -> None:
        """A transaction has begun.  Raises: DATABASE_ERRORS."""
        self._warned = ""
        await self._open_connection.execute(postgres_queries()["begin"])

    async def commit(self) -> None:
        """The transaction is durable.  Raises: OutcomeUnknown; DATABASE_ERRORS: certainly nothing was committed."""
        try:
            status = await self._open_connection.execute(postgres_queries()["commit"])
        except asyncpg.PostgresError as error:
            if getattr(error, "severity_en", None) == "ERROR":
                raise
            self.drop()
            raise OutcomeUnknown from error
        except DATABASE_ERRORS as error:
            self.drop()
            raise OutcomeUnknown from error
        if status != "COMMIT":
            raise asyncpg.InFailedSQLTransactionError(f"the database answered {status} to COMMIT")
        if self._warned:
            # Durable here, but perhaps not on the synchronous_standby_names: the wait for those was given up.
            raise OutcomeUnknown(f"{OutcomeUnknown.__doc__} The database said: {self._warned}.")

    async def rollback(self) -> None:
        """The transaction is over, and the session too if there is any doubt."""
        try:
            if self.connected:
                await self._open_connection.execute(postgres_queries()["rollback"])
        except DATABASE_ERRORS:
            self.drop()

    def drop(self) -> None:
        """The session is over at once."""
        self._prepared.clear()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """The session is over, and never opened again."""
        self._closed = True
        self._prepared.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close(timeout=1)
            except DATABASE_ERRORS:
                connection.terminate()


async def connect(url: str) -> "Connection[Record]":
    """A session as every one of ours is.  Raises: DATABASE_ERRORS."""
    connection = await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=ANSWER_S, target_session_attrs=SessionAttribute.read_write)
    try:
        durability = await connection.fetchval(postgres_queries()["durability"])
        settings = SETTINGS if durability == STRONGER else {**SETTINGS, "synchronous_commit": "on"}
        await connection.fetch(postgres_queries()["configure"], list(settings), list(settings.values()), False)  # noqa: FBT003 - a column
    except BaseException:
        connection.terminate()
        raise
    return connection


def numbers(values: Iterable[int | None]) -> str:
    """An array of whole numbers as text, for a parameter that says `::text::bigint[]`.

    asyncpg checks each element of a list for being a list; every command pays for that, and text costs less than half.
    """
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"


async def open_all(links: Sequence[Link]) -> None:
    """All are open.  Raises: Unreachable, NotAdmitted, AddressUnfit."""
    # All have ended before one error is raised: no task opens its session afterwards.
    for error in await asyncio.gather(*(link.ready() for link in links), return_exceptions=True):
        if isinstance(error, DATABASE_ERRORS):
            raise unusable("The database cannot be reached", error) from error
        if error is not None:
            raise error

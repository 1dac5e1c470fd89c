"""Plays the life of a record kind that this package does not have, run by test_a_new_record_kind.py with a copy that has it.

    python drive_a_new_kind.py DATABASE

DATABASE is a path (SQLite: one store) or a URL (PostgreSQL: two stores, as of two servers). It prints `all is well`, or fails.
"""

import asyncio
import sys
from collections.abc import Awaitable
from pathlib import Path

from heliograph.service.migration_tokens import (  # type: ignore[import-not-found]  # the copy has it
    MigrationToken,
    MigrationTokenName,
    create_migration_token,
    delete_migration_token,
    get_migration_token,
    list_migration_tokens,
    use_migration_token,
)

from heliograph.domain.errors import EnterpriseNotAuthorized
from heliograph.domain.names import EnterpriseName
from heliograph.protojson.errors import AlreadyExists, NotFound
from heliograph.service.ports import Delete, Put, Sees, Store
from heliograph.storage.postgres.check import check_database
from heliograph.storage.postgres.store import PostgresStore
from heliograph.storage.sqlite.file import check_file
from heliograph.storage.sqlite.store import SqliteStore
from tests.patience import PATIENCE_S
from tests.storage.records import ENTERPRISE, START_US, SetClock, enterprise_record, write

DAY_US = 86_400_000_000
OTHER = EnterpriseName("LC0other")
AT_ONCE = 24


def name(number: int, enterprise: EnterpriseName = ENTERPRISE) -> MigrationTokenName:
    """A token's name."""
    return MigrationTokenName(enterprise.enterprise, f"token{number:02}")


async def outcome(act: Awaitable[object]) -> object:
    """What it answered, or the class of what it raised."""
    try:
        return await act
    except (AlreadyExists, EnterpriseNotAuthorized, NotFound) as error:
        return type(error)


async def numbers(store: Store) -> list[int]:
    """The numbers in the names of the listed tokens."""
    page = await list_migration_tokens(store, ENTERPRISE, after="", limit=9)
    return [int(token.name.migration_token.removeprefix("token")) for token in page.items]


async def put_get_and_list(store: Store, clock: SetClock) -> None:
    """A record comes back by its name and in its place."""
    assert EnterpriseNotAuthorized == await outcome(create_migration_token(store, name(0), life_us=DAY_US))
    for enterprise in (ENTERPRISE, OTHER):
        await store.decide(Sees(), write(Put(enterprise_record(name=enterprise))))
    made = []
    for number in range(5):
        clock.at_us += 1
        made.append(await create_migration_token(store, name(number), life_us=(number + 1) * DAY_US))
    kept = await create_migration_token(store, name(0, OTHER), life_us=DAY_US * 40)

    first = await list_migration_tokens(store, ENTERPRISE, after="", limit=3)
    second = await list_migration_tokens(store, ENTERPRISE, after=first.items[-1].position, limit=3)

    assert (made[:3], True, made[3:], False) == (list(first.items), first.more, list(second.items), second.more)
    assert made[2] == await get_migration_token(store, name(2))
    assert kept == await get_migration_token(store, name(0, OTHER))
    assert NotFound == await outcome(get_migration_token(store, name(9)))


async def at_once(stores: list[Store]) -> None:
    """Of many rules at once, on one server or two, each sees what those before it wrote."""
    creating = [create_migration_token(stores[number % len(stores)], name(50), life_us=DAY_US) for number in range(AT_ONCE)]
    created = await asyncio.gather(*map(outcome, creating))
    assert 1 == sum(isinstance(one, MigrationToken) for one in created)
    assert AT_ONCE - 1 == created.count(AlreadyExists)

    using = [use_migration_token(stores[number % len(stores)], name(50), f"device{number}") for number in range(AT_ONCE)]
    used = await asyncio.gather(*map(outcome, using))
    assert 1 == used.count(True)
    assert f"device{used.index(True)}" == (await get_migration_token(stores[-1], name(50))).device_id

    deleted = await asyncio.gather(*(outcome(delete_migration_token(stores[number % len(stores)], name(50))) for number in range(AT_ONCE)))
    assert 1 == deleted.count(None)
    assert NotFound == await outcome(get_migration_token(stores[0], name(50)))


async def expiry(store: Store, clock: SetClock) -> None:
    """From its expiry on no one sees a record, its name is free, and retention removes it."""
    clock.at_us = (await get_migration_token(store, name(0))).expires_us
    assert NotFound == await outcome(get_migration_token(store, name(0)))
    assert NotFound == await outcome(use_migration_token(store, name(0), "late"))
    assert [1, 2, 3, 4] == await numbers(store)
    assert isinstance(await outcome(create_migration_token(store, name(0), life_us=9 * DAY_US)), MigrationToken)

    clock.at_us = START_US + 4 * DAY_US
    assert [1, 1, 0] == [await store.retire(ended_before_us=0, limit=1) for _ in range(3)]
    assert [3, 4, 0] == await numbers(store)


async def with_its_enterprise(store: Store) -> None:
    """The enterprise takes its records along, in the same batch and afterwards."""
    _, used = await asyncio.gather(
        store.decide(Sees(enterprise=ENTERPRISE), write(Delete(ENTERPRISE))), outcome(use_migration_token(store, name(3), "late"))
    )

    assert NotFound == used
    assert [] == await numbers(store)
    assert name(0, OTHER) == (await get_migration_token(store, name(0, OTHER))).name


async def main(database: str) -> None:
    """The life, then what `heliograph db check` finds."""
    clock = SetClock()
    if "://" in database:
        postgres = [await PostgresStore.open(database, clock=clock, ring=print, waits_most_s=PATIENCE_S) for _ in range(2)]
        stores: list[Store] = [*postgres]
    else:
        stores = [SqliteStore.open(Path(database), clock=clock, ring=print, waits_most_s=PATIENCE_S)]
    await put_get_and_list(stores[0], clock)
    await at_once(stores)
    await expiry(stores[0], clock)
    await with_its_enterprise(stores[0])
    for store in stores:
        await store.close()
    findings = await check_database(database) if "://" in database else check_file(Path(database))
    assert "migration_tokens_have_an_enterprise" in [finding.name for finding in findings]
    assert [] == [finding for finding in findings if finding.trouble]
    sys.stdout.write("all is well\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

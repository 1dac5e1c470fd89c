"""Keys are kept beside the devices, and only their public half."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from heliograph.domain.access import Role, ServiceKey
from heliograph.storage.sqlite.store import SqliteStore
from tests.patience import PATIENCE_S
from tests.storage.records import SetClock

KEY = ServiceKey(
    key_id="a1", client_email="admin@acme", client_id="1", project_id="acme", role=Role.ADMIN, enterprises=("acme",),
    public_key="PEM", created_us=1,
)  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore.open(tmp_path / "heliograph.db", clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    yield opened
    await opened.close()


async def test_a_key_is_found_by_its_id_and_by_its_account(store: SqliteStore) -> None:
    second = replace(KEY, key_id="b2", created_us=2, role=Role.VIEWER, enterprises=("*",))
    await store.service_keys.put_service_key(second)
    await store.service_keys.put_service_key(KEY)

    assert KEY == await store.service_keys.service_key("a1")
    assert (KEY, second) == await store.service_keys.service_keys_of("admin@acme")
    assert (KEY, second) == await store.service_keys.service_keys()
    assert () == await store.service_keys.service_keys_of("admin@other")


async def test_the_same_key_again_replaces_what_it_may_do(store: SqliteStore) -> None:
    await store.service_keys.put_service_key(KEY)
    await store.service_keys.put_service_key(replace(KEY, role=Role.VIEWER))

    assert [Role.VIEWER] == [key.role for key in await store.service_keys.service_keys()]


async def test_a_deleted_key_is_gone_and_says_whether_it_was_there(store: SqliteStore) -> None:
    await store.service_keys.put_service_key(KEY)

    assert [True, False] == [await store.service_keys.delete_service_key("a1") for _ in range(2)]
    assert await store.service_keys.service_key("a1") is None


async def test_keys_outlive_the_process(tmp_path: Path, store: SqliteStore) -> None:
    await store.service_keys.put_service_key(KEY)
    await store.close()

    again = SqliteStore.open(tmp_path / "heliograph.db", clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)

    assert (KEY,) == await again.service_keys.service_keys()
    await again.close()

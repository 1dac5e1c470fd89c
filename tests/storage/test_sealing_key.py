"""A database knows its key file: another one, or a new one in place of a lost one, is reported at start."""

from pathlib import Path

import apsw
import pytest

from heliograph.storage.queries import migrations, queries
from heliograph.storage.sealing_key import OtherKey, require_key
from heliograph.storage.sqlite.store import SqliteStore
from heliograph.storage.vault import FileVault
from tests.patience import PATIENCE_S
from tests.storage.records import SetClock


async def started(folder: Path, key: str, *, adopt: bool = False) -> None:
    """A server has started on the folder's database with this key file."""
    vault = FileVault(folder / key)
    store = SqliteStore.open(folder / "heliograph.db", clock=SetClock(), ring=print, waits_most_s=PATIENCE_S)
    try:
        await require_key(store.sealing_key, vault, adopt=adopt)
    finally:
        await store.close()


async def test_the_same_key_file_starts_again(tmp_path: Path) -> None:
    await started(tmp_path, "key")

    await started(tmp_path, "key")


async def test_a_lost_key_file_is_told_and_the_new_one_is_gone_again(tmp_path: Path) -> None:
    """So a backup of the lost one can be put back, and no one takes the new one for it."""
    await started(tmp_path, "key")
    lost = (tmp_path / "key").read_bytes()
    (tmp_path / "key").unlink()

    with pytest.raises(OtherKey, match=r"There is no key file .*/key, .*: restore it from a backup"):
        await started(tmp_path, "key")

    assert not (tmp_path / "key").exists()
    (tmp_path / "key").write_bytes(lost)
    (tmp_path / "key").chmod(0o600)
    await started(tmp_path, "key")


async def test_another_key_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    await started(tmp_path, "key")
    FileVault(tmp_path / "other")

    with pytest.raises(OtherKey, match=r"other is not the key file that this database was used with"):
        await started(tmp_path, "other")

    assert (tmp_path / "other").exists()


async def test_an_operator_who_has_lost_the_key_can_go_on_with_another(tmp_path: Path) -> None:
    await started(tmp_path, "key")

    await started(tmp_path, "other", adopt=True)

    await started(tmp_path, "other")
    with pytest.raises(OtherKey):
        await started(tmp_path, "key")


async def test_a_database_from_before_takes_the_key_that_it_is_used_with(tmp_path: Path) -> None:
    """As servers up to schema 5 left it: with a key file beside it, and no word of that in the database."""
    connection = apsw.Connection(str(tmp_path / "heliograph.db"))
    for migration in migrations()[:5]:
        connection.execute(migration.script)
        connection.execute(queries()["migration_applied"], (migration.version, 0))
    connection.close()
    FileVault(tmp_path / "key")

    await started(tmp_path, "key")

    with pytest.raises(OtherKey):
        await started(tmp_path, "other")


async def test_what_the_database_remembers_tells_nothing_of_the_key(tmp_path: Path) -> None:
    await started(tmp_path, "key")

    key = (tmp_path / "key").read_bytes()
    assert key not in (tmp_path / "heliograph.db").read_bytes()

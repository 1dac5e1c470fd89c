"""SQLite's store and PostgreSQL's share what stands beside them, and do not know each other."""

from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGE, imported_names, modules_under

STORAGE = PACKAGE / "storage"
DRIVERS = {"apsw": "sqlite", "asyncpg": "postgres"}
OF_SQLITE = {
    "checkpointer", "connection", "figures", "lock_file", "maintenance", "memory", "paging", "records_check", "starting",
    "sweeper", "tables", "tail", "writer",
}  # fmt: skip
OF_POSTGRES = {"bell_message"}


def engine_of(module: str) -> str | None:
    """Whose the module of `heliograph.storage` is; None: both engines'."""
    name = module.removeprefix("heliograph.storage.").split(".")[0]
    if name.startswith("sqlite") or name in OF_SQLITE:
        return "sqlite"
    return "postgres" if name.startswith("postgres") or name in OF_POSTGRES else None


def module_of(path: Path) -> str:
    """The file as imports name it."""
    return "heliograph.storage." + ".".join(path.relative_to(STORAGE).with_suffix("").parts)


def engines_known_to(path: Path) -> set[str]:
    """The engines of which the file imports something: a module of theirs, or their driver."""
    names = imported_names(path)
    ours = {engine_of(name) for name in names if name.startswith("heliograph.storage.")}
    drivers = {DRIVERS.get(name.split(".")[0]) for name in names}
    return {engine for engine in ours | drivers if engine is not None}


@pytest.mark.parametrize("path", modules_under(STORAGE), ids=module_of)
def test_a_storage_module_knows_at_most_its_own_engine(path: Path) -> None:
    """What both engines share knows neither of them, nor a driver."""
    strangers = engines_known_to(path) - {engine_of(module_of(path))}

    assert set() == strangers


def test_every_module_listed_here_exists() -> None:
    names = {path.stem for path in modules_under(STORAGE)}

    assert set() == (OF_SQLITE | OF_POSTGRES) - names

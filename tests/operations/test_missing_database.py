"""A volume that is not mounted, or a wrong address: no server begins with an empty database whose phones it then turns away."""

import asyncio
from pathlib import Path

import pytest

from heliograph.agent.runner import Condition
from tests.operations.server import Ended, Server, done, enterprise, heliograph, issue, phone
from tests.patience import PATIENCE_S


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server that does not run yet."""
    return Server(tmp_path)


async def started(server: Server, *options: str) -> Ended:
    """How it ended to start it."""
    return await heliograph("serve", "--port", "0", "--data-dir", str(server.data), *options)


async def names_of(server: Server, *options: str) -> list[str]:
    """The enterprises that it knows, once it runs."""
    async with Server(server.folder, options).running() as http, http.get("/v1/enterprises?projectId=p") as answer:
        return [one["name"] for one in (await answer.json()).get("enterprises", ())]


async def test_a_key_file_without_its_database_is_refused_and_nothing_is_made(server: Server) -> None:
    async with server.running():
        pass
    for file in server.data.glob("heliograph.db*"):
        file.unlink()

    for _ in range(2):
        ended = await started(server)

        said = " ".join(ended.err.split())
        assert 2 == ended.code
        assert f"There is a key file {server.data}/heliograph.key" in said
        assert "start once with --new" in said
        assert ["heliograph.key"] == [file.name for file in server.data.iterdir()]


async def test_a_key_file_elsewhere_shows_the_missing_volume_too(server: Server, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "heliograph.key"
    key.parent.mkdir()
    async with Server(tmp_path, ("--key-file", str(key))).running():
        pass
    server.data.rename(tmp_path / "unmounted")

    ended = await started(server, "--key-file", str(key))

    assert (2, False) == (ended.code, server.data.exists())
    assert "Check whether its volume is mounted." in " ".join(ended.err.split())


async def test_new_begins_with_an_empty_database_and_is_needed_once(server: Server) -> None:
    async with server.running() as http:
        await enterprise(http)
    (server.data / "heliograph.db").unlink()

    assert [] == await names_of(server, "--new")
    assert [] == await names_of(server)


async def test_new_takes_nothing_from_a_database_that_is_there(server: Server) -> None:
    async with server.running() as http:
        made = await enterprise(http)

    assert [made] == await names_of(server, "--new")


async def test_a_backup_that_is_put_back_ends_the_trouble(server: Server, tmp_path: Path) -> None:
    async with server.running() as http:
        made = await enterprise(http)
        copied = await heliograph("db", "backup", str(tmp_path / "copy.db"), "--data-dir", str(server.data))
    for file in server.data.glob("heliograph.db*"):
        file.unlink()

    restored = await heliograph("db", "restore", str(tmp_path / "copy.db"), "--data-dir", str(server.data))

    assert (0, 0) == (copied.code, restored.code)
    assert [made] == await names_of(server)


async def test_a_server_that_died_before_its_first_key_was_used_starts_again(server: Server) -> None:
    """The tables come before the key, so that a key file alone always means a database that is missing."""
    server.data.mkdir()
    assert 0 == (await heliograph("db", "migrate", "--data-dir", str(server.data))).code
    key = server.data / "heliograph.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)

    assert [] == await names_of(server)


async def test_phones_that_an_empty_database_turned_away_come_back_with_the_right_one(server: Server, tmp_path: Path) -> None:
    """No one enrols them again: they ask until they are known."""
    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http))
    server.data.rename(tmp_path / "the right one")
    try:
        async with server.running(), asyncio.timeout(PATIENCE_S):
            while runner.condition is not Condition.UNKNOWN:  # noqa: ASYNC110 - what is waited for offers no event
                await asyncio.sleep(0.02)
        server.data.rename(tmp_path / "the empty one")
        (tmp_path / "the right one").rename(server.data)

        async with server.running() as http:
            locked = await done(http, await issue(http, runner.name))
    finally:
        await runner.stop()

    assert "response" in locked

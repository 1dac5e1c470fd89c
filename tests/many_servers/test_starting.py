"""A server that cannot run says why, in one sentence and by its exit code, and without the password."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.many_servers.lab import Lab, Switch, executions, lab_on
from tests.postgres import Cluster, here_or_skip

PASSWORD = "hunter22"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """A PostgreSQL that wants a password of the role `weak`, who may not make tables."""
    here_or_skip()
    with Cluster() as cluster:
        cluster.sql(f"CREATE ROLE weak LOGIN PASSWORD '{PASSWORD}'")
        cluster.demand_password("weak")
        yield cluster


@pytest.fixture
async def lab(guarded: Cluster, tmp_path: Path) -> AsyncIterator[Lab]:
    """No server runs yet."""
    async with lab_on(guarded.fresh_database(), tmp_path) as made:
        yield made


async def told(lab: Lab, *, key_file: str = "heliograph.key") -> tuple[int, str]:
    """How a server ended that was started on the lab's database, and what it said."""
    server = lab.server(key_file=key_file)
    await server.start()
    return await server.exit_code(), server.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "user, where, code, sentence",
    [
        ("weak:wrong", "", 4, 'The database cannot be reached: password authentication failed for user "weak".'),
        ("weak:hunter22", "", 4, "The database's schema could not be made: permission denied for schema public."),
        ("weak:hunter22", "nowhere", 5, "The database cannot be reached: "),
        ("weak:hunter22", "no such name", 5, 'The database cannot be reached: database "absent" does not exist.'),
        ("weak:hunter22", "no port", 2, "The database must be an address as in postgresql://user@host:5432/name; leave it out for SQLite."),
        ("weak:hunter22", "another kind", 2, "The database must be an address as in postgresql://user@host:5432/name; leave it out"),
        ("weak:hunter22", "odd option", 2, "The database cannot be reached: `sslmode` parameter must be one of"),
    ],
    ids=["wrong password", "no rights", "nobody there", "no such database", "no port", "no PostgreSQL", "odd option"],
)
async def test_a_database_that_cannot_be_used_is_told(lab: Lab, guarded: Cluster, user: str, where: str, code: int, sentence: str) -> None:
    good = lab.database.replace("postgres@", f"{user}@")
    lab.database = {
        "": good,
        "nowhere": f"postgresql://{user}@127.0.0.1:1/x",
        "no such name": guarded.url("absent").replace("postgres@", f"{user}@"),
        "no port": f"postgresql://{user}@127.0.0.1:port/x",
        "another kind": f"mysql://{user}@127.0.0.1/x",
        "odd option": f"{good}?sslmode=nonsense",
    }[where]

    ended, said = await told(lab)

    assert (code, f"Error: {sentence}") == (ended, said[: len(f"Error: {sentence}")])
    assert 1 == said.count("\n")
    assert PASSWORD not in said


async def test_a_schema_of_a_newer_heliograph_is_told(lab: Lab, guarded: Cluster) -> None:
    (server,) = await lab.start(1)
    await server.stop()
    guarded.sql("INSERT INTO schema_version VALUES (9999, 0)", url=lab.database)

    code, said = await told(lab)

    assert (2, True) == (code, said.startswith("Error: The database has schema 9999, this Heliograph knows "))


async def test_another_key_file_is_refused_and_one_that_was_made_in_vain_is_gone_again(lab: Lab) -> None:
    await lab.start(1)

    code, said = await told(lab, key_file="other.key")

    assert 2 == code
    assert said.startswith(f"Error: There is no key file {lab.folder / 'other.key'}, and this database was used with one: ")
    assert not (lab.folder / "other.key").exists()


async def test_a_key_file_with_an_empty_database_is_refused_unless_it_is_to_be_new(lab: Lab, guarded: Cluster) -> None:
    """The address of another database, or a cluster that was made again."""
    (server,) = await lab.start(1)
    await server.stop()
    lab.database = guarded.fresh_database()

    code, said = await told(lab)

    assert 2 == code
    assert said.startswith(
        f"Error: There is a key file {lab.folder / 'heliograph.key'}, so a database was used with it, but the database at "
    )
    assert "" == guarded.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", url=lab.database).strip()
    for options in (["--new"], []):
        (again,) = await lab.start(1, *options)
        await again.stop()


async def test_servers_that_start_together_on_an_empty_database_make_its_tables_once(lab: Lab) -> None:
    """And one key file, where they share a folder: whoever is first."""
    servers = await lab.start(3)

    phone = await lab.phone(servers[2])
    assert "response" in await lab.ended(servers[1], await lab.issue(servers[0], phone.name))


async def test_servers_are_replaced_one_by_one_without_a_lost_command(lab: Lab) -> None:
    """A rolling restart behind a load balancer: phones move on, and a caller that gets no answer asks again."""
    servers = await lab.start(2)
    async with Switch(*(server.port for server in servers)) as switch:
        phones = [await lab.phone(servers[0], url=switch.url) for _ in range(3)]
        issued: list[str] = []

        async def call() -> None:
            while True:
                issued.extend(await asyncio.gather(*(lab.issue_surely(switch.url, phone.name) for phone in phones)))
                await asyncio.sleep(0.05)

        calling = asyncio.create_task(call())
        for old in list(servers):
            servers += await lab.start(1)
            servers.remove(old)
            switch.lay(*(server.port for server in servers))
            assert 0 == await old.stop()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)

        for operation in issued:
            assert "response" in await lab.ended(servers[0], operation)
        assert {1} == {sum(executions(phone, operation) for phone in phones) for operation in issued}
        assert 6 <= len(issued)


async def test_neither_the_log_nor_the_list_of_processes_tells_the_password(lab: Lab, guarded: Cluster) -> None:
    guarded.sql("GRANT ALL ON SCHEMA public TO weak", url=lab.database)
    lab.database = lab.database.replace("postgres@", f"weak:{PASSWORD}@")

    (server,) = await lab.start(1)
    phone = await lab.phone(server)
    await lab.ended(server, await lab.issue(server, phone.name))
    command_line = server.command_line()
    await server.stop()

    assert PASSWORD not in server.log.read_text(encoding="utf-8")
    assert PASSWORD not in command_line

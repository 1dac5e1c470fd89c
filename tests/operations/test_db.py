"""`heliograph db`, as the night shift uses it: beside a server that works, after one that was lost, on files that are damaged."""

import asyncio
import json
import stat
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import apsw
import msgspec
import pytest

from heliograph.agent.delivery import never
from heliograph.agent.executor import Moment
from heliograph.storage.checks import checks
from heliograph.storage.codec import operation_columns
from heliograph.storage.queries import migrations
from heliograph.storage.sqlite.connection import connect, migrate
from tests.operations.server import Server, all_operations, done, enterprise, executions, get, heliograph, issue, phone
from tests.patience import PATIENCE_S
from tests.storage.records import device_name, ended, operation

CALLERS = 64


@pytest.fixture
def server(tmp_path: Path) -> Server:
    """A server that does not run yet."""
    return Server(tmp_path)


def made(path: Path, *statements: str) -> Path:
    """A database of the newest schema in which these statements ran: what a bug or a broken disk might leave."""
    path.parent.mkdir(exist_ok=True)
    connection = connect(path)
    migrate(connection, 0)
    for statement in statements:
        connection.execute(statement)
    connection.close()
    return path


def names_in(folder: Path, pattern: str) -> list[str]:
    """The files at or below the folder whose names are so."""
    return [path.name for path in folder.rglob(pattern)]


async def failed_checks(file: Path) -> list[str]:
    """The names of what does not hold in the file."""
    told = await heliograph("db", "check", str(file), "--json")
    failed = [one["check"] for one in json.loads(told.out) if not one["ok"]]
    assert told.code == (1 if failed else 0)
    return failed


async def test_a_backup_beside_a_busy_server_holds_all_that_was_answered_before_it_began(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    answered: set[str] = set()

    async def issue_on(http: aiohttp.ClientSession, device: str) -> None:
        while True:
            answered.add(await issue(http, device, duration="36000s"))

    async with server.running() as http:
        runners = [await phone(http, server, await enterprise(http), serial=f"OPS{number}") for number in range(2)]
        away = [runner.name for runner in runners]
        await asyncio.gather(*(runner.stop() for runner in runners))
        callers = [asyncio.create_task(issue_on(http, away[number % 2])) for number in range(CALLERS)]
        async with asyncio.timeout(PATIENCE_S):
            while len(answered) < 200:  # noqa: ASYNC110 - the answers come by themselves
                await asyncio.sleep(0.01)
        before = set(answered)
        told = await heliograph("db", "backup", str(copy), "--data-dir", str(server.data))
        during = len(answered) - len(before)
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)

    assert 0 == told.code, told.err
    assert 0 < during, "the server went on meanwhile"
    assert stat.S_IRUSR | stat.S_IWUSR == stat.S_IMODE(copy.stat().st_mode)
    assert [] == await failed_checks(copy)
    assert before <= operations_in(copy)


def operations_in(file: Path) -> set[str]:
    """The names of all operations in the file."""
    connection = apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)
    rows = connection.execute("SELECT enterprise, device, create_ms FROM operations JOIN device_keys USING (device_key)").fetchall()
    connection.close()
    return {f"enterprises/{enterprise_id}/devices/{device}/operations/{create_ms}" for enterprise_id, device, create_ms in rows}


async def test_a_restored_server_goes_on_with_its_phones(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http))
        first = await issue(http, runner.name)
        await done(http, first)
        assert 0 == (await heliograph("db", "backup", str(copy), "--data-dir", str(server.data))).code
    server.data.joinpath("heliograph.db").write_bytes(b"\0" * 8_192)

    restored = await heliograph("db", "restore", str(copy), "--data-dir", str(server.data))

    assert 0 == restored.code, restored.err
    assert "heliograph.db.replaced-1" in restored.out
    async with server.running() as http:
        second = await issue(http, runner.name)
        assert "response" in await done(http, second)
        assert {first, second} == await all_operations(http, runner.name)
        await runner.stop()
    assert 1 == executions(runner, first)


async def test_what_a_phone_executed_after_the_backup_it_executes_again_after_the_restore(server: Server, tmp_path: Path) -> None:
    """Not a promise but its limit: the restored server does not know, and a phone that was answered has forgotten. The docs say so."""
    copy = tmp_path / "copy.db"
    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http))
        await runner.power_off()
        waiting = await issue(http, runner.name, duration="36000s")
        assert 0 == (await heliograph("db", "backup", str(copy), "--data-dir", str(server.data))).code
        runner.power_on()
        await done(http, waiting)
        later = await issue(http, runner.name)
        await done(http, later)

    assert 0 == (await heliograph("db", "restore", str(copy), "--data-dir", str(server.data))).code

    async with server.running() as http:
        await done(http, waiting)
        assert {waiting} == await all_operations(http, runner.name), "what was issued after the backup is gone"
        await runner.stop()
    assert (2, 1) == (executions(runner, waiting), executions(runner, later))


async def test_a_phone_that_had_acknowledged_and_not_begun_executes_once(server: Server, tmp_path: Path) -> None:
    """The restored database knows of no acknowledgement; the ackId in the phone's journal owns the command there too."""
    copy = tmp_path / "copy.db"
    acknowledged = asyncio.Event()

    async def stop_before_it_begins(moment: Moment, _operation: str) -> None:
        if moment is Moment.ACKNOWLEDGED and not acknowledged.is_set():
            acknowledged.set()
            await never()

    async with server.running() as http:
        runner = await phone(http, server, await enterprise(http), checkpoint=stop_before_it_begins)
        await runner.power_off()
        waiting = await issue(http, runner.name, duration="36000s")
        assert 0 == (await heliograph("db", "backup", str(copy), "--data-dir", str(server.data))).code
        runner.power_on()
        await asyncio.wait_for(acknowledged.wait(), 90)
        await runner.kill()
    assert 0 == (await heliograph("db", "restore", str(copy), "--data-dir", str(server.data))).code

    async with server.running() as http:
        await runner.restart()
        assert "response" in await done(http, waiting)
        await runner.stop()
    assert 1 == executions(runner, waiting)


async def test_no_backup_is_overwritten_and_none_is_put_under_a_running_server(server: Server, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(b"precious")
    async with server.running():
        over = await heliograph("db", "backup", str(copy), "--data-dir", str(server.data))
        under = await heliograph("db", "restore", str(made(tmp_path / "other.db")), "--data-dir", str(server.data))
        migrated = await heliograph("db", "migrate", "--data-dir", str(server.data))

    assert (2, b"precious") == (over.code, copy.read_bytes())
    assert "never overwritten" in over.err
    assert {2} == {under.code, migrated.code}
    assert "stop it first" in under.err
    assert [] == names_in(tmp_path, ".*"), "nothing half done is left"


async def test_a_damaged_backup_is_not_put_in_place(tmp_path: Path) -> None:
    data = tmp_path / "data"
    there = made(data / "heliograph.db").read_bytes()
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(there[:4_096] + bytes(4_096) + there[8_192:])

    told = await heliograph("db", "restore", str(damaged), "--data-dir", str(data))

    assert 2 == told.code
    assert "nothing was changed" in told.err
    assert there == (data / "heliograph.db").read_bytes()


async def test_migrate_says_from_where_to_where(tmp_path: Path) -> None:
    newest = migrations()[-1].version

    first = await heliograph("db", "migrate", "--data-dir", str(tmp_path / "data"))
    again = await heliograph("db", "migrate", "--data-dir", str(tmp_path / "data"))

    assert (0, f"Schema 0 became schema {newest}.\n") == (first.code, first.out)
    assert (0, f"The database has schema {newest} already.\n") == (again.code, again.out)


DAMAGE: dict[str, Sequence[str]] = {
    "deadlines": ("INSERT INTO operations VALUES (5, 1, 0, NULL, NULL, x'')", "INSERT INTO device_keys VALUES (1, 'e', 'd')"),
    "ends": ("INSERT INTO operations VALUES (5, 1, 2, NULL, NULL, x'')", "INSERT INTO device_keys VALUES (1, 'e', 'd')"),
    "states": ("INSERT INTO operations VALUES (5, 1, 9, NULL, 7, x'')", "INSERT INTO device_keys VALUES (1, 'e', 'd')"),
    "operations_have_a_device_name": ("INSERT INTO operations VALUES (5, 1, 0, 7, NULL, x'')",),
    "devices_have_a_name": (
        "INSERT INTO devices (device_key, enterprise, position, credential_hash, record) VALUES (1, 'e', 'p', x'', x'')",
    ),
    "tombstones_have_a_name": ("INSERT INTO tombstones VALUES (1, x'', 7, x'')",),
    "tokens_have_an_enterprise": ("INSERT INTO tokens VALUES ('e', 't', 'p', 'v', x'')",),
    "policies_have_an_enterprise": ("INSERT INTO policies VALUES ('e', 'p', 'p', x'')",),
    "events_have_no_gap": ("INSERT INTO events VALUES ('e', 3, 0, 'COMMAND', x'7b7d')", "INSERT INTO event_numbers VALUES ('e', 5)"),
    "web_apps_have_an_enterprise": ("INSERT INTO web_apps VALUES ('e', 'w', 'p', x'')",),
    "reservations_have_an_enterprise": ("INSERT INTO reservations VALUES ('e', 's', 'p', x'')",),
    "push_endpoints_have_an_enterprise": ("INSERT INTO push_endpoints VALUES ('e', 'm', 'p', x'')",),
    "statuses_have_an_enterprise": ("INSERT INTO statuses VALUES ('e', 'd', x'')",),
    "dead_letters_have_an_enterprise": ("INSERT INTO dead_letters VALUES ('e', 1, 'p', 1, x'')",),
    "passkeys_have_a_person": ("INSERT INTO passkeys VALUES ('who', 'k', 'p', 'c', x'')",),
    "sessions_have_a_person": ("INSERT INTO sessions VALUES ('who', 's', 'p', 'h', 1, x'')",),
    "key_addresses_have_a_service_account_key": ("INSERT INTO key_addresses VALUES ('k', '10.0.0.1', x'')",),
    "approval_rules_have_an_enterprise": ("INSERT INTO approval_rules VALUES ('e', x'')",),
    "approvals_have_an_enterprise": ("INSERT INTO approvals VALUES ('e', 'a', 'p', 1, x'')",),
    "one_watermark": ("DELETE FROM swept",),
    "index_is_complete": (
        "INSERT INTO device_keys VALUES (1, 'e', 'd')",
        "INSERT INTO operations VALUES (5, 1, 0, 7, NULL, x'')",
        "UPDATE swept SET create_ms = 5",
    ),
    "index_is_true": ("INSERT INTO history VALUES (1, 5)",),
    "records": ("INSERT INTO enterprises VALUES ('e', 'p', x'7b')",),
}


@pytest.mark.parametrize("check", DAMAGE)
async def test_each_check_fails_where_what_it_says_does_not_hold(tmp_path: Path, check: str) -> None:
    failed = await failed_checks(made(tmp_path / "heliograph.db", *DAMAGE[check]))

    assert check in failed
    assert {check, "records"} >= set(failed), "and no other, but for the records made up here"


def test_every_statement_of_the_check_is_tried_here() -> None:
    assert set() == set(checks("sqlite")) - set(DAMAGE)


async def test_an_operation_that_ended_and_kept_its_secret_is_found(tmp_path: Path) -> None:
    kept = msgspec.structs.replace(ended(operation(device_name(1), 5), 7), secret=b"sealed")
    file = made(tmp_path / "heliograph.db", "INSERT INTO device_keys VALUES (1, 'e', 'd')")
    connection = apsw.Connection(str(file))
    connection.execute("INSERT INTO operations VALUES (5, 1, ?, ?, ?, ?)", operation_columns(kept))
    connection.close()

    assert ["secrets"] == await failed_checks(file)


async def test_a_sound_database_passes_every_check(tmp_path: Path) -> None:
    assert [] == await failed_checks(made(tmp_path / "heliograph.db"))


async def test_what_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    none = tmp_path / "notes.txt"
    none.write_text("not a database, but long enough to be taken for the header of one" * 40)

    assert ["integrity"] == await failed_checks(none)
    assert 3 == (await heliograph("db", "check", str(tmp_path / "absent.db"))).code


async def test_an_older_schema_is_told_and_nothing_else_is_judged(tmp_path: Path) -> None:
    old = made(tmp_path / "heliograph.db", "DELETE FROM schema_version WHERE version = (SELECT max(version) FROM schema_version)")

    assert ["schema"] == await failed_checks(old)
    told = await heliograph("db", "check", str(old))
    assert "heliograph db migrate" in told.out


async def test_nobody_else_may_read_the_database(server: Server) -> None:
    async with server.running() as http:
        await enterprise(http)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in server.data.glob("heliograph.*")}

    assert {"heliograph.db", "heliograph.db-wal", "heliograph.key"} <= set(modes)
    assert {0o600} == set(modes.values())


async def test_a_server_still_says_what_it_says_while_its_database_is_checked(server: Server) -> None:
    async with server.running() as http:
        name = await enterprise(http)
        told = await heliograph("db", "check", "--data-dir", str(server.data))
        assert name == (await get(http, f"/v1/{name}"))["name"]

    assert 0 == told.code, told.out

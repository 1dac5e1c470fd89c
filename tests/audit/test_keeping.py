"""How a trail is kept: signed, witnessed, swept when its retention ends, and begun by an upgrade."""

import contextlib
from pathlib import Path

import msgspec
import pytest

from heliograph.domain.access import Caller
from heliograph.domain.audit import CHECKPOINT_STREAM, Acting, ActorType, AuditEntry, Checkpoint, decode_checkpoint, entries_of
from heliograph.domain.audit_check import Attack
from heliograph.domain.names import EnterpriseName
from heliograph.notifications.witnesses import witnesses_at
from heliograph.protojson.errors import NotFound, PermissionDenied
from heliograph.service.audit import (
    Witness,
    note_address,
    record_rejection,
    record_repeated,
    send_checkpoints,
    sign_trail,
    sweep_trail,
)
from heliograph.service.audit_entries import AuditOff, list_audit_entries
from heliograph.service.limits import Limits
from heliograph.storage.audit_trail import TRAIL_SINCE
from heliograph.storage.queries import migration_script, migrations, queries
from heliograph.storage.sqlite.connection import connect
from tests.audit.trails import Kept, attacks, sign_and_witness, signer_of
from tests.notifications.endpoint import listening
from tests.service.world import LAB, World, world

DAY_S = 86_400
RETENTION_DAYS = Limits().audit_retention_days
ALICE = Acting(actor_type=ActorType.PERSON, actor="alice", address="192.0.2.1", method="enterprises.delete")


@pytest.fixture
async def kept(tmp_path: Path) -> Kept:
    """A trail that begins now."""
    folder = tmp_path / "data"
    folder.mkdir()
    trail = Kept(folder, tmp_path / "witness.jsonl")
    await trail.change(7)
    return trail


async def entries(served: World, stream: str = LAB.enterprise) -> list[AuditEntry]:
    """A stream's entries, the oldest first."""
    return [entry for block in await served.ports.store.audit_blocks_after(stream, after=0, limit=10_000) for entry in entries_of(block)]


async def test_what_is_signed_is_not_signed_again(kept: Kept) -> None:
    async with kept.served() as (served, device):
        again = await sign_trail(served.ports, signer_of(kept.folder))
        await served.issue(device)
        checkpoint = await sign_trail(served.ports, signer_of(kept.folder))

    assert again is None
    assert checkpoint is not None
    assert checkpoint.number == len(kept.blocks()) - 1


async def test_what_is_past_its_retention_goes_and_the_rest_is_sound(kept: Kept) -> None:
    before = kept.blocks()
    async with kept.served() as (served, device):
        served.clock.advance(RETENTION_DAYS * DAY_S - 300)
        none = await sweep_trail(served.ports, signer_of(kept.folder))
        await served.issue(device)
        await sign_and_witness(served, signer_of(kept.folder), kept.witness)
        served.clock.advance(200)
        removed = await sweep_trail(served.ports, signer_of(kept.folder))
        again = await sweep_trail(served.ports, signer_of(kept.folder))

    verdict = kept.verdict()

    assert (0, 0) == (none, again)
    assert 0 < removed < len(before)
    assert () == verdict.findings
    assert removed + 1 == verdict.first
    (floor,) = [c for block in kept.blocks() if block.stream == CHECKPOINT_STREAM and (c := decode_checkpoint(block.entries)).retention]
    assert (removed, before[removed - 1].digest.hex()) == (floor.number, floor.digest)


async def test_a_trail_that_went_whole_continues(kept: Kept) -> None:
    async with kept.served() as (served, _):
        served.clock.advance((RETENTION_DAYS + 1) * DAY_S)
        await sweep_trail(served.ports, signer_of(kept.folder))
    left = len(kept.blocks())
    await kept.change(3)

    assert left < 4
    assert () == kept.verdict().findings


async def test_a_sweep_that_a_kill_interrupted_is_no_attack(kept: Kept) -> None:
    async with kept.served() as (served, _):
        served.clock.advance((RETENTION_DAYS + 1) * DAY_S)
        whole = kept.blocks()
        await sweep_trail(served.ports, signer_of(kept.folder))
    after = kept.blocks()
    for number in range(len(whole)):
        kept.replace([*whole[number:], *after[-1:]] if after[-1].number > whole[-1].number else whole)

        assert () == kept.verdict().findings, f"it was killed when {number} blocks were gone"


async def test_who_removes_more_than_retention_did_is_found(kept: Kept) -> None:
    await kept.change(3)
    async with kept.served() as (served, _):
        served.clock.advance(RETENTION_DAYS * DAY_S - 60)
        await sweep_trail(served.ports, signer_of(kept.folder))
    first = kept.blocks()[0].number
    kept.write("DELETE FROM audit_blocks WHERE number <= ?", first)

    assert {Attack.DELETED} == attacks(kept.verdict())


async def test_an_http_witness_gets_each_checkpoint_and_a_late_one_the_newest(kept: Kept) -> None:
    async with listening() as endpoint, kept.served() as (served, device):
        (witness,) = witnesses_at([endpoint.url])
        endpoint.answers = [503]
        owed: dict[Witness, Checkpoint] = {}
        signed: list[Checkpoint] = []
        for _ in range(2):
            await served.issue(device)
            if (checkpoint := await sign_trail(served.ports, signer_of(kept.folder))) is not None:
                signed.append(checkpoint)
                owed[witness] = checkpoint
            await send_checkpoints(owed)
        await witness.close()

    assert {} == owed
    assert [msgspec.json.encode(checkpoint) for checkpoint in signed] == [received.raw for received in endpoint.received]


async def test_a_repeated_refusal_is_recorded_with_its_number_once_its_minute_is_over(kept: Kept) -> None:
    async with kept.served() as (served, _):
        for _ in range(4):
            await record_rejection(served.ports, ALICE, PermissionDenied(), resource=str(LAB), enterprise=LAB.enterprise)
        await record_rejection(served.ports, ALICE, NotFound(), resource=str(LAB), enterprise=LAB.enterprise)
        await record_repeated(served.ports)
        at_once = [entry.count for entry in await entries(served) if entry.outcome != "OK"]
        served.clock.advance(61)
        await record_repeated(served.ports)
        found = [(entry.outcome, entry.count) for entry in await entries(served) if entry.outcome != "OK"]

    assert [1, 1] == at_once
    assert [("PERMISSION_DENIED", 1), ("NOT_FOUND", 1), ("PERMISSION_DENIED", 3)] == found


async def test_an_address_is_new_once_over_restarts_too(kept: Kept) -> None:
    caller = Caller(email="ci@acme", key_id="k1")
    found: list[str] = []
    for _ in range(2):
        async with kept.served() as (served, _):
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
                await note_address(served.ports, caller, address)
            found = [entry.address for entry in await entries(served, "") if entry.method == "keys.useFromNewAddress"]

    assert ["192.0.2.1", "192.0.2.2"] == found


async def test_entries_are_listed_newest_first_by_page_and_filter(kept: Kept) -> None:
    async with kept.served() as (served, _):
        await record_rejection(served.ports, ALICE, PermissionDenied(), resource=str(LAB), enterprise=LAB.enterprise)
        every: list[str] = []
        token = ""
        while True:
            page, token = await list_audit_entries(served.ports, LAB, page_size=3, page_token=token)
            every += [listed.name for listed in page]
            if not token:
                break
        refused, _ = await list_audit_entries(served.ports, LAB, filter_text='outcome!=OK actor="alice" OR type=WIPE')
        locked, _ = await list_audit_entries(served.ports, LAB, filter_text="type=LOCK", page_size=100)
        everywhere, _ = await list_audit_entries(served.ports, EnterpriseName("-"), page_size=100)

    numbers = [tuple(map(int, name.rpartition("/")[2].split("-"))) for name in every]
    assert sorted(numbers, reverse=True) == numbers
    assert len(set(every)) == len(every) == len(everywhere)
    assert ["enterprises.delete"] == [listed.entry.method for listed in refused]
    assert 7 == len(locked)


async def test_a_server_without_a_trail_says_so(tmp_path: Path) -> None:
    async with world(tmp_path) as served:
        with pytest.raises(AuditOff, match="audit-retention-days"):
            await list_audit_entries(served.ports, LAB)


def without_trail(database: Path) -> None:
    """The database becomes what the version before the trail would have left: its tables, and what is in them."""
    old = database.with_name("old.db")
    connection = connect(old)
    with contextlib.closing(connection):
        for migration in migrations():
            if migration.version < TRAIL_SINCE:
                connection.execute(migration_script(migration, "sqlite"))
                connection.execute(queries()["migration_applied"], (migration.version, 0))
        connection.execute("ATTACH ? AS kept", (str(database),))
        tables = [str(name) for (name,) in connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'").fetchall()]
        for table in tables:
            columns = ", ".join(str(row[1]) for row in connection.execute(f"PRAGMA main.table_info({table})").fetchall())
            if table != "schema_version":
                connection.execute(f"DELETE FROM main.{table}; INSERT INTO main.{table} SELECT {columns} FROM kept.{table}")  # noqa: S608 - ours
        connection.execute("DETACH kept")
    old.replace(database)


async def test_a_database_of_todays_version_gets_a_trail_that_begins_with_its_upgrade(kept: Kept) -> None:
    without_trail(kept.database)
    kept.witness.unlink()

    await kept.change(4)

    verdict = kept.verdict()
    assert () == verdict.findings
    assert (1, 4) == (verdict.first, sum(entry.type == "LOCK" for block in kept.blocks() for entry in entries_of(block)))

"""What every server does by itself, done by two at once: nothing twice, nothing left, no error."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heliograph.commands import ENVELOPE
from heliograph.domain.enrollment import EnrollmentToken
from heliograph.domain.enterprise import Enterprise
from heliograph.domain.names import DeviceName, EnterpriseName, OperationName
from heliograph.domain.operation import State
from heliograph.protocol import Enroll
from heliograph.sandbox.clock import AdvancingClock
from heliograph.server import Parts, assembled
from heliograph.service.enrollment_tokens import create_enrollment_token
from heliograph.service.enterprises import create_enterprise, finish_deletions
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation
from heliograph.service.phones import enroll_device
from heliograph.service.ports import Decision, Delete, Ports, Sees
from heliograph.settings import Settings
from tests.patience import PATIENCE_S, patient
from tests.service.world import facts

LAB = EnterpriseName("LC0lab0000")
DAY_US = 86_400 * 1_000_000


@contextlib.asynccontextmanager
async def servers(database: str, folder: Path, clock: AdvancingClock) -> AsyncIterator[tuple[Parts, Parts]]:
    """Two servers without their sockets, on one database and one clock."""
    key = folder / "heliograph.key"
    first = patient(Settings(data_dir=folder / "first", database_url=database, key_file=key))
    second = patient(Settings(data_dir=folder / "second", database_url=database, key_file=key))
    async with assembled(first, clock=clock) as one, assembled(second, clock=clock) as other:
        await create_enterprise(one.ports, Enterprise(), enterprise_id=LAB.enterprise)
        yield one, other


async def enrolled(ports: Ports, count: int) -> list[DeviceName]:
    """So many devices."""
    token = await create_enrollment_token(ports, LAB, EnrollmentToken())

    async def one(number: int) -> DeviceName:
        credential_hash = hashlib.sha256(f"{token.value} {number}".encode()).hexdigest()
        wanted = Enroll(
            enrollment_token=token.value, installation_id=f"i{number}", credential_hash=credential_hash, report=facts(serial=f"S{number}")
        )
        return DeviceName.parse((await enroll_device(ports, wanted)).name)

    return list(await asyncio.gather(*(one(number) for number in range(count))))


async def issue(ports: Ports, device: DeviceName) -> OperationName:
    """The name of a new operation."""
    return (await issue_command(ports, device, ENVELOPE.decode(b'{"type":"LOCK"}'))).name


async def test_a_thousand_commands_expire_once_each_at_whichever_server(database: str, tmp_path: Path) -> None:
    clock = AdvancingClock()
    async with servers(database, tmp_path, clock) as (one, other):
        devices = await enrolled(one.ports, 40)
        names = await asyncio.gather(*(issue(ports, device) for device in devices for ports in (one.ports, other.ports) for _ in range(12)))

        clock.advance(601 * 1_000_000)
        async with asyncio.timeout(PATIENCE_S):
            while any([await one.store.open_operations(device) for device in devices]):  # noqa: ASYNC110 - nothing signals it
                await asyncio.sleep(0.05)

        for name in names:
            operation = await other.store.operation(name)
            assert operation is not None
            assert State.EXPIRED is operation.state
            assert ["issued", "expired"] == [entry.what for entry in operation.timeline]


async def test_many_phones_may_enrol_at_once(database: str, tmp_path: Path) -> None:
    """Each has a new name: what one of them needs must not make all others begin again."""
    async with servers(database, tmp_path, AdvancingClock()) as (one, other):
        first, second = await asyncio.gather(enrolled(one.ports, 120), enrolled(other.ports, 100))

        assert 120 == len({device.name for name in first if (device := await one.store.device(name)) is not None})
        assert 100 == len(second)


async def test_two_servers_finish_the_deletion_that_a_third_died_in(database: str, tmp_path: Path) -> None:
    async with servers(database, tmp_path, AdvancingClock()) as (one, other):
        devices = await enrolled(one.ports, 150)
        await one.store.decide(Sees(enterprise=LAB), lambda _: Decision(None, (Delete(LAB),)))

        await asyncio.gather(finish_deletions(one.ports), finish_deletions(other.ports))

        for device in devices:
            assert await one.store.device(device) is None
            assert await one.store.tombstone(device) is not None


@pytest.mark.parametrize("limit", [7, 500])
async def test_two_servers_retire_what_is_old_and_nothing_else(database: str, tmp_path: Path, limit: int) -> None:
    clock = AdvancingClock()
    async with servers(database, tmp_path, clock) as (one, other):
        (device,) = await enrolled(one.ports, 1)
        old = [await issue(one.ports, device) for _ in range(50)]
        for name in old:
            await cancel_operation(other.ports, name)
        clock.advance(DAY_US)
        fresh = await issue(one.ports, device)
        await cancel_operation(one.ports, fresh)
        before_us = clock.now_us() - DAY_US // 2

        async def retire(parts: Parts) -> int:
            removed = 0
            while found := await parts.store.retire(ended_before_us=before_us, limit=limit):
                assert found <= limit
                removed += found
            return removed

        assert 50 == sum(await asyncio.gather(retire(one), retire(other)))
        assert [fresh] == [found.name for found in (await one.store.operations(device, after_ms=0, limit=100)).items]

"""A request that names itself issues its command once."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from heliograph.commands import ENVELOPE
from heliograph.domain.names import DeviceName
from heliograph.domain.operation import Operation
from heliograph.domain.request_id import KEY_MAX_CHARS, REQUEST_ID_LIFE_S, request_id_of
from heliograph.protojson.errors import InvalidArgument, NotFound
from heliograph.service.issue_command import RequestIdReused, issue_command
from heliograph.service.operations import cancel_operation
from tests.files import contents
from tests.service.world import LAB, World, world

LOCK = '{"type":"LOCK"}'
UUID4 = "6c84fb90-12c4-41e1-840d-d0b1a8a4b5c2"


async def issue(lab: World, device: DeviceName, body: str = LOCK, *, request_id: str = "first") -> Operation:
    """The operation that the request gets."""
    return await issue_command(lab.ports, device, ENVELOPE.decode(body.encode()), request_id=request_id)


async def operations_of(lab: World, device: DeviceName) -> list[Operation]:
    """Every operation of the device."""
    return list((await lab.ports.store.operations(device, after_ms=0, limit=100)).items)


async def test_the_same_request_gets_the_first_operation_as_it_is_by_then(lab: World) -> None:
    phone = await lab.phone()
    first = await issue(lab, phone.name)
    await cancel_operation(lab.ports, first.name)

    again = await issue(lab, phone.name)

    assert await lab.operation(first.name) == again
    assert not again.open
    assert [again] == await operations_of(lab, phone.name)
    assert [phone.name] == [rung for rung in lab.here.rung if rung == phone.name][:1]


async def test_the_same_body_in_other_spelling_is_the_same_request(lab: World) -> None:
    phone = await lab.phone()
    first = await issue(lab, phone.name, '{"wipeParams":{},"duration":"600s"}')

    again = await issue(lab, phone.name, ' { "type": 11, "wipe_params": {} } ')

    assert first == again


@pytest.mark.parametrize("body", ['{"type":"REBOOT"}', '{"type":"LOCK","duration":"601s"}'])
async def test_another_command_under_the_same_name_is_refused(lab: World, body: str) -> None:
    phone = await lab.phone()
    first = await issue(lab, phone.name)

    with pytest.raises(RequestIdReused):
        await issue(lab, phone.name, body)

    assert [first] == await operations_of(lab, phone.name)


async def test_another_password_under_the_same_name_is_refused_and_stands_nowhere(lab: World, tmp_path: Path) -> None:
    phone = await lab.phone()
    await issue(lab, phone.name, '{"type":"RESET_PASSWORD","newPassword":"correct horse"}')

    with pytest.raises(RequestIdReused) as refused:
        await issue(lab, phone.name, '{"type":"RESET_PASSWORD","newPassword":"battery staple"}')

    assert "staple" not in str(refused.value)
    written = b"".join((await asyncio.to_thread(contents, tmp_path)).values())
    assert not [secret for secret in (b"correct horse", b"battery staple") if secret in written]


async def test_another_device_under_the_same_name_is_refused(lab: World) -> None:
    one, other = await lab.phone(), await lab.phone()
    await issue(lab, one.name)

    with pytest.raises(RequestIdReused):
        await issue(lab, other.name)


async def test_a_request_that_was_refused_leaves_its_name_free(lab: World) -> None:
    phone = await lab.phone()
    with pytest.raises(NotFound):
        await issue(lab, DeviceName(LAB.enterprise, "nobody"))

    assert (await issue(lab, phone.name)).open


async def test_after_a_day_the_name_is_free(lab: World) -> None:
    phone = await lab.phone()
    first = await issue(lab, phone.name)
    lab.clock.advance(REQUEST_ID_LIFE_S)

    assert first.name != (await issue(lab, phone.name)).name


async def test_the_operation_of_a_wiped_phone_is_still_the_requests(lab: World) -> None:
    phone = await lab.phone()
    first = await issue(lab, phone.name, '{"wipeParams":{}}')
    await phone.acknowledges(first.name)

    again = await issue(lab, phone.name, '{"wipeParams":{}}')

    assert (first.name, False) == (again.name, again.open)


@given(requests=st.lists(st.sampled_from(["", "a", "b"]), min_size=2, max_size=12))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_of_requests_at_once_each_name_issues_one_operation(requests: list[str]) -> None:
    """Those without a name issue one each."""

    async def race(folder: Path) -> None:
        async with world(folder) as lab:
            phone = await lab.phone()
            issued = await asyncio.gather(*(issue(lab, phone.name, request_id=name) for name in requests))

            by_name = [{one.name for one, name in zip(issued, requests, strict=True) if name == wanted} for wanted in ("a", "b")]
            assert [min(1, requests.count(name)) for name in ("a", "b")] == [len(names) for names in by_name]
            assert {one.name for one in issued} == {one.name for one in await operations_of(lab, phone.name)}
            assert len(set(requests) - {""}) + requests.count("") == len({one.name for one in issued})

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(race(Path(folder)))


@pytest.mark.parametrize(
    "key, request_id, name",
    [
        (None, "", ""),
        ("order 17/wipe", "", "order 17/wipe"),
        ('"quoted"', "", '"quoted"'),
        ("x" * KEY_MAX_CHARS, "", "x" * KEY_MAX_CHARS),
        (None, UUID4.upper(), UUID4),
        (UUID4, UUID4, UUID4),
    ],
)
def test_a_request_is_named_by_header_or_parameter(key: str | None, request_id: str, name: str) -> None:
    assert name == request_id_of(idempotency_key=key, request_id=request_id)


@pytest.mark.parametrize(
    "key, request_id",
    [
        ("", ""),
        (" ", ""),
        ("x" * (KEY_MAX_CHARS + 1), ""),
        ("tab\there", ""),
        ("größe", ""),
        (None, "17"),
        (None, "6c84fb90-12c4-11e1-840d-d0b1a8a4b5c2"),
        (None, "00000000-0000-0000-0000-000000000000"),
        ("other", UUID4),
    ],
)
def test_a_name_that_is_none_is_refused(key: str | None, request_id: str) -> None:
    with pytest.raises(InvalidArgument):
        request_id_of(idempotency_key=key, request_id=request_id)

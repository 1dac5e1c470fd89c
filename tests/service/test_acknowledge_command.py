"""The point of no return, decided against cancel, expiry and deletion."""

import pytest

from heliograph.commands import ENVELOPE
from heliograph.domain.errors import OperationNotFound
from heliograph.domain.operation import State
from heliograph.protocol import Drop, DropWhy, Execute, ReportState
from heliograph.protojson.errors import InvalidArgument
from heliograph.service.devices import delete_device
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation
from heliograph.service.phones import DeviceGone, StillManaged, UnknownCredential, authenticate_device, confirm_last_order, hash_credential
from tests.service.world import ACK_A, ACK_B, World

A_WIPE = '{"type":"WIPE","wipeParams":{"wipeDataFlags":["WIPE_ESIMS"]},"duration":"600s"}'
A_RESET = '{"type":"RESET_PASSWORD","newPassword":"correct horse","resetPasswordFlags":["LOCK_NOW"]}'


async def test_the_first_ack_id_owns_the_command_and_is_answered_the_same_whenever_it_asks(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    first = await phone.acknowledges(name)
    lab.clock.advance(100)
    again = await phone.acknowledges(name)
    other = await phone.acknowledges(name, ACK_B)

    assert Execute(start_within_ms=600_000) == first
    assert Execute(start_within_ms=500_000) == again
    assert Drop(drop=DropWhy.TAKEN) == other
    assert State.ACKNOWLEDGED is (await lab.operation(name)).state


async def test_an_ack_repeated_after_the_time_to_start_is_over_still_stands_with_no_time_left(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)

    lab.clock.advance(601)

    assert Execute(start_within_ms=0) == await phone.acknowledges(name)


async def test_a_cancelled_command_is_dropped(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await cancel_operation(lab.ports, name)

    assert Drop(drop=DropWhy.CANCELLED) == await phone.acknowledges(name)
    assert State.CANCELLED is (await lab.operation(name)).state


async def test_a_wipe_can_be_cancelled_until_the_device_acknowledges(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, A_WIPE)
    await phone.hears()

    await cancel_operation(lab.ports, name)

    assert Drop(drop=DropWhy.CANCELLED) == await phone.acknowledges(name)
    assert await lab.ports.store.device(phone.name)


async def test_an_ack_judges_the_time_itself_whether_or_not_a_timer_fired(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    until_us = (await lab.operation(name)).expires_us

    lab.clock.advance((until_us - lab.clock.now_us()) / 1_000_000)
    answer = await phone.acknowledges(name)

    assert Drop(drop=DropWhy.EXPIRED) == answer
    assert State.EXPIRED is (await lab.operation(name)).state


async def test_an_ack_in_the_last_microsecond_stands(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    until_us = (await lab.operation(name)).expires_us

    lab.clock.advance((until_us - 1 - lab.clock.now_us()) / 1_000_000)

    assert Execute(start_within_ms=0) == await phone.acknowledges(name)


async def test_a_finished_command_is_dropped(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)

    assert Drop(drop=DropWhy.FINISHED) == await phone.acknowledges(name)


async def test_a_wipe_is_final_at_ack_and_takes_the_device_with_it(lab: World) -> None:
    phone = await lab.phone()
    waiting = await lab.issue(phone.name)
    name = await lab.issue(phone.name, A_WIPE)

    answer = await phone.acknowledges(name)

    assert isinstance(answer, Execute)
    assert answer.start_within_ms == 30 * 86_400_000
    assert State.SUCCEEDED is (await lab.operation(name)).state
    assert None is await lab.ports.store.device(phone.name)
    ended = await lab.operation(waiting)
    assert (State.FAILED, "Device is no longer being managed") == (ended.state, ended.error and ended.error.message)


async def test_the_tombstone_answers_the_acknowledged_wipe_again_with_its_flags(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, A_WIPE)
    await phone.acknowledges(name)

    lab.clock.advance(86_400)
    again = await phone.acknowledges(name, need_command=True)
    other = await phone.acknowledges(name, ACK_B)

    assert isinstance(again, Execute)
    assert again.start_within_ms == 29 * 86_400_000
    assert bytes(again.command or b"") == b'{"type":"WIPE","wipeParams":{"wipeDataFlags":["WIPE_ESIMS"]}}'
    assert Drop(drop=DropWhy.DEVICE_DELETED) == other


async def test_a_phone_whose_device_is_gone_is_told_its_last_order_until_the_tombstone_expires(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, A_WIPE)
    await phone.acknowledges(name)

    with pytest.raises(DeviceGone) as gone:
        await authenticate_device(lab.ports, hash_credential(phone.credential))
    order = gone.value.tombstone.last_order
    lab.clock.advance(30 * 86_400)

    assert ("WIPE", str(name)) == (order.type, order.operation)
    assert bytes(order.command) == b'{"type":"WIPE","wipeParams":{"wipeDataFlags":["WIPE_ESIMS"]}}'
    with pytest.raises(UnknownCredential):
        await authenticate_device(lab.ports, hash_credential(phone.credential))


async def test_a_last_order_is_confirmed_once_and_again_without_harm(lab: World) -> None:
    phone = await lab.phone()
    with pytest.raises(StillManaged):
        await confirm_last_order(lab.ports, phone.credential_hash)
    await delete_device(lab.ports, phone.name)

    await confirm_last_order(lab.ports, phone.credential_hash)
    await confirm_last_order(lab.ports, phone.credential_hash)

    tombstone = await lab.ports.store.tombstone(phone.name)
    assert tombstone is not None
    assert tombstone.confirmed


async def test_an_ack_after_the_device_was_deleted_is_dropped(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await delete_device(lab.ports, phone.name)

    assert Drop(drop=DropWhy.DEVICE_DELETED) == await phone.acknowledges(name)


async def test_a_phone_that_lost_the_command_gets_it_with_the_answer_its_secrets_included(lab: World) -> None:
    phone = await lab.phone()
    name = (await issue_command(lab.ports, phone.name, ENVELOPE.decode(A_RESET.encode()))).name

    answer = await phone.acknowledges(name, need_command=True)

    assert isinstance(answer, Execute)
    assert b"correct horse" in bytes(answer.command or b"")
    assert b"correct horse" not in repr(await lab.operation(name)).encode()


async def test_the_secret_is_erased_when_the_operation_ends(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, A_RESET)
    sealed = (await lab.operation(name)).secret
    await phone.acknowledges(name)

    await phone.reports(name, ReportState.SUCCEEDED)

    assert sealed is not None
    assert None is (await lab.operation(name)).secret


async def test_a_phone_acknowledges_its_own_commands_only(lab: World) -> None:
    phone, other = await lab.phone(), await lab.phone()
    name = await lab.issue(other.name)

    with pytest.raises(OperationNotFound):
        await phone.acknowledges(name)


@pytest.mark.parametrize("ack_id", ["", "a" * 31, "A" * 32, "g" * 32])
async def test_an_ack_id_is_128_bits_in_lower_case_hex(lab: World, ack_id: str) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)

    with pytest.raises(InvalidArgument):
        await phone.acknowledges(name, ack_id)


async def test_another_credential_under_the_same_name_owns_nothing(lab: World) -> None:
    """A connection that outlived its device must not speak for the phone that has its id now."""
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    phone.credential = "the phone before"

    assert Drop(drop=DropWhy.DEVICE_DELETED) == await phone.acknowledges(name, ACK_A)

"""Which command is offered, when, and what holds the queue."""

import asyncio
import dataclasses
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from heliograph.commands import COMMANDS
from heliograph.domain.operation import State
from heliograph.protocol import Offer, ReportState
from heliograph.service.offer_command import PARKED_AFTER
from heliograph.service.operations import cancel_operation
from heliograph.service.timeline import get_timeline
from heliograph.storage.vault import FileVault, SecretUnreadable
from tests.service.world import World

ESIM = '{"type":"ADD_ESIM","addEsimParams":{"activationCode":"LPA:1$smdp.example$M","activationState":"ACTIVATED"}}'
A_WIPE = '{"type":"WIPE"}'
A_REBOOT = '{"type":"REBOOT"}'


async def test_the_oldest_due_command_is_offered_with_its_secrets_and_the_time_left(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, '{"type":"RESET_PASSWORD","newPassword":"correct horse"}')
    await lab.issue(phone.name)
    lab.clock.advance(1.0005)

    offer = await phone.hears()

    assert isinstance(offer, Offer)
    assert (str(name), 598_999) == (offer.operation, offer.expires_in_ms)
    assert bytes(offer.command or b"") == b'{"type":"RESET_PASSWORD","newPassword":"correct horse"}'


async def test_nothing_to_do_waits_for_the_bell(lab: World) -> None:
    phone = await lab.phone()

    assert None is await phone.hears()


async def test_issuing_rings_the_bell(lab: World) -> None:
    phone = await lab.phone()

    await lab.issue(phone.name)
    await asyncio.sleep(0)

    assert [phone.name] == lab.here.rung


async def test_an_unanswered_offer_holds_the_queue_and_is_repeated_after_a_minute(lab: World) -> None:
    phone = await lab.phone()
    first = await lab.issue(phone.name)
    await lab.issue(phone.name)
    assert first == await phone.hears_name()

    assert lab.clock.now_us() + 60_000_000 == await phone.hears()
    lab.clock.advance(60)
    assert first == await phone.hears_name()


async def test_a_new_connection_is_offered_the_command_at_once(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.hears()

    phone.reconnects()

    assert name == await phone.hears_name()


async def test_a_repeated_poll_is_offered_the_command_again_after_1_2_4_up_to_60_seconds(lab: World) -> None:
    phone = await lab.phone()
    await lab.issue(phone.name, '{"type":"LOCK","duration":"9999s"}')
    await phone.hears(poll=True)

    pauses = []
    for _ in range(8):
        again_us = await phone.hears(poll=True)
        assert isinstance(again_us, int)
        pauses.append((again_us - lab.clock.now_us()) // 1_000_000)
        lab.clock.advance(pauses[-1])
        assert isinstance(await phone.hears(poll=True), Offer)

    assert [1, 2, 4, 8, 16, 32, 60, 60] == pauses


async def test_an_acknowledged_command_holds_the_queue_until_it_has_ended(lab: World) -> None:
    phone = await lab.phone()
    first, second = await lab.issue(phone.name), await lab.issue(phone.name)
    await phone.hears()
    await phone.acknowledges(first)
    held_until = await phone.hears()

    await phone.reports(first, ReportState.SUCCEEDED)

    assert lab.clock.now_us() + 60_000_000 == held_until
    assert second == await phone.hears_name()


async def test_a_refused_command_frees_the_queue(lab: World) -> None:
    phone = await lab.phone()
    first, second = await lab.issue(phone.name), await lab.issue(phone.name)
    await phone.hears()

    await phone.refuses(first, "UNSUPPORTED")

    assert second == await phone.hears_name()


async def test_an_esim_that_waits_for_its_user_never_blocks_a_wipe(lab: World) -> None:
    phone = await lab.phone()
    esim, wipe = await lab.issue(phone.name, ESIM), await lab.issue(phone.name, A_WIPE)
    await phone.hears()
    await phone.acknowledges(esim)
    held = await phone.hears()

    await phone.reports(esim, ReportState.PROGRESS, status={"status": "PENDING_USER_ACTION"})

    assert isinstance(held, int)
    assert wipe == await phone.hears_name()


@pytest.mark.parametrize("body,type_name", [('{"type":"LOCK"}', "LOCK"), (A_REBOOT, "REBOOT")])
async def test_a_silent_command_holds_the_queue_for_its_rows_time_only(lab: World, body: str, type_name: str) -> None:
    phone = await lab.phone()
    first, second = await lab.issue(phone.name, body), await lab.issue(phone.name)
    await phone.hears()
    await phone.acknowledges(first)

    lab.clock.advance(COMMANDS[type_name].holds_queue_s - 1)
    before = await phone.hears()
    lab.clock.advance(1)

    assert before == lab.clock.now_us()
    assert second == await phone.hears_name()


async def test_an_expired_head_is_skipped_and_never_offered(lab: World) -> None:
    phone = await lab.phone()
    await lab.issue(phone.name, '{"type":"LOCK","duration":"10s"}')
    second = await lab.issue(phone.name)
    await phone.hears()

    again_us = await phone.hears()
    lab.clock.advance(10)

    assert again_us == lab.clock.now_us()
    assert second == await phone.hears_name()


async def test_no_offer_is_made_with_no_time_left(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    until_us = (await lab.operation(name)).expires_us

    lab.clock.advance((until_us - 999 - lab.clock.now_us()) / 1_000_000)

    assert None is await phone.hears()


async def test_a_cancelled_head_frees_the_queue_and_rings(lab: World) -> None:
    phone = await lab.phone()
    first, second = await lab.issue(phone.name), await lab.issue(phone.name)
    await phone.hears()
    await asyncio.sleep(0)
    lab.here.rung.clear()

    await cancel_operation(lab.ports, first)
    await asyncio.sleep(0)

    assert second == await phone.hears_name()
    assert [phone.name] == lab.here.rung


async def test_a_head_that_is_never_acknowledged_is_parked_and_offered_last(lab: World) -> None:
    phone = await lab.phone()
    mute = await lab.issue(phone.name, '{"type":"REBOOT","duration":"9999s"}')
    for _ in range(PARKED_AFTER):
        phone.reconnects()
        assert mute == await phone.hears_name()

    other = await lab.issue(phone.name)
    phone.reconnects()
    assert other == await phone.hears_name()
    assert isinstance(await phone.hears(), int)
    await phone.refuses(other, "UNSUPPORTED")
    phone.reconnects()

    assert mute == await phone.hears_name()
    assert "parked" in (await get_timeline(lab.ports, mute)).why_stuck


async def test_parking_and_the_count_of_offers_travel_with_the_next_durable_write(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    for _ in range(PARKED_AFTER):
        phone.reconnects()
        await phone.hears()

    await phone.acknowledges(name)
    await phone.reports(name, ReportState.SUCCEEDED)

    timeline = (await lab.operation(name)).timeline
    assert ["issued", "offered", "acknowledged", "succeeded"] == [entry.what for entry in timeline]
    assert (PARKED_AFTER, "parked: other commands go first") == (timeline[1].count, timeline[1].detail)


async def test_an_acknowledged_command_that_the_phones_journal_lost_is_offered_once_more(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name)
    await phone.acknowledges(name)
    lab.clock.advance(1)

    phone.reconnects()
    await phone.greets({})

    assert name == await phone.hears_name()
    assert isinstance(await phone.hears(), int)


async def test_an_acknowledged_command_that_the_phone_lists_is_not_offered_and_lives_on(lab: World) -> None:
    phone = await lab.phone()
    name = await lab.issue(phone.name, '{"type":"LOCK"}')
    await phone.acknowledges(name)
    lab.clock.advance(86_399)

    phone.reconnects()
    await phone.greets({name: "a" * 32})
    lab.clock.advance(86_399)
    await lab.deadlines_pass()

    assert None is await phone.hears_name()
    assert State.ACKNOWLEDGED is (await lab.operation(name)).state


async def test_a_command_acknowledged_after_the_hello_is_not_offered_again(lab: World) -> None:
    phone = await lab.phone()
    await phone.greets({})
    name = await lab.issue(phone.name)
    await phone.hears()
    await phone.acknowledges(name)

    assert None is await phone.hears_name()


async def test_the_book_forgets_what_has_ended(lab: World) -> None:
    phone = await lab.phone()
    for _ in range(5):
        name = await lab.issue(phone.name)
        await phone.hears()
        await phone.refuses(name, "UNSUPPORTED")
        await phone.hears()

    phone.reconnects()

    assert {} == lab.ports.offers._lines  # type: ignore[attr-defined]  # noqa: SLF001 - memory is what this is about


async def test_a_command_whose_secret_cannot_be_opened_blocks_no_others_for_ever(lab: World, tmp_path: Path) -> None:
    phone = await lab.phone()
    unreadable = await lab.issue(phone.name, '{"type":"RESET_PASSWORD","newPassword":"correct horse","duration":"9999s"}')
    name = await lab.issue(phone.name)
    phone.ports = dataclasses.replace(lab.ports, vault=FileVault(tmp_path / "another.key"))

    with capture_logs() as logs:
        for _ in range(PARKED_AFTER):
            phone.reconnects()
            with pytest.raises(SecretUnreadable):
                await phone.hears()

    assert name == await phone.hears_name()
    assert [*["command.unreadable"] * (PARKED_AFTER - 1), "command.parked", "command.unreadable"] == [line["event"] for line in logs]
    assert {(str(unreadable), str(phone.name), "RESET_PASSWORD")} == {(line["operation"], line["device"], line["type"]) for line in logs}
    assert (PARKED_AFTER + 1, 1) == (lab.ports.offers.offered.total(), lab.ports.offers.parked)

"""What a phone does with commands, and with a server that has done with it."""

import asyncio
import json
import random
from dataclasses import replace
from hashlib import sha256

import msgspec
import pytest

from heliograph.agent.clock import MachineClock
from heliograph.agent.executor import Moment
from heliograph.agent.profiles import PROFILES
from heliograph.agent.runner import Condition, Line, PhoneRunner, TransportKind
from heliograph.agent.virtual_phone import User, VirtualPhone, reported
from heliograph.backoff import Backoff
from heliograph.commands import ENVELOPE
from heliograph.domain.command import Answer, Wait
from heliograph.domain.device import Device, DeviceState
from heliograph.domain.names import DeviceName
from heliograph.protocol import Enroll, PhonePolicy
from heliograph.sandbox.clock import AdvancingClock
from heliograph.service.devices import delete_device, patch_device
from heliograph.service.issue_command import issue_command
from heliograph.service.operations import cancel_operation
from heliograph.service.phones import enroll_device
from tests.agent.lab import Lab, eventually, executions, shown
from tests.patience import PATIENCE_S

PIXEL, BYOD = "pixel8-a15-fully-managed", "galaxy-s25-a15-byod"
LOST = {"startLostModeParams": {"lostEmailAddress": "help@example.com"}}
EID = {"requestDeviceInfoParams": {"deviceInfo": "EID"}}
KINDS = pytest.mark.parametrize("kind", list(TransportKind), ids=lambda kind: kind.value)


@KINDS
async def test_what_a_phone_cannot_do_it_refuses_before_it_acknowledges(lab: Lab, kind: TransportKind) -> None:
    phone = await lab.phone(BYOD, lab.line(kind=kind))

    operation = await lab.ended(await lab.issue(phone, type="REBOOT"))

    assert "MANAGEMENT_MODE" == shown(operation)["metadata"]["errorCode"]
    assert (0, "") == (executions(phone, operation), operation.ack_id)


async def test_a_reboot_is_proved_by_another_boot_id(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    before = phone.phone.device.boot_id

    operation = await lab.ended(await lab.issue(phone, type="REBOOT"))

    assert "response" in shown(operation)
    assert before != phone.phone.device.boot_id
    assert 1 == executions(phone, operation)


async def test_a_command_that_waits_for_its_user_does_not_hold_up_the_next(lab: Lab) -> None:
    phone = await lab.phone(BYOD)
    phone.phone.be(User(answer=None))

    asked = await lab.issue(phone, type="REQUEST_DEVICE_INFO", **EID)
    await eventually(lambda: phone.phone.questions)
    locked = await lab.ended(await lab.issue(phone, type="LOCK"))
    told = phone.phone.answer(Answer.APPROVED, operation=str(asked.name))
    answered = await lab.ended(asked)

    assert 1 == told
    assert "response" in shown(locked)
    assert "SUCCEEDED" == shown(answered)["metadata"]["requestDeviceInfoStatus"]["status"]


async def test_a_user_may_decline_at_once_and_change_their_mind_in_time(lab: Lab) -> None:
    phone = await lab.phone(BYOD)
    phone.phone.be(User(answer=None))

    operation = await lab.issue(phone, type="REQUEST_DEVICE_INFO", **EID)
    await eventually(lambda: [Wait.CONSENT] == [question.wait for question in phone.phone.questions])
    phone.phone.be(User(answer=Answer.DECLINED, after_s=0.0))

    assert "USER_DECLINED" == shown(await lab.ended(operation))["metadata"]["requestDeviceInfoStatus"]["status"]


async def test_progress_is_told_before_the_result(lab: Lab) -> None:
    phone = await lab.phone(BYOD)

    operation = await lab.ended(await lab.issue(phone, type="REQUEST_DEVICE_INFO", **EID))

    story = [entry.what for entry in operation.timeline]
    assert story.index("progress") < story.index("succeeded")


async def test_a_wait_survives_a_broken_connection(lab: Lab) -> None:
    """The new connection's hello lists the command, so it is not offered again."""
    phone = await lab.phone(BYOD)
    phone.phone.be(User(answer=None))
    operation = await lab.issue(phone, type="REQUEST_DEVICE_INFO", **EID)
    await eventually(lambda: phone.phone.questions)

    await phone.mischief.go_offline()
    await eventually(lambda: not phone.connected)
    phone.phone.answer(Answer.APPROVED)
    phone.mischief.go_online()

    assert "response" in shown(await lab.ended(operation))
    assert 1 == executions(phone, operation)


async def test_the_server_knows_the_phone_s_state_when_it_knows_the_result(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)

    operation = await lab.ended(await lab.issue(phone, type="START_LOST_MODE", **LOST))
    record = await lab.ports.store.device(operation.device)

    assert record is not None
    assert DeviceState.LOST is record.state


async def test_a_phone_that_its_user_takes_out_of_lost_mode_tells_so(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    device = (await lab.ended(await lab.issue(phone, type="START_LOST_MODE", **LOST))).device

    phone.phone.become(msgspec.structs.replace(phone.phone.device, lost_mode=None))

    async with asyncio.timeout(PATIENCE_S):
        while (record := await lab.ports.store.device(device)) is None or record.state is not DeviceState.ACTIVE:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_command_that_cannot_start_in_time_is_not_started(lab: Lab) -> None:
    clock = AdvancingClock()

    async def dawdle(moment: Moment, operation: str) -> None:
        if moment is Moment.ACKNOWLEDGED:
            clock.advance(61_000_000)

    phone = await lab.phone(PIXEL, checkpoint=dawdle, clock=clock)

    operation = await lab.ended(await lab.issue(phone, type="LOCK", duration="60s"))

    assert 4 == shown(operation)["error"]["code"]
    assert 0 == executions(phone, operation)
    assert "acknowledged" in await lab.story(operation)


async def test_a_command_cancelled_before_the_acknowledgement_is_dropped(lab: Lab) -> None:
    async def cancel(moment: Moment, operation: str) -> None:
        if moment is Moment.ACKING:
            await cancel_operation(lab.ports, issued.name)

    phone = await lab.phone(PIXEL, checkpoint=cancel)
    await phone.mischief.go_offline()
    issued = await lab.issue(phone, type="LOCK")
    phone.mischief.go_online()

    operation = await lab.ended(issued)
    await eventually(lambda: b"dropped" in lab.journal_of(phone).read_bytes())

    assert 1 == shown(operation)["error"]["code"]
    assert 0 == executions(phone, operation)


async def test_a_phone_offline_gets_its_command_when_it_is_back(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    await phone.mischief.go_offline()

    operation = await lab.issue(phone, type="LOCK")
    phone.mischief.go_online()

    assert "response" in shown(await lab.ended(operation))


@KINDS
async def test_a_deleted_device_wipes_itself_and_forgets(lab: Lab, kind: TransportKind) -> None:
    phone = await lab.phone(PIXEL, lab.line(kind=kind))
    name = DeviceName.parse(phone.name)

    await delete_device(lab.ports, name)
    await eventually(lambda: not lab.journal_of(phone).exists())

    assert (False, 1) == (phone.phone.device.managed, phone.phone.device.factory_resets)
    tombstone = await lab.ports.store.tombstone(name)
    assert tombstone is not None
    assert tombstone.confirmed


async def test_a_phone_deleted_while_off_wipes_itself_when_it_is_back(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    await phone.power_off()

    await delete_device(lab.ports, DeviceName.parse(phone.name))
    phone.power_on()

    await eventually(lambda: not phone.phone.device.managed)


async def test_a_wiped_phone_enrols_again_as_another_device(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    first, factory_new = phone.name, phone.phone.device
    await lab.ended(await lab.issue(phone, type="WIPE"))
    await eventually(lambda: phone.condition is Condition.UNENROLLED)

    phone.enroll(await lab.token(PIXEL), factory_new)
    await eventually(lambda: phone.connected)
    record = await lab.ports.store.device(DeviceName.parse(phone.name))

    assert first != phone.name
    assert record is not None
    assert (first,) == record.previous_device_names


async def test_a_token_that_is_none_is_told_and_another_can_be_tried(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)

    phone.enroll("NOSUCHTOKEN")
    await eventually(lambda: phone.condition is Condition.UNENROLLED and phone.refusal)
    phone.enroll(await lab.token(PIXEL))

    await eventually(lambda: phone.connected and not phone.refusal)


class Impatient(MachineClock):
    """A clock that shows what was to be waited, and waits next to nothing."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """It is noted."""
        self.waits.append(seconds)
        await asyncio.sleep(0.001)


def unknown_identity(lab: Lab, phone: PhoneRunner, name: str = "") -> None:
    """The phone's journal has a credential that the server has never seen."""
    identity = {"credential": "0" * 64, "installationId": "i", "name": name or phone.name}
    lab.journal_of(phone).write_text(json.dumps({"identity": identity}) + "\n", encoding="utf-8")


@KINDS
async def test_a_phone_that_its_server_does_not_know_asks_again_seldom_and_more_seldom(lab: Lab, kind: TransportKind) -> None:
    phone = await lab.phone(PIXEL, Line(server_url=lab.url, kind=kind))
    await phone.kill()
    unknown_identity(lab, phone)
    clock = phone.phone.clock = Impatient()

    phone.start()
    await eventually(lambda: len(clock.waits) >= 10)

    ceilings = [60.0 * 2**number for number in range(6)] + [3_600.0] * 4
    assert [True] * 10 == [most / 2 <= wait <= most for wait, most in zip(clock.waits, ceilings, strict=False)]
    assert (Condition.UNKNOWN, True) == (phone.condition, "redential" in phone.refusal)


async def test_a_phone_that_its_server_knows_again_goes_on_as_before(lab: Lab) -> None:
    """Its database was away; in its place stands one that hears of the credential only now."""
    phone = await lab.phone(PIXEL, replace(lab.line(), unknown_first_s=0.02, unknown_most_s=0.2))
    await phone.kill()
    unknown_identity(lab, phone)
    phone.start()
    await eventually(lambda: phone.condition is Condition.UNKNOWN)
    report = (await lab.ports.store.device(DeviceName.parse(phone.name))).report  # type: ignore[union-attr]  # it is there
    again = Enroll(
        enrollment_token=await lab.token(PIXEL), installation_id="i", credential_hash=sha256(b"0" * 64).hexdigest(), report=report
    )  # fmt: skip

    enrolled = await enroll_device(lab.ports, again)

    await eventually(lambda: phone.connected and not phone.refusal)
    assert Condition.RUNNING is phone.condition
    lock = await issue_command(lab.ports, DeviceName.parse(enrolled.name), ENVELOPE.decode(b'{"type": "LOCK"}'))
    assert "response" in shown(await lab.ended(lock))


async def test_a_phone_that_its_server_does_not_know_can_be_enrolled_by_hand(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    await phone.kill()
    unknown_identity(lab, phone)
    phone.start()
    await eventually(lambda: phone.condition is Condition.UNKNOWN)

    phone.start(await lab.token(PIXEL))

    await eventually(lambda: phone.connected and not phone.refusal)
    assert "response" in shown(await lab.ended(await lab.issue(phone, type="LOCK")))


async def test_a_disabled_device_applies_it_when_it_next_asks(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    name = DeviceName.parse(phone.name)

    await patch_device(lab.ports, name, Device(state=DeviceState.DISABLED), mask=("state",))
    await phone.restart()
    await eventually(lambda: phone.phone.device.disabled)

    async with asyncio.timeout(PATIENCE_S):
        while (record := await lab.ports.store.device(name)) is None or record.report.applied_state is not DeviceState.DISABLED:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_waiting_times_double_keep_their_jitter_and_obey_the_server() -> None:
    backoff = Backoff(random.Random(1).random, first_s=1.0, most_s=8.0)

    waits = [backoff.next_s() for _ in range(6)]
    asked = backoff.next_s(retry_after_s=30.0)
    backoff.reset()

    assert all(ceiling / 2 <= wait <= ceiling for wait, ceiling in zip(waits, (1, 2, 4, 8, 8, 8), strict=True))
    assert 34.0 <= asked <= 38.0
    assert backoff.next_s() <= 1.0


async def test_a_policy_that_the_phone_has_not_got_is_not_reported_as_applied() -> None:
    """The server leaves a Policy out that the phone reported last; this phone has got another one since."""
    phone = VirtualPhone(PROFILES[PIXEL].phone("S1"), clock=MachineClock(), chance=random.Random("any"))
    first = PhonePolicy(
        policy_name="enterprises/e/policies/p", policy=msgspec.Raw(b'{"statusReportingSettings":{"softwareInfoEnabled":true}}')
    )
    phone.adopt(first)

    phone.adopt(PhonePolicy(policy_name="enterprises/e/policies/other", policy=msgspec.Raw(b"{}")))
    phone.adopt(msgspec.structs.replace(first, policy=None))

    assert ("", 0, None) == applied_by(phone)
    phone.adopt(first)
    assert (first.policy_name, 1, "15") == applied_by(phone)


def applied_by(phone: VirtualPhone) -> tuple[str, int, str | None]:
    """The policy that it reports, and what it reports because that asks for it."""
    report = reported(phone.device, phone.policy)
    return report.applied_policy_name, report.applied_policy_version, report.software_info.android_version if report.software_info else None

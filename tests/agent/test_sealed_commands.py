"""A virtual phone's own key: lost, renewed, older than its server's memory; and that the command still ends in an honest way."""

import asyncio
import random

import msgspec
import pytest

from heliograph.agent.delivery import never
from heliograph.agent.executor import Moment
from heliograph.agent.journal import Journal
from heliograph.agent.runner import PhoneRunner
from heliograph.agent.sealed_commands import new_private_key, public_key_of
from heliograph.domain.names import DeviceName
from heliograph.service.ports import Decision, Facts, PutDevice, Sees
from tests.agent.lab import Lab, eventually, executions, shown
from tests.patience import PATIENCE_S

PIXEL = "pixel8-a15-fully-managed"
ANOTHER = new_private_key(random.Random(1))
PASSWORD = "opened by the phone 7"


def with_key(lab: Lab, phone: PhoneRunner, private_key: str) -> None:
    """Its journal has this key, and nothing else of it changed."""
    journal = Journal(lab.journal_of(phone), durable=False)
    assert journal.identity is not None
    journal.renew(msgspec.structs.replace(journal.identity, private_key=private_key))
    journal.close()


def password_of(phone: PhoneRunner) -> str:
    """The phone's."""
    credential = phone.phone.device.credential
    return credential.secret if credential is not None else ""


async def remember(lab: Lab, phone: PhoneRunner, public_key: str) -> None:
    """The server knows this key of the phone, as after a backup was restored."""

    def rule(facts: Facts) -> Decision[None]:
        assert facts.device is not None
        return Decision(None, (PutDevice(msgspec.structs.replace(facts.device, public_key=public_key)),))

    await lab.ports.store.decide(Sees(device=DeviceName.parse(phone.name)), rule)


@pytest.mark.parametrize("key", ["", ANOTHER], ids=["written by an older agent", "another one"])
async def test_a_phone_that_lost_its_key_refuses_what_is_sealed_to_it_and_gets_the_next(lab: Lab, key: str) -> None:
    phone = await lab.phone(PIXEL)
    await phone.kill()
    sealed = await lab.issue(phone, type="RESET_PASSWORD", newPassword="for the lost key")
    with_key(lab, phone, key)

    phone.start()
    lost = await lab.ended(sealed)
    later = await lab.ended(await lab.issue(phone, type="RESET_PASSWORD", newPassword=PASSWORD))

    assert sealed.sealed_to
    assert (0, "sealed to a key") == (executions(phone, lost), shown(lost)["error"]["message"][15:30])
    assert ["refused"] == [what for what in await lab.story(lost) if what not in {"issued", "offered"}]
    assert "response" in shown(later)
    assert PASSWORD == password_of(phone)


async def test_a_phone_that_lost_its_key_after_it_acknowledged_reports_that_nothing_was_done(lab: Lab) -> None:
    reached = asyncio.Event()

    async def stand_still(moment: Moment, _operation: str) -> None:
        if moment is Moment.ACKING and not reached.is_set():
            reached.set()
            await never()

    phone = await lab.phone(PIXEL, checkpoint=stand_still)
    sealed = await lab.issue(phone, type="RESET_PASSWORD", newPassword="for the lost key")
    async with asyncio.timeout(PATIENCE_S):
        await reached.wait()
    await phone.kill()
    with_key(lab, phone, ANOTHER)

    phone.start()
    lost = await lab.ended(sealed)

    assert (0, "sealed to a key") == (executions(phone, lost), shown(lost)["error"]["message"][15:30])
    assert "acknowledged" in await lab.story(lost)


async def test_a_server_that_went_back_to_an_older_key_learns_the_new_one_with_the_hello(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    await remember(lab, phone, public_key_of(ANOTHER))
    stale = await lab.issue(phone, type="RESET_PASSWORD", newPassword="for the older key")
    refused = await lab.ended(stale)

    await phone.restart()
    await phone.wait_connected()
    done = await lab.ended(await lab.issue(phone, type="RESET_PASSWORD", newPassword=PASSWORD))

    assert "error" in shown(refused)
    assert "response" in shown(done)
    assert PASSWORD == password_of(phone)


async def test_a_phone_that_enrols_again_has_another_key(lab: Lab) -> None:
    phone = await lab.phone(PIXEL)
    before = DeviceName.parse(phone.name)
    phone.enroll(await lab.token(PIXEL))
    await eventually(lambda: phone.connected and phone.name != str(before))

    done = await lab.ended(await lab.issue(phone, type="RESET_PASSWORD", newPassword=PASSWORD))

    old, new = [await lab.ports.store.device(name) for name in (before, done.device)]
    assert old is not None
    assert new is not None
    assert old.public_key != new.public_key
    assert PASSWORD == password_of(phone)

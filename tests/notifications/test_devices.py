"""Notifications of devices: that they came, how they are, that they went."""

import asyncio
import json

import pytest

from heliograph.domain.device import DeviceState
from heliograph.domain.device_json import render_device
from heliograph.domain.enterprise import NotificationType
from heliograph.domain.names import DeviceName
from heliograph.protocol import Enroll
from heliograph.protojson.messages import encode_message
from heliograph.service.devices import delete_device, get_device
from heliograph.service.enterprises import delete_enterprise
from heliograph.service.phones import enroll_device
from tests.notifications.endpoint import Endpoint, Json
from tests.notifications.lab import LAB, Lab
from tests.notifications.whole_server import until
from tests.service.world import facts


async def as_read(lab: Lab, name: DeviceName) -> Json:
    """The device as devices.get shows it."""
    read: Json = json.loads(encode_message(render_device(await get_device(lab.ports, name))))
    return read


async def test_a_new_device_is_told(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(NotificationType.ENROLLMENT)
    phone = await pushing.phone()

    (told,) = await endpoint.has(1, "ENROLLMENT")

    assert await as_read(pushing, phone.name) == told.resource
    assert "PROVISIONING" == told.resource["state"]


async def test_an_enrolment_that_is_repeated_is_told_once(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(NotificationType.ENROLLMENT)
    phone = await pushing.phone()
    record = await get_device(pushing.ports, phone.name)
    token = (await pushing.ports.store.tokens(LAB, after="", limit=1)).items[0]

    again = Enroll(
        enrollment_token=token.value, installation_id="installation", credential_hash=record.credential_hash.hex(), report=facts()
    )
    assert str(phone.name) == (await enroll_device(pushing.ports, again)).name
    await endpoint.has(1, "ENROLLMENT")
    await endpoint.quiet()

    assert 1 == len(endpoint.received)


async def test_a_status_report_is_told_as_the_device_is_afterwards(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(NotificationType.STATUS_REPORT)
    phone = await pushing.phone()
    await phone.tells(facts(applied_state=DeviceState.LOST))

    (told,) = await endpoint.has(1, "STATUS_REPORT")

    assert await as_read(pushing, phone.name) == told.resource
    assert ("LOST", "LOST") == (told.resource["state"], told.resource["appliedState"])


async def test_of_status_reports_in_a_burst_the_newest_is_told(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(NotificationType.STATUS_REPORT)
    phone, other = await pushing.phone(), await pushing.phone()
    # At once, so that one commit takes them all, however slow the disk is.
    await asyncio.gather(*(phone.tells(facts(serial=f"S{number}")) for number in range(10)), other.tells(facts(serial="other")))

    await endpoint.has(2, "STATUS_REPORT")
    await endpoint.quiet()

    assert {"S9", "other"} == {one.resource["hardwareInfo"]["serialNumber"] for one in endpoint.received}
    assert 2 == len(endpoint.received)


async def test_a_status_report_supersedes_one_that_was_not_taken_yet(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(NotificationType.STATUS_REPORT)
    phone = await pushing.phone()
    endpoint.answers = [500]
    await phone.tells(facts(serial="first"))
    await endpoint.has(1, "STATUS_REPORT")
    pushing.clock.freeze()  # it is not sent again before the second is there, however long that takes
    await until(lambda: pushing.ports.publishing.begun == pushing.ports.publishing.ended)

    await phone.tells(facts(serial="second"))
    pushing.clock.run()
    received = await endpoint.has(2, "STATUS_REPORT")
    await endpoint.quiet()

    assert ["first", "second"] == [one.resource["hardwareInfo"]["serialNumber"] for one in received]
    assert received[0].message_id != received[1].message_id
    assert 2 == len(endpoint.received)


@pytest.mark.parametrize("body", ["", '{"type":"WIPE"}', '{"type":"RELINQUISH_OWNERSHIP"}'], ids=["deleted", "wiped", "relinquished"])
async def test_a_device_that_goes_is_told_a_last_time_as_deleted(pushing: Lab, endpoint: Endpoint, body: str) -> None:
    await pushing.enables(NotificationType.STATUS_REPORT)
    phone = await pushing.phone()
    await phone.tells(facts(serial="S7"))
    last = await as_read(pushing, phone.name)
    if body:
        await phone.acknowledges(await pushing.issue(phone.name, body))
    else:
        await delete_device(pushing.ports, phone.name)

    await endpoint.has(1, "STATUS_REPORT")
    await endpoint.quiet()

    assert {**last, "state": "DELETED", "appliedState": "DELETED"} == endpoint.received[-1].resource
    assert 1 == sum(one.resource["state"] == "DELETED" for one in endpoint.received)


async def test_an_enterprise_that_is_gone_is_told_nothing(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(NotificationType.STATUS_REPORT, NotificationType.COMMAND)
    phone = await pushing.phone()
    await pushing.issue(phone.name)

    await delete_enterprise(pushing.ports, LAB)
    await endpoint.quiet()

    assert [] == endpoint.received

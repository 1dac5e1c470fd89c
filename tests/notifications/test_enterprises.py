"""Who gets notifications is the enterprise's choice; a topic is tried out when it is set."""

from pathlib import Path

import pytest

from heliograph.domain.enterprise import Enterprise, NotificationType
from heliograph.domain.names import EnterpriseName
from heliograph.service.enterprises import create_enterprise, get_enterprise, patch_enterprise
from heliograph.service.notifications import NothingPublishes
from heliograph.service.operations import cancel_operation
from tests.notifications.endpoint import Endpoint
from tests.notifications.lab import LAB, TOPIC, Lab, lab


async def test_setting_a_topic_sends_a_test_message_without_data(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(topic=TOPIC)

    (told,) = await endpoint.has(1, "test")

    assert "data" not in told.body["message"]


async def test_setting_the_same_topic_tries_it_out_again(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(topic=TOPIC)
    await pushing.enables(topic=TOPIC)

    first, second = await endpoint.has(2, "test")

    assert first.message_id != second.message_id


async def test_an_enterprise_made_with_a_topic_has_it_tried_out(pushing: Lab, endpoint: Endpoint) -> None:
    await create_enterprise(pushing.ports, Enterprise(pubsub_topic=TOPIC), enterprise_id="LC0second0")

    assert await endpoint.has(1, "test")


async def test_clearing_a_topic_or_changing_something_else_sends_nothing(pushing: Lab, endpoint: Endpoint) -> None:
    await pushing.enables(topic=TOPIC)
    await endpoint.has(1, "test")

    await patch_enterprise(pushing.ports, LAB, Enterprise(enterprise_display_name="Lab"), ("enterprise_display_name",))
    await pushing.enables(NotificationType.COMMAND)
    await pushing.enables(topic="")
    await endpoint.quiet()

    assert 1 == len(endpoint.received)


async def test_a_topic_is_refused_where_nobody_would_publish_to_it(tmp_path: Path) -> None:
    """Better an error now than a caller who waits for ever."""
    async with lab(tmp_path) as silent:
        with pytest.raises(NothingPublishes, match="--push-endpoint, or with --pubsub"):
            await silent.enables(NotificationType.COMMAND, topic=TOPIC)
        with pytest.raises(NothingPublishes):
            await create_enterprise(silent.ports, Enterprise(pubsub_topic=TOPIC), enterprise_id="LC0second0")

        assert b"pubsubTopic" not in (await get_enterprise(silent.ports, LAB)).resource


async def test_nothing_waits_for_a_destination_that_this_server_does_not_have(tmp_path: Path) -> None:
    async with lab(tmp_path, enabled=[NotificationType.COMMAND]) as silent:
        phone = await silent.phone()
        await cancel_operation(silent.ports, await silent.issue(phone.name))

        assert () == tuple(await silent.ports.store.claim(limit=10, now_us=2**62, until_us=0))


async def test_each_enterprise_gets_what_it_enabled(pushing: Lab, endpoint: Endpoint) -> None:
    other = EnterpriseName("LC0second0")
    await create_enterprise(
        pushing.ports, Enterprise(enabled_notification_types=(NotificationType.ENROLLMENT,)), enterprise_id=str(other)[12:]
    )
    phone = await pushing.phone()

    await cancel_operation(pushing.ports, await pushing.issue(phone.name))
    await endpoint.has(1)
    await endpoint.quiet()

    assert ["COMMAND"] == [one.kind for one in endpoint.received]

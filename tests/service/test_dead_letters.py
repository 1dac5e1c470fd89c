"""What is given up becomes a dead letter, and neither outbox nor dead letters grow without bound."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence

from heliograph.domain.dead_letter import DeadLetter
from heliograph.domain.notification import Notification
from heliograph.service.dead_letters import Span, bound_outboxes, discard_dead_letters, give_up, list_dead_letters, resend_dead_letters
from heliograph.service.outbox import DestinationClosed, NotPublished, OutboxMessage, Publish
from heliograph.service.ports import Decision, Ports, Sees
from heliograph.service.send_notifications import DELAY_US, EACH_MOST
from tests.service.test_notifications import SECOND_US, Sink, publishing, settle, until, waiting
from tests.service.world import LAB, World

DEAD, ALIVE = "projects/p/topics/dead", "projects/p/topics/alive"


async def put(lab: World, *data: bytes, destination: str = DEAD) -> None:
    """Messages of the lab wait."""
    writes = [Publish(Notification(notification_type="COMMAND", data=one), destination, LAB.enterprise) for one in data]
    await lab.ports.store.decide(Sees(), lambda _: Decision(None, writes))
    await settle()


async def dead(ports: Ports) -> Sequence[DeadLetter]:
    """The lab's dead letters, oldest first."""
    return (await ports.store.records(DeadLetter, LAB.enterprise, after="", limit=1_000)).items


class Choosy(Sink):
    """A Sink of which one destination takes nothing."""

    async def publish(self, message: OutboxMessage) -> None:
        self.got.append(message)
        if message.destination == DEAD:
            raise NotPublished("nobody there")


@contextlib.asynccontextmanager
async def bounded(ports: Ports) -> AsyncIterator[None]:
    """The outboxes are bounded."""
    task = asyncio.create_task(bound_outboxes(ports))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_message_whose_destination_is_closed_is_a_dead_letter_at_once(lab: World) -> None:
    sink = Sink()
    sink.error = DestinationClosed("127.0.0.1 answered 410")
    async with publishing(lab, sink):
        await put(lab, b"1")
        lab.clock.advance(DELAY_US / SECOND_US)

        async def buried() -> bool:
            return bool(await dead(lab.ports))

        await until(buried)

    (letter,) = await dead(lab.ports)
    assert (b"1", DEAD, 1, "127.0.0.1 answered 410") == (letter.data, letter.destination, letter.attempts, letter.reason)
    assert [] == list(await waiting(lab))
    assert sink.got[0].message_id == letter.name.message_id


async def test_of_an_enterprise_that_is_gone_nothing_is_kept(lab: World) -> None:
    await put(lab, b"1")

    await give_up(lab.ports, "gone", await waiting(lab), "no more")

    assert [] == list(await waiting(lab))
    assert 0 == len((await lab.ports.store.records(DeadLetter, "gone", after="", limit=9)).items)


async def test_a_dead_destination_is_left_alone_and_another_one_gets_everything(lab: World) -> None:
    sink = Choosy()
    async with publishing(lab, sink):
        await put(lab, *(b"%d" % number for number in range(3 * EACH_MOST)))
        lab.clock.advance(DELAY_US / SECOND_US)

        async def resting() -> bool:
            return bool(lab.ports.publishing.resting_until_us)

        await until(resting)
        tried = len(sink.got)
        await put(lab, *(b"%d" % number for number in range(3 * EACH_MOST)), destination=ALIVE)
        lab.clock.advance(DELAY_US / SECOND_US)

        async def delivered() -> bool:
            return 3 * EACH_MOST == lab.ports.publishing.published

        await until(delivered)

    assert tried <= EACH_MOST
    assert tried == sum(message.destination == DEAD for message in sink.got)


async def test_a_destination_that_asks_to_wait_is_left_alone_that_long(lab: World) -> None:
    sink = Sink()
    sink.error = NotPublished("127.0.0.1 answered 429", retry_after_us=120 * SECOND_US)
    async with publishing(lab, sink):
        await put(lab, b"1")
        lab.clock.advance(DELAY_US / SECOND_US)

        async def resting() -> bool:
            return bool(lab.ports.publishing.resting_until_us)

        await until(resting)
        sink.error = None
        await put(lab, b"2")
        lab.clock.advance(119)
        await settle()
        early = len(sink.got)
        lab.clock.advance(1 + DELAY_US / SECOND_US)

        async def delivered() -> bool:
            return 2 == lab.ports.publishing.published

        await until(delivered)

    assert (1, 3) == (early, len(sink.got))


async def test_dead_letters_of_a_span_are_sent_again_under_their_ids_and_the_others_stay(lab: World) -> None:
    starts = []
    for data in (b"1", b"2", b"3"):
        starts.append(lab.clock.now_us())
        await put(lab, data)
        lab.clock.advance(1)
    messages = sorted(await waiting(lab), key=lambda message: message.data)
    await give_up(lab.ports, LAB.enterprise, messages, "nobody there")
    span = Span(starts[1], starts[2])

    shown, _ = await list_dead_letters(lab.ports, LAB, span)
    resent = await resend_dead_letters(lab.ports, LAB, span)
    again = await resend_dead_letters(lab.ports, LAB, span)

    assert ([b"2"], 1, 0) == ([letter.data for letter in shown], resent, again)
    (back,) = await waiting(lab)
    assert (messages[1].message_id, DEAD, b"2", 0, lab.clock.now_us()) == (
        back.message_id, back.destination, back.data, back.attempts, back.created_us,
    )  # fmt: skip
    assert [b"1", b"3"] == [letter.data for letter in await dead(lab.ports)]


async def test_chosen_dead_letters_are_discarded_or_sent_again_and_those_of_another_enterprise_stay(lab: World) -> None:
    await put(lab, b"1", b"2", b"3")
    await give_up(lab.ports, LAB.enterprise, await waiting(lab), "nobody there")
    by_data = {letter.data: letter.name for letter in await dead(lab.ports)}

    resent = await resend_dead_letters(lab.ports, LAB, [by_data[b"1"]])
    discarded = await discard_dead_letters(lab.ports, LAB, [by_data[b"2"], by_data[b"1"]])
    again = await discard_dead_letters(lab.ports, LAB, [by_data[b"2"]])

    assert (1, 1, 0) == (resent, discarded, again)
    assert [b"3"] == [letter.data for letter in await dead(lab.ports)]
    assert [b"1"] == [message.data for message in await waiting(lab)]
    assert 1 == await discard_dead_letters(lab.ports, LAB, Span(0, 2**62))
    assert [] == list(await dead(lab.ports))


async def test_dead_letters_are_listed_in_pages_and_go_after_the_retention(lab: World) -> None:
    await put(lab, *(b"%d" % number for number in range(5)))
    await give_up(lab.ports, LAB.enterprise, await waiting(lab), "nobody there")
    whole = Span(0, 2**62)

    first, token = await list_dead_letters(lab.ports, LAB, whole, page_size=3)
    second, end = await list_dead_letters(lab.ports, LAB, whole, page_size=3, page_token=token)

    assert (3, 2, "") == (len(first), len(second), end)
    assert 5 == len({letter.name for letter in (*first, *second)})
    lab.clock.advance(lab.ports.limits.retention_days * 86_400)
    assert 0 == len((await list_dead_letters(lab.ports, LAB, whole))[0])


async def test_of_too_many_messages_the_oldest_become_dead_letters_and_of_too_many_of_these_the_oldest_go(lab: World) -> None:
    limits = dataclasses.replace(lab.ports.limits, notifications_most=10, dead_letters_most=3)
    ports = dataclasses.replace(lab.ports, limits=limits)
    async with bounded(ports):
        await settle()
        await put(lab, *(b"%02d" % number for number in range(18)))

        async def trimmed() -> bool:
            return ports.publishing.dropped == 5

        await until(trimmed)
        await settle()

    assert [b"%02d" % number for number in range(8, 18)] == sorted(message.data for message in await waiting(lab))
    assert [b"05", b"06", b"07"] == [letter.data for letter in await dead(ports)]
    assert 8 == ports.publishing.overflowed

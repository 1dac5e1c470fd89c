"""Dead letters: notifications are given up into them, listed, sent again, discarded, and bounded."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import structlog

from heliograph.domain.dead_letter import DeadLetter, DeadLetterName
from heliograph.domain.device import position
from heliograph.domain.names import EnterpriseName
from heliograph.domain.notification import Notification
from heliograph.protojson.errors import Unavailable
from heliograph.service.not_found import enterprise_absence
from heliograph.service.outbox import OutboxMessage, Publish, Published
from heliograph.service.paging import page_of
from heliograph.service.ports import Decision, Delete, Facts, Held, Lane, Page, Ports, Put, Sees

log = structlog.get_logger()

DAY_US = 86_400 * 1_000_000
AT_ONCE = 200
"""Dead letters moved in one commit: others get their turn between two."""
LOOK_AFTER_MOST = 1_000
"""New messages after which full outboxes are looked for: by so many, and by a commit, a limit may be exceeded."""
PAUSE_AFTER_ERROR_S = 0.5


async def give_up(ports: Ports, enterprise: str, messages: Sequence[OutboxMessage], reason: str) -> None:
    """The messages leave the outbox and become dead letters of their enterprise, if it is still there."""
    kept_us = ports.limits.retention_days * DAY_US

    def rule(facts: Facts) -> Decision[None]:
        kept = messages if facts.enterprise is not None else ()
        letters = (_dead_letter(message, reason, now_us=facts.now_us, kept_us=kept_us) for message in kept)
        return Decision(None, (*(Published(message.message_id) for message in messages), *map(Put, letters)))

    await ports.store.decide(Sees(enterprise=EnterpriseName(enterprise) if enterprise else None), rule, lane=Lane.TIMERS)
    if enterprise:
        ports.publishing.buried.add(enterprise)


def _dead_letter(message: OutboxMessage, reason: str, *, now_us: int, kept_us: int) -> DeadLetter:
    return DeadLetter(
        name=DeadLetterName(message.enterprise, message.message_id),
        destination=message.destination,
        notification_type=message.notification_type,
        data=message.data,
        created_us=message.created_us,
        attempts=message.attempts,
        reason=reason,
        given_up_us=now_us,
        expires_us=now_us + kept_us,
    )


async def bound_outboxes(ports: Ports) -> NoReturn:
    """Too many messages of an enterprise do not wait: the oldest become dead letters; of too many of these, the oldest go."""
    look_after = max(1, min(LOOK_AFTER_MOST, ports.limits.notifications_most // 10))
    new, look = 0, asyncio.Event()

    def heard(message_ids: Sequence[int]) -> None:
        nonlocal new
        new += len(message_ids)
        if new >= look_after:
            look.set()

    ports.store.on_published(heard)
    look.set()  # the limit may be lower than before
    while True:
        await look.wait()
        look.clear()
        new = 0
        try:
            await _bound(ports)
        except Unavailable:
            look.set()
            await asyncio.sleep(PAUSE_AFTER_ERROR_S)


async def _bound(ports: Ports) -> None:
    most = ports.limits.notifications_most
    for enterprise, count in (await ports.store.full_outboxes(most=most)).items():
        log.warning("notifications.overflowed", enterprise=enterprise, waiting=count, most=most)
        await _overflow(ports, enterprise, count - most)
    while ports.publishing.buried:
        await _drop_oldest(ports, ports.publishing.buried.pop())


async def _overflow(ports: Ports, enterprise: str, excess: int) -> None:
    reason = f"the enterprise had more than {ports.limits.notifications_most} messages waiting"
    while excess > 0:
        messages = await ports.store.oldest_messages(enterprise, limit=min(excess, AT_ONCE))
        if not messages:
            return
        await give_up(ports, enterprise, messages, reason)
        ports.publishing.overflowed += len(messages)
        excess -= len(messages)


async def _drop_oldest(ports: Ports, enterprise: str) -> None:
    most = ports.limits.dead_letters_most
    # Counted further than what is deleted at a time, so that what is counted is not counted again for each commit.
    while (excess := (await ports.store.holding(EnterpriseName(enterprise), Held.DEAD_LETTERS, most=2 * most)).number - most) > 0:
        while excess > 0:
            letters = (await ports.store.records(DeadLetter, enterprise, after="", limit=min(excess, AT_ONCE))).items
            if not letters:
                return  # what is left has expired, and is retention's
            await _drop(ports, letters)
            excess -= len(letters)


async def _drop(ports: Ports, letters: Sequence[DeadLetter]) -> None:
    gone = Decision(None, tuple(Delete(letter.name) for letter in letters))
    await ports.store.decide(Sees(), lambda _: gone, lane=Lane.TIMERS)
    ports.publishing.dropped += len(letters)


class Span(NamedTuple):
    """The messages written at `start_us` or later and before `end_us`."""

    start_us: int
    end_us: int

    def contains(self, letter: DeadLetter) -> bool:
        """Whether the dead letter's message is one of them."""
        return self.start_us <= letter.created_us < self.end_us


async def list_dead_letters(
    ports: Ports, enterprise: EnterpriseName, span: Span, *, page_size: int | None = None, page_token: str = ""
) -> tuple[Sequence[DeadLetter], str]:
    """A page of the enterprise's dead letters of this span, the oldest message first; and the next page's token.

    Raises: EnterpriseNotAuthorized; InvalidArgument: page size or token.
    """

    async def read(after: str, limit: int) -> Page[DeadLetter]:
        return await _page(ports, enterprise, span, after=after or position(span.start_us, ""), limit=limit)

    query = f"{enterprise}/deadLetters {span.start_us} {span.end_us}"
    letters, next_page_token = await page_of(ports, query, read, page_size=page_size, page_token=page_token)
    if not letters and (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    return letters, next_page_token


async def resend_dead_letters(ports: Ports, enterprise: EnterpriseName, chosen: Span | Sequence[DeadLetterName]) -> int:
    """How many of the enterprise's dead letters that are chosen wait in the outbox again, as new messages under their old ids.

    Raises: EnterpriseNotAuthorized.
    """
    return await _decide_each(ports, enterprise, chosen, _resent)


async def discard_dead_letters(ports: Ports, enterprise: EnterpriseName, chosen: Span | Sequence[DeadLetterName]) -> int:
    """How many of the enterprise's dead letters that are chosen are gone for good.

    Raises: EnterpriseNotAuthorized.
    """
    return await _decide_each(ports, enterprise, chosen, _discarded)


async def _decide_each(
    ports: Ports, enterprise: EnterpriseName, chosen: Span | Sequence[DeadLetterName], rule: Callable[[Facts], Decision[int]]
) -> int:
    """The sum of what the rule answers; AT_ONCE letters a commit. What is not there is passed over."""
    if (error := await enterprise_absence(ports, enterprise)) is not None:
        raise error
    if not isinstance(chosen, Span):
        chunks = [chosen[start : start + AT_ONCE] for start in range(0, len(chosen), AT_ONCE)]
        return sum([await ports.store.decide(Sees(records=tuple(chunk)), rule) for chunk in chunks])
    done, after = 0, position(chosen.start_us, "")
    while letters := (await _page(ports, enterprise, chosen, after=after, limit=AT_ONCE)).items:
        done += await ports.store.decide(Sees(records=tuple(letter.name for letter in letters)), rule)
        after = letters[-1].position
    return done


async def _page(ports: Ports, enterprise: EnterpriseName, span: Span, *, after: str, limit: int) -> Page[DeadLetter]:
    page = await ports.store.records(DeadLetter, *enterprise, after=after, limit=limit)
    items = [letter for letter in page.items if span.contains(letter)]
    return Page(items=items, more=page.more and len(items) == len(page.items))


def _resent(facts: Facts) -> Decision[int]:
    """A letter that another call has resent meanwhile is not there any more."""
    letters: list[DeadLetter] = [letter for letter in facts.records if letter is not None]
    messages = [
        Publish(
            Notification(notification_type=letter.notification_type, data=letter.data), letter.destination, *letter.name
        )
        for letter in letters
    ]  # fmt: skip
    return Decision(len(letters), (*messages, *(Delete(letter.name) for letter in letters)))


def _discarded(facts: Facts) -> Decision[int]:
    letters: list[DeadLetter] = [letter for letter in facts.records if letter is not None]
    return Decision(len(letters), tuple(Delete(letter.name) for letter in letters))

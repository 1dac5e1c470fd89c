"""Operations that ended long ago leave the store, and enrolment tokens that expired."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn, TypeVar

from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord
from heliograph.domain.errors import Unavailable
from heliograph.domain.names import EnrollmentTokenName
from heliograph.service.delete_enterprise import finish_deletions
from heliograph.service.haste import first_of
from heliograph.service.ports import Decision, DeleteToken, Lane, Page, Ports, Rule, Sees

R = TypeVar("R", EnterpriseRecord, EnrollmentTokenRecord)

EVERY_US = 3_600 * 1_000_000
CHUNK = 100
"""Rows removed in one transaction, that others wait for: 4 ms with 3,000,000 operations of 100,000 devices (500: 18 ms; a busy machine)."""
PAUSE_S = 0.05
"""Between two transactions: retention takes the time that is left over."""
DAY_US = 86_400 * 1_000_000


async def retire_operations(ports: Ports, *, is_new: bool = False) -> NoReturn:
    """Once an hour, what ended before the retention time, tombstones past their expiry and tokens a day after theirs are removed.

    `is_new`: the store was empty a moment ago, so the first time is in an hour.
    """
    haste = asyncio.Event()
    ports.haste.listen(haste.set)
    while True:
        next_us = ports.clock.now_us() + EVERY_US
        if not is_new:
            await _retire_all(ports, haste)
            await retire_tokens(ports)
            if ports.shared:
                await _finish_others_deletions(ports)
        is_new = False
        while ports.clock.now_us() < next_us:
            # Not by the clock: nothing depends on the moment, so a clock that is moved by ten years need not stop at each hour of them.
            await _pause((next_us - ports.clock.now_us()) / 1_000_000, haste)


async def _pause(seconds: float, haste: asyncio.Event) -> None:
    haste.clear()
    await first_of(haste.wait(), asyncio.sleep(seconds))


async def _retire_all(ports: Ports, haste: asyncio.Event) -> None:
    ended_before_us = ports.clock.now_us() - ports.limits.retention_days * DAY_US
    try:
        while await ports.store.retire(ended_before_us=ended_before_us, limit=CHUNK) >= CHUNK:
            await _pause(PAUSE_S, haste)
    except Unavailable:
        # The store says so itself (/readyz); the next hour tries again.
        return


async def retire_tokens(ports: Ports) -> None:
    """Nothing is left of tokens that expired (or, for one use, were used) more than a day ago: a lost answer is asked for before that."""
    with contextlib.suppress(Unavailable):
        async for enterprise in _walk(lambda after: ports.store.enterprises(after=after, limit=CHUNK)):
            name = enterprise.name
            async for token in _walk(lambda after, name=name: ports.store.tokens(name, after=after, limit=CHUNK)):  # type: ignore[misc]
                if token.expires_us < ports.clock.now_us() - DAY_US:
                    token_name = EnrollmentTokenName(name.enterprise, token.token_id)
                    await ports.store.decide(Sees(token_name=token_name), _gone(token_name), lane=Lane.TIMERS)


async def _walk(page_after: Callable[[str], Awaitable[Page[R]]]) -> AsyncIterator[R]:
    after = ""
    while True:
        page = await page_after(after)
        for item in page.items:
            yield item
        if not page.more or not page.items:
            return
        after = page.items[-1].position
        await asyncio.sleep(PAUSE_S)


def _gone(name: EnrollmentTokenName) -> Rule[None]:
    return lambda _facts: Decision(None, (DeleteToken(name),))


async def _finish_others_deletions(ports: Ports) -> None:
    """A server that died while it deleted an enterprise may never start again."""
    with contextlib.suppress(Unavailable):
        await finish_deletions(ports)

"""Operations: read, cancelled, and retired when they are old."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, NoReturn, TypeVar

from heliograph.commands import COMMANDS
from heliograph.domain import operation as life
from heliograph.domain.device import EnrollmentTokenRecord, EnterpriseRecord
from heliograph.domain.errors import OperationNotFound
from heliograph.domain.filters import Filter, FilterView, parse_filter
from heliograph.domain.longrunning import operation_view
from heliograph.domain.names import DeviceName, EnrollmentTokenName, OperationName
from heliograph.domain.operation import Operation, ShownOperation
from heliograph.domain.paging import coerce_page_size, decode_page_token, encode_page_token
from heliograph.domain.rights import Permit
from heliograph.protojson.errors import Unavailable
from heliograph.service.enterprises import finish_deletions
from heliograph.service.haste import first_of
from heliograph.service.not_found import device_absence, hidden_operations, operation_absence
from heliograph.service.notifications import operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.ports import Decision, Delete, Facts, Lane, Page, Ports, Rule, Sees

PAGE_DEFAULT_SIZE = 100
PAGE_MOST = 1_000
"""Amapi.md §2.6: undocumented; clients send 100, and walk many pages."""
SCANNED_MOST = 5_000
"""Operations looked at for one page: with a narrow filter, a page may be short or empty, and its token continues."""

LOOKED_BACK_MS = (3_600_000, 24 * 3_600_000, 7 * 24 * 3_600_000)
"""An hour, a day, a week."""

Listed = tuple[Sequence[Operation | ShownOperation], str]
"""A page's operations, oldest first, and the next page's token (empty after the last)."""
R = TypeVar("R", EnterpriseRecord, EnrollmentTokenRecord)

RETIRED_EVERY_US = 3_600 * 1_000_000
RETIRED_AT_ONCE = 100
"""Rows removed in one transaction, that others wait for: 4 ms with 3,000,000 operations of 100,000 devices (500: 18 ms; a busy machine)."""
PAUSE_S = 0.05
"""Between two transactions: retention takes the time that is left over."""
DAY_US = 86_400 * 1_000_000


async def get_operation(ports: Ports, name: OperationName) -> Operation:
    """The operation.  Raises: OperationNotFound, EnterpriseNotAuthorized; DeviceNoLongerManaged if the limits hide it."""
    operation = await ports.store.operation(name)
    if operation is not None and operation.open:
        return operation  # so its device and its enterprise exist
    if (error := await hidden_operations(ports, name.device)) is not None:
        raise error
    if operation is None:
        raise await operation_absence(ports, name)
    return operation


def operation_at_hand(ports: Ports, name: OperationName) -> Operation | None:
    """What `get_operation` would return without waiting; None: ask it."""
    return ports.store.operation_at_hand(name)


async def list_operations(
    ports: Ports, device: DeviceName, *, filter_text: str = "", page_size: int | None = None, page_token: str = ""
) -> Listed:
    """A page of the device's operations that the filter wants.

    Raises: InvalidArgument: filter, page size or token; EnterpriseNotAuthorized, NotFound: no such device;
        DeviceNoLongerManaged if the limits hide the operations of deleted devices.
    """
    asked = _asked(ports, device, filter_text, page_size, page_token)
    if (at_hand := _at_hand(ports, asked)) is not None:
        return at_hand
    if (error := await hidden_operations(ports, device)) is not None:
        raise error
    found, more_after_ms = await _scan(ports, device, asked.wanted, after_ms=asked.after_ms, limit=asked.limit)
    if not found and not asked.after_ms and not await _was_here(ports, device):
        raise await device_absence(ports, device)
    return found, _next_page_token(ports, asked, more_after_ms)


def operations_at_hand(
    ports: Ports, device: DeviceName, *, filter_text: str = "", page_size: int | None = None, page_token: str = ""
) -> Listed | None:
    """What `list_operations` would return without waiting; None: ask it.  Raises: InvalidArgument."""
    return _at_hand(ports, _asked(ports, device, filter_text, page_size, page_token))


class _Asked(NamedTuple):
    """Which page of a device's operations is wanted."""

    device: DeviceName
    query: str
    """Everything that the rows depend on."""
    wanted: Filter[FilterView] | None
    after_ms: int
    limit: int


def _asked(ports: Ports, device: DeviceName, filter_text: str, page_size: int | None, page_token: str) -> _Asked:
    """The page that is wanted.  Raises: InvalidArgument."""
    wanted = parse_filter(filter_text, types=COMMANDS) if filter_text else None
    limit = coerce_page_size(page_size, default=PAGE_DEFAULT_SIZE, maximum=PAGE_MOST)
    query = f"{device}/operations?{filter_text}"
    after_ms = int(decode_page_token(ports.page_secret, query, token=page_token) or 0)
    return _Asked(device, query, wanted, after_ms, limit)


def _at_hand(ports: Ports, asked: _Asked) -> Listed | None:
    if asked.wanted is not None:
        return None
    page = ports.store.operations_at_hand(asked.device, after_ms=asked.after_ms, limit=asked.limit)
    return None if page is None else (page.items, _next_page_token(ports, asked, page.items[-1].create_ms if page.more else 0))


def _next_page_token(ports: Ports, asked: _Asked, more_after_ms: int) -> str:
    """The token of the page after this operation; 0: there is none."""
    return encode_page_token(ports.page_secret, asked.query, position=str(more_after_ms)) if more_after_ms else ""


async def newest_operations(ports: Ports, device: DeviceName, *, most: int) -> Sequence[Operation]:
    """The newest operations of the device, newest first: `most` of them, or fewer if more than PAGE_MOST are of the time before.

    Stores read operations from the oldest on, and their ids are times: ever longer times are looked at, until one has enough. Of a
    device with more than SCANNED_MOST in the last hour, the first of these.
    """
    now_ms = ports.clock.now_us() // 1_000
    found: Sequence[Operation] = ()
    for length_ms in (*LOOKED_BACK_MS, now_ms):
        page = await ports.store.operations(device, after_ms=max(now_ms - length_ms, 0), limit=PAGE_MOST)
        if page.more and found:
            break
        found = page.items
        if page.more:
            found = await _rest_of(ports, device, found)
        if len(found) >= most:
            break
    return found[: -most - 1 : -1]


async def _rest_of(ports: Ports, device: DeviceName, begun: Sequence[Operation]) -> Sequence[Operation]:
    """These operations and those after them, SCANNED_MOST at most."""
    found = [*begun]
    while len(found) < SCANNED_MOST:
        page = await ports.store.operations(device, after_ms=found[-1].create_ms, limit=PAGE_MOST)
        found += page.items
        if not page.more:
            break
    return found


async def _scan(
    ports: Ports, device: DeviceName, wanted: Filter[FilterView] | None, *, after_ms: int, limit: int
) -> tuple[Sequence[Operation], int]:
    """The page's operations, and the operation after which the next page starts (0: no next page)."""
    if wanted is None:
        page = await ports.store.operations(device, after_ms=after_ms, limit=limit)
        return page.items, page.items[-1].create_ms if page.more else 0
    found: list[Operation] = []
    for _ in range(SCANNED_MOST // PAGE_MOST):
        page = await ports.store.operations(device, after_ms=after_ms, limit=PAGE_MOST)
        for operation in page.items:
            if wanted.matches(operation_view(operation)):
                if len(found) == limit:
                    return found, after_ms
                found.append(operation)
            after_ms = operation.create_ms
        if not page.more:
            return found, 0
    return found, after_ms


async def _was_here(ports: Ports, device: DeviceName) -> bool:
    """Whether the name is, or lately was, a device's: its operations outlive it."""
    return await ports.store.device(device) is not None or await ports.store.tombstone(device) is not None


async def cancel_operation(ports: Ports, name: OperationName, *, permit: Permit | None = None) -> None:
    """Cancel a command that no phone has acknowledged and whose deadline has not passed; any other stays as it is.

    `permit`: what the caller may; None: everything.

    Raises: OperationNotFound, EnterpriseNotAuthorized; DeviceNoLongerManaged if operations of deleted devices are hidden;
        RoleInsufficient: the device has left the filter of the caller's role.
    Source: disc, devices.operations.cancel (best effort; success is not guaranteed); amapi.md §3.
    """
    judging = permit if permit is not None and permit.judges() else None

    def rule(facts: Facts) -> Decision[bool | None]:
        operation = facts.operation
        if operation is None or not life.allows(operation, life.Event.CANCEL):
            return Decision(None if operation is None else False)
        if judging is not None and facts.device is not None:
            judging.judge(facts.device, facts.records, now_us=facts.now_us)
        offered = with_offers(ports, operation)
        ended = life.expire(offered, facts.now_us) if facts.now_us >= operation.expires_us else life.cancel(offered, facts.now_us)
        # What waited behind it may be next.
        return Decision(answer=True, writes=operation_writes(ports, facts, operation, ended), ring=name.device)

    ended = await ports.store.decide(Sees(device=name.device, create_ms=name.create_ms, subscription=True), rule)
    if ended:
        ports.offers.noted(name.device, name.create_ms)
        return
    # An operation that could be cancelled was open, so its device and its enterprise exist.
    if (error := await hidden_operations(ports, name.device)) is not None:
        raise error
    if ended is None:
        raise await operation_absence(ports, name)


async def retire_operations(ports: Ports, *, is_new: bool = False, at_once: int = RETIRED_AT_ONCE) -> NoReturn:
    """Once an hour, what ended before the retention time, tombstones past their expiry and tokens a day after theirs are removed.

    `is_new`: the store was empty a moment ago, so the first time is in an hour; `at_once`: rows removed in one transaction.
    """
    haste = asyncio.Event()
    ports.haste.listen(haste.set)
    while True:
        next_us = ports.clock.now_us() + RETIRED_EVERY_US
        if not is_new:
            await _retire_all(ports, haste, at_once)
            await retire_tokens(ports)
            if ports.shared:
                await _finish_others_deletions(ports)
        is_new = False
        while ports.clock.now_us() < next_us:
            # Not by the clock: no result depends on the moment, so a clock that moves by ten years need not stop at each hour.
            await _pause((next_us - ports.clock.now_us()) / 1_000_000, haste)


async def _pause(seconds: float, haste: asyncio.Event) -> None:
    haste.clear()
    await first_of(haste.wait(), asyncio.sleep(seconds))


async def _retire_all(ports: Ports, haste: asyncio.Event, at_once: int) -> None:
    ended_before_us = ports.clock.now_us() - ports.limits.retention_days * DAY_US
    events_before_us = ports.clock.now_us() - ports.limits.event_retention_days * DAY_US
    try:
        while await ports.store.retire(ended_before_us=ended_before_us, events_before_us=events_before_us, limit=at_once) >= at_once:
            await _pause(PAUSE_S, haste)
    except Unavailable:
        # The store says so itself (/readyz); the next hour tries again.
        return


async def retire_tokens(ports: Ports) -> None:
    """Remove tokens that expired (or, for one use, were used) more than a day ago: a lost answer is repeated before that."""
    with contextlib.suppress(Unavailable):
        async for enterprise in _walk(lambda after: ports.store.enterprises(after=after, limit=RETIRED_AT_ONCE)):
            name = enterprise.name
            async for token in _walk(lambda after, name=name: ports.store.tokens(name, after=after, limit=RETIRED_AT_ONCE)):  # type: ignore[misc]
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
    return lambda _facts: Decision(None, (Delete(name),))


async def _finish_others_deletions(ports: Ports) -> None:
    """A server that died while it deleted an enterprise may never start again."""
    with contextlib.suppress(Unavailable):
        await finish_deletions(ports)


def own_operation(device: DeviceName, operation: str) -> OperationName:
    """The operation's name; a device sees its own only.  Raises: InvalidArgument, OperationNotFound."""
    own = OperationName.of(device, operation)
    if own is not None:
        return own
    name = OperationName.parse(operation)
    if name.device != device:
        raise OperationNotFound
    return name

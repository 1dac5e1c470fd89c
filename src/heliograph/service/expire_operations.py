"""Ends operations by time: one timer on the nearest deadline of all, on every server; no server leads."""

import asyncio
from collections.abc import Iterable
from typing import NoReturn

from heliograph.domain import operation as life
from heliograph.domain.names import OperationName
from heliograph.domain.operation import Operation
from heliograph.protojson.errors import Unavailable
from heliograph.service.haste import first_of
from heliograph.service.notifications import operation_writes
from heliograph.service.offer_command import with_offers
from heliograph.service.ports import DueRule, Facts, Ports, Write

CHUNK = 50
"""Operations decided in one commit, that others wait for: a millisecond."""
APART_S = 0.02
"""Between two commits: of a thousand deadlines a second, those close together share one. The first after a pause is not delayed."""
APART_SHARED_S = 0.05
"""After a deadline that passed without due operations, when another server may be deciding it."""
LATEST_US = 2**63 - 1
"""Later than every deadline."""
PAUSE_AFTER_ERROR_S = 0.5
"""After the store refused: it answers 503 to everyone, and deadlines wait too."""


async def expire_operations(ports: Ports) -> NoReturn:
    """Every operation past its deadline is ended soon after, never before: EXPIRED while nothing has begun, else timed out."""
    nearer, haste = asyncio.Event(), asyncio.Event()
    asleep_until_us = LATEST_US

    def look() -> None:
        # Mostly it sleeps until a deadline that was met and is earlier than any new one: each command would wake it twice.
        nearest_us = ports.store.nearest_deadline_us()
        if nearest_us is not None and nearest_us < asleep_until_us:
            nearer.set()

    ports.store.on_deadline(look)
    ports.haste.listen(haste.set)
    while True:
        nearer.clear()
        nearest_us = ports.store.nearest_deadline_us()
        if nearest_us is None:
            asleep_until_us = LATEST_US
            await nearer.wait()
        elif nearest_us > ports.clock.now_us():
            asleep_until_us = nearest_us
            await first_of(nearer.wait(), ports.clock.sleep_until(nearest_us))
        elif pause_s := await _decide_due(ports):
            haste.clear()
            await first_of(haste.wait(), asyncio.sleep(pause_s))


def overdue_us(ports: Ports) -> int:
    """For how long the end of a command has been due and is not written; 0: none is overdue."""
    nearest_us = ports.store.nearest_deadline_us()
    return 0 if nearest_us is None else max(0, ports.clock.now_us() - nearest_us)


def expiry_rule(ports: Ports, ended: list[OperationName]) -> DueRule:
    """The rule that ends an operation past its deadline; those that it ended are in `ended`."""

    def rule(operation: Operation, facts: Facts) -> Iterable[Write]:
        if operation.deadline_us is None or facts.now_us < operation.deadline_us:
            return ()
        ended.append(operation.name)
        return operation_writes(ports, facts, operation, _ended(with_offers(ports, operation), facts.now_us))

    return rule


async def _decide_due(ports: Ports) -> float:
    ended: list[OperationName] = []
    try:
        decided = await ports.store.decide_due(expiry_rule(ports, ended), limit=CHUNK)
    except Unavailable:
        return PAUSE_AFTER_ERROR_S
    for name in ended:
        ports.offers.noted(name.device, name.create_ms)
    if decided >= CHUNK:
        return 0
    return APART_SHARED_S if ports.shared and not decided else APART_S


def _ended(operation: Operation, now_us: int) -> Operation:
    if life.may_expire(operation):
        return life.expire(operation, now_us)
    return life.time_out(operation, now_us)

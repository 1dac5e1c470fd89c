"""How a world's clock goes over a stretch of time: from one due time to the next, everything settled before the next one comes."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from heliograph.domain.names import OperationName
from heliograph.protojson.times import format_timestamp
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.settling import NotSettled, Settling
from heliograph.server import Parts
from heliograph.service.expire_operations import expiry_rule

WITHIN_S = 60.0
"""Real time. A clock that is moved over very many timers stops on the way rather than keep its caller waiting for ever."""
END_OF_TIME_US = 2**63 - 1
CHUNK = 500
"""Deadlines that are decided in one go, if no one could act in between."""
NAMED_MOST = 100
"""Operations and phones that `next` names."""


class Due(NamedTuple):
    """Something that was due at a time."""

    kind: str
    """`OPERATION_DEADLINE`, `PHONE`, `OFFER` or `NOTIFICATION`."""
    name: str = ""
    """The operation's, or the device's that the phone enrolled as first; empty: not about one of them."""


class Walk:
    """Leads the clock, which stands meanwhile. The world's lock is held."""

    def __init__(self, clock: AdvancingClock, parts: Parts, settling: Settling, *, notifications_leave: Callable[[], bool]) -> None:
        """`notifications_leave()`: whether they go to someone outside, who could act on each."""
        self._clock = clock
        self._ports = parts.ports
        self._channel = parts.channel
        self._store = parts.own_file()
        self._settling = settling
        self._notifications_leave = notifications_leave

    async def to(self, target_us: int) -> int:
        """The time, which is `target_us`: everything has happened that was due until then, in its order.

        Raises: NotSettled: the clock stands where it had come to; Unavailable: the sandbox ends.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + WITHIN_S
        await self._settling.settle()
        while (next_us := self._settling.next_us()) is not None and next_us <= target_us:
            if loop.time() > until_s:
                raise self._stopped_short(target_us)
            if not await self._passed_deadlines(next_us, target_us):
                await self._step(next_us)
        self._clock.step_to(target_us)
        # Those that would look later do so too: their timers go by real time, and must be set again.
        self._channel.look_again(END_OF_TIME_US)
        await self._settling.settle()
        return self._clock.now_us()

    async def to_next(self) -> Sequence[Due]:
        """What was due next, and has happened; the clock shows its time. Nothing: nothing is due by itself, and the clock stands.

        Raises: NotSettled, Unavailable.
        """
        await self._settling.settle()
        next_us = self._settling.next_us()
        if next_us is None:
            return ()
        due = await self._due(next_us)
        await self._step(next_us)
        return due

    async def _step(self, at_us: int) -> None:
        self._clock.step_to(at_us)
        self._channel.look_again(at_us)
        await self._settling.settle()

    async def _passed_deadlines(self, next_us: int, target_us: int) -> bool:
        """Whether deadlines of absent phones were decided, each at its own time: no one could act between them."""
        if self._store.nearest_deadline_us() != next_us or self._notifications_leave():
            return False
        others_us = self._clock.next_but_server_us(next_us), self._channel.next_look_us()
        until_us = min([target_us, *(other_us - 1 for other_us in others_us if other_us is not None)])
        if until_us <= next_us:
            return False
        ended: list[OperationName] = []
        connected = self._ports.presence.connected
        decided = await self._store.decide_each_at_its_time(
            expiry_rule(self._ports, ended), until_us=until_us, limit=CHUNK, only=lambda device: not connected(device)
        )
        for name in ended:
            self._ports.offers.noted(name.device, name.create_ms)
        if decided:
            # Listeners hear of the commit first: what they learned later than the time's step would wait once more.
            await asyncio.sleep(0)
            await self._step(decided[-1].deadline_us or next_us)
        return bool(decided)

    async def _due(self, at_us: int) -> list[Due]:
        operations = await self._store.operations_due(at_us, limit=NAMED_MOST)
        due = [Due("OPERATION_DEADLINE", str(operation.name)) for operation in operations]
        for sleeper in self._clock.due_by(at_us)[:NAMED_MOST]:
            if sleeper.who:
                due.append(Due("PHONE", sleeper.who))
            elif not operations:  # else it is the server's own timer on this deadline
                due.append(Due("NOTIFICATION"))
        look_us = self._channel.next_look_us()
        return due if due or look_us is None or look_us > at_us else [Due("OFFER")]

    def _stopped_short(self, target_us: int) -> NotSettled:
        here_us = self._clock.now_us()
        return NotSettled(
            f"In {WITHIN_S:g} s the clock has come to {format_timestamp(here_us)}, and stands {(target_us - here_us) / 1e6:g} s"
            " short of where it was to go: too much is due on the way. Advance it by the rest."
        )

"""How a sandbox knows that it has come to rest: nothing is in progress, and nothing due is left to do (glossary: settle).

Everything that leaves the event loop is counted by its sender: what the store decides, the messages between phones and server,
notifications that are being sent. What stays on the loop needs no count, since it continues with each turn of the loop: when all counts
are even and stay as they are for QUIET_TURNS turns, nothing happens any more until a timer, a phone's user or a caller makes it happen.
Why so: docs/adr/0017-a-clock-that-settles.md.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator

from heliograph.protojson.errors import Code, HeliographError, Unavailable
from heliograph.sandbox.clock import AdvancingClock
from heliograph.sandbox.phones import SandboxPhone
from heliograph.server import Parts

QUIET_TURNS = 24
"""At least twice the longest way on the loop from one counted place to the next; tests/sandbox/test_clock.py measures it."""
SPIN_TURNS = 100
"""How many turns the loop is not left: most work is done by then. Afterwards others get the processor."""
PAUSE_S = 0.001
WITHIN_S = 10.0
"""Real time. Nothing of ours takes so long, on a busy machine neither."""
ENDPOINT_WITHIN_S = 5.0
"""Real time to wait for a notification in progress: its endpoint is not ours."""
NAMED_MOST = 5


class NotSettled(HeliographError):
    """What was asked for is done, but not everything that it causes has happened yet."""

    code = Code.DEADLINE_EXCEEDED
    reason = "NOT_SETTLED"


class Settling:
    """The rest of one server and its phones."""

    def __init__(
        self, parts: Parts, *, clock: AdvancingClock, phones: Callable[[], Collection[SandboxPhone]], ending: Callable[[], bool]
    ) -> None:
        """`phones()`: those that are waited for; `ending()`: whether no one needs to wait any more."""
        self._ports = parts.ports
        self._store = parts.own_file()
        self._channel = parts.channel
        self._clock = clock
        self._phones = phones
        self._ending = ending

    async def settle(self, *, with_endpoints: bool = True) -> None:
        """Nothing is in progress, and nothing is left to do that is due by the clock. What waits for a later time, waits.

        Not `with_endpoints`: notifications that are on their way may still be.

        Raises: NotSettled: within WITHIN_S, with who is not at rest; Unavailable: the sandbox ends.
        """
        wait = _Patience()
        while True:
            while busy := next(self.under_way(with_endpoints=with_endpoints), ""):
                self._check(wait, busy)
                await wait.turn()
            self._ports.haste.ask()
            stamp = self.stamp()
            for _ in range(QUIET_TURNS):
                await asyncio.sleep(0)
            # Nothing that is counted ever counts down: what is the same now was the same all the time.
            if stamp == self.stamp() and not next(self.under_way(with_endpoints=with_endpoints), "") and not self._overdue():
                return
            self._check(wait, "")

    def next_us(self) -> int | None:
        """The next time by the clock at which something happens by itself; None: there is none."""
        times_us = self._clock.next_us(), self._store.nearest_deadline_us(), self._channel.next_look_us()
        return min((time_us for time_us in times_us if time_us is not None), default=None)

    def who(self) -> str:
        """Who is not at rest, for people."""
        found = list(dict.fromkeys(self.under_way()))
        if self._overdue():
            found.append("an operation is past its deadline")
        more = [f"and {len(found) - NAMED_MOST} more"] if len(found) > NAMED_MOST else []
        return "; ".join(found[:NAMED_MOST] + more) or "it goes on and on"

    def _check(self, wait: "_Patience", busy: str) -> None:
        if self._ending():
            raise Unavailable("The sandbox ends.", retry_after_s=1)
        only_endpoint = busy == _SENDING  # it is looked at last
        if wait.over(WITHIN_S) or wait.endpoint_over(only_endpoint=only_endpoint):
            raise NotSettled(f"Not everything that was to happen has happened: {self.who()}. The clock shows what has.")

    def _overdue(self) -> bool:
        nearest_us = self._store.nearest_deadline_us()
        return nearest_us is not None and nearest_us <= self._clock.now_us()

    def stamp(self) -> tuple[int, ...]:
        """What changes whenever something happens at a counted place."""
        sent = self._ports.publishing
        stamp = [self._clock.wakes, self._store.begun, self._store.ended, sent.begun, sent.published, sent.failed, sent.given_up]
        for phone in self._phones():
            traffic = phone.runner.traffic
            stamp += (traffic.begun, traffic.ended, traffic.frames)
        for link in self._channel.peers.links():
            state = link.state()
            stamp += (state.frames, state.looks)
        return tuple(stamp)

    def under_way(self, *, with_endpoints: bool = True) -> Iterator[str]:
        """What has left the event loop and not come back."""
        if self._store.begun != self._store.ended:
            yield "the store writes"
        for phone in self._phones():
            yield from self._of_phone(phone)
        if any(link.state().busy for link in self._channel.peers.links()):
            yield "the server looks what a phone is to be given"
        if with_endpoints and self._ports.publishing.begun != self._ports.publishing.ended:
            yield _SENDING

    def _of_phone(self, phone: SandboxPhone) -> Iterator[str]:
        traffic = phone.runner.traffic
        if traffic.begun != traffic.ended:
            yield f"phone {phone.name.device} waits for the server's answer"
        peer = self._channel.peers.find(phone.device)
        state = peer.link.state() if peer is not None and peer.link is not None else None
        stands = state is not None and not state.closed
        if phone.runner.connected != stands:
            yield f"the connection of phone {phone.name.device} comes or goes"
        elif state is not None and stands and state.frames != traffic.frames:
            yield f"phone {phone.name.device} has not read what the server sent"


_SENDING = f"a notification is on its way, and its destination has not taken it within {ENDPOINT_WITHIN_S:g} s"


class _Patience:
    """How long a caller has waited, and how the time between two looks is spent."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._since_s = self._loop.time()
        self._endpoint_since_s: float | None = None
        self._turns = 0

    async def turn(self) -> None:
        """The loop has had its turn."""
        self._turns += 1
        await asyncio.sleep(PAUSE_S if self._turns > SPIN_TURNS else 0)

    def over(self, within_s: float) -> bool:
        """Whether it was longer than this."""
        return self._loop.time() - self._since_s > within_s

    def endpoint_over(self, *, only_endpoint: bool) -> bool:
        """Whether nothing else than an endpoint has been waited for, and long enough."""
        if not only_endpoint:
            self._endpoint_since_s = None
            return False
        if self._endpoint_since_s is None:
            self._endpoint_since_s = self._loop.time()
        return self._loop.time() - self._endpoint_since_s > ENDPOINT_WITHIN_S

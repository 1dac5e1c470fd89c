"""How long a phone's networks let an idle connection be silent, as the phone learns it: grow until lost, step back.

Between phone and server stand routers and proxies that forget a silent connection, without a word. Every ping wakes the radio, so the
phone finds the longest silence that passes. The Java agent has the same class (Silences.java); a test plays both the same lives.

Source: docs/device-protocol.md, Keep-alive.
"""

from collections.abc import Callable

import msgspec

from heliograph.agent.clock import US_PER_S, AgentClock
from heliograph.protocol import KEEP_ALIVE_LEAST_S, KEEP_ALIVE_MOST_S, KeepAlive

FIRST_S = 55
"""Below the 60 s after which common proxies cut: most phones lose nothing while they learn."""
NEAR = 8
"""What passes and what is lost are near enough when they are less than an eighth apart: a further try may cost a quarter of an hour."""
LOSSES_IN_A_ROW = 2
"""So many after a silence that used to pass show that the network has changed: one may be a tunnel."""
PATIENCE_FIRST, PATIENCE_MOST = 16, 256
"""Keep-alives at rest before the shortest that was lost is tried again: an hour or two at first, then more and more seldom."""


class Silences(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What is known of one network; all of it in whole seconds of silence."""

    passed_s: int = 0
    """The longest that the network let pass; 0: nothing is known."""
    lost_s: int = 0
    """The shortest longer one that it did not; 0: none."""
    losses: int = 0
    """In a row, after the last silence that passed."""
    calm: int = 0
    """Keep-alives in a row that passed, since there was nothing left to try."""
    patience: int = PATIENCE_FIRST

    @property
    def next_s(self) -> int:
        """The silence to ask for next."""
        safe_s = max(self.passed_s, KEEP_ALIVE_LEAST_S)
        if self.losses:
            return safe_s
        if not self.passed_s and not self.lost_s:
            return FIRST_S
        if not self.lost_s:
            return min(KEEP_ALIVE_MOST_S, safe_s + max(1, safe_s // 2))
        if not self._settled:
            return (safe_s + self.lost_s) // 2
        return self.lost_s if self.calm >= self.patience else safe_s

    def after_passed(self, silent_s: int) -> "Silences":
        """This silence was followed by an answer."""
        silent_s = min(silent_s, KEEP_ALIVE_MOST_S)
        if silent_s < max(self.passed_s, KEEP_ALIVE_LEAST_S):
            return self  # shorter ones pass all the more
        lost_s = self.lost_s if self.lost_s > silent_s else 0
        learnt = Silences(passed_s=silent_s, lost_s=lost_s, patience=self.patience if lost_s else PATIENCE_FIRST)
        return msgspec.structs.replace(learnt, calm=self.calm + 1) if learnt._settled else learnt

    def after_lost(self, silent_s: int) -> "Silences":
        """The connection was found lost after this silence, without a word of the server."""
        silent_s = min(silent_s, KEEP_ALIVE_MOST_S)
        if silent_s < KEEP_ALIVE_LEAST_S:
            return self  # it did not die of silence
        if silent_s <= self.passed_s:
            return self._doubted(silent_s)
        again = self.lost_s and self.calm >= self.patience
        return Silences(
            passed_s=self.passed_s,
            lost_s=min(self.lost_s or silent_s, silent_s),
            losses=self.losses + 1,
            patience=min(2 * self.patience, PATIENCE_MOST) if again else self.patience,
        )

    @property
    def _settled(self) -> bool:
        safe_s = max(self.passed_s, KEEP_ALIVE_LEAST_S)
        return self.lost_s > 0 and (self.lost_s - safe_s) * NEAR <= safe_s

    def _doubted(self, silent_s: int) -> "Silences":
        if self.losses + 1 < LOSSES_IN_A_ROW:
            return msgspec.structs.replace(self, losses=self.losses + 1, calm=0)
        halved_s = min(self.passed_s // 2, silent_s - 1)
        return Silences(passed_s=halved_s if halved_s >= KEEP_ALIVE_LEAST_S else 0, lost_s=silent_s, losses=1)


class Networks:
    """What a phone knows of its networks: kept over the deaths of its agent, and given to no one."""

    def __init__(self, known: dict[str, Silences] | None = None) -> None:
        self.known = known if known is not None else {}
        """By the network's id, which the phone chooses."""

    def __getitem__(self, network: str) -> Silences:
        return self.known.get(network, Silences())

    def __setitem__(self, network: str, silences: Silences) -> None:
        self.known[network] = silences


class Keeper:
    """Watches how long one phone's connection is silent, and learns from what comes after. Used by one agent at a time."""

    def __init__(self, clock: AgentClock, networks: Networks, network: Callable[[], str]) -> None:
        """`network()`: the id of the network that the phone is in."""
        self._clock = clock
        self._networks = networks
        self._network = network
        self._over = ""
        """The network that the connection was made in."""
        self._spoke_us = 0
        self._before_s: float | None = None
        """The silence before a message that is not answered yet; None: all are."""
        self.agreed: KeepAlive | None = None
        """What holds on this connection; None: what holds for phones that ask for nothing."""

    @property
    def silent_s(self) -> float:
        """How long nothing has travelled on the connection."""
        return (self._clock.now_us() - self._spoke_us) / US_PER_S

    @property
    def wanted(self) -> KeepAlive:
        """What to ask for with the next message, which will have an answer if the silence before it passes."""
        return KeepAlive(every_s=self._networks[self._over].after_passed(int(self.silent_s)).next_s)

    def connecting(self) -> KeepAlive:
        """A connection is being made, in the network that the phone is in now; what to ask for on it."""
        self._over, self.agreed = self._network(), None
        self.begin()
        return self.wanted

    def begin(self) -> None:
        """A silence begins."""
        self._spoke_us, self._before_s = self._clock.now_us(), None

    def sent(self) -> None:
        """The phone has said something that is answered at once."""
        if self._before_s is None:
            self._before_s = self.silent_s
        self._spoke_us = self._clock.now_us()

    def heard(self) -> None:
        """The connection has brought something: the silence before it has passed, if the server sends no pings of its own."""
        silent_s = int(self._silence_s())
        self.begin()
        if self.agreed is not None:
            self._networks[self._over] = self._networks[self._over].after_passed(silent_s)

    def lost(self, *, at_most_s: float = KEEP_ALIVE_MOST_S) -> None:
        """The connection was found lost, without a word of the server, which was due `at_most_s` after the silence began."""
        silent_s = int(min(self._silence_s(), at_most_s))
        self.begin()
        if self.agreed is not None and self._network() == self._over:  # in another one, it was the phone that went away
            self._networks[self._over] = self._networks[self._over].after_lost(silent_s)

    def _silence_s(self) -> float:
        return self.silent_s if self._before_s is None else self._before_s

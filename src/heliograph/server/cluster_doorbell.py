"""How servers of one database help each other's phones: they ring them, and send them policies.

Two ways lead to a phone that another server issued a command for: the bell (storage/postgres/cluster_bus.py), within milliseconds, and the
tail, a look at the newest operations each second, which finds what was not heard. Neither is the truth; both make servers look.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import NoReturn, Protocol

from heliograph.channel.app import Channel
from heliograph.domain.names import DeviceName
from heliograph.protojson.errors import Unavailable
from heliograph.server.presence import SharedPresence, device_of, word_of
from heliograph.service.access_changes import AccessChanges
from heliograph.service.metrics import DoorbellCounts
from heliograph.service.ports import Clock
from heliograph.storage.postgres.cluster_bus import Word

LOOK_EVERY_S = 1.0
OVERLAP_MS = 10_000
"""Operations become visible in another order than they are numbered in: later by as much as a commit may take."""
ROWS_MOST = 5_000
"""Of one read; a longer tail takes several."""
WAKE_CHUNK, WAKE_PAUSE_S = 200, 0.05
"""Phones woken at a time when all must look, and the pause between: the database has just come back."""
GENERATION_MS = 15_000
"""Longer than the tail looks back."""

Row = tuple[int, DeviceName]
Tail = Callable[[int, int], Awaitable[Sequence[Row]]]
"""`tail(after_ms, limit)`: the oldest `limit` of the open operations created after that, with their devices."""


class Bus(Protocol):
    """How to reach the other servers."""

    def say(self, word: Word) -> bool:
        """The others hear it soon, if at all. Returns whether they can now be heard and reached."""


class ClusterDoorbell:
    """A ports.Doorbell that other servers hear, and that hears theirs (storage/postgres/cluster_bus.Listener)."""

    def __init__(self, channel: Channel, *, clock: Clock, counts: DoorbellCounts, access: AccessChanges | None = None) -> None:
        self._doorbell = channel.doorbell
        self._peers = channel.peers
        self._clock = clock
        self._counts = counts
        self._bus: Bus | None = None
        self._rung = _Rung()
        self._waking: asyncio.Task[None] | None = None
        self.presence = SharedPresence(channel.presence, say=self._say)
        self._access = access or AccessChanges()
        self._access.say = lambda: self._say(Word("access", ""))
        counts.listening = False

    def use(self, bus: Bus) -> None:
        """The bell that this server's words go to from now on."""
        self._bus = bus

    def _say(self, word: Word) -> bool:
        return self._bus is not None and self._bus.say(word)

    def committed(self, devices: Sequence[DeviceName]) -> None:
        """These devices' commands have changed; those that are connected here were rung already."""
        now_us = self._clock.now_us()
        for device in devices:
            self._rung.note(device, now_us)
            self._say(Word("ring", word_of(device)))

    def ring(self, device: DeviceName) -> None:
        self._doorbell.ring(device)

    def policy_changed(self, device: DeviceName) -> None:
        self._doorbell.policy_changed(device)
        self._say(Word("policy", word_of(device)))

    def rest(self, device: DeviceName) -> None:
        self._doorbell.rest(device)

    def heard(self, word: Word, sent_us: int) -> None:
        if word.kind == "access":
            self._access.heard()
            return
        device = device_of(word.device)
        match word.kind:
            case "ring":
                self._rung_elsewhere(device, sent_us)
            case "policy":
                self._doorbell.policy_changed(device)
            case "ask":
                self.presence.asked(device)
            case "seen":
                self.presence.answered(device, word.detail)

    def mended(self) -> None:
        self._counts.listening = True
        self._access.heard()
        self._waking = asyncio.get_running_loop().create_task(self._wake_all())

    def silent(self) -> None:
        self._counts.listening = False

    async def follow_tail(self, tail: Tail, *, every_s: float = LOOK_EVERY_S, rows_most: int = ROWS_MOST) -> NoReturn:
        """Everything issued anywhere rings the phones that are connected here, about a second later at most."""
        since_ms = self._clock.now_us() // 1_000
        known: Collection[Row] = ()
        while True:
            await asyncio.sleep(every_s)
            now_ms = self._clock.now_us() // 1_000
            try:
                # Without waiting phones there is nothing to ring: a phone that connects looks by itself.
                found = await _rows(tail, since_ms - OVERLAP_MS, rows_most) if self._peers.links() else ()
            except Unavailable:
                continue
            for create_ms, device in found:
                if (create_ms, device) not in known:
                    self._found(create_ms, device)
            known, since_ms = frozenset(found), now_ms
            self._rung.age(now_ms)

    def _rung_elsewhere(self, device: DeviceName, sent_us: int) -> None:
        if self._peers.find(device) is not None:
            now_us = self._clock.now_us()
            self._rung.note(device, now_us)
            self._count("notify", now_us - sent_us)
            self._doorbell.ring(device)

    def _found(self, create_ms: int, device: DeviceName) -> None:
        if self._peers.find(device) is not None:
            if self._rung.last_us(device) < create_ms * 1_000:
                self._count("tail", self._clock.now_us() - create_ms * 1_000)
            # Also if it was rung since: maybe for another command, before this one was visible.
            self._doorbell.ring(device)

    def _count(self, source: str, lag_us: int) -> None:
        self._counts.rings[source] += 1
        self._counts.lag_s.observe(max(0, lag_us) / 1_000_000)

    async def _wake_all(self) -> None:
        """Every phone here gets its policy and state, and looks: what was missed is unknown."""
        devices = self._peers.devices()
        for start in range(0, len(devices), WAKE_CHUNK):
            for device in devices[start : start + WAKE_CHUNK]:
                self._doorbell.policy_changed(device)
            await asyncio.sleep(WAKE_PAUSE_S)


async def _rows(tail: Tail, after_ms: int, most: int) -> Sequence[Row]:
    rows = list(page := await tail(after_ms, most))
    while len(page) == most:
        # The last millisecond may continue; if it fills a page by itself, the rest of it is left to the bell.
        after_ms = max(page[-1][0] - 1, after_ms + 1)
        rows += (page := await tail(after_ms, most))
    return rows


class _Rung:
    """When devices were rung for last, for as long as the tail may find what they were rung for."""

    def __init__(self) -> None:
        self._young: dict[DeviceName, int] = {}
        self._old: dict[DeviceName, int] = {}
        self._since_ms = 0

    def note(self, device: DeviceName, now_us: int) -> None:
        self._young[device] = now_us

    def last_us(self, device: DeviceName) -> int:
        return self._young.get(device) or self._old.get(device, 0)

    def age(self, now_ms: int) -> None:
        if now_ms - self._since_ms > GENERATION_MS:
            self._young, self._old, self._since_ms = {}, self._young, now_ms

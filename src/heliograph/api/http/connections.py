"""All connections of a server: how many there may be, for how long each may keep it waiting, how much they may make it hold.

A look every half second finds what is overdue: books are in order of time, so it sees only the first of each and those overdue.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address
from itertools import islice
from typing import Protocol

import structlog

from heliograph.api.http.address import Network
from heliograph.api.http.heads import KnownHeads
from heliograph.protojson.errors import ResourceExhausted
from heliograph.service.limits import HttpLimits
from heliograph.service.metrics import PROCESS

log = structlog.get_logger()

LINGER_S = 2.0
"""How long a refused connection is read on: closed at once, its client would often lose the answer."""
MAY_GO_AFTER_S = 5.0
"""A connection that has kept the server waiting for this long makes room for others if the server is full."""
SPARE_MAY_GO_AFTER_S = 0.05
"""As MAY_GO_AFTER_S, of connections beyond the bound: a probe sends its request at once."""
SPARES = 8
"""Connections beyond the bound, for those who ask how the server is."""
COUNTED_MOST_BYTES = 17 * 1_024 * 1_024
"""Of one request. More than the longest body: the rest is read and thrown away."""
LEAST = 64
"""Connections that sockets of worlds leave room for."""
SHARE_OF_AN_ADDRESS = 2
"""Without `per_address_most`, one address may have one in this many connections."""


class NoDescriptorLeft(ResourceExhausted):
    """Too few file descriptors are left for connections: allow the process more (ulimit -n)."""

    reason = "NO_DESCRIPTOR_LEFT"


class Waited(Protocol):
    """A connection in one of the books."""

    def overdue(self) -> None:
        """It has had its time: it is answered or closed."""

    def give_way(self) -> None:
        """Make room: close, even if a request might have followed."""

    def shed(self) -> None:
        """What it holds of its request is let go: the request is refused."""


Book = dict[Waited, float]
"""Since when each is waited for, oldest first."""


class Place:
    """One connection's place, free again when it is closed."""

    __slots__ = ("_connections", "address", "holder", "since_s", "spare", "taken")

    def __init__(self, connections: "Connections", address: str, *, spare: bool, since_s: float) -> None:
        self._connections = connections
        self.address = address
        self.spare = spare
        """Beyond the bound: only for the pages that show how the server is."""
        self.since_s = since_s
        self.holder: Waited | None = None
        """Of a spare one: who makes room."""
        self.taken = True

    def free(self) -> None:
        """Others may have the place. Calling it again does nothing."""
        if self.taken:
            self.taken = False
            self._connections.leave(self)


@dataclass(slots=True)
class Connections:
    """See the module."""

    limits: HttpLimits = field(default_factory=HttpLimits)
    descriptors: int | None = None
    """File descriptors that connections may use; None: no limit."""
    spares_most: int = SPARES
    """Beyond them, for /healthz, /readyz and /metrics."""
    trusted: Sequence[Network] = ()
    """Networks of proxies: many clients share one of their addresses."""
    heads: Book = field(default_factory=dict)
    bodies: Book = field(default_factory=dict)
    idle: Book = field(default_factory=dict)
    leaving: Book = field(default_factory=dict)
    held: int = 0
    """Bytes of requests in progress."""
    known: KnownHeads = field(default_factory=KnownHeads)
    _count: int = 0
    _spares: dict[Place, None] = field(default_factory=dict)
    _by_address: Counter[str] = field(default_factory=Counter)

    @property
    def most(self) -> int | None:
        """Connections at a time, so that files can always be opened; None: no limit."""
        possible, wanted = self.descriptors, self.limits.connections_most
        if possible is None or wanted is None:
            return wanted if possible is None else possible
        return min(possible, wanted)

    def look(self, now_s: float) -> None:
        """Answer or close connections that are overdue."""
        PROCESS.request_bytes = self.held
        limits = self.limits
        for book, most_s in (
            (self.leaving, LINGER_S),
            (self.heads, limits.head_s),
            (self.bodies, limits.body_s),
            (self.idle, limits.idle_s),
        ):
            while book:
                first = next(iter(book))
                if now_s - book[first] < most_s:
                    break
                del book[first]
                first.overdue()

    def relieve(self, latest: Waited) -> bool:
        """No more is held than may be: who has kept the server waiting longest for a body goes first, `latest` last; whether it did."""
        while self.held > self.limits.held_max_bytes:
            victim = next(iter(self.bodies), latest)
            victim.shed()
            if victim is latest:
                return True
        return False

    def less_by_one(self) -> None:
        """A file descriptor is used otherwise: one connection less may be open, if need be.  Raises: NoDescriptorLeft."""
        if self.descriptors is not None:
            if self.descriptors <= LEAST:
                raise NoDescriptorLeft
            self.descriptors -= 1

    def more_by_one(self) -> None:
        """Undoes `less_by_one`."""
        if self.descriptors is not None:
            self.descriptors += 1

    def may_come(self, now_s: float) -> bool:
        """Whether another connection can be taken, if only to ask how the server is. Who had its time there makes room."""
        if len(self._spares) < self.spares_most or self._has_room(now_s):
            return True
        for place in self._spares:
            if now_s - place.since_s < SPARE_MAY_GO_AFTER_S:
                break
            if place.holder is not None and any(place.holder in book for book in (self.leaving, self.heads, self.idle)):
                place.holder.give_way()
                return True
        return False

    def come(self, address: str, now_s: float) -> Place | None:
        """A place for a connection from there; None: no place for this address."""
        bound = "full" if not self._has_room(now_s) else "address" if self._has_its_share(address) else ""
        if bound:
            PROCESS.connections_crowded[bound] += 1
            log.warning("http.crowded", bound=bound, connections=self._count, most=self.most)
            if len(self._spares) >= self.spares_most:
                return None
        place = Place(self, address, spare=bool(bound), since_s=now_s)
        if bound:
            self._spares[place] = None
        else:
            self._count += 1
            self._by_address[self._key(address)] += 1
        PROCESS.connections_open += 1
        return place

    def leave(self, place: Place) -> None:
        """As `Place.free`."""
        PROCESS.connections_open -= 1
        if place.spare:
            del self._spares[place]
            return
        self._count -= 1
        key = self._key(place.address)
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]

    def _has_room(self, now_s: float) -> bool:
        """Whether there is a place; if need be, one is made by who has kept the server waiting longest."""
        if self.most is None or self._count < self.most:
            return True
        for book, after_s in ((self.leaving, 0.0), (self.heads, MAY_GO_AFTER_S), (self.idle, MAY_GO_AFTER_S)):
            # Beyond the spare ones, which make no room here, one is enough.
            for waited, since_s in [*islice(book.items(), self.spares_most + 1)]:
                if now_s - since_s < after_s:
                    break
                waited.give_way()
                if self._count < self.most:
                    return True
        return False

    def _has_its_share(self, address: str) -> bool:
        most = self.limits.per_address_most
        if most == 0 or (most is None and self.most is None):
            return False
        here = ip_address(address)
        if any(here in network for network in self.trusted):
            return False
        if most is None:
            if here.is_loopback:
                return False
            most = (self.most or 0) // SHARE_OF_AN_ADDRESS
        return self._by_address[self._key(address)] >= most

    @staticmethod
    def _key(address: str) -> str:
        """The unit that is counted: an address; for IPv6 a /64, because one client has that many."""
        here = ip_address(address)
        if isinstance(here, IPv4Address):
            return address
        return str(here.ipv4_mapped or int(here) >> 64)

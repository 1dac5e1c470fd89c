"""Which devices are connected: one small record for each device heard of since the server started.

This memory may be lost at any time: the truth is in the store, and safety rests on ackIds.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from heliograph.domain.names import DeviceName
from heliograph.protocol import KeepAlive

HTTP_CONNECTION_LINGERS_US = 10_000_000
"""A device that long-polls counts as connected this long after its last request: between two polls it works on a command."""

WEBSOCKET, LONG_POLL = "websocket", "long_poll"
"""Transports, as /metrics names them."""

UNREAD_MOST_S = 20.0
"""A device that leaves its answers unread for this long is cut off; until then only one answer and one offer wait for it."""


class LinkState(NamedTuple):
    """What a link is doing: a sandbox answers when nothing is in progress."""

    busy: bool
    """Whether it looks for something to say, or answers."""
    closed: bool
    frames: int
    """What was sent to the device since it connected: answers, offers, news."""
    looks: int
    again_us: int | None
    """When it looks again without a ring."""


class Link(Protocol):
    """What waits for a device's offers right now: one open long-poll, or one WebSocket."""

    def state(self) -> LinkState:
        """What it is doing."""

    def wake(self) -> None:
        """It looks into the store at once."""

    def rest(self) -> None:
        """It looks no more by itself, before it is woken."""

    def supersede(self, *, same_connection: bool) -> None:
        """It ends: a newer request of the device has taken its place."""

    async def drain(self) -> None:
        """It has ended, with a hint when to come again: the server stops."""


class LastingLink(Link, Protocol):
    """A link that carries messages both ways until it is closed: a WebSocket."""

    def keep_alive(self, kept: KeepAlive | None) -> None:
        """It is kept open so from now on; None: as for a phone that asks for nothing."""


class HttpConnection:
    """What a phone's HTTP requests have in common, for offers to be repeated by: the id that the phone chose for them."""

    __slots__ = ("id",)

    def __init__(self, id: str) -> None:
        self.id = id


class Peer:
    """What is known about one device."""

    __slots__ = ("connection", "last_seen_us", "link", "policy_news", "requests")

    def __init__(self) -> None:
        self.last_seen_us = 0
        self.requests = 0
        """Requests that are being answered now, open long-polls not counted."""
        self.connection: object | None = None
        """The newest connection, an HttpConnection or a WebSocket: what an OfferBook knows it by."""
        self.link: Link | None = None
        self.policy_news = False
        """Whether the phone's policy or state has changed since the phone last got it."""


class Peers:
    """Every device that was heard of, the newest connection of each, and whether the server still takes any."""

    def __init__(self) -> None:
        self._peers: dict[DeviceName, Peer] = {}
        self.find: Callable[[DeviceName], Peer | None] = self._peers.get
        """The device's record, or None. Asked after every command."""
        self.stopping = False
        """Whether the server will end soon, and is not ready for more."""
        self.draining = False
        """Whether long-polls and WebSockets are turned away."""
        self.unread_most_s = UNREAD_MOST_S

    def heard(self, device: DeviceName, now_us: int) -> Peer:
        """The device's record, with the time of its newest word."""
        peer = self._peers.get(device)
        if peer is None:
            peer = self._peers[device] = Peer()
        peer.last_seen_us = now_us
        return peer

    def forget(self, device: DeviceName) -> Peer | None:
        """Remove and return the device's record."""
        return self._peers.pop(device, None)

    def count_transports(self, heard_since_us: int) -> Mapping[str, int]:
        """How many devices have a WebSocket, and how many poll now or were heard over HTTP since that time."""
        counted = {WEBSOCKET: 0, LONG_POLL: 0}
        for peer in self._peers.values():
            polls = isinstance(peer.connection, HttpConnection)
            if peer.link is not None or (polls and peer.last_seen_us >= heard_since_us):
                counted[LONG_POLL if polls else WEBSOCKET] += 1
        return counted

    def devices(self) -> list[DeviceName]:
        """Every device that was heard of."""
        return list(self._peers)

    def links(self) -> list[Link]:
        """Every open long-poll and WebSocket."""
        return [peer.link for peer in self._peers.values() if peer.link is not None]
